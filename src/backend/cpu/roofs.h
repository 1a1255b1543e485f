// The machine's roofs, measured by the team that runs the model: streaming bandwidth and the peak of an instruction.
// Machines differ and are shared, so a figure is divided by roofs taken just before and after it, never by stored ones.
#pragma once

#include <cstddef>

#include "base/aligned_buffer.h"
#include "base/cpu_features.h"
#include "threading/thread_team.h"

namespace lacuna {

enum class PeakInstruction { kFma256, kFma512, kVpdpbusd, kTdpBf16, kTdpbsud };
const char* PeakName(PeakInstruction instruction);  // "FMA-256", "FMA-512", "VPDPBUSD", "TDPBF16PS", "TDPBSUD"
// What the kernels of a tier multiply bf16 with. Zeroed-half VDPBF16PS does as many useful operations as FMA.
// With int8 activations: their integer instruction; VPMADDWD and its VPADDD of the simd tier do as many as FMA.
PeakInstruction PeakOf(Tier tier, bool int8 = false);

struct Roofs {
  double read_gb_s = 0;
  double peak_gflop_s = 0;
};

// The least time for work that reads `bytes` and does `ops`, plus `drain_seconds`: max(bytes / bw, ops / peak +
// drains).
double RoofSeconds(double bytes, double ops, const Roofs& roofs, double drain_seconds = 0);

class RoofMeter {
 public:
  static constexpr std::size_t kStreamBytes = std::size_t{1} << 30;  // no cache holds it

  // A buffer of `bytes`, each part touched by the worker that will read it. `team` outlives the meter.
  static Result<RoofMeter> Create(ThreadTeam& team, Tier tier, std::size_t bytes = kStreamBytes);

  // The best of `rounds` of each of three read kernels over the whole buffer, in 1e9 bytes a second.
  double ReadGbS(int rounds = 1);
  // All workers at once for about `seconds` (after a short calibration), in 1e9 operations a second.
  double PeakGflopS(PeakInstruction instruction, double seconds = 0.02);
  Roofs Measure() { return {ReadGbS(), PeakGflopS(instruction_)}; }

  // What Measure takes the peak of; at first bf16's.
  void Use(PeakInstruction instruction) { instruction_ = instruction; }
  PeakInstruction instruction() const { return instruction_; }
  const AlignedBuffer& buffer() const { return buffer_; }

 private:
  RoofMeter(ThreadTeam& team, Tier tier, AlignedBuffer buffer);
  double RunPeak(PeakInstruction instruction, int64_t iterations, double* seconds);

  ThreadTeam* team_;
  Tier tier_;
  PeakInstruction instruction_;
  AlignedBuffer buffer_;
  std::size_t share_ = 0;  // bytes of a worker
};

}  // namespace lacuna
