#include "tools/bench_runner.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "backend/cpu/catalog.h"
#include "base/status_macros.h"
#include "model/model_impl.h"
#include "tools/command.h"

namespace lacuna::tools {
namespace {

double NowNs() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string UtcTime() {
  char text[32];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

// Adds the kernels that ran since `before` and are not in `names` yet.
void AddKernels(const std::vector<KernelCount>& before, std::vector<std::string>* names) {
  for (const KernelCount& now : ReadKernelCounts()) {
    const auto was =
        std::find_if(before.begin(), before.end(), [&](const KernelCount& k) { return k.name == now.name; });
    if (was != before.end() && was->calls == now.calls) continue;
    if (std::find(names->begin(), names->end(), now.name) == names->end()) names->emplace_back(now.name);
  }
}

Roofs Better(const Roofs& a, const Roofs& b) {
  return {std::max(a.read_gb_s, b.read_gb_s), std::max(a.peak_gflop_s, b.peak_gflop_s)};
}

}  // namespace

int64_t ContextFor(const std::vector<BenchTest>& tests) {
  int64_t context = 1;
  for (const BenchTest& test : tests) context = std::max(context, test.depth + test.Tokens());
  return context;
}

BenchRunner::BenchRunner(Session& session, RoofMeter& meter, BenchSetting setting, const BenchRunOptions& options)
    : session_(session),
      meter_(meter),
      setting_(std::move(setting)),
      options_(options),
      traffic_(session.model().impl().backend->traffic()) {}

// Any token will do; a fixed sequence, so that every run does the same.
int32_t BenchRunner::NextToken() {
  random_ = random_ * 1664525u + 1013904223u;
  return static_cast<int32_t>((random_ >> 8) % static_cast<uint32_t>(session_.model().info().vocab_size));
}

Status BenchRunner::Append(int64_t tokens) {
  const auto most = static_cast<int64_t>(session_.options().max_rows);
  while (tokens > 0) {
    if (cancelled()) return Cancelled();
    const int64_t n = std::min(tokens, most);
    tokens_.resize(static_cast<std::size_t>(n));
    for (int32_t& token : tokens_) token = NextToken();
    const TrafficCount before = traffic_.Total();
    LACUNA_RETURN_IF_ERROR(session_.Append(lane_, tokens_).status());
    const TrafficCount cost = traffic_.Total() - before;
    passes_.push_back({static_cast<double>(cost.bytes()), static_cast<double>(cost.ops())});
    tokens -= n;
  }
  return {};
}

Result<double> BenchRunner::Once(const BenchTest& test) {
  passes_.clear();
  double start = 0, end = 0;
  if (test.rows > 0) {
    if (cancelled()) return Cancelled();
    rows_.clear();
    for (int64_t i = 0; i < test.rows; ++i) rows_.push_back({.token = NextToken(), .lane = lane_, .want_logits = true});
    const TrafficCount before = traffic_.Total();
    start = NowNs();
    LACUNA_RETURN_IF_ERROR(session_.Run(rows_).status());
    end = NowNs();
    const TrafficCount cost = traffic_.Total() - before;
    passes_.push_back({static_cast<double>(cost.bytes()), static_cast<double>(cost.ops())});
  } else {
    start = NowNs();
    LACUNA_RETURN_IF_ERROR(Append(test.prompt));
    for (int64_t i = 0; i < test.gen; ++i) LACUNA_RETURN_IF_ERROR(Append(1));
    end = NowNs();
  }
  LACUNA_RETURN_IF_ERROR(session_.Rollback(lane_, depth_));
  return end - start;
}

void BenchRunner::Sample(double ns, int64_t times, const Roofs& before, const Roofs& after, BenchRow* row) const {
  BenchSample sample{.ns = ns / static_cast<double>(times), .roofs = Better(before, after)};
  sample.steady = std::min(before.read_gb_s, after.read_gb_s) >= 0.9 * sample.roofs.read_gb_s;
  for (const PassCost& pass : passes_) sample.roof_ns += RoofSeconds(pass.bytes, pass.ops, sample.roofs) * 1e9;
  row->samples.push_back(sample);
}

Status BenchRunner::Warm(const BenchTest& test) {
  if (!options_.warmup) return {};
  BenchTest shorter = test;
  shorter.prompt = std::min<int64_t>(test.prompt, session_.options().max_rows);
  shorter.gen = std::min<int64_t>(test.gen, 1);
  return Once(shorter).status();
}

Status BenchRunner::RunTest(BenchRow* row) {
  LACUNA_RETURN_IF_ERROR(Warm(row->test));
  const CpuTimes begin = ReadCpuTimes();
  Roofs before = meter_.Measure();
  for (int r = 0; r < options_.repetitions; ++r) {
    const TrafficCount from = traffic_.Total();
    const std::vector<KernelCount> kernels = ReadKernelCounts();
    LACUNA_ASSIGN_OR_RETURN(const double ns, Once(row->test));
    AddKernels(kernels, &row->kernels);
    row->cost += traffic_.Total() - from;
    ++row->times;
    const Roofs after = meter_.Measure();
    Sample(ns, 1, before, after, row);
    before = after;
  }
  row->load = LoadBetween(begin, ReadCpuTimes());
  return {};
}

Status BenchRunner::RunRows(std::vector<BenchRow>* rows) {
  for (const BenchRow& row : *rows) LACUNA_RETURN_IF_ERROR(Warm(row.test));
  const CpuTimes begin = ReadCpuTimes();
  Roofs before = meter_.Measure();
  for (int r = 0; r < options_.repetitions; ++r) {
    for (BenchRow& row : *rows) {
      double ns = 0;
      int64_t times = 0;
      const TrafficCount from = traffic_.Total();
      const std::vector<KernelCount> kernels = ReadKernelCounts();
      while (times < 3 || ns < options_.rows_seconds * 1e9) {
        LACUNA_ASSIGN_OR_RETURN(const double once, Once(row.test));
        ns += once;
        ++times;
      }
      AddKernels(kernels, &row.kernels);
      row.cost += traffic_.Total() - from;
      row.times += times;
      const Roofs after = meter_.Measure();
      Sample(ns, times, before, after, &row);
      before = after;
    }
  }
  for (BenchRow& row : *rows) row.load = LoadBetween(begin, ReadCpuTimes());
  return {};
}

Status BenchRunner::FillTo(int64_t depth) {
  depth_ = depth;
  LACUNA_RETURN_IF_ERROR(session_.Rollback(lane_, 0));
  return Append(depth);
}

Result<std::vector<BenchRow>> BenchRunner::Run(const std::vector<BenchTest>& tests) {
  LACUNA_ASSIGN_OR_RETURN(lane_, session_.NewLane());
  std::vector<BenchRow> done, with_rows;
  if (!tests.empty()) LACUNA_RETURN_IF_ERROR(FillTo(tests.front().depth));
  for (const BenchTest& test : tests) {
    BenchRow row{.setting = setting_, .test = test, .test_time = UtcTime()};
    if (test.rows > 0) {
      with_rows.push_back(std::move(row));
      continue;
    }
    LACUNA_RETURN_IF_ERROR(RunTest(&row));
    done.push_back(std::move(row));
  }
  if (!with_rows.empty()) {
    LACUNA_RETURN_IF_ERROR(RunRows(&with_rows));
    done.insert(done.end(), std::make_move_iterator(with_rows.begin()), std::make_move_iterator(with_rows.end()));
  }
  LACUNA_RETURN_IF_ERROR(session_.CloseLane(lane_));
  return done;
}

}  // namespace lacuna::tools
