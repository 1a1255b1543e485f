// The emulator against the processor. Native: silicon computes, the emulator and the scalar written from the contract
// must give equal results. Emulated: the same tests run the trapping path against the emulator's inside. With
// LACUNA_RECORD=1 on a machine with AMX, tests/data/amx_silicon.bin is written anew. The recorded results bind every
// machine.
#include <cpuid.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/amx_cases.h"
#include "tests/support/amx_emulator.h"
#include "tests/support/amx_recording.h"
#include "tests/support/amx_run.h"
#include "tests/support/paths.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;

constexpr AmxOp kDots[] = {AmxOp::kTdpbf16ps, AmxOp::kTdpbssd, AmxOp::kTdpbsud, AmxOp::kTdpbusd, AmxOp::kTdpbuud};

void ExpectSame(const AmxCase& t, const AmxResult& want, const AmxResult& got, uint32_t seed, const char* what,
                AmxDifference* sum) {
  const AmxDifference d = CompareAmx(t, want, got);
  sum->unequal += d.unequal;
  sum->other_bits += d.other_bits;
  EXPECT_EQ(d.unequal, 0) << what << ", " << AmxOpName(t.op) << " " << AmxKindName(t.kind) << " seed " << seed
                          << " shape " << t.m << "x" << t.k << "x" << t.n << ", first at row " << d.first_m
                          << " column " << d.first_n << std::hex << ": want " << want.d[d.first_m][d.first_n] << " got "
                          << got.d[d.first_m][d.first_n];
}

std::string NameOf(const ::testing::TestParamInfo<AmxOp>& info) { return AmxOpName(info.param); }

class AmxSiliconTest : public ::testing::TestWithParam<AmxOp> {};

// On silicon over half a million results for TDPBF16PS alone.
TEST_P(AmxSiliconTest, TileCodeEmulatorAndScalarAgree) {
  printf("amx: %s\n", AmxMode());
  const AmxOp op = GetParam();
  const uint32_t tiles = !AmxIsNative() ? 64 : op == AmxOp::kTdpbf16ps ? 520 : 200;
  AmxDifference emulator, scalar;
  long results = 0;
  for (int kind = FirstKind(op); kind < LastKind(op); ++kind) {
    for (uint32_t seed = 0; seed < tiles && !HasFailure(); ++seed) {
      const AmxCase t = MakeRecordedCase(op, kind, seed);
      AmxResult tile_code, emulated, exact;
      RunTileCode(t, &tile_code);
      RunEmulated(t, &emulated);
      RunScalar(t, &exact);
      ExpectSame(t, tile_code, emulated, seed, "tile code against emulator", &emulator);
      ExpectSame(t, tile_code, exact, seed, "tile code against scalar", &scalar);
      results += t.m * t.n;
    }
  }
  printf("%s: %ld results, unequal %d (emulator) %d (scalar), equal but other bits (zero signs, NaNs) %d and %d\n",
         AmxOpName(op), results, emulator.unequal, scalar.unequal, emulator.other_bits, scalar.other_bits);
  if (AmxIsNative() && op == AmxOp::kTdpbf16ps) {
    EXPECT_GE(results, 500000);
  }
}

INSTANTIATE_TEST_SUITE_P(Amx, AmxSiliconTest, ::testing::ValuesIn(kDots), NameOf);

// A few tiles of each kind in full, small shapes too, and digests over many more.
AmxRecording Record() {
  AmxRecording out;
  unsigned a = 0, b, c, d;
  __get_cpuid(1, &a, &b, &c, &d);
  out.processor = a;
  for (AmxOp op : kDots) {
    for (int kind = FirstKind(op); kind < LastKind(op); ++kind) {
      const bool bf16 = op == AmxOp::kTdpbf16ps;
      const uint32_t whole = bf16 ? 24 : 8, tiles = bf16 ? 600 : 150;
      AmxRecordedDigest digest = {op, kind, tiles, kDigestStart};
      for (uint32_t seed = 0; seed < tiles; ++seed) {
        const AmxCase t = MakeRecordedCase(op, kind, seed);
        AmxResult result = {};
        RunTileCode(t, &result);
        digest.digest = DigestAmx(t, result, digest.digest);
        if (seed < whole) out.cases.push_back({t, result});
      }
      out.digests.push_back(digest);
    }
  }
  return out;
}

TEST(AmxRecording, EmulatorAndScalarGiveWhatSiliconGave) {
  const std::string path = DataPath("amx_silicon.bin");
  const char* record = std::getenv("LACUNA_RECORD");
  if (record && strcmp(record, "1") == 0) {
    ASSERT_TRUE(AmxIsNative()) << "LACUNA_RECORD=1 needs a processor with AMX";
    ASSERT_TRUE(WriteAmxRecording(path, Record())) << path;
  }
  AmxRecording recording;
  ASSERT_TRUE(ReadAmxRecording(path, &recording)) << path;
  ASSERT_GE(recording.cases.size(), 200u);
  AmxDifference sum;
  for (uint32_t i = 0; i < recording.cases.size() && !HasFailure(); ++i) {
    const auto& [t, silicon] = recording.cases[i];
    AmxResult emulated, exact;
    RunEmulated(t, &emulated);
    RunScalar(t, &exact);
    ExpectSame(t, silicon, emulated, i, "recorded against emulator", &sum);
    ExpectSame(t, silicon, exact, i, "recorded against scalar", &sum);
  }
}

TEST(AmxRecording, DigestsOfManyMoreResultsAgree) {
  AmxRecording recording;
  ASSERT_TRUE(ReadAmxRecording(DataPath("amx_silicon.bin"), &recording));
  ASSERT_EQ(recording.digests.size(), 9u + 4 * 4);
  for (const auto& d : recording.digests) {
    uint64_t emulated = kDigestStart, exact = kDigestStart;
    for (uint32_t seed = 0; seed < d.tiles; ++seed) {
      const AmxCase t = MakeRecordedCase(d.op, d.kind, seed);
      AmxResult result;
      RunEmulated(t, &result);
      emulated = DigestAmx(t, result, emulated);
      RunScalar(t, &result);
      exact = DigestAmx(t, result, exact);
    }
    EXPECT_EQ(emulated, d.digest) << "emulator, " << AmxOpName(d.op) << " " << AmxKindName(d.kind);
    EXPECT_EQ(exact, d.digest) << "scalar, " << AmxOpName(d.op) << " " << AmxKindName(d.kind);
  }
}

// What the recorded operands are worth: each broken scalar differs from silicon in the kind made for it.
TEST(AmxRecording, TellsMutantsApart) {
  AmxRecording recording;
  ASSERT_TRUE(ReadAmxRecording(DataPath("amx_silicon.bin"), &recording));
  const std::vector<std::pair<AmxMutant, AmxKind>> mutants = {
      {AmxMutant::kReversed, kOrdinary},
      {AmxMutant::kReversed, kCancelling},
      {AmxMutant::kOneChain, kOrdinary},
      {AmxMutant::kOneChain, kCancelling},
      {AmxMutant::kStartAtC, kOrdinary},
      {AmxMutant::kNotFused, kTinyEdge},
      {AmxMutant::kNoFlush, kDenormalResults},
      {AmxMutant::kDenormalInputsKept, kDenormalInputs},
      {AmxMutant::kFlushBeforeRounding, kTinyEdge},
  };
  for (const auto& [mutant, kind] : mutants) {
    int unequal = 0;
    for (const auto& [t, silicon] : recording.cases) {
      if (t.kind != kind) continue;
      AmxResult broken;
      RunScalar(t, &broken, mutant);
      unequal += CompareAmx(t, silicon, broken).unequal;
    }
    EXPECT_GT(unequal, 10) << "mutant " << static_cast<int>(mutant) << " on " << AmxKindName(kind);
  }
}

}  // namespace
}  // namespace lacuna
