// Windows against transformers' and llama.cpp's rules, written down by hand.
#include "compress/windows.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

std::vector<Window> Make(int64_t tokens, PerplexityOptions options, int64_t context = 4096) {
  const auto resolved = ResolveWindows(options, context);
  EXPECT_TRUE(resolved.ok()) << resolved.status().message();
  const auto windows = MakeWindows(tokens, *resolved);
  EXPECT_TRUE(windows.ok()) << windows.status().message();
  return *windows;
}

using Triple = std::array<int64_t, 3>;
std::vector<Triple> Triples(const std::vector<Window>& windows) {
  std::vector<Triple> out;
  for (const Window& w : windows) out.push_back({w.begin, w.first, w.end});
  return out;
}

TEST(Windows, StridedAsTransformers) {
  EXPECT_EQ(Triples(Make(10, {.window = 4, .stride = 2})),
            (std::vector<Triple>{{0, 1, 4}, {2, 4, 6}, {4, 6, 8}, {6, 8, 10}}));
  EXPECT_EQ(Triples(Make(9, {.window = 4, .stride = 3})), (std::vector<Triple>{{0, 1, 4}, {3, 4, 7}, {6, 7, 9}}));
  EXPECT_EQ(Triples(Make(3, {.window = 8, .stride = 4})), (std::vector<Triple>{{0, 1, 3}}));
  EXPECT_EQ(Triples(Make(2, {.window = 2, .stride = 1})), (std::vector<Triple>{{0, 1, 2}}));
}

TEST(Windows, AStrideOfAWholeWindowLosesEachFirstToken) {
  EXPECT_EQ(Triples(Make(9, {.window = 4, .stride = 4})), (std::vector<Triple>{{0, 1, 4}, {4, 5, 8}}));
}

TEST(Windows, EveryTokenButTheFirstIsCountedOnce) {
  for (int64_t tokens : {2, 3, 17, 100, 101}) {
    for (int64_t window : {2, 3, 8, 50}) {
      for (int64_t stride = 1; stride < window; ++stride) {
        int64_t next = 1;
        for (const Window& w : Make(tokens, {.window = window, .stride = stride})) {
          EXPECT_EQ(w.first, next);
          EXPECT_LT(w.begin, w.first);
          EXPECT_LE(w.end - w.begin, window);
          if (w.begin > 0) EXPECT_GE(w.first - w.begin, window - stride);
          next = w.end;
        }
        EXPECT_EQ(next, tokens) << "window " << window << ", stride " << stride;
      }
    }
  }
}

// 512 tokens a window: 255 counted, from the 258th on; the rest of the text is left out.
TEST(Windows, SideBySideAsLlamaCpp) {
  const auto windows = Make(1300, {.rule = CountingRule::kLlamaCpp, .window = 512});
  EXPECT_EQ(Triples(windows), (std::vector<Triple>{{0, 257, 512}, {512, 769, 1024}}));
  EXPECT_EQ(windows[0].predicted(), 255);
  EXPECT_EQ(Triples(Make(7, {.rule = CountingRule::kLlamaCpp, .window = 3})),
            (std::vector<Triple>{{0, 2, 3}, {3, 5, 6}}));
}

TEST(Windows, DefaultsAndLimit) {
  const auto resolved = ResolveWindows({}, 8192);
  ASSERT_TRUE(resolved.ok());
  EXPECT_EQ(resolved->window, 1024);
  EXPECT_EQ(resolved->stride, 512);
  EXPECT_EQ(ResolveWindows({}, 300)->window, 300);
  EXPECT_EQ(Make(100, {.window = 10, .stride = 5, .limit = 3}).size(), 3u);
}

TEST(Windows, WhatCannotBeIsAnError) {
  const PerplexityOptions bad[] = {
      {.window = 1},
      {.window = 101},
      {.window = -4},
      {.window = 10, .stride = 11},
      {.window = 10, .stride = -1},
      {.rule = CountingRule::kLlamaCpp, .window = 2},
      {.rule = CountingRule::kLlamaCpp, .window = 10, .stride = 5},
  };
  for (const PerplexityOptions& options : bad) {
    const auto resolved = ResolveWindows(options, 100);
    EXPECT_FALSE(resolved.ok()) << options.window << " " << options.stride;
    EXPECT_EQ(resolved.status().code(), StatusCode::kInvalidInput);
  }
  for (int64_t tokens : {0, 1}) EXPECT_FALSE(MakeWindows(tokens, {.window = 10, .stride = 5}).ok());
  EXPECT_FALSE(MakeWindows(9, {.rule = CountingRule::kLlamaCpp, .window = 10, .stride = 10}).ok());
}

}  // namespace
}  // namespace lacuna
