#include "tools/eval_report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace lacuna::tools {
namespace {

using nlohmann::ordered_json;

const char* RuleName(CountingRule rule) { return rule == CountingRule::kLlamaCpp ? "llama.cpp" : "hf"; }

ordered_json ToJson(const Estimate& e) { return {{"value", e.value}, {"low", e.low}, {"high", e.high}}; }

ordered_json PerplexityJson(const PerplexityReport& r) {
  ordered_json out = ToJson(r.perplexity);
  out["tokens"] = r.tokens;
  out["windows"] = r.windows;
  out["rule"] = RuleName(r.options.rule);
  out["window"] = r.options.window;
  out["stride"] = r.options.stride;
  return out;
}

ordered_json TaskJson(const TaskScore& score) {
  ordered_json out = {{"exact_match", score.exact_match.value},
                      {"low", score.exact_match.low},
                      {"high", score.exact_match.high},
                      {"n", score.all.n}};
  ordered_json by_length = ordered_json::object(), by_depth = ordered_json::object();
  for (const auto& [length, share] : score.by_length) by_length[std::to_string(length)] = share.value();
  // A fifth goes by its lower end.
  for (const auto& [fifth, share] : score.by_depth) by_depth["0." + std::to_string(2 * fifth)] = share.value();
  out["by_length"] = std::move(by_length);
  if (!by_depth.empty()) out["by_depth"] = std::move(by_depth);
  if (score.skipped > 0) out["skipped"] = score.skipped;
  return out;
}

std::string Format(const char* format, auto... values) {
  char text[256];
  std::snprintf(text, sizeof(text), format, values...);
  return text;
}

std::string Line(const char* what, const std::string& text) { return Format("%-22s", what) + text + "\n"; }

std::string Number(const Estimate& e) { return Format("%10.4f  (%.4f to %.4f)", e.value, e.low, e.high); }

std::string TaskText(const std::string& name, const TaskScore& score) {
  std::string text =
      Format("%9.1f %%  (%.1f to %.1f)  n %lld", 100 * score.exact_match.value, 100 * score.exact_match.low,
             100 * score.exact_match.high, static_cast<long long>(score.all.n));
  const bool one = score.by_length.size() == 1 && score.by_length.begin()->first == 0;
  for (const auto& [length, share] : score.by_length) {
    if (!one) text += Format("  %lld: %.0f %%", static_cast<long long>(length), 100 * share.value());
  }
  for (const auto& [fifth, share] : score.by_depth)
    text += Format("  depth 0.%d: %.0f %%", 2 * fifth, 100 * share.value());
  if (score.skipped > 0) text += Format("  %lld too long for the context", static_cast<long long>(score.skipped));
  return Line(name.c_str(), text);
}

}  // namespace

ordered_json EvalJson(const EvalFindings& f) {
  ordered_json out = {
      {"model",
       {{"directory", f.model.directory},
        {"codec", f.model.dtype},
        {"numerics", f.numerics == Numerics::kF32 ? "f32" : "default"},
        {"parameters", f.model.parameters},
        {"weight_bytes", f.model.weight_bytes}}},
      {"bytes_per_token", f.token_bytes.weights + f.token_bytes.kv},
      {"token_bytes", {{"depth", f.token_bytes.depth}, {"weights", f.token_bytes.weights}, {"kv", f.token_bytes.kv}}},
  };
  if (f.perplexity) out["perplexity"] = PerplexityJson(*f.perplexity);
  if (f.tasks) {
    ordered_json tasks = ordered_json::object();
    for (const auto& [name, score] : f.tasks->tasks) tasks[name] = TaskJson(score);
    out["tasks"] = std::move(tasks);
  }
  if (f.perplexity) {
    if (const auto& d = f.perplexity->divergence) {
      out["kl"] = {
          {"mean", d->kl.value}, {"low", d->kl.low}, {"high", d->kl.high}, {"p99", d->kl_p99}, {"top1", d->top1}};
      out["reference"] = {{"directory", f.reference},
                          {"perplexity", ToJson(d->reference_perplexity)},
                          {"perplexity_ratio", ToJson(d->ratio)}};
    }
  }
  out["seconds"] = f.seconds;
  return out;
}

std::string EvalText(const EvalFindings& f) {
  std::string out;
  if (f.perplexity) {
    const PerplexityReport& r = *f.perplexity;
    out += Line("perplexity", Number(r.perplexity));
    out += Line("", Format("%lld tokens, %lld windows of %lld, stride %lld, counted as %s",
                           static_cast<long long>(r.tokens), static_cast<long long>(r.windows),
                           static_cast<long long>(r.options.window), static_cast<long long>(r.options.stride),
                           r.options.rule == CountingRule::kLlamaCpp ? "llama.cpp does" : "Hugging Face does"));
    if (const auto& d = r.divergence) {
      out += Line("reference", Number(d->reference_perplexity));
      out += Line("change", Format("%+9.3f %%  (%+.3f to %+.3f)", 100 * (d->ratio.value - 1), 100 * (d->ratio.low - 1),
                                   100 * (d->ratio.high - 1)));
      out += Line("KL divergence",
                  Format("%10.6f  (%.6f to %.6f), 99 %% below %.6f", d->kl.value, d->kl.low, d->kl.high, d->kl_p99));
      out += Line("same top token", Format("%9.2f %%", 100 * d->top1));
    }
  }
  if (f.tasks) {
    for (const auto& [name, score] : f.tasks->tasks) out += TaskText(name, score);
  }
  out += Line("bytes a token",
              Format("%10lld  weights %lld, K and V %lld at depth %lld",
                     static_cast<long long>(f.token_bytes.weights + f.token_bytes.kv),
                     static_cast<long long>(f.token_bytes.weights), static_cast<long long>(f.token_bytes.kv),
                     static_cast<long long>(f.token_bytes.depth)));
  return out;
}

}  // namespace lacuna::tools
