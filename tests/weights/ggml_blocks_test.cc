// Every block type against the `gguf` Python package (scripts/make_gguf_cases.py): the same bits.
#include "weights/ggml_blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/fp_scope.h"
#include "io/gguf.h"
#include "tests/support/paths.h"

namespace lacuna {
namespace {

class GgmlBlocks : public ::testing::TestWithParam<const char*> {};

TEST_P(GgmlBlocks, EqualTheReference) {
  const auto file = GgufFile::Open(testing::DataPath("gguf/blocks.gguf"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  const std::string name = GetParam();
  const Tensor* blocks = file->Find(name);
  const Tensor* expected = file->Find(name + ".f32");
  ASSERT_TRUE(blocks && expected);
  ASSERT_EQ(DTypeName(blocks->dtype), name);
  ASSERT_TRUE(IsBlockWeightType(blocks->dtype));
  ASSERT_EQ(blocks->elements(), expected->elements());
  std::vector<float> want(static_cast<std::size_t>(expected->elements())), got(want.size(), NAN);
  std::memcpy(want.data(), expected->data.data(), expected->data.size());
  DequantizeBlocks(blocks->data.data(), blocks->dtype, blocks->elements(), got.data());
  int nonzero = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    nonzero += want[i] != 0;
    ASSERT_EQ(want[i], got[i]) << name << "[" << i << "]";  // +0 and -0 are one value
  }
  EXPECT_GT(nonzero, 100);
  // Products of F16 numbers with codes are never denormal, so flushing changes nothing.
  std::vector<float> flushed(want.size(), NAN);
  {
    const FpScope fp;
    DequantizeBlocks(blocks->data.data(), blocks->dtype, blocks->elements(), flushed.data());
  }
  EXPECT_EQ(std::memcmp(flushed.data(), got.data(), got.size() * 4), 0);
}

INSTANTIATE_TEST_SUITE_P(Types, GgmlBlocks,
                         ::testing::Values("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace lacuna
