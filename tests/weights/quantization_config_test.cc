#include "weights/quantization_config.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(QuantizationConfig, ComesBack) {
  for (const char* name : {"bf16", "int8", "bitmap-int4", "int4z", "codebook", "bitmap-nf4", "fp4", "mxfp4",
                           "bitmap-nvfp4", "bitmap-razer"}) {
    QuantizationConfig config{.codec = *ParseCodec(name)};
    if (config.codec.scaled() && !config.codec.scales_e4m3()) SetGroup(32, &config.codec);
    if (config.codec.bitmap) {
      config.codec.pattern_n = 2;
      config.codec.pattern_m = 4;
    }
    Codec other = *ParseCodec("int4");
    other.activations = Activations::kBf16;
    other.activation_group = 0;
    other.scales_f16 = false;
    config.parameters["lm_head.weight"] = other;
    const auto parsed = ParseQuantization("file", Json::parse(ToJson(config).dump()));
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    EXPECT_EQ(parsed->codec, config.codec) << name;
    EXPECT_EQ(parsed->parameters, config.parameters) << name;
    EXPECT_EQ(parsed->Of("lm_head.weight"), other);
    EXPECT_EQ(parsed->Of("x"), config.codec);
  }
}

TEST(QuantizationConfig, FieldsLeftOutHaveTheCodecsDefaults) {
  const auto parsed = ParseQuantization(
      "file",
      Json::parse(R"({"quant_method": "lacuna", "layout_version": 1, "contract_version": 1, "codec": "int4"})"));
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->codec, *ParseCodec("int4"));
  EXPECT_FALSE(ParseQuantization("file", Json::parse("[1]")).ok());
}

}  // namespace
}  // namespace lacuna
