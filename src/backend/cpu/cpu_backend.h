// The CPU backend: chooses kernels and spreads blocks over the thread team. Each op's body is src/ops/<op>_cpu.cc.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/catalog.h"
#include "backend/cpu/elementwise.h"
#include "base/cpu_features.h"
#include "threading/thread_team.h"

namespace lacuna {

class CpuBackend final : public Backend {
 public:
  // `team` outlives the backend. A caller holds the team's lock for a pass: ops of two passes never interleave.
  // Kernels are chosen for `target`, by default this machine up to the tier.
  CpuBackend(ThreadTeam& team, Tier tier) : CpuBackend(team, TargetFor(HostCpuFeatures(), tier)) {}
  CpuBackend(ThreadTeam& team, KernelTarget target)
      : team_(team), target_(std::move(target)), tier_(target_.cap), elementwise_(ElementwiseFor(tier_)) {}

  const char* name() const override { return "cpu"; }
  MemorySpace space() const override { return MemorySpace::kHost; }

  void Embedding(const EmbeddingArgs& args) override;
  void RmsNorm(const RmsNormArgs& args) override;
  void Linear(const LinearArgs& args) override;
  void Rope(const RopeArgs& args) override;
  void KvWrite(const KvWriteArgs& args) override;
  void Attention(const AttentionArgs& args) override;

 private:
  void LinearBf16(const LinearArgs& args);
  void LinearPacked(const LinearArgs& args);
  void LinearF32(const LinearArgs& args);

  ThreadTeam& team_;
  const KernelTarget target_;
  const Tier tier_;
  const kernels::ElementwiseKernels& elementwise_;
};

}  // namespace lacuna
