#include "model/source_tensor.h"

#include "base/status_macros.h"

namespace lacuna {

Tensor RowsOf(const Tensor& tensor, const FusedRows& fused, int64_t n) {
  Tensor part = tensor;
  if (fused.name.empty()) return part;
  const std::size_t row = tensor.data.size() / static_cast<std::size_t>(fused.rows);
  part.shape[0] = n;
  part.data = tensor.data.subspan(static_cast<std::size_t>(fused.first) * row, static_cast<std::size_t>(n) * row);
  return part;
}

Result<Tensor> FindSource(const ModelFiles& files, const ModelTensor& parameter) {
  const FusedRows& fused = parameter.fused;
  LACUNA_ASSIGN_OR_RETURN(const Tensor* tensor, files.Get(fused.name.empty() ? parameter.name : fused.name));
  std::vector<int64_t> shape = parameter.shape;
  if (!fused.name.empty()) shape[0] = fused.rows;
  if (tensor->shape != shape) {
    return InvalidInput(files.Where(*tensor) + " has shape " + ShapeText(tensor->shape) + ", expected " +
                        ShapeText(shape) + " from config.json");
  }
  return RowsOf(*tensor, fused, parameter.shape[0]);
}

}  // namespace lacuna
