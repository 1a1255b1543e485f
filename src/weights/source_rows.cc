#include "weights/source_rows.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_reduce.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "io/gguf_tensors.h"
#include "weights/convert.h"
#include "weights/foreign_matrix.h"
#include "weights/ggml_blocks.h"

namespace lacuna {

ElementType ElementTypeOf(DType type) {
  if (type == DType::kF16) return ElementType::kF16;
  return type == DType::kBF16 ? ElementType::kBf16 : ElementType::kF32;
}

Result<SourceMatrix> SourceOf(const ModelFiles& files, const Tensor& tensor, int64_t n, int64_t k) {
  if (!IsWeightType(tensor.dtype) && !IsBlockWeightType(tensor.dtype)) {
    return InvalidInput(files.Where(tensor) + " has type " + std::string(DTypeName(tensor.dtype)) +
                        ", expected F32, F16 or BF16" +
                        (files.gguf() ? ", Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K" : ""));
  }
  SourceMatrix source{.name = files.Where(tensor),
                      .data = tensor.data.data(),
                      .type = ElementTypeOf(tensor.dtype),
                      .n = n,
                      .k = k,
                      .file = &files.files()[tensor.file].mapping(),
                      .interleaved_heads = tensor.interleaved_heads};
  if (IsBlockWeightType(tensor.dtype)) source.blocks = tensor.dtype;
  return source;
}

SourceMatrix SourceOf(std::shared_ptr<const ForeignMatrix> foreign, const std::string& name, int64_t first_row,
                      int64_t n) {
  const Tensor& values = *foreign->tensors().front();
  return {.name = name,
          .data = values.data.data(),
          .n = n,
          .k = foreign->k(),
          .foreign = std::move(foreign),
          .first_row = first_row};
}

int64_t RowBytes(const SourceMatrix& source) {
  if (source.foreign) {
    return static_cast<int64_t>(source.foreign->tensors().front()->data.size()) / source.foreign->n();
  }
  if (source.blocks) {
    const TypeBlock block = DTypeBlock(*source.blocks);
    return source.k / block.elements * block.bytes;
  }
  return (source.row_stride > 0 ? source.row_stride : source.k) * static_cast<int64_t>(ElementBytes(source.type));
}

const std::byte* RowData(const SourceMatrix& source, int64_t channel) {
  return source.data + SourceRow(channel, source.n, source.interleaved_heads) * RowBytes(source);
}

void RowFloats(const SourceMatrix& source, int64_t channel, float* out) {
  if (source.foreign) return source.foreign->RowFloats(source.first_row + channel, out);
  const std::byte* row = RowData(source, channel);
  if (source.blocks) {
    DequantizeBlocks(row, *source.blocks, source.k, out);
  } else {
    ConvertToFloat(row, source.type, source.k, out);
  }
}

float LargestMagnitude(const SourceMatrix& source) {
  return tbb::parallel_reduce(
      tbb::blocked_range<int64_t>(0, source.n, 64), 0.0f,
      [&](const tbb::blocked_range<int64_t>& range, float largest) {
        std::vector<float> row(static_cast<std::size_t>(source.k));
        for (int64_t n = range.begin(); n < range.end(); ++n) {
          RowFloats(source, n, row.data());
          for (float x : row) largest = std::max(largest, std::fabs(x));
        }
        return largest;
      },
      [](float a, float b) { return std::max(a, b); });
}

}  // namespace lacuna
