// Runs the tests of `lacuna bench` on one session and takes the roofs around every repetition.
#pragma once

#include <memory>
#include <vector>

#include "backend/cpu/roofs.h"
#include "lacuna/lacuna.h"
#include "tools/bench_report.h"
#include "tools/bench_spec.h"

namespace lacuna::tools {

struct BenchRunOptions {
  int repetitions = 5;
  bool warmup = true;
  double rows_seconds = 0.2;  // a repetition of a rows test is as many passes as fit, at least three
};

class BenchRunner {
 public:
  // The session has one lane's worth of context for every test: depth + tokens. `meter` runs on the model's team.
  BenchRunner(Session& session, RoofMeter& meter, BenchSetting setting, const BenchRunOptions& options);

  // Tests of one depth. Tests with rows take turns within each repetition, so that their times compare.
  Result<std::vector<BenchRow>> Run(const std::vector<BenchTest>& tests);

 private:
  struct PassCost {
    double bytes, ops;
  };

  Status FillTo(int64_t depth);
  Status RunTest(BenchRow* row);
  Status RunRows(std::vector<BenchRow>* rows);
  Status Warm(const BenchTest& test);
  // Runs the test once (rows: one pass), from the lane's depth and back to it, and leaves its cost in passes_.
  Result<double> Once(const BenchTest& test);
  Status Append(int64_t tokens);
  void Sample(double ns, int64_t times, const Roofs& before, const Roofs& after, BenchRow* row) const;
  int32_t NextToken();

  Session& session_;
  RoofMeter& meter_;
  const BenchSetting setting_;
  const BenchRunOptions options_;
  Traffic& traffic_;
  LaneId lane_ = 0;
  int64_t depth_ = 0;
  uint32_t random_ = 1;
  std::vector<int32_t> tokens_;
  std::vector<PassRow> rows_;
  std::vector<PassCost> passes_;
};

// The context that a session needs for these tests.
int64_t ContextFor(const std::vector<BenchTest>& tests);

}  // namespace lacuna::tools
