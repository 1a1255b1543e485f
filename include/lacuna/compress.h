// Compresses a model with calibration: weights are pruned and rounded so that each layer's outputs over a text change
// least, layer by layer, each layer fed by the compressed ones before it. (`lacuna pack` is the quick way: it rounds
// without looking at a text.)
//
// The same model, text and options give the same bytes at any number of threads and on any processor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lacuna/model.h"
#include "lacuna/status.h"

namespace lacuna {

enum class PruneMethod {
  kNone,
  kKeep,       // the zeros that the model has
  kMagnitude,  // the smallest weights of each row
  kWanda,      // the smallest |w| times the norm of its input (Sun et al. 2023)
  kSparseGpt,  // the least error after the remaining weights made up for it (Frantar and Alistarh 2023)
};

enum class RoundMethod {
  kNearest,  // each weight by itself; scales are chosen for the least error
  kGptq,     // errors are made up for by the weights that are rounded later (Frantar et al. 2023)
};

// Who gets how many bits and zeros, under a budget of bytes.
enum class AllocateMethod {
  kNone,         // all matrices alike, as the options say
  kUniform,      // all alike: the best level that fits the budget
  kSensitivity,  // each its own: more for those whose errors the model's output feels most
};

struct CompressOptions {
  PruneMethod prune = PruneMethod::kNone;
  double sparsity = 0.5;             // share of every row that goes; without a pattern
  int pattern_n = 0, pattern_m = 0;  // N:M instead: of M consecutive weights N stay; M is 4, 8 or 16
  std::string weights = "int4";      // bf16, int8, int4, int4z, codebook, nf4, fp4, mxfp4, nvfp4, razer
  int group = -1;                    // weights that share a scale; 0: a row; -1: the codec's default
  bool bf16_activations = false;     // slower and more accurate than int8
  RoundMethod round = RoundMethod::kGptq;
  // Columns are rounded from the one with the largest inputs on (GPTQ's act-order). The weight's columns are then
  // stored in that order. Not where SparseGPT or a pattern prunes.
  bool order = true;
  double damping = 0.01;  // of the Hessian: this times the mean of its diagonal is added to it

  // Bits and sparsity are chosen: `weights`, int8 and bf16, and with a prune method other than kKeep also shares and
  // N:M of pruned weights. Takes the place of `sparsity` and the pattern.
  AllocateMethod allocate = AllocateMethod::kNone;
  // Bits a weight of the layers' matrices on the average, everything that a token reads of them; 0: no allocation.
  double budget_bits = 0;

  // Layers are fed by the uncompressed ones before them: errors of different methods are then of the same inputs, to
  // compare them. A model made so is worse.
  bool dense_inputs = false;

  // Codecs for matrices by name, a part between dots: {"lm_head", "int8"}, {"layers.0", "bf16"}. Only what is named
  // with bitmap- is pruned as well. Embedding and lm_head have int8 where weights have 4 bits, and are never pruned.
  std::vector<std::pair<std::string, std::string>> keep;

  std::string calibration;      // the text
  int64_t sequences = 128;      // at most, spread evenly over the text
  int64_t sequence_tokens = 0;  // of each; 0: the model's context, at most 2048

  int threads = 0;  // 0: what suits the machine
  std::function<void(double fraction, const std::string& what)> progress;
  const std::atomic<bool>* cancel = nullptr;  // once true, kCancelled; what is finished is kept
  LogFn log;
};

// One matrix of a layer.
struct CompressedMatrix {
  std::string name;
  std::string codec;
  double error = 0;    // |x (w - w')|^2 / |x w|^2 over the calibration text
  double density = 1;  // share of weights that are stored
  double bits = 0;     // a weight, everything that a token reads of it
};

struct CompressedLayer {
  std::vector<CompressedMatrix> matrices;
  double seconds = 0;          // all of it; 0 of a layer that an earlier run finished
  double forward_seconds = 0;  // of it: running the layer
  double hessian_seconds = 0;
  double solve_seconds = 0;  // factorizing, pruning, rounding
};

// What an allocation measured and chose. A loss is the relative squared error of what enters the model's head,
// estimated as the sum over matrices of sensitivity * error.
struct AllocationReport {
  struct Uniform {
    std::string level;
    double bits = 0;
    double loss = 0;
  };
  struct Matrix {
    std::string name;
    std::string level;       // "int8", "bitmap-int4 50 %", "bitmap-int4 2:4"
    double sensitivity = 0;  // the loss for an output error of 1
    double error = 0;        // of its output, as in CompressedMatrix, on inputs of the uncompressed model
    double bits = 0;         // expected
  };
  double budget_bits = 0;
  double bits = 0;  // expected of the choice
  double loss = 0;
  std::string uniform;  // the best level for all within the same budget; empty: none fits
  double uniform_loss = 0;
  std::vector<Uniform> levels;  // if all matrices had it
  std::vector<Matrix> matrices;
};

struct CompressReport {
  int64_t sequences = 0;
  int64_t sequence_tokens = 0;
  std::vector<CompressedLayer> layers;
  std::optional<AllocationReport> allocation;
  double bits = 0;         // of the layers' matrices, on the average
  int resumed_layers = 0;  // that an earlier run had finished
  double seconds = 0;
  int64_t file_bytes = 0;  // model.safetensors
};

// Writes the model `source` (a Hugging Face directory or a GGUF file with a tokenizer) compressed to the folder
// `output`, which must not exist or be empty, and appears when everything is in it. Finished layers are kept in
// `output`.work meanwhile: after kCancelled, a crash or a full disk the same call goes on from there, with the same
// bytes in the end. kInvalidInput says what is wrong with the options, the text or a layer.
Result<CompressReport> CompressModel(const std::string& source, const std::string& output,
                                     const CompressOptions& options);

}  // namespace lacuna
