// What `lacuna bench` is asked to measure: llama-bench's number lists and the tests that follow from them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lacuna/status.h"

namespace lacuna::tools {

// llama-bench's list: comma-separated numbers and ranges "first-last", "first-last+step", "first-last*factor", both
// ends included. `flag` is for the message.
Result<std::vector<int64_t>> ParseRanges(const std::string& text, const std::string& flag);
// All of a flag's values, which may be given several times.
Result<std::vector<int64_t>> ParseRanges(const std::vector<std::string>& texts, const std::string& flag);
// "512,128": a prompt and what is generated after it.
Result<std::pair<int64_t, int64_t>> ParsePromptAndGen(const std::string& text);

// One test. Rows: one pass over that many rows of one lane, rolled back, as speculation does it; prompt and gen are 0.
struct BenchTest {
  int64_t prompt = 0;
  int64_t gen = 0;
  int64_t rows = 0;
  int64_t depth = 0;  // tokens the lane holds before

  // "pp512", "tg128", "pp512+tg128", "rows8", with " @ d4096".
  std::string Name() const;
  int64_t Tokens() const { return rows > 0 ? rows : prompt + gen; }
};

struct BenchPlan {
  std::vector<int64_t> prompts, gens, rows, depths;
  std::vector<std::pair<int64_t, int64_t>> prompt_gens;

  // In llama-bench's order: by depth, then prompts, generation, both; rows at the end. Zeros skip that kind.
  std::vector<BenchTest> Tests() const;
};

}  // namespace lacuna::tools
