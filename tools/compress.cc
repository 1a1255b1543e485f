// lacuna compress: prunes and rounds a model so that its layers' outputs over a text change least.
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "io/file.h"
#include "lacuna/compress.h"
#include "tools/command.h"
#include "tools/compress_report.h"
#include "tools/demo_calibration.h"
#include "tools/progress.h"

namespace lacuna::tools {
namespace {

struct Flags {
  std::string model, output, calibration, report, text;
  std::string prune = "none", sparsity = "0.5", weights = "int4", method = "gptq", activations = "int8";
  std::vector<std::string> keep;
  std::string allocate = "none", budget, inputs = "compressed";
  int group = -1;
  int64_t sequences = 128, length = 0;
  double damping = 0.01;
  bool natural_order = false;
  int threads = 0;
  bool eval = false;
  bool json = false;
};

// "0.5", "50%" or "2:4".
Status ParseSparsity(const std::string& text, CompressOptions* options) {
  const auto number = [](std::string_view part, auto* value) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), *value);
    return error == std::errc() && end == part.data() + part.size();
  };
  const std::string_view view = text;
  const std::size_t colon = view.find(':');
  if (colon != view.npos) {
    if (number(view.substr(0, colon), &options->pattern_n) && number(view.substr(colon + 1), &options->pattern_m)) {
      return {};
    }
  } else if (!view.empty() && view.back() == '%') {
    if (number(view.substr(0, view.size() - 1), &options->sparsity)) {
      options->sparsity /= 100;
      return {};
    }
  } else if (number(view, &options->sparsity)) {
    return {};
  }
  return InvalidInput("--sparsity: '" + text + "' is neither a share, as 0.5, nor a pattern N:M, as 2:4");
}

// "3.5bpw" or "3.5": bits a weight.
Status ParseAllocation(const Flags& flags, CompressOptions* options) {
  options->allocate = flags.allocate == "uniform"       ? AllocateMethod::kUniform
                      : flags.allocate == "sensitivity" ? AllocateMethod::kSensitivity
                                                        : AllocateMethod::kNone;
  if (options->allocate == AllocateMethod::kNone) {
    return flags.budget.empty() ? Status() : InvalidInput("--budget: is for --allocate uniform or sensitivity");
  }
  if (flags.budget.empty()) {
    return InvalidInput("--allocate: needs --budget, the bits a weight of the layers may have, as 3.5bpw");
  }
  if (flags.sparsity != "0.5") return InvalidInput("--sparsity: is chosen by --allocate; leave it out");
  std::string_view number = flags.budget;
  if (number.size() > 3 && number.substr(number.size() - 3) == "bpw") number.remove_suffix(3);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), options->budget_bits);
  if (error != std::errc() || end != number.data() + number.size()) {
    return InvalidInput("--budget: '" + flags.budget + "' is no number of bits a weight, as 3.5bpw");
  }
  return {};
}

Result<CompressOptions> OptionsOf(const Flags& flags) {
  CompressOptions options;
  const std::pair<const char*, PruneMethod> methods[] = {{"none", PruneMethod::kNone},
                                                         {"keep", PruneMethod::kKeep},
                                                         {"magnitude", PruneMethod::kMagnitude},
                                                         {"wanda", PruneMethod::kWanda},
                                                         {"sparsegpt", PruneMethod::kSparseGpt}};
  for (const auto& [name, method] : methods) {
    if (flags.prune == name) options.prune = method;
  }
  if (options.prune != PruneMethod::kNone && !(options.prune == PruneMethod::kKeep && flags.sparsity == "0.5")) {
    LACUNA_RETURN_IF_ERROR(ParseSparsity(flags.sparsity, &options));
  }
  LACUNA_RETURN_IF_ERROR(ParseAllocation(flags, &options));
  options.dense_inputs = flags.inputs == "dense";
  options.weights = flags.weights;
  options.group = flags.group;
  options.bf16_activations = flags.activations == "bf16";
  options.round = flags.method == "gptq" ? RoundMethod::kGptq : RoundMethod::kNearest;
  options.order = !flags.natural_order;
  options.damping = flags.damping;
  for (const std::string& rule : flags.keep) {
    const std::size_t equals = rule.find('=');
    if (equals == 0 || equals == rule.npos) return InvalidInput("--keep: '" + rule + "' is not NAME=CODEC");
    options.keep.emplace_back(rule.substr(0, equals), rule.substr(equals + 1));
  }
  if (flags.calibration == "demo") {
    LACUNA_ASSIGN_OR_RETURN(options.calibration, DemoCalibration(flags.model));
  } else {
    LACUNA_ASSIGN_OR_RETURN(options.calibration, ReadText(flags.calibration));
  }
  options.sequences = flags.sequences;
  options.sequence_tokens = flags.length;
  options.threads = flags.threads;
  return options;
}

Result<PerplexityReport> Evaluate(const std::string& text, std::shared_ptr<const Model> after,
                                  std::shared_ptr<const Model> before, const std::atomic<bool>* cancel) {
  LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, TokenizerOf(*after));
  LACUNA_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, tokenizer->Encode(text));
  ProgressBar bar("perplexity");
  EvalOptions eval;
  eval.progress = [&bar](int64_t done, int64_t total) { bar.Update(done, total); };
  eval.cancel = cancel;
  return EvaluatePerplexity(std::move(after), std::move(before), ids, {}, eval);
}

Status WriteReport(const std::string& path, const CompressFindings& findings) {
  const bool json = path.size() > 5 && path.substr(path.size() - 5) == ".json";
  return AtomicWrite(path, json ? CompressJson(findings).dump(2) + "\n" : CompressMarkdown(findings));
}

Status RunCompress(const Flags& flags) {
  LACUNA_ASSIGN_OR_RETURN(CompressOptions options, OptionsOf(flags));
  std::string text;
  if (flags.eval) {
    LACUNA_ASSIGN_OR_RETURN(text, ReadText(flags.text.empty() ? JoinPath(flags.model, "eval/text.txt") : flags.text));
  }
  const CancelScope cancel;
  CompressFindings findings{.source = flags.model, .output = flags.output};
  findings.settings = {{"prune", flags.prune}};
  if (options.allocate != AllocateMethod::kNone) {
    findings.settings.emplace_back("allocate", flags.allocate);
    findings.settings.emplace_back("budget", flags.budget);
  } else if (options.prune != PruneMethod::kNone) {
    findings.settings.emplace_back("sparsity", flags.sparsity);
  }
  if (options.dense_inputs) findings.settings.emplace_back("inputs", flags.inputs);
  findings.settings.emplace_back("weights", flags.weights);
  if (flags.group >= 0) findings.settings.emplace_back("group", std::to_string(flags.group));
  findings.settings.emplace_back("method", flags.method);
  {
    ProgressBar bar("compress");
    options.progress = [&bar](double fraction, const std::string&) {
      bar.Update(static_cast<int64_t>(fraction * 1e6), 1000000);
    };
    options.cancel = cancel.flag();
    auto report = CompressModel(flags.model, flags.output, options);
    if (!report.ok()) {
      if (report.status().code() == StatusCode::kCancelled) {
        std::cerr << "lacuna: stopped; the same command goes on after the layers that are finished\n";
      }
      return report.status();
    }
    findings.report = *std::move(report);
  }
  const ModelOptions load{.load = LoadMode::kMmap, .threads = flags.threads};
  LACUNA_ASSIGN_OR_RETURN(const auto after, Model::Load(flags.output, load));
  LACUNA_ASSIGN_OR_RETURN(findings.after, MeasureBytesPerToken(after, 0));
  if (flags.eval) {
    LACUNA_ASSIGN_OR_RETURN(const auto before, Model::Load(flags.model, load));
    LACUNA_ASSIGN_OR_RETURN(findings.before, MeasureBytesPerToken(before, 0));
    LACUNA_ASSIGN_OR_RETURN(findings.evaluation, Evaluate(text, after, before, cancel.flag()));
  }
  if (!flags.report.empty()) LACUNA_RETURN_IF_ERROR(WriteReport(flags.report, findings));
  Print(flags.json ? CompressJson(findings).dump() + "\n" : "wrote " + flags.output + "\n" + CompressText(findings));
  return {};
}

}  // namespace

void AddCompress(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  Add(app, "-m,--model", flags->model, "Model to compress: a Hugging Face directory or a GGUF file")
      ->required()
      ->type_name("MODEL");
  Add(app, "-o,--output", flags->output,
      "Folder to write; it must not exist yet, or be empty. Finished layers wait in DIR.work: after Ctrl-C or a crash "
      "the "
      "same command goes on")
      ->required()
      ->type_name("DIR");
  Add(app, "--calibration", flags->calibration,
      "Text that layers are measured on, - for standard input; demo: a text that is built in, in the model's chat "
      "template")
      ->required()
      ->type_name("FILE");
  Add(app, "--prune", flags->prune, "Which weights go: none, keep (the zeros there are), magnitude, wanda, sparsegpt")
      ->check(CLI::IsMember({"none", "keep", "magnitude", "wanda", "sparsegpt"}))
      ->type_name("METHOD")
      ->capture_default_str();
  Add(app, "--sparsity", flags->sparsity,
      "Share of each row that goes, as 0.5, or N:M: N of M consecutive weights stay")
      ->type_name("S")
      ->capture_default_str();
  Add(app, "--allocate", flags->allocate,
      "Choose bits and sparsity within --budget: uniform, the best level for all matrices; sensitivity, each its own")
      ->check(CLI::IsMember({"none", "uniform", "sensitivity"}))
      ->type_name("METHOD")
      ->capture_default_str();
  Add(app, "--budget", flags->budget, "Bits a weight of the layers' matrices on the average, as 3.5bpw")
      ->type_name("BITS");
  Add(app, "--inputs", flags->inputs,
      "What feeds a layer: the compressed layers before it, or dense ones, to compare errors of methods on the same "
      "inputs")
      ->check(CLI::IsMember({"compressed", "dense"}))
      ->type_name("WHICH")
      ->capture_default_str();
  Add(app, "--weights", flags->weights,
      "bf16, int8, int4, int4z (zero points), codebook (fitted), nf4, fp4, mxfp4, nvfp4, razer")
      ->type_name("CODEC")
      ->capture_default_str();
  Add(app, "--group", flags->group,
      "Weights that share a scale: 32, 64, .. 1024; 0: a whole row (default: int8 0, nf4 64, else 128; mxfp4 has 32 "
      "and nvfp4 16)")
      ->check(CLI::Range(0, 1024))
      ->type_name("K");
  Add(app, "--activations", flags->activations, "int8, or bf16: slower and more accurate")
      ->check(CLI::IsMember({"int8", "bf16"}))
      ->type_name("TYPE")
      ->capture_default_str();
  Add(app, "--method", flags->method, "rtn: each weight to nearest; gptq: later weights make up for earlier ones")
      ->check(CLI::IsMember({"rtn", "gptq"}))
      ->type_name("METHOD")
      ->capture_default_str();
  AddSwitch(app, "--natural-order", flags->natural_order,
            "gptq rounds columns as they come, not those with the largest inputs first");
  Add(app, "--damping", flags->damping, "Added to the Hessian, in means of its diagonal")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("X")
      ->capture_default_str();
  Add(app, "--sequences", flags->sequences, "Pieces of the text, at most")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->type_name("N")
      ->capture_default_str();
  Add(app, "--length", flags->length, "Tokens of a piece; 0: the model's context, at most 2048")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 16))
      ->type_name("N")
      ->capture_default_str();
  Add(app, "--keep", flags->keep,
      "Other codecs for parameters by name, a part between dots: lm_head=int4,down_proj=bf16. Embedding and lm_head "
      "have "
      "int8 beside 4 bits")
      ->delimiter(',')
      ->type_name("NAME=CODEC");
  Add(app, "--report", flags->report,
      "Also write what was done to each matrix: JSON if FILE ends in .json, else Markdown")
      ->type_name("FILE");
  AddSwitch(app, "--eval", flags->eval, "Measure perplexity and divergence afterwards, on --text");
  Add(app, "-f,--text", flags->text, "Text for --eval [eval/text.txt of the model]")->type_name("FILE");
  Add(app, "-t,--threads", flags->threads, "Threads; 0: what suits the machine. The output does not depend on it")
      ->check(CLI::Range(0, 1024))
      ->type_name("N")
      ->capture_default_str();
  AddSwitch(app, "--json", flags->json, "Print the report as one JSON object");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunCompress(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
