// Real trained weights: the 260 K parameter story model and its 200 golden tokens (float32, greedy from BOS).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/parity.h"
#include "tests/support/paths.h"

namespace lacuna {
namespace {

using namespace testing;

struct Golden {
  std::string folder;
  std::vector<int32_t> prompt;
  std::vector<int32_t> ids;
  std::string text;
};

Golden LoadGolden() {
  Golden g;
  g.folder = SharedData() + "/stories260K";
  std::ifstream file(g.folder + "/golden.json");
  const auto json = nlohmann::json::parse(file);
  g.prompt = json["prompt_ids"].get<std::vector<int32_t>>();
  g.ids = json["greedy_ids"].get<std::vector<int32_t>>();
  g.text = json["text"];
  return g;
}

TEST(Golden, F32GivesTheTokensExactly) {
  LACUNA_NEEDS_SHARED_DATA();
  const Golden g = LoadGolden();
  ASSERT_EQ(g.ids.size(), 200u);
  const auto model = MustLoad(g.folder, Numerics::kF32);
  ASSERT_TRUE(model);
  const auto session = MustCreate(model, {});
  const auto lane = session->NewLane();
  GenerateOptions options;
  options.max_tokens = static_cast<int64_t>(g.ids.size());
  options.sampling.temperature = 0;
  options.ignore_eos = true;
  const auto out = Generate(*session, *lane, g.prompt, options);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(out->ids, g.ids);
  const auto text = model->tokenizer()->Decode(out->ids);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(g.text.find(*text), std::string::npos) << *text;
}

int Top(const std::vector<float>& logits) {
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Teacher-forced in default mode. A logit moves by at most a share of the logits' spread when every linear input is
// rounded to bf16 (2^-9): five layers with two branches each give 2 * 5 * 2^-9 of the largest logit, taken twice.
TEST(Golden, DefaultAgreesWhereTheMarginExceedsTheBound) {
  LACUNA_NEEDS_SHARED_DATA();
  const Golden g = LoadGolden();
  std::vector<int32_t> text = g.prompt;
  text.insert(text.end(), g.ids.begin(), g.ids.end() - 1);
  const SessionOptions options{.context_length = 512, .max_rows = 256, .max_logits = 256};
  const auto f32 = AllLogits(*MustCreate(MustLoad(g.folder, Numerics::kF32), options), text, 256);
  const auto bf16 = AllLogits(*MustCreate(MustLoad(g.folder, Numerics::kDefault), options), text, 256);
  ASSERT_EQ(f32.size(), 200u);
  int same = 0;
  for (std::size_t i = 0; i < f32.size(); ++i) {
    std::vector<float> sorted = f32[i];
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    const float margin = sorted[0] - sorted[1];
    const float largest = std::max(std::abs(sorted.front()), std::abs(sorted.back()));
    const float bound = 2 * 2 * 5 * std::ldexp(largest, -9);
    const bool equal = Top(f32[i]) == Top(bf16[i]);
    same += equal;
    if (margin > bound) {
      EXPECT_TRUE(equal) << "position " << i << ", margin " << margin << ", bound " << bound;
    }
  }
  std::cout << "top token the same at " << same << " of 200 positions\n";
  EXPECT_GE(same, 190);
}

}  // namespace
}  // namespace lacuna
