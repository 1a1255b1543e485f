#include "tools/compress_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/memory.h"
#include "tools/progress.h"

namespace lacuna::tools {
namespace {

using nlohmann::ordered_json;

std::string Number(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Over all matrices of the layers, each with its share of weights unknown here: the plain mean.
double MeanError(const CompressReport& report) {
  double sum = 0;
  int64_t n = 0;
  for (const CompressedLayer& layer : report.layers) {
    for (const CompressedMatrix& m : layer.matrices) {
      sum += m.error;
      ++n;
    }
  }
  return n > 0 ? sum / static_cast<double>(n) : 0;
}

ordered_json AllocationJson(const AllocationReport& a) {
  ordered_json out = {{"budget_bits", a.budget_bits}, {"bits", a.bits}, {"loss", a.loss}};
  if (!a.uniform.empty()) out["uniform"] = {{"level", a.uniform}, {"loss", a.uniform_loss}};
  for (const AllocationReport::Uniform& u : a.levels) {
    out["levels"].push_back({{"level", u.level}, {"bits", u.bits}, {"loss", u.loss}});
  }
  for (const AllocationReport::Matrix& m : a.matrices) {
    out["matrices"].push_back(
        {{"name", m.name}, {"level", m.level}, {"sensitivity", m.sensitivity}, {"error", m.error}, {"bits", m.bits}});
  }
  return out;
}

std::string AllocationMarkdown(const AllocationReport& a) {
  std::string out = "\n## Allocation\n\nOf " + Number("%g", a.budget_bits) + " bits a weight " +
                    Number("%.3f", a.bits) + " were given out, for an expected loss of " + Number("%.5f", a.loss);
  if (!a.uniform.empty())
    out += "; " + a.uniform + " for all, the best within the same: " + Number("%.5f", a.uniform_loss);
  out += ". A loss is the relative squared error of what enters the head, the sum of sensitivity times error.\n\n";
  out += "| level for all | bits a weight | loss |\n|---|--:|--:|\n";
  for (const AllocationReport::Uniform& u : a.levels) {
    out += "| " + u.level + " | " + Number("%.3f", u.bits) + " | " + Number("%.5f", u.loss) + " |\n";
  }
  out += "\n| matrix | level | sensitivity | error on dense inputs | bits a weight |\n|---|---|--:|--:|--:|\n";
  for (const AllocationReport::Matrix& m : a.matrices) {
    out += "| " + m.name + " | " + m.level + " | " + Number("%.4f", m.sensitivity) + " | " + Number("%.5f", m.error) +
           " | " + Number("%.2f", m.bits) + " |\n";
  }
  return out;
}

ordered_json Interval(const Estimate& e) { return {{"value", e.value}, {"low", e.low}, {"high", e.high}}; }

std::string Text(const Estimate& e) {
  return Number("%.4g", e.value) + " (" + Number("%.4g", e.low) + " to " + Number("%.4g", e.high) + ")";
}

}  // namespace

ordered_json CompressJson(const CompressFindings& f) {
  ordered_json settings = ordered_json::object();
  for (const auto& [name, value] : f.settings) settings[name] = value;
  ordered_json layers = ordered_json::array();
  for (const CompressedLayer& layer : f.report.layers) {
    ordered_json matrices = ordered_json::array();
    for (const CompressedMatrix& m : layer.matrices) {
      matrices.push_back(
          {{"name", m.name}, {"codec", m.codec}, {"error", m.error}, {"density", m.density}, {"bits", m.bits}});
    }
    layers.push_back({{"matrices", std::move(matrices)},
                      {"seconds", layer.seconds},
                      {"forward_seconds", layer.forward_seconds},
                      {"hessian_seconds", layer.hessian_seconds},
                      {"solve_seconds", layer.solve_seconds}});
  }
  ordered_json out = {{"source", f.source},
                      {"output", f.output},
                      {"settings", std::move(settings)},
                      {"sequences", f.report.sequences},
                      {"sequence_tokens", f.report.sequence_tokens},
                      {"seconds", f.report.seconds},
                      {"resumed_layers", f.report.resumed_layers},
                      {"file_bytes", f.report.file_bytes},
                      {"weight_bytes_per_token", f.after.weights}};
  out["bits"] = f.report.bits;
  if (f.report.allocation) out["allocation"] = AllocationJson(*f.report.allocation);
  if (f.before) out["weight_bytes_per_token_before"] = f.before->weights;
  if (f.evaluation) {
    const PerplexityReport& p = *f.evaluation;
    out["eval"] = {{"tokens", p.tokens}, {"perplexity", Interval(p.perplexity)}};
    if (p.divergence) {
      out["eval"]["perplexity_before"] = Interval(p.divergence->reference_perplexity);
      out["eval"]["ratio"] = Interval(p.divergence->ratio);
      out["eval"]["kl"] = Interval(p.divergence->kl);
      out["eval"]["top1"] = p.divergence->top1;
    }
  }
  out["layers"] = std::move(layers);
  return out;
}

std::string CompressMarkdown(const CompressFindings& f) {
  std::string out = "# " + f.output + "\n\nCompressed from " + f.source + " by `lacuna compress`";
  const char* before = ": ";
  for (const auto& [name, value] : f.settings) {
    out += before + name + " " + value;
    before = ", ";
  }
  out += ". Calibrated on " + std::to_string(f.report.sequences) + " sequences of " +
         std::to_string(f.report.sequence_tokens) + " tokens.\n\n";
  out += CompressText(f);
  out += "\n| matrix | codec | error of the output | stored | bits a weight |\n|---|---|--:|--:|--:|\n";
  for (const CompressedLayer& layer : f.report.layers) {
    for (const CompressedMatrix& m : layer.matrices) {
      out += "| " + m.name + " | " + m.codec + " | " + Number("%.5f", m.error) + " | " +
             Number("%.1f %%", 100 * m.density) + " | " + Number("%.2f", m.bits) + " |\n";
    }
  }
  out +=
      "\nThe error is |x (w - w')|^2 / |x w|^2 over the calibration text, each layer behind the compressed ones before "
      "it.\n";
  if (f.report.allocation) out += AllocationMarkdown(*f.report.allocation);
  return out;
}

std::string CompressText(const CompressFindings& f) {
  double forward = 0, hessian = 0, solve = 0;
  for (const CompressedLayer& layer : f.report.layers) {
    forward += layer.forward_seconds;
    hessian += layer.hessian_seconds;
    solve += layer.solve_seconds;
  }
  std::string out = "- time: " + FormatSeconds(f.report.seconds) + " (running layers " + FormatSeconds(forward) +
                    ", Hessians " + FormatSeconds(hessian) + ", pruning and rounding " + FormatSeconds(solve) + ")";
  if (f.report.resumed_layers > 0) {
    out += "; " + std::to_string(f.report.resumed_layers) + " layers were finished before";
  }
  out += "\n- model.safetensors: " + FormatBytes(static_cast<uint64_t>(f.report.file_bytes)) + "; a token reads " +
         FormatBytes(static_cast<uint64_t>(f.after.weights)) + " of weights";
  if (f.before) out += ", " + FormatBytes(static_cast<uint64_t>(f.before->weights)) + " before";
  out += "\n- bits a weight of the layers: " + Number("%.3f", f.report.bits);
  if (f.report.allocation) {
    const AllocationReport& a = *f.report.allocation;
    out += " of " + Number("%g", a.budget_bits) + "; expected loss " + Number("%.5f", a.loss);
    if (!a.uniform.empty()) out += ", with " + a.uniform + " for all " + Number("%.5f", a.uniform_loss);
  }
  out += "\n- mean error of a matrix's output: " + Number("%.4f", MeanError(f.report)) + "\n";
  if (f.evaluation) {
    const PerplexityReport& p = *f.evaluation;
    out += "- perplexity of " + std::to_string(p.tokens) + " tokens: " + Text(p.perplexity);
    if (p.divergence) {
      out += ", before " + Text(p.divergence->reference_perplexity) + "; KL " + Text(p.divergence->kl) +
             " nats, the same most probable token in " + Number("%.1f %%", 100 * p.divergence->top1);
    }
    out += "\n";
  }
  return out;
}

}  // namespace lacuna::tools
