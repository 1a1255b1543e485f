// Where a parameter of a Hugging Face directory lies in its files.
#pragma once

#include "io/model_files.h"
#include "lacuna/status.h"
#include "model/config.h"
#include "model/tensor_list.h"
#include "weights/source_rows.h"

namespace lacuna {

// The `n` rows that are one parameter of a fused tensor; the tensor itself if it is not fused. (Not for GGUF's blocks:
// no such file has fused tensors.)
Tensor RowsOf(const Tensor& tensor, const FusedRows& fused, int64_t n);

// A parameter as a tensor of its own shape. kInvalidInput names the tensor that is missing or not of the shape that
// config.json asks for.
Result<Tensor> FindSource(const ModelFiles& files, const ModelTensor& parameter);

// A matrix, whether the files hold it as one tensor or as several of another tool's. The same errors, and
// ForeignMatrix::Find's.
Result<SourceMatrix> FindMatrix(const ModelConfig& config, const ModelFiles& files, const ModelTensor& parameter);

}  // namespace lacuna
