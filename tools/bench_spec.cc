#include "tools/bench_spec.h"

#include <charconv>

#include "base/status_macros.h"

namespace lacuna::tools {
namespace {

constexpr int64_t kMax = int64_t{1} << 24;

// Takes a number off the front of [*at, end).
bool TakeNumber(const char** at, const char* end, int64_t* value) {
  const auto [next, error] = std::from_chars(*at, end, *value);
  if (error != std::errc() || *value < 0 || *value > kMax) return false;
  *at = next;
  return true;
}

bool Take(const char** at, const char* end, char c) {
  if (*at == end || **at != c) return false;
  ++*at;
  return true;
}

}  // namespace

Result<std::vector<int64_t>> ParseRanges(const std::string& text, const std::string& flag) {
  const auto bad = [&] {
    return InvalidInput(flag + ": '" + text.substr(0, 60) +
                        "' is not a list of numbers and ranges, expected for example 1,2 or 1-8 or 1-9+2 or 1-16*2");
  };
  std::vector<int64_t> values;
  const char* at = text.data();
  const char* end = at + text.size();
  while (true) {
    int64_t first = 0;
    if (!TakeNumber(&at, end, &first)) return bad();
    int64_t last = first, step = 1;
    bool multiply = false;
    if (Take(&at, end, '-')) {
      if (!TakeNumber(&at, end, &last) || last < first) return bad();
      multiply = Take(&at, end, '*');
      if (multiply || Take(&at, end, '+')) {
        if (!TakeNumber(&at, end, &step) || step < 1) return bad();
      }
      // Neither would ever reach the end.
      if (multiply && (step < 2 || first == 0)) return bad();
    }
    for (int64_t value = first; value <= last; value = multiply ? value * step : value + step) {
      if (values.size() >= 4096) return InvalidInput(flag + ": more than 4096 values");
      values.push_back(value);
    }
    if (at == end) return values;
    if (!Take(&at, end, ',')) return bad();
  }
}

Result<std::vector<int64_t>> ParseRanges(const std::vector<std::string>& texts, const std::string& flag) {
  std::vector<int64_t> all;
  for (const std::string& text : texts) {
    LACUNA_ASSIGN_OR_RETURN(const std::vector<int64_t> values, ParseRanges(text, flag));
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

Result<std::pair<int64_t, int64_t>> ParsePromptAndGen(const std::string& text) {
  const char* at = text.data();
  const char* end = at + text.size();
  std::pair<int64_t, int64_t> both;
  if (!TakeNumber(&at, end, &both.first) || !Take(&at, end, ',') || !TakeNumber(&at, end, &both.second) || at != end ||
      both.first + both.second == 0) {
    return InvalidInput("--pg: '" + text.substr(0, 60) +
                        "' is not a prompt and a generation length, expected for example 512,128");
  }
  return both;
}

std::string BenchTest::Name() const {
  std::string name;
  if (rows > 0) name = "rows" + std::to_string(rows);
  if (prompt > 0) name = "pp" + std::to_string(prompt);
  if (gen > 0) name += (name.empty() ? "tg" : "+tg") + std::to_string(gen);
  return depth > 0 ? name + " @ d" + std::to_string(depth) : name;
}

std::vector<BenchTest> BenchPlan::Tests() const {
  std::vector<BenchTest> tests;
  const std::vector<int64_t> at_zero = {0};
  for (int64_t depth : depths.empty() ? at_zero : depths) {
    for (int64_t n : prompts) {
      if (n > 0) tests.push_back({.prompt = n, .depth = depth});
    }
    for (int64_t n : gens) {
      if (n > 0) tests.push_back({.gen = n, .depth = depth});
    }
    for (const auto& [prompt, gen] : prompt_gens) tests.push_back({.prompt = prompt, .gen = gen, .depth = depth});
    for (int64_t n : rows) {
      if (n > 0) tests.push_back({.rows = n, .depth = depth});
    }
  }
  return tests;
}

}  // namespace lacuna::tools
