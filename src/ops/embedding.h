// y[i] = table[ids[i]] as fp32, times `scale` unless that is 1. F16 and BF16 rows convert exactly; a packed row is
// fl(scale of its group * value).
#pragma once

#include <span>

#include "backend/backend.h"
#include "lacuna/status.h"
#include "weights/packed_weight.h"

namespace lacuna {

// Token embeddings, row-major as the file stores them (addresses may be odd), or packed, often as the lm_head's weight.
struct EmbeddingTable {
  const std::byte* data = nullptr;
  ElementType type = ElementType::kF32;
  int64_t rows = 0;                      // vocabulary
  int64_t cols = 0;                      // hidden size
  const PackedWeight* packed = nullptr;  // instead of data
};

struct EmbeddingArgs {
  const EmbeddingTable* table = nullptr;
  std::span<const int32_t> ids;
  float scale = 1;
  View y;  // [ids][cols] f32
};

Status Validate(const EmbeddingArgs& args);
Status Embedding(Backend& backend, const EmbeddingArgs& args);

}  // namespace lacuna
