// Frequencies against transformers 5.23.0 (LlamaRotaryEmbedding on torch 2.15.0, CPU).
#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace lacuna {
namespace {

struct Case {
  const char* name;
  int head_dim;
  RopeConfig rope;
  double scale;
  std::vector<float> inv_freq;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"default",
       20,
       RopeConfig{},
       0x1p+0,
       {0x1p+0f, 0x1.97a968p-2f, 0x1.44960cp-3f, 0x1.0270aap-4f, 0x1.9b8c26p-6f, 0x1.47ae14p-7f, 0x1.04e748p-8f,
        0x1.9f7864p-10f, 0x1.4acda8p-11f, 0x1.0763f4p-12f}},
      {"default_1e6",
       16,
       RopeConfig{.theta = 1e6},
       0x1p+0,
       {0x1p+0f, 0x1.6c310ep-3f, 0x1.030dc6p-5f, 0x1.708938p-8f, 0x1.0624dep-10f, 0x1.74eea6p-13f, 0x1.094564p-15f,
        0x1.796182p-18f}},
      {"linear",
       16,
       RopeConfig{.type = RopeType::kLinear, .theta = 500000, .factor = 3},
       0x1p+0,
       {0x1.555556p-2f, 0x1.08c4eap-4f, 0x1.9ac216p-7f, 0x1.3e9f14p-9f, 0x1.ee4daep-12f, 0x1.7f6d4p-14f, 0x1.296bbp-16f,
        0x1.cd69bep-19f}},
      {"llama3",
       64,
       RopeConfig{.type = RopeType::kLlama3,
                  .theta = 500000,
                  .factor = 32,
                  .low_freq_factor = 1,
                  .high_freq_factor = 4,
                  .original_max_position_embeddings = 8192},
       0x1p+0,
       {0x1p+0f,         0x1.53c38cp-1f,  0x1.c2ef78p-2f, 0x1.2b3dc6p-2f,  0x1.8d276p-3f,   0x1.078d4p-3f,
        0x1.5dc95ap-4f,  0x1.d03ccep-5f,  0x1.34119p-5f,  0x1.98de92p-6f,  0x1.0f5386p-6f,  0x1.681adap-7f,
        0x1.ddee9ep-8f,  0x1.3d2804p-8f,  0x1.a4ee4p-9f,  0x1.524f36p-10f, 0x1.c26c4p-12f,  0x1.9731eep-14f,
        0x1.46831ap-16f, 0x1.b15902p-17f, 0x1.1f91fp-17f, 0x1.7da9e8p-18f, 0x1.fa8b86p-19f, 0x1.5024d6p-19f,
        0x1.be2188p-20f, 0x1.280d96p-20f, 0x1.88ec2p-21f, 0x1.04be68p-21f, 0x1.5a0f4ep-22f, 0x1.cb4a9ap-23f,
        0x1.30c94ep-23f, 0x1.94836p-24f}},
      {"yarn",
       32,
       RopeConfig{.type = RopeType::kYarn, .factor = 4, .original_max_position_embeddings = 2048},
       0x1.237d37fe5d298p+0,
       {0x1p+0f, 0x1.1feb34p-1f, 0x1.43d136p-2f, 0x1.6c310ep-3f, 0x1.99999ap-4f, 0x1.9b4ffep-5f, 0x1.9715a6p-6f,
        0x1.8b6876p-7f, 0x1.767dcep-8f, 0x1.563646p-9f, 0x1.280fbep-10f, 0x1.d22a5p-12f, 0x1.0624dep-12f,
        0x1.26d42cp-13f, 0x1.4b96cp-14f, 0x1.74eea6p-15f}},
      {"yarn_mscale",
       32,
       RopeConfig{.type = RopeType::kYarn,
                  .theta = 1e6,
                  .factor = 16,
                  .original_max_position_embeddings = 512,
                  .beta_fast = 16,
                  .beta_slow = 2,
                  .mscale = 0.707,
                  .mscale_all_dim = 1.0,
                  .truncate = false},
       0x1.df6f7e71f7639p-1,
       {0x1p+0f, 0x1.afd136p-2f, 0x1.5bec62p-3f, 0x1.5bba2cp-5f, 0x1.6e4f5p-8f, 0x1.b4f7e4p-11f, 0x1.708938p-12f,
        0x1.36d21ap-13f, 0x1.0624dep-14f, 0x1.ba2e4ap-16f, 0x1.74eea6p-17f, 0x1.3a8748p-18f, 0x1.094564p-19f,
        0x1.bf749ep-21f, 0x1.796182p-22f, 0x1.3e47c8p-23f}},
      {"yarn_af",
       8,
       RopeConfig{
           .type = RopeType::kYarn, .factor = 8, .original_max_position_embeddings = 1024, .attention_factor = 1.25},
       0x1.4p+0,
       {0x1p+0f, 0x1.222222p-4f, 0x1.11111p-8f, 0x1.0624dep-13f}},
  };
  return cases;
}

int32_t Bits(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

TEST(RopeTable, EqualsTransformers) {
  int differing = 0, values = 0;
  for (const Case& c : Cases()) {
    const RopeTable table = MakeRopeTable(c.rope, c.head_dim);
    ASSERT_EQ(table.inv_freq.size(), c.inv_freq.size()) << c.name;
    EXPECT_NEAR(table.scale, c.scale, 1e-7 * c.scale) << c.name;
    for (size_t i = 0; i < c.inv_freq.size(); ++i) {
      // torch's own pow is off by a unit in the last place now and then, and a scaled frequency by another.
      EXPECT_LE(std::abs(Bits(table.inv_freq[i]) - Bits(c.inv_freq[i])), 2) << c.name << " " << i;
      differing += Bits(table.inv_freq[i]) != Bits(c.inv_freq[i]);
      ++values;
    }
  }
  EXPECT_LE(differing * 20, values) << differing << " of " << values;
}

TEST(RopeTable, PlainFrequenciesAreExact) {
  for (const Case& c : Cases()) {
    if (c.rope.type != RopeType::kDefault) continue;
    const RopeTable table = MakeRopeTable(c.rope, c.head_dim);
    for (size_t i = 0; i < c.inv_freq.size(); ++i) EXPECT_EQ(table.inv_freq[i], c.inv_freq[i]) << c.name << " " << i;
  }
}

TEST(RopeTable, LimitsOfTheRamp) {
  // With factor 1 neither llama3 nor yarn changes anything.
  const RopeTable plain = MakeRopeTable(RopeConfig{.theta = 1e6}, 64);
  RopeConfig rope = {.type = RopeType::kLlama3, .theta = 1e6, .factor = 1, .original_max_position_embeddings = 512};
  const RopeTable llama3 = MakeRopeTable(rope, 64);
  rope.type = RopeType::kYarn;
  const RopeTable yarn = MakeRopeTable(rope, 64);
  EXPECT_EQ(yarn.scale, 1);
  for (size_t i = 0; i < plain.inv_freq.size(); ++i) {
    EXPECT_NEAR(llama3.inv_freq[i], plain.inv_freq[i], 2e-7 * plain.inv_freq[i]);
    EXPECT_NEAR(yarn.inv_freq[i], plain.inv_freq[i], 2e-7 * plain.inv_freq[i]);
  }
  // A ramp of no width does not divide by zero.
  rope.original_max_position_embeddings = 1;
  for (const float f : MakeRopeTable(rope, 2).inv_freq) EXPECT_TRUE(std::isfinite(f));
}

TEST(RopeTable, LongRopeGoesByTheContext) {
  RopeConfig rope = {.type = RopeType::kLongRope, .factor = 32, .original_max_position_embeddings = 4096};
  rope.short_factor = {1, 1.5};
  rope.long_factor = {2, 40};
  const RopeTable table = MakeRopeTable(rope, 4);
  EXPECT_NEAR(table.scale, std::sqrt(1 + std::log(32.0) / std::log(4096.0)), 1e-7);
  for (const int64_t context : {int64_t{1}, int64_t{4096}}) {
    EXPECT_EQ(table.Frequencies(context)[0], 1.0f);
    EXPECT_FLOAT_EQ(table.Frequencies(context)[1], 0.01f / 1.5f);
  }
  EXPECT_EQ(table.Frequencies(4097)[0], 0.5f);
  EXPECT_FLOAT_EQ(table.Frequencies(4097)[1], 0.01f / 40);
  rope.attention_factor = 1.25;
  EXPECT_EQ(MakeRopeTable(rope, 4).scale, 1.25f);
  rope.attention_factor.reset();
  rope.factor = 0.5;
  EXPECT_EQ(MakeRopeTable(rope, 4).scale, 1.0f);
}

}  // namespace
}  // namespace lacuna
