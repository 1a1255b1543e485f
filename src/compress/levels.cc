#include "compress/levels.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "compress/allocate.h"

namespace lacuna {
namespace {

constexpr double kShares[] = {0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
constexpr std::pair<int, int> kPatterns[] = {{2, 4}, {4, 8}, {8, 16}, {1, 4}};
constexpr double kWideShares[] = {0.5, 0.7};  // of int8 beside 4 bits

// How many bytes free bitmaps take is measured on other inputs and on some rows, and may come out a little larger.
constexpr double kBitmapMargin = 0.004;

std::string Number(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

Level Dense(Codec codec) {
  codec.bitmap = false;
  codec.pattern_n = codec.pattern_m = 0;
  return {.name = CodecName(codec), .codec = codec, .rule = {}};
}

Level Share(Codec codec, double share) {
  codec.bitmap = true;
  codec.pattern_n = codec.pattern_m = 0;
  return {.name = CodecName(codec) + " " + Number("%.0f %%", 100 * share), .codec = codec, .rule = {.fraction = share}};
}

Level Pattern(Codec codec, int n, int m) {
  codec.bitmap = true;
  codec.pattern_n = n;
  codec.pattern_m = m;
  return {.name = CodecName(codec) + " " + std::to_string(n) + ":" + std::to_string(m),
          .codec = codec,
          .rule = {.n = n, .m = m}};
}

}  // namespace

Result<std::vector<Level>> CandidateLevels(const Codec& weights, const CompressOptions& options) {
  if (options.prune == PruneMethod::kKeep) {
    return InvalidInput(
        "allocate: the zeros that are there are kept, so that there is no sparsity to choose: prune by "
        "another method, or by none");
  }
  std::vector<Level> levels = {Dense(weights)};
  LACUNA_ASSIGN_OR_RETURN(Codec wide, ParseCodec("int8"));
  if (options.bf16_activations) {
    wide.activations = Activations::kBf16;
    wide.activation_group = 0;
  }
  if (weights.coded()) levels.push_back(Dense(wide));
  if (weights.scaled()) levels.push_back(Dense(Codec::kBf16));
  if (options.prune != PruneMethod::kNone) {
    for (double share : kShares) levels.push_back(Share(weights, share));
    for (const auto& [n, m] : kPatterns) levels.push_back(Pattern(weights, n, m));
    for (double share : kWideShares) {
      if (weights.coded()) levels.push_back(Share(wide, share));
    }
  } else if (levels.size() == 1) {
    return InvalidInput("allocate: bf16 weights that are not pruned leave nothing to choose");
  }
  for (const Level& level : levels) LACUNA_RETURN_IF_ERROR(ValidateCodec(level.codec, level.name));
  return levels;
}

nlohmann::ordered_json ToJson(const std::vector<MeasuredMatrix>& measured) {
  nlohmann::ordered_json matrices = nlohmann::ordered_json::array();
  for (const MeasuredMatrix& m : measured) {
    nlohmann::ordered_json levels = nlohmann::ordered_json::array();
    for (const MeasuredLevel& l : m.levels) levels.push_back(nlohmann::ordered_json::array({l.error, l.bytes}));
    matrices.push_back({{"name", m.name}, {"sensitivity", m.sensitivity}, {"levels", std::move(levels)}});
  }
  return {{"matrices", std::move(matrices)}};
}

Result<std::vector<MeasuredMatrix>> MeasuredOf(const nlohmann::ordered_json& json) {
  const auto wrong =
      InvalidInput("what was measured of the layers cannot be read; remove the work folder to start anew");
  std::vector<MeasuredMatrix> out;
  const auto at = json.find("matrices");
  if (at == json.end() || !at->is_array()) return wrong;
  for (const auto& matrix : *at) {
    if (!matrix.is_object() || !matrix.contains("name") || !matrix["name"].is_string()) return wrong;
    if (!matrix.contains("sensitivity") || !matrix["sensitivity"].is_number()) return wrong;
    if (!matrix.contains("levels") || !matrix["levels"].is_array()) return wrong;
    MeasuredMatrix& m = out.emplace_back();
    m.name = matrix["name"];
    m.sensitivity = matrix["sensitivity"];
    for (const auto& level : matrix["levels"]) {
      if (!level.is_array() || level.size() != 2 || !level[0].is_number() || !level[1].is_number_integer())
        return wrong;
      m.levels.push_back({level[0], level[1]});
    }
  }
  return out;
}

std::vector<Level> LevelsOf(const CompressPlan& plan, const std::string& matrix) {
  if (!plan.codecs.parameters.contains(matrix)) return plan.levels;
  const Codec& codec = plan.codecs.Of(matrix);
  return {{.name = CodecName(codec), .codec = codec, .rule = plan.rule}};
}

std::size_t ReferenceLevel(const std::vector<Level>& levels) {
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (levels[i].rule.fraction == 0.5) return i;
  }
  return 0;
}

Result<AllocationReport> ChooseLevels(const std::vector<MeasuredMatrix>& measured, const CompressOptions& options,
                                      CompressPlan* plan) {
  double weights = 0;
  int64_t smallest = 0;
  std::vector<std::vector<Level>> levels;
  std::vector<std::vector<LevelCost>> choices;
  std::vector<double> sizes;
  for (const MeasuredMatrix& m : measured) {
    levels.push_back(LevelsOf(*plan, m.name));
    const auto tensor =
        std::find_if(plan->tensors.begin(), plan->tensors.end(), [&](auto& t) { return t.name == m.name; });
    if (tensor == plan->tensors.end() || levels.back().size() != m.levels.size()) {
      return InvalidInput("what was measured of " + m.name +
                          " is of another model; remove the work folder to start anew");
    }
    sizes.push_back(static_cast<double>(tensor->shape[0]) * static_cast<double>(tensor->shape[1]));
    weights += sizes.back();
    std::vector<LevelCost>& of = choices.emplace_back();
    for (std::size_t l = 0; l < m.levels.size(); ++l) {
      const Codec& codec = levels.back()[l].codec;
      const double margin = codec.bitmap && codec.pattern_m == 0 ? 1 + kBitmapMargin : 1;
      of.push_back({static_cast<int64_t>(std::ceil(margin * static_cast<double>(m.levels[l].bytes))),
                    m.sensitivity * m.levels[l].error});
    }
    smallest += std::min_element(of.begin(), of.end(), [](auto& a, auto& b) { return a.bytes < b.bytes; })->bytes;
  }
  const auto budget = static_cast<int64_t>(options.budget_bits * weights / 8);
  const auto bits = [&](int64_t bytes) { return 8 * static_cast<double>(bytes) / weights; };
  const auto uniform = UniformLevel(choices, budget);
  const auto too_small = [&](const std::string& what, int64_t least) {
    return InvalidInput("budget: " + Number("%g", options.budget_bits) + " bits a weight are too few, " + what + " " +
                        Number("%.3f", bits(least)) + ": raise it, or prune more");
  };
  std::vector<int> chosen;
  if (options.allocate == AllocateMethod::kUniform) {
    if (!uniform) {
      int64_t least = INT64_MAX;
      for (std::size_t l = 0; l < plan->levels.size(); ++l) {
        least = std::min(least, SumOf(choices, EveryoneAt(choices, static_cast<int>(l))).bytes);
      }
      return too_small("the smallest level for all matrices needs", least);
    }
    chosen = EveryoneAt(choices, *uniform);
  } else {
    const auto best = Allocate(choices, budget);
    if (!best) return too_small("the smallest level of each matrix needs", smallest);
    chosen = *best;
  }

  AllocationReport report{.budget_bits = options.budget_bits};
  const LevelCost sum = SumOf(choices, chosen);
  report.bits = bits(sum.bytes);
  report.loss = sum.loss;
  if (uniform) {
    report.uniform = plan->levels[static_cast<std::size_t>(*uniform)].name;
    report.uniform_loss = SumOf(choices, EveryoneAt(choices, *uniform)).loss;
  }
  for (std::size_t l = 0; l < plan->levels.size(); ++l) {
    const LevelCost all = SumOf(choices, EveryoneAt(choices, static_cast<int>(l)));
    report.levels.push_back({plan->levels[l].name, bits(all.bytes), all.loss});
  }
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const auto l = static_cast<std::size_t>(chosen[i]);
    const Level& level = levels[i][l];
    plan->codecs.parameters.insert_or_assign(measured[i].name, level.codec);
    plan->rules.insert_or_assign(measured[i].name, level.rule);
    report.matrices.push_back({.name = measured[i].name,
                               .level = level.name,
                               .sensitivity = measured[i].sensitivity,
                               .error = measured[i].levels[l].error,
                               .bits = 8 * static_cast<double>(choices[i][l].bytes) / sizes[i]});
  }
  std::erase_if(plan->codecs.parameters, [&](const auto& entry) { return entry.second == plan->codecs.codec; });
  return report;
}

}  // namespace lacuna
