#include "backend/cpu/roofs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "base/status_macros.h"
#include "kernels/roof.h"

namespace lacuna {
namespace {

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::atomic<uint64_t> read_sink;  // what the loops computed, so that they are not dropped
std::atomic<float> peak_sink;

}  // namespace

const char* PeakName(PeakInstruction instruction) {
  switch (instruction) {
    case PeakInstruction::kFma256:
      return "FMA-256";
    case PeakInstruction::kFma512:
      return "FMA-512";
    case PeakInstruction::kVpdpbusd:
      return "VPDPBUSD";
    case PeakInstruction::kTdpBf16:
      return "TDPBF16PS";
    case PeakInstruction::kTdpbsud:
      break;
  }
  return "TDPBSUD";
}

PeakInstruction PeakOf(Tier tier, bool int8) {
  if (tier >= Tier::kAmx) return int8 ? PeakInstruction::kTdpbsud : PeakInstruction::kTdpBf16;
  if (tier >= Tier::kAvx512) return int8 ? PeakInstruction::kVpdpbusd : PeakInstruction::kFma512;
  return PeakInstruction::kFma256;
}

double RoofSeconds(double bytes, double ops, const Roofs& roofs, double drain_seconds) {
  const double reading = roofs.read_gb_s > 0 ? bytes / (roofs.read_gb_s * 1e9) : 0;
  const double computing = roofs.peak_gflop_s > 0 ? ops / (roofs.peak_gflop_s * 1e9) : 0;
  return std::max(reading, computing + drain_seconds);
}

RoofMeter::RoofMeter(ThreadTeam& team, Tier tier, AlignedBuffer buffer)
    : team_(&team), tier_(tier), instruction_(PeakOf(tier)), buffer_(std::move(buffer)) {
  // Four streams of whole blocks each.
  constexpr std::size_t kUnit = std::size_t{4} * kernels::kReadBlock;
  share_ = buffer_.size() / static_cast<std::size_t>(team.workers()) / kUnit * kUnit;
}

Result<RoofMeter> RoofMeter::Create(ThreadTeam& team, Tier tier, std::size_t bytes) {
  LACUNA_RETURN_IF_ERROR(CheckMemoryFor(bytes, BytesAvailable(), "the buffer that bandwidth is measured on"));
  LACUNA_ASSIGN_OR_RETURN(AlignedBuffer buffer, AlignedBuffer::Create(bytes, "bandwidth buffer"));
  RoofMeter meter(team, tier, std::move(buffer));
  // Not zeros: pages never written are all the same one page of zeros.
  team.Run([&](int worker, int) {
    std::memset(meter.buffer_.data() + meter.share_ * static_cast<std::size_t>(worker), 0x5a + worker, meter.share_);
  });
  return meter;
}

double RoofMeter::ReadGbS(int rounds) {
  const kernels::ReadFn read = tier_ >= Tier::kAvx512 ? kernels::Avx512Read : kernels::Avx2Read;
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int method = 0; method < kernels::kReadMethods; ++method) {
      const double start = Now();
      team_->Run([&](int worker, int) {
        const std::byte* part = buffer_.data() + share_ * static_cast<std::size_t>(worker);
        read_sink.fetch_add(read(static_cast<kernels::ReadMethod>(method), part, share_), std::memory_order_relaxed);
      });
      const double seconds = Now() - start;
      const double bytes = static_cast<double>(share_) * team_->workers();
      if (seconds > 0) best = std::max(best, bytes / seconds / 1e9);
    }
  }
  return best;
}

double RoofMeter::RunPeak(PeakInstruction instruction, int64_t iterations, double* seconds) {
  kernels::PeakFn peak = kernels::Avx2FmaPeak;
  if (instruction == PeakInstruction::kFma512) peak = kernels::Avx512FmaPeak;
  if (instruction == PeakInstruction::kVpdpbusd) peak = kernels::Avx512Int8Peak;
  if (instruction == PeakInstruction::kTdpBf16) peak = kernels::AmxBf16Peak;
  if (instruction == PeakInstruction::kTdpbsud) peak = kernels::AmxInt8Peak;
  std::atomic<double> ops{0};
  const double start = Now();
  team_->Run([&](int, int) {
    float sink = 0;
    ops.fetch_add(peak(iterations, &sink), std::memory_order_relaxed);
    peak_sink.store(sink, std::memory_order_relaxed);
  });
  *seconds = Now() - start;
  return ops;
}

double RoofMeter::PeakGflopS(PeakInstruction instruction, double seconds) {
  // Pieces long enough for the clock, short enough that some run undisturbed on a busy machine.
  const double piece = seconds / 8;
  const auto shortest = [&](int64_t iterations) {
    double best = 0;
    for (int i = 0; i < 3; ++i) {
      double took = 0;
      RunPeak(instruction, iterations, &took);
      best = i == 0 ? took : std::min(best, took);
    }
    return best;
  };
  // Doubling also brings the core to the clock that the instruction allows.
  int64_t iterations = 1000;
  while (iterations < (int64_t{1} << 40) && shortest(iterations) < piece / 2) iterations *= 2;
  double best = 0;
  for (int i = 0; i < 8; ++i) {
    double took = 0;
    const double ops = RunPeak(instruction, iterations, &took);
    best = std::max(best, ops / took / 1e9);
  }
  return best;
}

}  // namespace lacuna
