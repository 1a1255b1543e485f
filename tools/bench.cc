// lacuna bench: how fast a model runs, beside what the machine allows. Flags and fields are llama-bench's where it has
// them; roofs are measured in the same process, on the same threads, around every repetition.
#include <chrono>

#include "base/machine_load.h"
#include "base/status_macros.h"
#include "base/tile_permission.h"
#include "model/model_impl.h"
#include "tools/bench_runner.h"
#include "tools/command.h"

namespace lacuna::tools {
namespace {

struct Flags {
  ModelFlags model;
  std::vector<std::string> prompts, gens, rows, depths, threads, ubatch, prompt_gens;
  int repetitions = 5;
  int64_t stream_mib = 1024;
  bool no_warmup = false;
  std::string output = "md";
};

struct Plan {
  BenchPlan tests;
  std::vector<int64_t> threads, ubatch;
};

Result<Plan> MakePlan(const Flags& flags) {
  Plan plan;
  LACUNA_ASSIGN_OR_RETURN(plan.tests.rows, ParseRanges(flags.rows, "--rows"));
  LACUNA_ASSIGN_OR_RETURN(plan.tests.prompts, ParseRanges(flags.prompts, "-p"));
  LACUNA_ASSIGN_OR_RETURN(plan.tests.gens, ParseRanges(flags.gens, "-n"));
  LACUNA_ASSIGN_OR_RETURN(plan.tests.depths, ParseRanges(flags.depths, "-d"));
  LACUNA_ASSIGN_OR_RETURN(plan.threads, ParseRanges(flags.threads, "-t"));
  LACUNA_ASSIGN_OR_RETURN(plan.ubatch, ParseRanges(flags.ubatch, "-ub"));
  for (const std::string& text : flags.prompt_gens) {
    LACUNA_ASSIGN_OR_RETURN(const auto both, ParsePromptAndGen(text));
    plan.tests.prompt_gens.push_back(both);
  }
  if (plan.tests.prompts.empty()) plan.tests.prompts = {512};
  if (plan.tests.gens.empty()) plan.tests.gens = {128};
  if (plan.threads.empty()) plan.threads = {0};
  if (plan.ubatch.empty()) plan.ubatch = {512};
  for (int64_t threads : plan.threads) {
    if (threads > ThreadTeam::kMaxWorkers) {
      return InvalidInput("-t: " + std::to_string(threads) + " threads, at most " +
                          std::to_string(ThreadTeam::kMaxWorkers));
    }
  }
  for (int64_t rows : plan.ubatch) {
    if (rows < 1 || rows > 1 << 16) return InvalidInput("-ub: " + std::to_string(rows) + ", expected 1 to 65536");
  }
  if (plan.tests.Tests().empty()) return InvalidInput("nothing to measure: -p, -n, --pg and --rows are all 0");
  return plan;
}

BenchSetting Describe(const Model& model, const std::string& directory, double load_ms) {
  const Model::Impl& m = model.impl();
  const ModelInfo& info = model.info();
  const CpuFeatures& cpu = HostCpuFeatures();
  const PackedWeight& weight = m.weights.layers.front().gate_up.members.front().weight;
  BenchSetting s;
  s.cpu = cpu.model.empty() ? cpu.vendor : cpu.model;
  s.machine_kind = MachineKind(cpu);
  s.tier = TierName(m.tier);
  s.model_filename = directory;
  s.codec = CodecName(weight.codec);
  s.density = static_cast<double>(weight.StoredWeights()) / (static_cast<double>(weight.n) * weight.k);
  s.model_type = info.model_type + " " + s.codec;
  s.model_bytes = info.weight_bytes;
  s.parameters = info.parameters;
  s.threads = model.threads();
  s.kv_type = m.kv_layout.type == ElementType::kF32 ? "f32" : "bf16";
  s.numerics = model.numerics() == Numerics::kF32 ? "f32" : "default";
  s.page_size = PageSizeOf(weight.stream(Stream::kValues).data(), weight.stream(Stream::kValues).size());
  s.peak_instruction = PeakName(PeakOf(m.tier, weight.codec.activations == Activations::kInt8));
  s.load_ms = load_ms;
  s.load_rss_bytes = PeakResidentBytes();
  return s;
}

Status RunModel(const Flags& flags, const Plan& plan, int threads, std::vector<BenchRow>* rows) {
  ModelFlags model_flags = flags.model;
  model_flags.threads = threads;
  const auto start = std::chrono::steady_clock::now();
  LACUNA_ASSIGN_OR_RETURN(const auto model, model_flags.Load());
  const double load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  BenchSetting setting = Describe(*model, flags.model.directory, load_ms);
  LACUNA_ASSIGN_OR_RETURN(RoofMeter meter, RoofMeter::Create(*model->impl().team, model->impl().tier,
                                                             static_cast<std::size_t>(flags.stream_mib) << 20));
  const Codec& codec = model->impl().weights.layers.front().gate_up.members.front().weight.codec;
  meter.Use(PeakOf(model->impl().tier, codec.activations == Activations::kInt8));

  const std::vector<BenchTest> tests = plan.tests.Tests();
  int64_t most_rows = 1;
  for (const BenchTest& test : tests) most_rows = std::max(most_rows, test.rows);
  for (int64_t ubatch : plan.ubatch) {
    setting.ubatch = ubatch;
    SessionOptions options;
    options.context_length = ContextFor(tests);
    options.max_rows = static_cast<int>(std::max(ubatch, most_rows));
    options.max_logits = static_cast<int>(most_rows);
    LACUNA_ASSIGN_OR_RETURN(const auto session, Session::Create(model, options));
    BenchRunner runner(*session, meter, setting, {.repetitions = flags.repetitions, .warmup = !flags.no_warmup});
    for (std::size_t at = 0; at < tests.size();) {
      std::vector<BenchTest> same_depth;
      for (const int64_t depth = tests[at].depth; at < tests.size() && tests[at].depth == depth; ++at) {
        same_depth.push_back(tests[at]);
      }
      LACUNA_ASSIGN_OR_RETURN(std::vector<BenchRow> done, runner.Run(same_depth));
      for (BenchRow& row : done) {
        if (flags.output == "jsonl") Print(JsonLinesReport({row}));
        rows->push_back(std::move(row));
      }
    }
  }
  return {};
}

Status RunBench(const Flags& flags) {
  LACUNA_ASSIGN_OR_RETURN(const Plan plan, MakePlan(flags));
  if (TilesAreEmulated()) return InvalidInput("bench: AMX is emulated in this process: times would mean nothing");
  const CancelScope cancel;
  std::vector<BenchRow> rows;
  for (int64_t threads : plan.threads) LACUNA_RETURN_IF_ERROR(RunModel(flags, plan, static_cast<int>(threads), &rows));
  if (flags.output == "json") Print(JsonReport(rows));
  if (flags.output == "csv") Print(CsvReport(rows));
  if (flags.output == "md") Print(MarkdownReport(rows));
  return {};
}

// A list flag: one value an occurrence, any number of occurrences.
void AddList(CLI::App& app, const std::string& names, std::vector<std::string>& value, const std::string& help) {
  Add(app, names, value, help)->allow_extra_args(false)->type_name("LIST");
}

}  // namespace

void AddBench(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  app.footer("A LIST is numbers and ranges: 1,2  1-4  1-8+2  1-16*2; a flag may be given several times.");
  flags->model.AddTo(app, false);
  AddList(app, "-p,--n-prompt", flags->prompts, "Prompt tokens; 0: none [512]");
  AddList(app, "-n,--n-gen", flags->gens, "Tokens decoded one by one; 0: none [128]");
  AddList(app, "-d,--n-depth", flags->depths, "Tokens in the context before each test [0]");
  Add(app, "--pg", flags->prompt_gens, "Prompt tokens, then decoded ones, as one test (-pg)")
      ->allow_extra_args(false)
      ->type_name("PP,TG");
  AddList(app, "--rows", flags->rows, "One pass over this many rows of one text, rolled back, as speculation does");
  AddList(app, "-t,--threads", flags->threads, "Threads; 0: what suits the machine [0]");
  AddList(app, "--ubatch-size", flags->ubatch, "Rows of one pass at most (-ub) [512]");
  Add(app, "-r,--repetitions", flags->repetitions, "Times each test is run")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  Add(app, "--numerics", flags->model.numerics, "default: bf16; f32: float32 reference, slow")
      ->check(CLI::IsMember({"default", "f32"}))
      ->type_name("MODE")
      ->capture_default_str();
  Add(app, "--stream-mib", flags->stream_mib, "Size of the buffer that bandwidth is measured on")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->type_name("MIB")
      ->capture_default_str();
  AddSwitch(app, "--no-warmup", flags->no_warmup, "Do not run each test once before");
  Add(app, "-o,--output", flags->output, "md, json, jsonl or csv")
      ->check(CLI::IsMember({"md", "json", "jsonl", "csv"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunBench(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
