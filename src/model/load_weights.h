// From the tensors of a Hugging Face directory or a GGUF file to packed weights.
#pragma once

#include "io/model_files.h"
#include "lacuna/model.h"
#include "model/config.h"
#include "model/model_weights.h"

namespace lacuna {

struct LoadedWeights {
  ModelWeights weights;
  int64_t parameters = 0;    // elements of the tensors used
  int64_t weight_bytes = 0;  // packed, with the embedding
  std::string dtype;         // the type that most of them are stored in: "BF16"
};

// Finds each tensor that `config` asks for, checks its shape and packs it, with oneTBB on `threads` threads. The
// embedding stays in the file. GGUF blocks that a codec holds (weights/import_blocks.h) keep their values,
// others become bf16. kInvalidInput names the tensor that is missing, of a wrong shape or type, or not finite.
Result<LoadedWeights> LoadWeights(const ModelConfig& config, const ModelFiles& files, const ModelOptions& options,
                                  int threads);

// Everything but the matrices: norms, biases, rope tables, what each layer does. Linear sets have their members,
// without weights; there is no embedding table.
Result<ModelWeights> LoadVectors(const ModelConfig& config, const ModelFiles& files);

}  // namespace lacuna
