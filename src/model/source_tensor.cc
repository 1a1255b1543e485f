#include "model/source_tensor.h"

#include "base/status_macros.h"
#include "weights/foreign_matrix.h"

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

Result<SourceMatrix> FindMatrix(const ModelConfig& config, const ModelFiles& files, const ModelTensor& parameter) {
  const FusedRows& fused = parameter.fused;
  const std::string& name = fused.name.empty() ? parameter.name : fused.name;
  const int64_t n = parameter.shape[0], k = parameter.shape[1];
  if (config.foreign) {
    LACUNA_ASSIGN_OR_RETURN(auto foreign,
                            ForeignMatrix::Find(files, *config.foreign, name, fused.name.empty() ? n : fused.rows, k));
    if (foreign) return SourceOf(std::move(foreign), files.dir() + ": parameter `" + name + "`", fused.first, n);
  }
  LACUNA_ASSIGN_OR_RETURN(const Tensor tensor, FindSource(files, parameter));
  return SourceOf(files, tensor, n, k);
}

}  // namespace lacuna
