#include "ops/embedding.h"

#include <string>

#include "ops/validate.h"

namespace lacuna {

Status Validate(const EmbeddingArgs& args) {
  if (args.table == nullptr || (args.table->data == nullptr) == (args.table->packed == nullptr)) {
    return InternalError("embedding: no table, or two");
  }
  const PackedWeight* packed = args.table->packed;
  if (packed != nullptr && (packed->n != args.table->rows || packed->k != args.table->cols ||
                            !packed->in_perm().empty() || packed->codec == Codec::kF32)) {
    return InternalError("embedding: a packed table of another shape, permuted or of f32");
  }
  LACUNA_RETURN_IF_ERROR(CheckView("embedding: y", args.y, args.ids.size(), args.table->cols));
  for (int32_t id : args.ids) {
    if (id < 0 || id >= args.table->rows) {
      return InvalidInput("token id " + std::to_string(id) + " is outside the vocabulary of " +
                          std::to_string(args.table->rows));
    }
  }
  return {};
}

Status Embedding(Backend& backend, const EmbeddingArgs& args) {
  LACUNA_RETURN_IF_ERROR(Validate(args));
  const OpScope scope(backend.traffic(), OpKind::kEmbedding);
  backend.Embedding(args);
  return {};
}

}  // namespace lacuna
