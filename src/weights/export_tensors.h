// A weight in the tensors that compressed-tensors has for it (https://github.com/vllm-project/compressed-tensors;
// layouts in weights/foreign_matrix.h), with the same integers and scales.
//
//   bf16, zeros left out or not             weight, dense
//   int8, a scale a row, int8 activations   int-quantized by channel, activations int8 by token: what int8 layers do
//   here int8 else                               pack-quantized, 8 bits int4; int4z pack-quantized, 4 bits; with zero
//   points mxfp4, nvfp4                            mxfp4-pack-quantized, nvfp4-pack-quantized
// Zeros that a bitmap leaves out are stored. A codebook, nf4 and fp4 have no layout there; nor have columns in another
// order (in_perm) that share scales by groups, nor groups that do not divide K.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/dtype.h"
#include "lacuna/status.h"
#include "weights/unpack.h"

namespace lacuna {

struct ExportedTensor {
  std::string name;  // behind the module's: "weight_packed"
  DType dtype;
  std::vector<int64_t> shape;
  std::vector<std::byte> data;
};

// How compressed-tensors describes it: an entry of config_groups without its targets; null of dense weights.
// kInvalidInput, beginning with `where`, says why there is none, and what to do.
Result<nlohmann::ordered_json> ExportScheme(const std::string& where, const PackedWeight& weight);

// The tensors of a weight, or of several with the same scheme one below the other (fused projections).
std::vector<ExportedTensor> ExportTensors(const std::vector<UnpackedWeight>& rows, float unit);

// Of nvfp4: 2^t of the tensor, the codebook's entry for 1; else 1.
float ExportUnit(const PackedWeight& weight);

}  // namespace lacuna
