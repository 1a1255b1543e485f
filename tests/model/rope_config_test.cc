// Which rotary settings count, and which are refused.
#include <gtest/gtest.h>

#include "model/config.h"

namespace lacuna {
namespace {

Result<ModelConfig> Parse(const std::string& more, const std::string& family = "llama") {
  return ParseConfig(
      "{\"model_type\": \"" + family +
          R"(", "hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 6,
                          "max_position_embeddings": 4096, )" +
          more + "}",
      "config.json");
}

RopeConfig Rope(const std::string& more) {
  Result<ModelConfig> config = Parse(more);
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() && config->ropes.size() == 1 ? config->ropes[0] : RopeConfig{.theta = -1};
}

std::string Bad(const std::string& more) {
  const Status status = Parse(more).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput) << more;
  return status.message();
}

TEST(RopeConfig, ThetaFromEverywhere) {
  EXPECT_EQ(Rope(R"("rope_scaling": null)").theta, 10000);
  EXPECT_EQ(Rope(R"("rope_theta": 500000.0)").theta, 500000);
  EXPECT_EQ(Rope(R"("rope_theta": 500000.0, "rope_parameters": {"rope_type": "default"})").theta, 500000);
  EXPECT_EQ(Rope(R"("rope_theta": 500000.0, "rope_parameters": {"rope_theta": 1e6})").theta, 1e6);
  EXPECT_EQ(Rope(R"("rope_theta": 500000.0, "rope_scaling": {"rope_theta": 7.5, "type": "linear", "factor": 2})").theta,
            7.5);
  EXPECT_EQ(Bad(R"("rope_theta": null)"), "config.json: `rope_theta` is null; it must be a number from 1.0 to 1e+15");
  EXPECT_EQ(Bad(R"("rope_parameters": {"rope_theta": "x"})"),
            "config.json: `rope_parameters.rope_theta` is \"x\"; it must be a number from 1.0 to 1e+15");
}

TEST(RopeConfig, ScalingWinsOverParameters) {
  const std::string parameters = R"("rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 77.0})";
  EXPECT_EQ(Rope(parameters), (RopeConfig{.type = RopeType::kLinear, .theta = 77, .factor = 2}));
  EXPECT_EQ(Rope(parameters + R"(, "rope_scaling": null)").factor, 2);
  EXPECT_EQ(Rope(parameters + R"(, "rope_scaling": {})").factor, 2);
  EXPECT_EQ(Rope(parameters + R"(, "rope_scaling": {"type": "linear", "factor": 3.0})"),
            (RopeConfig{.type = RopeType::kLinear, .theta = 10000, .factor = 3}));
}

TEST(RopeConfig, Types) {
  EXPECT_EQ(Rope(R"("rope_scaling": {"factor": 4.0})").type, RopeType::kDefault);
  EXPECT_EQ(Rope(R"("rope_scaling": {"rope_type": "default", "type": "linear", "factor": 4.0})").type,
            RopeType::kDefault);
  EXPECT_EQ(Rope(R"("rope_scaling": {"type": "default", "mrope_section": [1, 2]})").type, RopeType::kDefault);
  EXPECT_EQ(
      Bad(R"("rope_scaling": {"type": "dynamic", "factor": 4.0})"),
      "config.json: `rope_scaling.type` is \"dynamic\"; supported are default, linear, llama3, yarn and longrope");
  EXPECT_EQ(
      Bad(R"("rope_parameters": {"rope_type": "longrope"})"),
      "config.json: `rope_parameters.short_factor` is missing; it must be a list of 8 numbers above 0, one for each "
      "pair of dimensions");
  EXPECT_EQ(Bad(R"("rope_parameters": {"rope_type": null})"),
            "config.json: `rope_parameters.rope_type` is null; it must be a string");
  EXPECT_EQ(Bad(R"("rope_scaling": [1])"), "config.json: `rope_scaling` is [1]; it must be an object or null");
  EXPECT_EQ(Bad(R"("rope_scaling": {"type": "linear"})"),
            "config.json: `rope_scaling.factor` is missing; it must be a number from 1e-06 to 1000000000.0");
  EXPECT_EQ(Bad(R"("rope_scaling": {"type": "linear", "factor": 2.0, "short_factor": [1.0]})"),
            "config.json: `rope_scaling.short_factor` is [1.0]; this rotary setting is not known");
  EXPECT_EQ(Bad(R"("rope_parameters": {"partial_rotary_factor": 0.25})"),
            "config.json: `rope_parameters.partial_rotary_factor` is 0.25; this changes the result and is not "
            "supported: it must be 1");
}

TEST(RopeConfig, Llama3) {
  const std::string most = R"("rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0)";
  RopeConfig expected = {.type = RopeType::kLlama3, .factor = 8, .low_freq_factor = 1, .high_freq_factor = 4};
  expected.original_max_position_embeddings = 512;
  EXPECT_EQ(Rope("\"rope_scaling\": {" + most + R"(, "original_max_position_embeddings": 512})"), expected);
  // The top level wins; without either it is max_position_embeddings.
  EXPECT_EQ(Rope("\"original_max_position_embeddings\": 512, \"rope_scaling\": {" + most +
                 R"(, "original_max_position_embeddings": 1024})"),
            expected);
  expected.original_max_position_embeddings = 4096;
  EXPECT_EQ(Rope("\"rope_scaling\": {" + most + "}"), expected);
  EXPECT_EQ(Bad(R"("rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0})"),
            "config.json: `rope_scaling.high_freq_factor` is missing; it must be a number from 1e-06 to 1000000000.0");
  EXPECT_EQ(
      Bad(R"("rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0, "high_freq_factor": 4.0})"),
      "config.json: `rope_scaling.high_freq_factor` is 4.0; it must be above low_freq_factor");
}

TEST(RopeConfig, Yarn) {
  RopeConfig expected = {.type = RopeType::kYarn, .theta = 1e6, .factor = 4};
  expected.original_max_position_embeddings = 1024;
  EXPECT_EQ(
      Rope(
          R"("rope_theta": 1e6, "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024,
                    "beta_fast": 0, "beta_slow": null, "attention_factor": null, "finetuned": true})"),
      expected);
  expected.factor = 2;  // max_position_embeddings / original
  expected.original_max_position_embeddings = 2048;
  expected.beta_fast = 16;
  expected.beta_slow = 2;
  expected.mscale = 0.7;
  expected.mscale_all_dim = 1;
  expected.attention_factor = 1.5;
  expected.truncate = false;
  EXPECT_EQ(
      Rope(
          R"("rope_theta": 1e6, "rope_parameters": {"rope_type": "yarn", "factor": null, "original_max_position_embeddings": 2048,
                    "beta_fast": 16, "beta_slow": 2, "mscale": 0.7, "mscale_all_dim": 1, "attention_factor": 1.5, "truncate": false})"),
      expected);
  EXPECT_EQ(Bad(R"("rope_scaling": {"type": "yarn"})"),
            "config.json: `rope_scaling.factor` is missing; rope type yarn needs it");
  EXPECT_NE(Bad(R"("rope_theta": 1, "rope_scaling": {"type": "yarn", "factor": 2})")
                .find("`rope_scaling.rope_theta` must be above 1"),
            std::string::npos);
}

TEST(RopeConfig, NestedByLayerType) {
  const std::string window = R"("use_sliding_window": true, "sliding_window": 8, "rope_theta": 5000.0,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention"], )";
  Result<ModelConfig> config =
      Parse(window + R"("rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
      "sliding_attention": {"rope_type": "default"}})",
            "qwen3");
  ASSERT_TRUE(config.ok()) << config.status().message();
  ASSERT_EQ(config->ropes.size(), 2u);
  EXPECT_EQ(config->ropes[0], (RopeConfig{.theta = 5000}));
  EXPECT_EQ(config->ropes[1], (RopeConfig{.type = RopeType::kLinear, .theta = 1e6, .factor = 8}));
  EXPECT_EQ(config->layers[0].rope, 0);
  EXPECT_EQ(config->layers[1].rope, 1);
  EXPECT_EQ(config->layers[2].rope, 0);
  // Equal settings are one rope.
  config = Parse(window + R"("rope_parameters": {"full_attention": {}, "sliding_attention": {"rope_theta": 5000}})",
                 "qwen3");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->ropes.size(), 1u);
  const auto bad = [&](const std::string& more) { return Parse(window + more, "qwen3").status().message(); };
  EXPECT_EQ(bad(R"("rope_parameters": {"full_attention": {}})"),
            "config.json: `rope_parameters.sliding_attention` is missing, but layer 0 is of this type");
  EXPECT_EQ(bad(R"("rope_parameters": {"full_attention": {}, "sliding_attention": {}, "rope_theta": 3})"),
            "config.json: `rope_parameters.rope_theta` is 3; beside settings by layer type there can be only "
            "full_attention and "
            "sliding_attention");
  EXPECT_EQ(bad(R"("rope_parameters": {"full_attention": {"rope_type": "su"}, "sliding_attention": {}})"),
            "config.json: `rope_parameters.full_attention.rope_type` is \"su\"; supported are default, linear, llama3, "
            "yarn and longrope");
}

}  // namespace
}  // namespace lacuna
