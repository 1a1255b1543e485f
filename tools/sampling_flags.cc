#include "tools/sampling_flags.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "base/status_macros.h"

namespace lacuna::tools {
namespace {

constexpr int kMost = std::numeric_limits<int>::max();

template <typename T>
CLI::Option* Setting(CLI::App& app, const char* flags, T& value, const char* help, double min, double max,
                     const char* type) {
  return Add(app, flags, value, help)
      ->check(CLI::Range(static_cast<T>(min), static_cast<T>(max)))
      ->type_name(type)
      ->capture_default_str();
}

CLI::Option* List(CLI::App& app, const char* flags, std::vector<std::string>& values, const char* help,
                  const char* type) {
  return Add(app, flags, values, help)->allow_extra_args(false)->type_name(type);
}

// CLI11 takes the nearest number of the type for one that is beyond it.
std::string CheckSeed(const std::string& text) {
  int64_t seed = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seed);
  if (error == std::errc() && rest == end && seed >= -1) return "";
  return "'" + text.substr(0, 40) + "' is no seed, expected -1 or a whole number from 0 to " +
         std::to_string(std::numeric_limits<int64_t>::max());
}

}  // namespace

std::string Unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    static constexpr std::string_view kFrom = "nrt\\\"'", kTo = "\n\r\t\\\"'";
    const size_t at = text[i] == '\\' && i + 1 < text.size() ? kFrom.find(text[i + 1]) : kFrom.npos;
    out += at == kFrom.npos ? text[i] : kTo[at];
    i += at != kFrom.npos;
  }
  return out;
}

Result<LogitBias> ParseLogitBias(const std::string& text) {
  LogitBias bias;
  const char* end = text.data() + text.size();
  const auto [sign, error] = std::from_chars(text.data(), end, bias.id);
  bool good = error == std::errc() && bias.id >= 0 && end - sign >= 2 && (*sign == '+' || *sign == '-');
  if (good) {
    const auto [rest, wrong] = std::from_chars(sign + 1, end, bias.bias);
    if (*sign == '-') bias.bias = -bias.bias;
    good = wrong == std::errc() && rest == end && sign[1] != '-' && !std::isnan(bias.bias) &&
           bias.bias < std::numeric_limits<float>::infinity();
  }
  if (good) return bias;
  return InvalidInput("--logit-bias: '" + text.substr(0, 40) +
                      "' is no token id with a bias, expected for example 15043+1, 15043-2.5 or 15043-inf");
}

void SamplingFlags::AddTo(CLI::App& app) {
  Add(app, "-n,--predict,--n-predict", max_tokens, "Tokens to generate at most; -1: until the text ends")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 24))
      ->type_name("N")
      ->capture_default_str();
  AddSwitch(app, "--ignore-eos", ignore_eos, "End tokens are never drawn");
  List(app, "-r,--reverse-prompt", stop, "End the text before this one; may be given several times", "TEXT");

  app.option_defaults()->group("Sampling");
  Add(app, "-s,--seed", seed, "Seed, from 0 to 2^63 - 1; -1: a new one each time")
      ->check(CheckSeed, "", "")
      ->type_name("N")
      ->capture_default_str();
  Setting(app, "--temp,--temperature", params.temperature, "Temperature; 0: greedy", 0, 1e6, "T");
  Setting(app, "--top-k", params.top_k, "Keep the K most probable tokens; 0 or -1: off", -1, 1 << 24, "K");
  Setting(app, "--top-p", params.top_p, "Keep the smallest set of tokens with this probability; 1: off", 0, 1, "P");
  Setting(app, "--min-p", params.min_p, "Drop tokens below this share of the most probable one; 0: off", 0, 1, "P");
  Setting(app, "--typical,--typical-p", params.typical_p,
          "Keep the tokens whose information is nearest to the expected, with this probability in sum; 1: off", 0, 1,
          "P");
  Setting(app, "--top-nsigma,--top-n-sigma", params.top_n_sigma,
          "Keep logits within N standard deviations of the highest; 0 or less: off", -1e6, 1e6, "N");
  Setting(app, "--xtc-probability", params.xtc_probability,
          "How often all tokens above --xtc-threshold but the least probable one are dropped; 0: off", 0, 1, "P");
  Setting(app, "--xtc-threshold", params.xtc_threshold, "Probability for --xtc-probability; above 0.5: off", 0, 1, "P");
  Setting(app, "--repeat-last-n", params.repeat_last_n,
          "Tokens that the three penalties look back at; 0: none, -1: all", -1, kMost, "N");
  Setting(app, "--repeat-penalty", params.repeat_penalty,
          "Divides (or multiplies) logits of tokens that were there; 1: off", 1e-3, 1e3, "X");
  Setting(app, "--presence-penalty", params.presence_penalty, "Taken from logits of tokens that were there; 0: off",
          -1e3, 1e3, "X");
  Setting(app, "--frequency-penalty", params.frequency_penalty, "The same for each time that they were; 0: off", -1e3,
          1e3, "X");
  Setting(app, "--dry-multiplier", params.dry_multiplier, "DRY: penalty for going on with a repetition; 0: off", 0, 1e6,
          "X");
  Setting(app, "--dry-base", params.dry_base, "DRY: the penalty's growth with each repeated token", 1, 1e6, "X");
  Setting(app, "--dry-allowed-length", params.dry_allowed_length, "DRY: repeated tokens from which on it counts", 1,
          kMost, "N");
  Setting(app, "--dry-penalty-last-n", params.dry_penalty_last_n, "DRY: tokens that it looks back at; 0: none, -1: all",
          -1, kMost, "N");
  List(app, "--dry-sequence-breaker", breakers,
       "DRY: a text that no repetition reaches over, instead of \\n : \" *; may be given several times; none: no "
       "breakers",
       "TEXT");
  List(app, "-l,--logit-bias", logit_bias, "Adds to a token's logit: 15043+1, 15043-inf; may be given several times",
       "ID+BIAS");
  Add(app, "--samplers", samplers,
      "Steps and their order, default penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature")
      ->type_name("LIST");
  app.option_defaults()->group("Form of the text");
  CLI::Option* forms[] = {
      Add(app, "--grammar", grammar, "GBNF grammar that the text follows (docs/grammar.md)")->type_name("GRAMMAR"),
      Add(app, "--grammar-file", grammar_file, "File with the grammar")->type_name("FILE"),
      Add(app, "-j,--json-schema", json_schema, "JSON schema that the text fits; {}: any JSON object")
          ->type_name("SCHEMA"),
      Add(app, "--json-schema-file", json_schema_file, "-jf: file with the schema")->type_name("FILE")};
  for (CLI::Option* a : forms) {
    for (CLI::Option* b : forms) {
      if (a != b) a->excludes(b);
    }
  }
  app.option_defaults()->group("Options");
}

Status SamplingFlags::ReadGrammar(GenerateOptions* options) const {
  std::string text = grammar + json_schema;
  const std::string& file = grammar_file.empty() ? json_schema_file : grammar_file;
  if (!file.empty()) {
    LACUNA_ASSIGN_OR_RETURN(text, ReadText(file));
  }
  if (!json_schema.empty() || !json_schema_file.empty()) {
    LACUNA_ASSIGN_OR_RETURN(options->grammar, Grammar::FromJsonSchema(text, file.empty() ? "--json-schema" : file));
  } else if (!grammar.empty() || !grammar_file.empty()) {
    LACUNA_ASSIGN_OR_RETURN(options->grammar, Grammar::Parse(text, file.empty() ? "--grammar" : file));
  }
  return {};
}

Result<GenerateOptions> SamplingFlags::Options() const {
  GenerateOptions options;
  options.max_tokens = max_tokens;
  options.ignore_eos = ignore_eos;
  options.sampling = params;
  options.sampling.seed = seed >= 0 ? static_cast<uint64_t>(seed) : std::random_device{}();
  for (const std::string& text : stop) options.stop.push_back(Unescape(text));
  for (const std::string& text : logit_bias) {
    LACUNA_ASSIGN_OR_RETURN(const LogitBias bias, ParseLogitBias(text));
    options.sampling.logit_bias.push_back(bias);
  }
  if (!breakers.empty()) {
    options.sampling.dry_sequence_breakers.clear();
    for (const std::string& text : breakers) {
      if (text != "none") options.sampling.dry_sequence_breakers.push_back(Unescape(text));
    }
  }
  if (!samplers.empty()) {
    auto steps = ParseSamplerSteps(samplers);
    if (!steps.ok()) return InvalidInput("--samplers: " + steps.status().message());
    options.sampling.steps = std::move(steps).value();
  }
  LACUNA_RETURN_IF_ERROR(ReadGrammar(&options));
  // Ids beyond the vocabulary are told once there is a model.
  LACUNA_RETURN_IF_ERROR(CheckSampling(options.sampling, kMost));
  return options;
}

}  // namespace lacuna::tools
