// Options checked against a model: which codec each matrix gets, how it is pruned, and on which tokens.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compress/compress_matrix.h"
#include "io/model_files.h"
#include "lacuna/compress.h"
#include "model/config.h"
#include "model/tensor_list.h"
#include "weights/quantization_config.h"

namespace lacuna {

// One choice of bits and sparsity (compress/levels.h).
struct Level {
  std::string name;
  Codec codec;
  PruneRule rule;
};

struct CompressPlan {
  ModelConfig config;
  ModelFiles files;
  std::vector<ModelTensor> tensors;
  QuantizationConfig codecs;
  PruneRule rule;
  std::map<std::string, PruneRule, std::less<>> rules;  // of matrices that have another
  std::vector<Level> levels;                            // to choose from, with AllocateMethod
  std::vector<std::vector<int32_t>> sequences;

  MatrixSettings SettingsOf(const ModelTensor& tensor, const CompressOptions& options) const {
    const auto own = rules.find(tensor.name);
    return {.codec = codecs.Of(tensor.name),
            .prune = options.prune,
            .rule = own == rules.end() ? rule : own->second,
            .round = options.round,
            .order = options.order};
  }
};

const char* PruneName(PruneMethod method);
const char* AllocateName(AllocateMethod method);
const char* RoundName(RoundMethod method);

Result<CompressPlan> MakePlan(const std::string& source, const CompressOptions& options);

// Everything that the output's bytes depend on, to know a run again by.
nlohmann::ordered_json PlanJson(const CompressPlan& plan, const CompressOptions& options);

}  // namespace lacuna
