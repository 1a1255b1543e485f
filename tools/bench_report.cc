#include "tools/bench_report.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "lacuna/version.h"

namespace lacuna::tools {
namespace {

constexpr double kSteal = 0.03;  // above this a figure is marked

using nlohmann::ordered_json;

template <typename Get>
std::vector<double> Each(const BenchRow& row, Get get) {
  std::vector<double> values;
  for (const BenchSample& sample : row.samples) values.push_back(get(sample));
  return values;
}

// The median of those repetitions that no change of the memory's speed fell into; of all, if it fell into each.
double SteadyMedian(const BenchRow& row, const std::vector<double>& each) {
  std::vector<double> values;
  for (std::size_t i = 0; i < each.size(); ++i) {
    if (row.samples[i].steady) values.push_back(each[i]);
  }
  return Median(values.empty() ? each : values);
}

double TokensPerSecond(const BenchRow& row, const BenchSample& s) {
  return s.ns > 0 ? static_cast<double>(row.test.Tokens()) * 1e9 / s.ns : 0;
}

std::string Fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

// Six significant digits: more is noise, and long tails make committed files hard to compare.
double Short(double value) {
  if (!std::isfinite(value)) return 0;
  std::ostringstream out;
  out << std::setprecision(6) << value;
  return std::stod(out.str());
}

std::string CsvField(const ordered_json& value) {
  std::string text;
  if (value.is_string()) {
    text = value.get<std::string>();
  } else if (value.is_array()) {
    for (const auto& item : value) text += (text.empty() ? "" : " ") + item.get<std::string>();
  } else {
    text = value.dump();
  }
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

double Mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  double sum = 0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double StandardDeviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = Mean(values);
  double sum = 0;
  for (double v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

ordered_json ToJson(const BenchRow& row) {
  const BenchSetting& s = row.setting;
  const auto ns = Each(row, [](const BenchSample& x) { return std::round(x.ns); });
  const auto ts = Each(row, [&](const BenchSample& x) { return Short(TokensPerSecond(row, x)); });
  const auto share = Each(row, [](const BenchSample& x) { return x.ns > 0 ? Short(x.roof_ns / x.ns) : 0; });
  const auto stream = Each(row, [](const BenchSample& x) { return Short(x.roofs.read_gb_s); });
  const auto peak = Each(row, [](const BenchSample& x) { return Short(x.roofs.peak_gflop_s); });
  const double median_ns = SteadyMedian(row, ns);
  const int64_t times = std::max<int64_t>(1, row.times);
  const int64_t bytes = row.cost.bytes() / times;
  const int64_t ops = row.cost.ops() / times;
  ordered_json op_ns = ordered_json::object();
  for (int i = 0; i < kOpKinds; ++i)
    op_ns[OpName(static_cast<OpKind>(i))] = row.cost[static_cast<OpKind>(i)].ns / times;
  const auto per_second = [&](int64_t amount) {
    return median_ns > 0 ? Short(static_cast<double>(amount) / median_ns) : 0;  // 1e9 a second
  };
  return {{"build_commit", "lacuna-" LACUNA_VERSION_STRING},
          {"cpu_info", s.cpu},
          {"gpu_info", ""},
          {"backends", "CPU"},
          {"model_filename", s.model_filename},
          {"model_type", s.model_type},
          {"model_size", s.model_bytes},
          {"model_n_params", s.parameters},
          {"n_batch", s.ubatch},
          {"n_ubatch", s.ubatch},
          {"n_threads", s.threads},
          {"type_k", s.kv_type},
          {"type_v", s.kv_type},
          {"n_prompt", row.test.prompt},
          {"n_gen", row.test.gen},
          {"n_depth", row.test.depth},
          {"n_rows", row.test.rows},
          {"test", row.test.Name()},
          {"test_time", row.test_time},
          {"avg_ns", std::round(Mean(ns))},
          {"stddev_ns", std::round(StandardDeviation(ns))},
          {"avg_ts", Short(Mean(ts))},
          {"stddev_ts", Short(StandardDeviation(ts))},
          {"machine_kind", s.machine_kind},
          {"tier", s.tier},
          {"codec", s.codec},
          {"density", s.density},
          {"numerics", s.numerics},
          {"bytes_per_token", row.test.Tokens() > 0 ? bytes / row.test.Tokens() : 0},
          {"bytes", bytes},
          {"weight_bytes", row.cost[OpKind::kLinear].bytes / times},
          {"kv_bytes", row.cost[OpKind::kAttention].bytes / times},
          {"ops", ops},
          {"attention_ops", row.cost[OpKind::kAttention].ops / times},
          {"op_ns", op_ns},
          {"gb_s", per_second(bytes)},
          {"stream_gb_s", Short(SteadyMedian(row, stream))},
          {"gflop_s", per_second(ops)},
          {"peak_gflop_s", Short(SteadyMedian(row, peak))},
          {"peak_instruction", s.peak_instruction},
          {"roof_share", Short(SteadyMedian(row, share))},
          {"kernels", row.kernels},
          {"page_size", s.page_size},
          {"load_ms", Short(s.load_ms)},
          {"load_rss_bytes", s.load_rss_bytes},
          {"steal_share", Short(row.load.steal)},
          {"other_share", Short(row.load.other)},
          {"steady_samples", std::count_if(row.samples.begin(), row.samples.end(), [](auto& x) { return x.steady; })},
          {"samples_ns", ns},
          {"samples_ts", ts},
          {"samples_roof_share", share},
          {"samples_stream_gb_s", stream},
          {"samples_peak_gflop_s", peak}};
}

std::string JsonReport(const std::vector<BenchRow>& rows) {
  std::string out = "[";
  for (std::size_t i = 0; i < rows.size(); ++i) out += (i == 0 ? "\n" : ",\n") + ToJson(rows[i]).dump(2);
  return out + "\n]\n";
}

std::string JsonLinesReport(const std::vector<BenchRow>& rows) {
  std::string out;
  for (const BenchRow& row : rows) out += ToJson(row).dump() + "\n";
  return out;
}

std::string CsvReport(const std::vector<BenchRow>& rows) {
  std::string out;
  for (const BenchRow& row : rows) {
    const ordered_json json = ToJson(row);
    std::string names, values;
    for (const auto& [name, value] : json.items()) {
      if (value.is_object() || name.rfind("samples_", 0) == 0) continue;
      names += (names.empty() ? "" : ",") + name;
      values += (values.empty() ? "" : ",") + CsvField(value);
    }
    if (out.empty()) out = names + "\n";
    out += values + "\n";
  }
  return out;
}

std::string MarkdownReport(const std::vector<BenchRow>& rows) {
  std::vector<std::vector<std::string>> table = {{"model", "size", "params", "tier", "threads", "test", "t/s", "ms",
                                                  "GB/s of", "GFLOP/s of", "roof share", "kernels"}};
  std::string notes;
  for (const BenchRow& row : rows) {
    const ordered_json j = ToJson(row);
    const auto number = [&](const char* name) { return j[name].get<double>(); };
    std::string kernels;
    for (const std::string& kernel : row.kernels) kernels += (kernels.empty() ? "" : " ") + kernel;
    table.push_back({row.setting.model_type, FormatBytes(static_cast<uint64_t>(row.setting.model_bytes)),
                     Fixed(static_cast<double>(row.setting.parameters) / 1e9, 2) + " B", row.setting.tier,
                     std::to_string(row.setting.threads), row.test.Name(),
                     Fixed(number("avg_ts"), 2) + " ± " + Fixed(number("stddev_ts"), 2),
                     Fixed(number("avg_ns") / 1e6, 2),
                     Fixed(number("gb_s"), 1) + " of " + Fixed(number("stream_gb_s"), 1),
                     Fixed(number("gflop_s"), 0) + " of " + Fixed(number("peak_gflop_s"), 0),
                     Fixed(number("roof_share") * 100, 1) + " %", kernels});
    if (row.load.steal > kSteal) {
      notes +=
          "\n" + row.test.Name() + ": the host took " + Fixed(row.load.steal * 100, 1) + " % of the processors' time\n";
    }
    if (row.load.other > kSteal) {
      notes += "\n" + row.test.Name() + ": other processes took " + Fixed(row.load.other * 100, 1) +
               " % of the processors' time\n";
    }
  }
  std::vector<std::size_t> width(table[0].size(), 0);
  // "±" is two bytes and one column.
  const auto columns = [](const std::string& s) {
    return static_cast<std::size_t>(std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  };
  for (const auto& line : table) {
    for (std::size_t i = 0; i < line.size(); ++i) width[i] = std::max(width[i], columns(line[i]));
  }
  const auto is_text = [](std::size_t column) { return column == 0 || column == 3 || column == 5 || column == 11; };
  std::string out;
  for (std::size_t l = 0; l < table.size(); ++l) {
    for (std::size_t i = 0; i < width.size(); ++i) {
      const std::string pad(width[i] - columns(table[l][i]), ' ');
      out += is_text(i) ? "| " + table[l][i] + pad + " " : "| " + pad + table[l][i] + " ";
    }
    out += "|\n";
    if (l != 0) continue;
    for (std::size_t i = 0; i < width.size(); ++i)
      out += "| " + std::string(width[i] - 1, '-') + (is_text(i) ? "- " : ": ");
    out += "|\n";
  }
  return out + notes;
}

}  // namespace lacuna::tools
