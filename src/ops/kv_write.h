// Stores the rows' K and V in pages of one KV stream.
#pragma once

#include <span>

#include "backend/backend.h"
#include "lacuna/status.h"
#include "ops/kv_page.h"

namespace lacuna {

struct KvTarget {
  int row = 0;
  void* page = nullptr;
  int slot = 0;
};

struct PageCopy {
  const void* from = nullptr;
  void* to = nullptr;
};

struct KvWriteArgs {
  KvLayout layout;
  View k;  // [rows][kv_heads * head_dim], after rope
  View v;
  std::span<const PageCopy> copies;   // whole pages, done before the writes
  std::span<const KvTarget> targets;  // no two name the same page and slot
};

Status Validate(const KvWriteArgs& args);
Status KvWrite(Backend& backend, const KvWriteArgs& args);

}  // namespace lacuna
