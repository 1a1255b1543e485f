// A loaded model: configuration, tokenizer and packed weights, with the threads that run it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"
#include "lacuna/tokenizer.h"

namespace lacuna {

enum class Numerics {
  kDefault,  // bf16 weights and activations under the numeric contract: the same bits everywhere
  kF32,      // float32 weights, activations and KV through the scalar reference: for parity and evaluation, slow
};

enum class LogLevel { kInfo, kWarning };
using LogFn = std::function<void(LogLevel, std::string_view message)>;

// Where packed weights stand once loaded.
enum class LoadMode {
  kAuto,  // kCopy if there is memory for it, else kMmap
  kMmap,  // in the files' mapping: 4 KiB pages, shared between processes, read on first touch
  kCopy,  // in memory of our own, in huge pages where the system gives them; the file's pages are given back
};

struct ModelOptions {
  Numerics numerics = Numerics::kDefault;
  LoadMode load = LoadMode::kAuto;  // of packed models; others are always packed into memory
  int threads = 0;  // 0: what suits the machine (physical cores, affinity mask and cgroup quota respected)
  LogFn log;        // called from the loading thread only
  std::function<void(double fraction)> progress;  // the same; 0 to 1
  const std::atomic<bool>* cancel = nullptr;      // once true, loading ends with kCancelled
};

// What config.json and the weights say, for display and for callers that size things.
struct ModelInfo {
  std::string directory;
  std::string model_type;    // config.json's model_type: "llama", "qwen3", ..
  std::string architecture;  // "LlamaForCausalLM", ..
  std::string dtype;         // the type most weights are stored in: "F32", "F16", "BF16", or a packed model's codec
  int num_layers = 0;
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_heads = 0;
  int num_kv_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  int64_t context_length = 0;  // max_position_embeddings
  bool tied_embeddings = false;
  int64_t parameters = 0;
  int64_t weight_bytes = 0;            // as packed in memory, embeddings included
  int64_t kv_bytes_per_token = 0;      // one lane, all layers
  std::vector<int32_t> eos_token_ids;  // generation_config.json first, then config.json
};

// Const and shareable: any number of sessions may use one model, from several threads at once.
class Model {
 public:
  // Loads a GGUF file or a Hugging Face directory (config.json, model*.safetensors, tokenizer.json) and packs the
  // weights. kInvalidInput names the file and field that is wrong or not supported.
  static Result<std::shared_ptr<const Model>> Load(const std::string& directory, const ModelOptions& options = {});

  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelInfo& info() const;
  Numerics numerics() const;
  // Null when the model has no tokenizer: ids in, ids out still works.
  std::shared_ptr<const Tokenizer> tokenizer() const;
  int threads() const;

  struct Impl;  // private to the library
  const Impl& impl() const { return *impl_; }

 private:
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lacuna
