#include "weights/codec.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

constexpr const char* kNames[] = {"bf16", "int8", "int4", "int4z", "codebook", "nf4", "fp4", "mxfp4", "nvfp4", "razer"};

TEST(Codec, NamesComeBack) {
  for (std::string name : kNames) {
    for (const std::string& full : {name, "bitmap-" + name}) {
      const auto codec = ParseCodec(full);
      ASSERT_TRUE(codec.ok()) << full;
      EXPECT_EQ(CodecName(*codec), full);
      EXPECT_TRUE(ValidateCodec(*codec, "here").ok()) << full;
    }
  }
  EXPECT_EQ(*ParseCodec("bf16"), Codec::kBf16);
  EXPECT_EQ(*ParseCodec("f32"), Codec::kF32);
  for (const char* name : {"", "int3", "bitmap", "bitmap-", "bitmap-f32", "bitmap-bitmap-int8", "INT8"}) {
    const auto codec = ParseCodec(name);
    ASSERT_FALSE(codec.ok()) << name;
    EXPECT_NE(codec.status().message().find("int4z"), std::string::npos);
  }
}

TEST(Codec, Defaults) {
  const Codec int8 = *ParseCodec("int8"), int4 = *ParseCodec("bitmap-int4"), nf4 = *ParseCodec("nf4");
  EXPECT_EQ(int8.group, 0);
  EXPECT_EQ(int8.activation_group, 0);
  EXPECT_FALSE(int8.scales_f16);
  EXPECT_EQ(int8.bias(), 128);
  EXPECT_EQ(int8.type(), kernels::PackedValues::kInt8);
  EXPECT_EQ(int4.group, 128);
  EXPECT_EQ(int4.activation_group, 128);
  EXPECT_TRUE(int4.scales_f16);
  EXPECT_EQ(int4.bias(), 8);
  EXPECT_EQ(int4.activations, Activations::kInt8);
  EXPECT_EQ(nf4.group, 64);
  EXPECT_EQ(nf4.activations, Activations::kBf16);
  EXPECT_EQ(ParseCodec("codebook")->bias(), 128);
  const Codec mxfp4 = *ParseCodec("mxfp4"), nvfp4 = *ParseCodec("bitmap-nvfp4");
  EXPECT_EQ(mxfp4.group, 32);
  EXPECT_EQ(mxfp4.activation_group, 128);
  EXPECT_EQ(mxfp4.bias(), 128);
  EXPECT_FALSE(mxfp4.product());
  EXPECT_EQ(nvfp4.group, 16);
  EXPECT_EQ(nvfp4.scale_bytes(), 1);
  EXPECT_EQ(nvfp4.activations, Activations::kBf16);
  EXPECT_TRUE(nvfp4.product());
  EXPECT_EQ(ParseCodec("fp4")->group, 128);
  const Codec razer = *ParseCodec("razer");
  EXPECT_EQ(razer.group, 128);
  EXPECT_TRUE(razer.selects());
  EXPECT_TRUE(razer.integer());
  EXPECT_EQ(razer.bias(), 128);
  EXPECT_EQ(razer.activations, Activations::kInt8);
  Codec small = int4;
  SetGroup(32, &small);
  EXPECT_EQ(small.group, 32);
  EXPECT_EQ(small.activation_group, 128);
}

TEST(Codec, WhatDoesNotExistIsRefused) {
  const auto refused = [](Codec codec) { return ValidateCodec(codec, "w").code() == StatusCode::kInvalidInput; };
  Codec c = *ParseCodec("bitmap-int4");
  for (int group : {-32, 16, 48, 96, 2048}) {
    Codec wrong = c;
    wrong.group = group;
    EXPECT_TRUE(refused(wrong)) << group;
    wrong = c;
    wrong.activation_group = group;
    EXPECT_TRUE(refused(wrong)) << group;
  }
  for (const auto& [n, m] : {std::pair{2, 6}, {0, 4}, {4, 4}, {2, 32}, {-1, 8}}) {
    Codec wrong = c;
    wrong.pattern_n = n;
    wrong.pattern_m = m;
    EXPECT_TRUE(refused(wrong)) << n << ":" << m;
  }
  Codec pattern = c;
  pattern.pattern_n = 8;
  pattern.pattern_m = 16;
  EXPECT_FALSE(refused(pattern));
  EXPECT_EQ(pattern.constant_rows(), 4);
  pattern.bitmap = false;
  EXPECT_TRUE(refused(pattern));
  Codec nf4 = *ParseCodec("nf4");
  nf4.activations = Activations::kInt8;
  EXPECT_TRUE(refused(nf4));
  for (const char* name : {"mxfp4", "nvfp4"}) {  // the format's group is part of it
    Codec fixed = *ParseCodec(name);
    SetGroup(64, &fixed);
    EXPECT_TRUE(refused(fixed)) << name;
  }
  Codec nvfp4 = *ParseCodec("nvfp4");
  nvfp4.scales_f16 = true;
  EXPECT_TRUE(refused(nvfp4));
  nvfp4 = *ParseCodec("nvfp4");
  nvfp4.activations = Activations::kInt8;
  EXPECT_TRUE(refused(nvfp4));
  Codec bf16 = Codec::kBf16;
  bf16.group = 128;
  EXPECT_TRUE(refused(bf16));
  Codec accurate = c;
  accurate.activations = Activations::kBf16;
  EXPECT_TRUE(refused(accurate));  // an activation group without int8 activations
  accurate.activation_group = 0;
  EXPECT_FALSE(refused(accurate));
}

}  // namespace
}  // namespace lacuna
