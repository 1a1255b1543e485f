// Causal attention of each row over its lane's history: softmax(q k^T * scale + mask) v, in blocks of 64 tokens and
// chunks of 512 at absolute positions (the numeric contract), grouped query heads, optional sliding window.
#pragma once

#include <span>

#include "backend/backend.h"
#include "lacuna/status.h"
#include "ops/kv_page.h"

namespace lacuna {

inline constexpr int kMaxHeadDim = 512;  // kernels keep a head on the stack

struct AttentionRow {
  const void* const* pages = nullptr;  // pages[b] holds positions 64 b ..; the row's own token is among them
  int64_t position = 0;
};

struct AttentionArgs {
  KvLayout layout;
  View q;  // [rows][heads * head_dim], after rope
  View y;  // the same shape
  std::span<const AttentionRow> rows;
  int heads = 0;
  float scale = 1;
  int64_t window = 0;          // 0: all; W: the row's token and the W - 1 before it
  std::span<float> workspace;  // AttentionWorkspace() floats
};

// Floats of workspace for rows at positions below `context`.
int64_t AttentionWorkspace(const KvLayout& layout, int heads, int64_t context, int threads);

Status Validate(const AttentionArgs& args);
Status Attention(Backend& backend, const AttentionArgs& args);

}  // namespace lacuna
