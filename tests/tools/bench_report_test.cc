// How results are written: strict JSON, RFC 4180 csv, a table that marks stolen time.
#include "tools/bench_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lacuna::tools {
namespace {

using nlohmann::json;

BenchRow Row() {
  BenchRow row;
  row.setting.cpu = "A \"quoted\", processor";
  row.setting.model_type = "llama bf16";
  row.setting.model_bytes = int64_t{2} << 30;
  row.setting.parameters = 1'100'000'000;
  row.setting.threads = 2;
  row.setting.codec = "bf16";
  row.test = {.gen = 4, .depth = 64};
  row.times = 3;
  row.cost.by_op[static_cast<int>(OpKind::kLinear)] = {
      .calls = 30, .bytes = 90'000'000'000, .ops = 24'000'000'000, .ns = 6'000'000};
  row.cost.by_op[static_cast<int>(OpKind::kAttention)] = {.calls = 30, .bytes = 30'000'000'000, .ns = 3'000'000};
  row.kernels = {"linear_a", "attention_b"};
  // Three repetitions of four tokens: 2 s, 4 s and 2 s beside a roof of 1.6 s.
  for (double ns : {2e9, 4e9, 2e9}) {
    row.samples.push_back({.ns = ns, .roof_ns = 1.6e9, .roofs = {.read_gb_s = 25, .peak_gflop_s = 1000}});
  }
  return row;
}

TEST(BenchReport, Figures) {
  const json j = ToJson(Row());
  EXPECT_EQ(j["test"], "tg4 @ d64");
  EXPECT_EQ(j["n_gen"], 4);
  EXPECT_EQ(j["n_prompt"], 0);
  EXPECT_EQ(j["n_depth"], 64);
  EXPECT_EQ(j["bytes_per_token"], 10'000'000'000);
  EXPECT_EQ(j["weight_bytes"], 30'000'000'000);
  EXPECT_EQ(j["kv_bytes"], 10'000'000'000);
  EXPECT_EQ(j["op_ns"]["linear"], 2'000'000);
  EXPECT_EQ(j["op_ns"]["attention"], 1'000'000);
  EXPECT_NEAR(j["avg_ns"].get<double>(), 8e9 / 3, 1);
  EXPECT_NEAR(j["avg_ts"].get<double>(), 5.0 / 3, 1e-4) << "the mean of the repetitions' rates, as llama-bench has it";
  EXPECT_NEAR(j["gb_s"].get<double>(), 20, 1e-6) << "by the median repetition";
  EXPECT_EQ(j["stream_gb_s"], 25);
  EXPECT_NEAR(j["roof_share"].get<double>(), 0.8, 1e-6);
  EXPECT_NEAR(j["gflop_s"].get<double>(), 4, 1e-6);
  EXPECT_EQ(j["kernels"], (json{"linear_a", "attention_b"}));
  EXPECT_EQ(j["samples_ns"].size(), 3u);
}

TEST(BenchReport, RepetitionsInWhichMemoryChangedItsSpeedDoNotCount) {
  BenchRow row = Row();
  row.samples[0].steady = row.samples[2].steady = false;
  const json j = ToJson(row);
  EXPECT_EQ(j["steady_samples"], 1);
  EXPECT_NEAR(j["gb_s"].get<double>(), 10, 1e-6) << "of the 4 s alone";
  EXPECT_NEAR(j["roof_share"].get<double>(), 0.4, 1e-6);
  EXPECT_NEAR(j["avg_ts"].get<double>(), 5.0 / 3, 1e-4) << "of all, as llama-bench has it";

  row.samples[1].steady = false;
  EXPECT_NEAR(ToJson(row)["roof_share"].get<double>(), 0.8, 1e-6) << "of all, if none was steady";
  EXPECT_EQ(ToJson(row)["steady_samples"], 0);
}

TEST(BenchReport, JsonIsStrictWhateverTheFigures) {
  BenchRow row = Row();
  row.samples[0] = {};  // no time passed, no roof
  row.samples[1].roof_ns = std::numeric_limits<double>::infinity();
  row.samples[1].roofs.read_gb_s = std::nan("");
  const std::string text = JsonReport({row, row});
  const json parsed = json::parse(text);
  ASSERT_EQ(parsed.size(), 2u);
  for (const auto& [name, value] : parsed[0].items()) EXPECT_FALSE(value.is_null()) << name;
  EXPECT_EQ(json::parse(JsonReport({})), json::array());
}

TEST(BenchReport, JsonLines) {
  const std::string text = JsonLinesReport({Row(), Row()});
  const std::size_t end = text.find('\n');
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(json::parse(text.substr(0, end)), json::parse(text.substr(end + 1)));
}

TEST(BenchReport, CsvQuotesAndHasOneColumnAName) {
  const std::string text = CsvReport({Row()});
  const std::size_t end = text.find('\n');
  const std::string names = text.substr(0, end);
  const std::string values = text.substr(end + 1);
  EXPECT_EQ(names.find("samples_"), std::string::npos);
  EXPECT_NE(values.find("\"A \"\"quoted\"\", processor\""), std::string::npos) << values;
  EXPECT_NE(values.find("\"linear_a attention_b\""), std::string::npos) << values;
  // Commas outside quotes are as many as between names.
  bool quoted = false;
  int commas = 0;
  for (char c : values) {
    if (c == '"') quoted = !quoted;
    commas += c == ',' && !quoted;
  }
  EXPECT_EQ(commas, std::count(names.begin(), names.end(), ','));
  EXPECT_EQ(CsvReport({}), "");
}

TEST(BenchReport, TableMarksStolenTime) {
  BenchRow row = Row();
  row.load.steal = 0.029;
  EXPECT_EQ(MarkdownReport({row}).find("the host took"), std::string::npos);
  row.load.steal = 0.051;
  const std::string text = MarkdownReport({row});
  EXPECT_NE(text.find("tg4 @ d64: the host took 5.1 %"), std::string::npos) << text;
  EXPECT_NE(text.find("| 20.0 of 25.0"), std::string::npos) << text;
  EXPECT_NE(text.find("80.0 %"), std::string::npos) << text;
  // Every line of the table has the same columns.
  const std::string first = text.substr(0, text.find('\n'));
  const std::string second = text.substr(text.find('\n') + 1, first.size());
  EXPECT_EQ(std::count(first.begin(), first.end(), '|'), std::count(second.begin(), second.end(), '|'));
}

TEST(BenchStatistics, MeanDeviationMedian) {
  EXPECT_EQ(Mean({}), 0);
  EXPECT_EQ(StandardDeviation({5}), 0);
  EXPECT_NEAR(StandardDeviation({2, 4, 4, 4, 5, 5, 7, 9}), 2.13809, 1e-5);
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
}

}  // namespace
}  // namespace lacuna::tools
