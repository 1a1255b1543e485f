// Models that other tools quantized (scripts/make_foreign_cases.py): against transformers, against the packed directory
// that is made of them (the same bits), and what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "model/config.h"
#include "model/pack_model.h"
#include "tests/support/command.h"
#include "tests/support/parity.h"
#include "tests/support/paths.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;
using Rows = std::vector<std::vector<float>>;
using nlohmann::json;

json Cases() {
  std::ifstream file(DataPath("foreign/cases.json"));
  return json::parse(file)["cases"];
}

Rows Logits(const std::string& model, const std::vector<int32_t>& ids, Numerics numerics, int threads = 1) {
  const auto loaded = MustLoad(model, numerics, threads);
  if (!loaded) return {};
  const auto session = MustCreate(loaded, {.context_length = 64, .max_rows = 64, .max_logits = 64});
  return session ? AllLogits(*session, ids, 64) : Rows();
}

class Foreign : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    for (const json& c : Cases()) {
      if (c["name"] == GetParam()) case_ = c;
    }
    ASSERT_FALSE(case_.is_null());
    ids_ = case_["ids"].get<std::vector<int32_t>>();
  }

  json case_;
  std::vector<int32_t> ids_;
  const std::string folder_ = DataPath("foreign/" + std::string(GetParam()));
};

TEST_P(Foreign, AgreesWithTransformers) {
  const auto next = case_["next"].get<std::vector<double>>();
  for (const Numerics numerics : {Numerics::kF32, Numerics::kDefault}) {
    const Rows logits = Logits(folder_, ids_, numerics);
    ASSERT_EQ(logits.size(), ids_.size());
    const auto [worst, mean] = ErrorsOfNext(logits, ids_, next);
    // By default inputs are rounded to bf16, and in integer layers to int8, once a layer.
    EXPECT_LE(worst, numerics == Numerics::kF32 ? 1e-4 : 0.06);
    EXPECT_LE(mean, numerics == Numerics::kF32 ? 2e-5 : 0.012);
  }
}

TEST_P(Foreign, PacksAsItIsToTheSameBits) {
  const TempDir root;
  const std::string packed = root.path() + "/packed";
  std::filesystem::create_directory(packed);
  const Status status = PackModel(folder_, packed, {.as_stored = true, .threads = 1});
  ASSERT_TRUE(status.ok()) << status.message();
  const Rows a = Logits(folder_, ids_, Numerics::kDefault, 2), b = Logits(packed, ids_, Numerics::kDefault);
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(a.empty());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(std::memcmp(a[i].data(), b[i].data(), a[i].size() * 4), 0) << "position " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Foreign,
                         ::testing::Values("ct-int4-group32", "ct-int4-zeros", "ct-int4-channel", "ct-int8-packed",
                                           "ct-int8-channel", "ct-int8-zeros", "ct-mxfp4", "ct-nvfp4", "gptq",
                                           "gptq-v2-int8", "awq", "bitmask", "bitmask-24"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// What each runs as, and that no value is changed where a codec holds it.
TEST(ForeignInspect, SaysWhatRunsAsItIs) {
  const std::map<std::string, std::string> runs_as = {
      {"ct-int4-group32", "int4 g32"}, {"ct-int4-zeros", "int4z g64"}, {"ct-int4-channel", "int4"},
      {"ct-int8-packed", "int8 g64"},  {"ct-int8-channel", "int8"},    {"ct-int8-zeros", "bf16"},
      {"ct-mxfp4", "mxfp4 g32"},       {"ct-nvfp4", "bf16"},           {"gptq", "int4z g64"},
      {"gptq-v2-int8", "int8 g32"},    {"awq", "int4z g64"},           {"bitmask", "bf16"},
      {"bitmask-24", "bf16"}};
  ASSERT_EQ(Cases().size(), runs_as.size());
  for (const auto& [name, codec] : runs_as) {
    SCOPED_TRACE(name);
    const CommandResult result = RunLacuna("inspect -m " + DataPath("foreign/" + name) + " --json");
    ASSERT_EQ(result.exit_code, 0) << result.err;
    int matrices = 0;
    const json report = json::parse(result.out);
    for (const json& tensor : report["tensors"]) {
      if (!tensor.contains("runs_as")) continue;
      ++matrices;
      // A group of 64 is a whole row of most.
      const bool whole = codec.ends_with("g64") && tensor["shape"][1] == 64;
      // Its global scale, 448 * 6 over the largest weight, happens to be a power of two.
      const bool power = name == "ct-nvfp4" && tensor["name"] == "model.layers.0.self_attn.v_proj.weight";
      EXPECT_EQ(tensor["runs_as"], power   ? "nvfp4 g16"
                                   : whole ? codec.substr(0, codec.find(' '))
                                           : codec)
          << tensor["name"];
      const bool exact = codec != "bf16" || power || name.starts_with("bitmask");
      if (exact) {
        EXPECT_EQ(tensor["loss"], 0) << tensor["name"];
      }
      EXPECT_LE(tensor["loss"].get<double>(), 0.003) << tensor["name"];
    }
    EXPECT_EQ(matrices, 7);
  }
}

// A case's configuration with one change.
std::string Refusal(const std::string& name, const std::function<void(json&)>& change) {
  std::ifstream file(DataPath("foreign/" + name + "/config.json"));
  json config = json::parse(file);
  change(config["quantization_config"]);
  const auto parsed = ParseConfig(config.dump(), "config.json", "", "generation_config.json");
  return parsed.ok() ? "" : parsed.status().message();
}

TEST(ForeignRefusal, WhatWouldChangeTheResultIsNamed) {
  const struct {
    const char *name, *field;
    std::function<void(json&)> change;
  } cases[] = {
      {"ct-int4-group32", "transform_config",
       [](json& q) {
         q["transform_config"] = {{"config_groups", {{"R1", 1}}}};
       }},
      {"ct-int4-group32", "kv_cache_scheme",
       [](json& q) {
         q["kv_cache_scheme"] = {{"num_bits", 8}};
       }},
      {"ct-int8-channel", "input_activations",
       [](json& q) {
         q["config_groups"]["group_0"]["input_activations"] = {
             {"num_bits", 8}, {"type", "int"}, {"strategy", "tensor"}, {"dynamic", false}};
       }},
      {"ct-int8-channel", "input_activations",
       [](json& q) {
         q["config_groups"]["group_0"]["input_activations"] = {
             {"num_bits", 8}, {"type", "float"}, {"strategy", "token"}, {"dynamic", true}};
       }},
      {"ct-int8-channel", "output_activations",
       [](json& q) {
         q["config_groups"]["group_0"]["output_activations"] = {{"num_bits", 8}};
       }},
      {"ct-int8-channel", "float-quantized", [](json& q) { q["format"] = "float-quantized"; }},
      {"ct-int8-channel", "marlin-24", [](json& q) { q["config_groups"]["group_0"]["format"] = "marlin-24"; }},
      {"bitmask", "sparsity_config.format", [](json& q) { q["sparsity_config"]["format"] = "sparse-rows"; }},
      {"gptq", "bits", [](json& q) { q["bits"] = 3; }},
      {"gptq", "checkpoint_format", [](json& q) { q["checkpoint_format"] = "marlin"; }},
      {"awq", "version", [](json& q) { q["version"] = "gemv"; }},
      {"awq", "quant_method", [](json& q) { q["quant_method"] = "quip"; }},
  };
  for (const auto& c : cases) {
    const std::string message = Refusal(c.name, c.change);
    EXPECT_NE(message.find(c.field), std::string::npos) << c.name << ", " << c.field << ": " << message;
  }
  EXPECT_EQ(
      Refusal("ct-int8-channel",
              [](json& q) {
                q["config_groups"]["group_0"]["input_activations"] = {
                    {"num_bits", 8}, {"type", "int"}, {"strategy", "token"}, {"symmetric", true}, {"dynamic", true}};
              }),
      "")
      << "int8 by token is what int8 layers do";
}

}  // namespace
}  // namespace lacuna
