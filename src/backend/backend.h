// One virtual per op on the op's argument struct (src/ops/). A backend owns the packed layout of weights and pages and
// the way work is spread; callers own all memory. Ops run in order; arguments were validated by the op's Run function.
#pragma once

#include "backend/traffic.h"
#include "backend/view.h"

namespace lacuna {

struct AttentionArgs;
struct EmbeddingArgs;
struct KvWriteArgs;
struct LinearArgs;
struct RmsNormArgs;
struct RopeArgs;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;
  virtual MemorySpace space() const = 0;

  virtual void Embedding(const EmbeddingArgs& args) = 0;
  virtual void RmsNorm(const RmsNormArgs& args) = 0;
  virtual void Linear(const LinearArgs& args) = 0;
  virtual void Rope(const RopeArgs& args) = 0;
  virtual void KvWrite(const KvWriteArgs& args) = 0;
  virtual void Attention(const AttentionArgs& args) = 0;

  // Filled by the ops' Run functions.
  Traffic& traffic() { return traffic_; }

 private:
  Traffic traffic_;
};

}  // namespace lacuna
