// Rows of a weight as a file holds it, whatever its type and order.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/model_files.h"
#include "weights/foreign_matrix.h"
#include "weights/packed_weight.h"

namespace lacuna {

// A matrix [n, k] of the files: floating point or a block type that weights are read from, else kInvalidInput.
Result<SourceMatrix> SourceOf(const ModelFiles& files, const Tensor& tensor, int64_t n, int64_t k);
// `n` rows of another tool's matrix, from first_row on.
SourceMatrix SourceOf(std::shared_ptr<const ForeignMatrix> foreign, const std::string& name, int64_t first_row,
                      int64_t n);
ElementType ElementTypeOf(DType type);  // of F32, F16, BF16

// Bytes between rows; of a foreign matrix, of its values on the average.
int64_t RowBytes(const SourceMatrix& source);
// The bytes of row `channel` of a matrix that is not foreign, wherever the file has it.
const std::byte* RowData(const SourceMatrix& source, int64_t channel);
// The row's k values; exact but for blocks, whose value is defined by DequantizeBlocks.
void RowFloats(const SourceMatrix& source, int64_t channel, float* out);
// Of all values, on the threads of the caller's oneTBB arena; a NaN is passed over.
float LargestMagnitude(const SourceMatrix& source);

}  // namespace lacuna
