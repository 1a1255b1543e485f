// A measured test and how it is written: llama-bench's fields, then lacuna's own (DESIGN 14).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backend/cpu/roofs.h"
#include "backend/traffic.h"
#include "base/machine_load.h"
#include "tools/bench_spec.h"

namespace lacuna::tools {

// What is the same for all tests of one model on one team.
struct BenchSetting {
  std::string cpu, machine_kind, tier;
  std::string model_filename, model_type;
  int64_t model_bytes = 0, parameters = 0;
  int threads = 0;
  int64_t ubatch = 0;
  std::string kv_type, codec, numerics, page_size, peak_instruction;
  double density = 1;
  double load_ms = 0;
  int64_t load_rss_bytes = 0;  // the process's peak right after loading
};

// One repetition. The roofs are the better of those taken just before and just after it.
struct BenchSample {
  double ns = 0;       // of one test (rows: of one pass)
  double roof_ns = 0;  // the least it can take by those roofs, pass by pass
  Roofs roofs;
  bool steady = true;  // memory was as fast before as after, within 10 %
};

struct BenchRow {
  BenchSetting setting;
  BenchTest test;
  std::string test_time;  // UTC, ISO 8601, when it began
  std::vector<BenchSample> samples;
  TrafficCount cost;                 // of all repetitions
  int64_t times = 0;                 // tests that `cost` is of
  std::vector<std::string> kernels;  // that ran
  LoadShares load;
};

double Mean(const std::vector<double>& values);
double StandardDeviation(const std::vector<double>& values);  // of a sample, n - 1; 0 for one value
double Median(std::vector<double> values);

// Every value finite; numbers as numbers. Speeds and shares are medians of the steady samples, if there are any.
nlohmann::ordered_json ToJson(const BenchRow& row);

// Writers: all text of a report. csv quotes as RFC 4180 does and leaves the sample lists out; md is a table for reading
// whose notes name steal above 3 %.
std::string JsonReport(const std::vector<BenchRow>& rows);
std::string JsonLinesReport(const std::vector<BenchRow>& rows);
std::string CsvReport(const std::vector<BenchRow>& rows);
std::string MarkdownReport(const std::vector<BenchRow>& rows);

}  // namespace lacuna::tools
