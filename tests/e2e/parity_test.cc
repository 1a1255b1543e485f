// Tiny random models of every family and variation against transformers' log-probabilities over 1,500 tokens.
//
// f32 mode: 1e-4 relative. Default mode: every linear layer rounds its input to bf16 once, u = 2^-9 relative. Each of
// the n residual branches (attention and MLP of every layer) thus moves the residual stream, and with it the logits,
// by about u of its size: n * u on average. A single position may be hit harder where attention is nearly tied: 8 n u.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/parity.h"

namespace lacuna {
namespace {

using namespace testing;

class Parity : public ::testing::TestWithParam<std::string> {};

std::vector<double> LogSoftmax(const std::vector<float>& logits) {
  double top = -INFINITY;
  for (float x : logits) top = std::max(top, static_cast<double>(x));
  double sum = 0;
  for (float x : logits) sum += std::exp(x - top);
  std::vector<double> out;
  for (float x : logits) out.push_back(x - top - std::log(sum));
  return out;
}

struct Errors {
  double max = 0;  // over max(1, |expected|)
  double mean = 0;
};

Errors Compare(const ParityCase& c, Numerics numerics) {
  const auto model = MustLoad(c.folder, numerics);
  if (!model) return {INFINITY, INFINITY};
  // LongRoPE goes by the context's length, in transformers by the text's.
  const auto session =
      MustCreate(model, {.context_length = static_cast<int64_t>(c.ids.size()), .max_rows = 300, .max_logits = 300});
  const auto logits = AllLogits(*session, c.ids, 300);
  Errors e;
  int64_t n = 0;
  const auto see = [&](double got, double want) {
    const double error = std::abs(got - want) / std::max(1.0, std::abs(want));
    e.max = std::max(e.max, std::isnan(error) ? INFINITY : error);
    e.mean += error;
    ++n;
  };
  std::vector<std::vector<double>> lp;
  for (const auto& row : logits) lp.push_back(LogSoftmax(row));
  if (lp.size() != c.ids.size()) return {INFINITY, INFINITY};
  for (std::size_t i = 0; i + 1 < c.ids.size(); ++i) see(lp[i][static_cast<std::size_t>(c.ids[i + 1])], c.next[i]);
  for (std::size_t p = 0; p < c.positions.size(); ++p) {
    const auto& row = lp[static_cast<std::size_t>(c.positions[p])];
    for (std::size_t q = 0; q < c.probe_ids.size(); ++q) {
      see(row[static_cast<std::size_t>(c.probe_ids[q])], c.probes[p * c.probe_ids.size() + q]);
    }
    if (numerics == Numerics::kF32 && c.top[2 * p] - c.top[2 * p + 1] > 1e-3) {
      const auto best = std::max_element(row.begin(), row.end()) - row.begin();
      EXPECT_EQ(best, c.top_ids[2 * p]) << "position " << c.positions[p];
    }
  }
  e.mean /= static_cast<double>(n);
  return e;
}

TEST_P(Parity, F32) {
  const TempDir root;
  const ParityCase c = LoadParityCase(GetParam(), root);
  const Errors e = Compare(c, Numerics::kF32);
  EXPECT_LE(e.max, 1e-4) << c.what;
  RecordProperty("max_error", std::to_string(e.max));
}

TEST_P(Parity, Default) {
  const TempDir root;
  const ParityCase c = LoadParityCase(GetParam(), root);
  const Errors e = Compare(c, Numerics::kDefault);
  std::cout << c.name << ": default mode, mean error " << e.mean << ", max " << e.max << "\n";
  const double u = std::ldexp(1.0, -9);
  const double branches = 2.0 * 3;  // attention and MLP of three layers; models of four keep within it too
  EXPECT_LE(e.mean, u * branches) << c.what;
  EXPECT_LE(e.max, 8 * u * branches) << c.what;
}

INSTANTIATE_TEST_SUITE_P(Cases, Parity, ::testing::ValuesIn(ParityCaseNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace lacuna
