// Files nobody vouches for: what passes validation can be read to its last tile inside its streams; what does not is
// named.
#include "weights/validate_packed.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/guard.h"
#include "tests/support/packed_cases.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;

// The streams of a weight as a file would give them, each exactly its bytes and the 64 behind, before an unreadable
// page.
class Loaded {
 public:
  explicit Loaded(const PackedWeight& from) : from_(from) {
    for (int s = 0; s < kStreams; ++s) {
      const auto bytes = from.streams[static_cast<std::size_t>(s)];
      streams_[static_cast<std::size_t>(s)].assign(bytes.begin(), bytes.end());
    }
  }
  std::vector<std::byte>& operator[](Stream s) { return streams_[static_cast<std::size_t>(s)]; }

  Status Validate(PackedWeight* weight) {
    *weight = *DescribePacked("w", from_.n, from_.k, from_.codec);
    guards_.clear();
    for (int s = 0; s < kStreams; ++s) {
      const auto& bytes = streams_[static_cast<std::size_t>(s)];
      if (bytes.empty()) continue;
      guards_.push_back(std::make_unique<GuardedBytes>(bytes.size() + kStreamTail));
      void* at = guards_.back()->Place(bytes.size() + kStreamTail, GuardSide::kAfter);
      std::memcpy(at, bytes.data(), bytes.size());
      weight->streams[static_cast<std::size_t>(s)] = {static_cast<std::byte*>(at), bytes.size()};
    }
    return ValidatePacked("here", weight);
  }

 private:
  const PackedWeight& from_;
  std::array<std::vector<std::byte>, kStreams> streams_;
  std::vector<std::unique_ptr<GuardedBytes>> guards_;
};

// Reads all there is.
void ReadAll(const PackedWeight& weight) {
  const FpScope fp;
  std::vector<float> row(static_cast<std::size_t>(weight.k));
  for (int n = 0; n < weight.n; ++n) kernels::RefExpandChannel(&weight.view, n, weight.k, row.data());
}

TEST(ValidatePacked, WhatWePackPasses) {
  Random random(TestSeed(71));
  for (const CodecCase& test : CodecCases()) {
    SCOPED_TRACE(test.name);
    const PackedWeight weight = *RandomPacked("w", IntIn(random, 1, 50), IntIn(random, 1, 300), test.codec, test.spec);
    Loaded loaded(weight);
    PackedWeight again;
    const Status status = loaded.Validate(&again);
    ASSERT_TRUE(status.ok()) << status.message();
    ReadAll(again);
  }
}

TEST(ValidatePacked, WrongStreamsAreNamed) {
  const PackedWeight weight = *RandomPacked("w", 40, 300, *ParseCodec("bitmap-int4z"), {.density = 0.5, .seed = 1});
  PackedWeight again;
  const auto expect = [&](Loaded loaded, const char* text) {
    const Status status = loaded.Validate(&again);
    EXPECT_EQ(status.code(), StatusCode::kInvalidInput);
    EXPECT_NE(status.message().find(std::string("here: the stream `") + text), std::string::npos) << status.message();
  };
  for (int s = 0; s < kStreams; ++s) {
    const auto stream = static_cast<Stream>(s);
    Loaded longer(weight), shorter(weight);
    if (stream != Stream::kValues) {
      longer[stream].resize(longer[stream].size() + 64);
      expect(std::move(longer), StreamName(stream));
    }
    if (shorter[stream].empty()) continue;
    shorter[stream].resize(shorter[stream].size() - 1);
    expect(std::move(shorter), stream == Stream::kValues ? "bases" : StreamName(stream));
  }
  {
    Loaded loaded(weight);
    loaded[Stream::kOffsets][4] ^= std::byte{1};
    expect(std::move(loaded), "offsets` does not agree with the masks at panel 0, tile 1");
  }
  {
    // The last tile's last row: no offset behind it tells, only the end of the panel.
    Loaded loaded(weight);
    std::memset(loaded[Stream::kMask].data() + loaded[Stream::kMask].size() - 8 * 8, 0xff, 8 * 8);
    expect(std::move(loaded), "bases` gives panel 2 another number of bytes than its masks need");
  }
  {
    Loaded loaded(weight);
    std::memset(loaded[Stream::kBases].data() + 8, 0xff, 8);
    expect(std::move(loaded), "bases");
  }
  {
    Loaded loaded(weight);
    const uint16_t infinity = 0x7c00;
    std::memcpy(loaded[Stream::kScales].data() + 6, &infinity, 2);
    expect(std::move(loaded), "scales` is not finite at byte 6");
  }
  {
    Loaded loaded(weight);
    loaded[Stream::kZeros][17] = std::byte{128};
    expect(std::move(loaded), "zeros` has 128 at byte 17, and bitmap-int4z may have 0 to 127 there");
  }
  {
    Loaded loaded(weight);
    loaded[Stream::kCodebook][15] = std::byte{255};
    expect(std::move(loaded), "codebook` has 255 at byte 15");
  }
}

TEST(ValidatePacked, PatternsAndPermutations) {
  Codec codec = *ParseCodec("bitmap-int8");
  codec.pattern_n = 2;
  codec.pattern_m = 4;
  const PackedWeight weight = *RandomPacked("w", 40, 300, codec, {.seed = 1});
  PackedWeight again;
  Loaded loaded(weight);
  loaded[Stream::kMask][3] ^= std::byte{1};
  EXPECT_NE(loaded.Validate(&again).message().find("does not keep the pattern 2:4 in panel 0"), std::string::npos);

  const PackedWeight dense = *RandomPacked("w", 4, 6, *ParseCodec("int8"), {.seed = 1});
  for (const auto& [perm, fine] : std::map<std::vector<int32_t>, bool>{{{5, 4, 3, 2, 1, 0}, true},
                                                                       {{0, 1, 2, 3, 4, 4}, false},
                                                                       {{0, 1, 2, 3, 4, 6}, false},
                                                                       {{-1, 1, 2, 3, 4, 5}, false}}) {
    Loaded permuted(dense);
    permuted[Stream::kPerm].resize(24);
    std::memcpy(permuted[Stream::kPerm].data(), perm.data(), 24);
    EXPECT_EQ(permuted.Validate(&again).ok(), fine) << perm[0];
  }
}

// Bits flipped at random anywhere: either the weight is refused, or all of it can still be read inside its streams.
TEST(ValidatePacked, FlippedBitsNeverReadOutside) {
  const uint64_t seed = TestSeed(72);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  int refused = 0, passed = 0;
  for (const char* name : {"bitmap-bf16", "bitmap-int8", "bitmap-int4z", "bitmap-codebook", "nf4", "mxfp4",
                           "bitmap-nvfp4", "bitmap-razer"}) {
    const PackedWeight weight = *RandomPacked("w", 33, 200, *ParseCodec(name), {.density = 0.5, .seed = 1});
    for (int round = 0; round < 300; ++round) {
      Loaded loaded(weight);
      const int flips = IntIn(random, 1, 3);
      for (int i = 0; i < flips; ++i) {
        auto& bytes = loaded[static_cast<Stream>(IntIn(random, 0, kStreams - 1))];
        if (bytes.empty()) continue;
        bytes[static_cast<std::size_t>(IntIn(random, 0, static_cast<int>(bytes.size()) - 1))] ^=
            static_cast<std::byte>(1 << IntIn(random, 0, 7));
      }
      PackedWeight again;
      if (loaded.Validate(&again).ok()) {
        ReadAll(again);
        ++passed;
      } else {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(passed, 100);
}

}  // namespace
}  // namespace lacuna
