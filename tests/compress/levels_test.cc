// The levels there are to choose from, a choice put into a plan, and what was measured read back from a file.
#include "compress/levels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lacuna {
namespace {

std::vector<std::string> Names(const std::vector<Level>& levels) {
  std::vector<std::string> names;
  for (const Level& level : levels) names.push_back(level.name);
  return names;
}

bool Has(const std::vector<Level>& levels, const std::string& name) {
  const auto names = Names(levels);
  return std::find(names.begin(), names.end(), name) != names.end();
}

TEST(Levels, AreThoseOfTheOptions) {
  const Codec int4 = *ParseCodec("int4");
  CompressOptions options;
  EXPECT_EQ(Names(*CandidateLevels(int4, options)), (std::vector<std::string>{"int4", "int8", "bf16"}));
  EXPECT_EQ(ReferenceLevel(*CandidateLevels(int4, options)), 0u);
  EXPECT_FALSE(CandidateLevels(Codec::kBf16, options).ok());
  options.prune = PruneMethod::kKeep;
  EXPECT_FALSE(CandidateLevels(int4, options).ok());
  options.prune = PruneMethod::kWanda;
  const auto levels = CandidateLevels(*ParseCodec("bitmap-int4"), options);
  ASSERT_TRUE(levels.ok()) << levels.status().message();
  for (const char* name : {"int4", "int8", "bf16", "bitmap-int4 50 %", "bitmap-int4 2:4", "bitmap-int4 4:8",
                           "bitmap-int4 8:16", "bitmap-int4 1:4", "bitmap-int8 50 %"}) {
    EXPECT_TRUE(Has(*levels, name)) << name;
  }
  EXPECT_EQ((*levels)[ReferenceLevel(*levels)].name, "bitmap-int4 50 %");
  for (const Level& level : *levels) {
    EXPECT_EQ(level.codec.bitmap, level.rule.pattern() || level.rule.fraction > 0) << level.name;
    EXPECT_EQ(level.codec.pattern_m, level.rule.m) << level.name;
  }
  options.bf16_activations = true;
  const auto wide = CandidateLevels(Codec::kBf16, options);
  ASSERT_TRUE(wide.ok());
  for (const Level& level : *wide) EXPECT_EQ(level.codec.bits(), 16) << level.name;
}

// Two matrices of 16 x 64, one of them kept.
CompressPlan Plan(const CompressOptions& options) {
  CompressPlan plan;
  plan.tensors = {{.name = "a", .shape = {16, 64}, .role = TensorRole::kLinear},
                  {.name = "b", .shape = {16, 64}, .role = TensorRole::kDown},
                  {.name = "c", .shape = {16, 64}, .role = TensorRole::kDown}};
  plan.codecs.codec = *ParseCodec("int4");
  plan.codecs.parameters["c"] = *ParseCodec("int8");
  plan.levels = *CandidateLevels(plan.codecs.codec, options);
  return plan;
}

TEST(Levels, AChoiceIsPutIntoThePlan) {
  CompressOptions options{.allocate = AllocateMethod::kSensitivity, .budget_bits = 20 / 3.0};
  CompressPlan plan = Plan(options);
  const std::vector<MeasuredLevel> three = {{0.01, 512}, {0.0001, 1024}, {0, 2048}};
  const std::vector<MeasuredMatrix> measured = {{"a", 1, three}, {"b", 50, three}, {"c", 9, {{0.0001, 1024}}}};
  auto report = ChooseLevels(measured, options, &plan);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(plan.codecs.Of("a"), *ParseCodec("int4"));
  EXPECT_EQ(plan.codecs.Of("b"), *ParseCodec("int8"));
  EXPECT_EQ(plan.codecs.Of("c"), *ParseCodec("int8"));
  EXPECT_NEAR(report->bits, 20 / 3.0, 1e-12);
  EXPECT_NEAR(report->loss, 0.01 + 50 * 0.0001 + 9 * 0.0001, 1e-12);
  EXPECT_EQ(report->uniform, "int4");
  EXPECT_NEAR(report->uniform_loss, 51 * 0.01 + 9 * 0.0001, 1e-12);
  options.allocate = AllocateMethod::kUniform;
  plan = Plan(options);
  report = ChooseLevels(measured, options, &plan);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(plan.codecs.Of("b"), *ParseCodec("int4"));
  options.budget_bits = 5;
  plan = Plan(options);
  report = ChooseLevels(measured, options, &plan);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.status().message().find("5 bits a weight are too few"), std::string::npos);
  EXPECT_NE(report.status().message().find("5.333"), std::string::npos) << report.status().message();
  // Of another model.
  EXPECT_FALSE(ChooseLevels({{"x", 1, three}}, options, &plan).ok());
  EXPECT_FALSE(ChooseLevels({{"a", 1, {{0.1, 5}}}}, options, &plan).ok());
}

TEST(Levels, WhatWasMeasuredIsReadBack) {
  const std::vector<MeasuredMatrix> measured = {{"a", 0.1 + 0.2, {{1.0 / 3, 5}, {0, int64_t{1} << 40}}}, {"b", 0, {}}};
  const auto text = ToJson(measured).dump();
  const auto back = MeasuredOf(nlohmann::ordered_json::parse(text));
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back->size(), 2u);
  EXPECT_EQ((*back)[0].sensitivity, 0.1 + 0.2);
  EXPECT_EQ((*back)[0].levels[0].error, 1.0 / 3);
  EXPECT_EQ((*back)[0].levels[1].bytes, int64_t{1} << 40);
  for (const char* bad : {"{}", "{\"matrices\":1}", "{\"matrices\":[1]}", "{\"matrices\":[{\"name\":\"a\"}]}",
                          "{\"matrices\":[{\"name\":1,\"sensitivity\":1,\"levels\":[]}]}",
                          "{\"matrices\":[{\"name\":\"a\",\"sensitivity\":1,\"levels\":[[1]]}]}",
                          "{\"matrices\":[{\"name\":\"a\",\"sensitivity\":1,\"levels\":[[1,2.5]]}]}",
                          "{\"matrices\":[{\"name\":\"a\",\"sensitivity\":\"1\",\"levels\":[]}]}"}) {
    EXPECT_FALSE(MeasuredOf(nlohmann::ordered_json::parse(bad)).ok()) << bad;
  }
}

}  // namespace
}  // namespace lacuna
