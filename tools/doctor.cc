// lacuna doctor: what this machine has, what lacuna chooses on it and why, and what it can do at most.
#include <cstdlib>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "backend/cpu/catalog.h"
#include "backend/cpu/cost_file.h"
#include "backend/cpu/elementwise.h"
#include "backend/cpu/roofs.h"
#include "base/machine_load.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "base/tile_permission.h"
#include "lacuna/version.h"
#include "threading/topology.h"
#include "tools/command.h"
#include "tools/doctor_tune.h"

namespace lacuna::tools {
namespace {

using nlohmann::ordered_json;

struct Flags {
  bool json = false;
  bool no_measure = false;
  bool tune = false;
  int threads = 0;
  int64_t stream_mib = 1024;
};

constexpr Tier kTiers[] = {Tier::kRef, Tier::kSimd, Tier::kAvx512, Tier::kAvx512Bf16, Tier::kAmx};

ordered_json Features(const CpuFeatures& f) {
  return {{"avx2", f.avx2},
          {"fma", f.fma},
          {"avx512f", f.avx512f},
          {"avx512bw", f.avx512bw},
          {"avx512dq", f.avx512dq},
          {"avx512vl", f.avx512vl},
          {"avx512vbmi", f.avx512vbmi},
          {"avx512vbmi2", f.avx512vbmi2},
          {"avx512vnni", f.avx512vnni},
          {"avx512vpopcntdq", f.avx512vpopcntdq},
          {"avx512bf16", f.avx512bf16},
          {"amx_tile", f.amx_tile},
          {"amx_bf16", f.amx_bf16},
          {"amx_int8", f.amx_int8}};
}

ordered_json Tiers(const CpuFeatures& f, const Result<Tier>& chosen) {
  ordered_json missing = ordered_json::object();
  for (Tier tier : kTiers) missing[TierName(tier)] = MissingForTier(f, tier);
  const char* cap = std::getenv("LACUNA_ISA");
  return {{"chosen", chosen.ok() ? ordered_json(TierName(*chosen)) : ordered_json()},
          {"highest", TierName(DetectTier(f))},
          {"cap", cap != nullptr && *cap != '\0' ? ordered_json(cap) : ordered_json()},
          {"missing", missing},
          {"error", chosen.ok() ? ordered_json() : ordered_json(chosen.status().message())}};
}

ordered_json Processors(const Topology& t, int threads) {
  return {{"usable", t.cpus},          {"cores", t.cores},
          {"online", t.online},        {"quota", t.quota ? ordered_json(*t.quota) : ordered_json()},
          {"threads", threads},        {"whole_machine", t.WholeMachine()},
          {"l1d_bytes", t.l1d_bytes},  {"l2_bytes", t.l2_bytes},
          {"l3_bytes", t.l3_bytes},    {"numa_nodes", t.numa_nodes},
          {"huge_pages", t.huge_pages}};
}

// About two seconds: the reads take most of it.
Result<ordered_json> MeasureRoofs(ThreadTeam& team, const CpuFeatures& f, Tier tier, int64_t stream_mib) {
  const CpuTimes begin = ReadCpuTimes();
  LACUNA_ASSIGN_OR_RETURN(RoofMeter meter, RoofMeter::Create(team, tier, static_cast<std::size_t>(stream_mib) << 20));
  ordered_json peaks = ordered_json::object();
  const struct {
    Tier needs;
    PeakInstruction instruction;
  } kPeaks[] = {{Tier::kSimd, PeakInstruction::kFma256},
                {Tier::kAvx512, PeakInstruction::kFma512},
                {Tier::kAvx512, PeakInstruction::kVpdpbusd},
                {Tier::kAmx, PeakInstruction::kTdpBf16},
                {Tier::kAmx, PeakInstruction::kTdpbsud}};
  for (const auto& peak : kPeaks) {
    if (peak.needs <= std::max(tier, Tier::kSimd) && HasTier(f, peak.needs)) {
      peaks[PeakName(peak.instruction)] = meter.PeakGflopS(peak.instruction, 0.1);
    }
  }
  const double read = meter.ReadGbS(6);
  const LoadShares load = LoadBetween(begin, ReadCpuTimes());
  return ordered_json{{"threads", team.workers()},
                      {"pinned", team.pinned()},
                      {"read_gb_s", read},
                      {"stream_bytes", meter.buffer().size()},
                      {"page_size", PageSizeOf(meter.buffer().data(), meter.buffer().size())},
                      {"peak_gflop_s", peaks},
                      {"steal_share", load.steal},
                      {"other_share", load.other}};
}

// For each number of rows: the kernel that runs, and why each faster one of the list does not.
template <class Row>
ordered_json Choices(std::span<const Row> rows, std::initializer_list<int> sizes, const KernelTarget& target) {
  ordered_json choices = ordered_json::array();
  for (int m : sizes) {
    const Row& chosen = Select(rows, m, target);
    ordered_json declined = ordered_json::object();
    for (auto row = rows.rbegin(); row->name != chosen.name; ++row) {
      const Decline why = Declines(row->tier, row->min_m, row->max_m, row->from, m, target);
      declined[row->name] = DeclineText(why, row->tier, row->min_m, row->max_m, row->from, target);
    }
    choices.push_back({{"rows", m}, {"kernel", chosen.name}, {"declined", declined}});
  }
  return choices;
}

constexpr std::initializer_list<int> kRowsShown = {1, 2, 4, 8, 16, 32, 64, 512};

// By op, linear layers by codec. Attention's rows are queries that share a KV head; element-wise kernels come with the
// tier.
ordered_json Kernels(const KernelTarget& target) {
  ordered_json ops = {{"linear bf16", Choices(LinearBf16Kernels(), kRowsShown, target)}};
  using kernels::PackedValues;
  const struct {
    const char* codec;
    PackedKind kind;
  } kPacked[] = {{"int8", {PackedValues::kInt8, false, true}},
                 {"4-bit", {PackedValues::kCode4, false, true}},
                 {"bitmap-bf16", {PackedValues::kBf16, true, false}},
                 {"bitmap-int8", {PackedValues::kInt8, true, true}},
                 {"bitmap-4-bit", {PackedValues::kCode4, true, true}},
                 {"int8, bf16 activations", {PackedValues::kInt8, false, false}},
                 {"bitmap-int8, bf16 activations", {PackedValues::kInt8, true, false}},
                 {"4-bit, bf16 activations", {PackedValues::kCode4, false, false}},
                 {"bitmap-4-bit, bf16 activations", {PackedValues::kCode4, true, false}}};
  for (const auto& packed : kPacked)
    ops[std::string("linear ") + packed.codec] = Choices(LinearPackedKernels(packed.kind), kRowsShown, target);
  ops["attention bf16"] = Choices(AttentionBf16Kernels(), {1, 4, 16, kernels::kMaxQueries}, target);
  ops["element-wise"] = ordered_json::array(
      {{{"rows", 1}, {"kernel", ElementwiseFor(target.cap).tier}, {"declined", ordered_json::object()}}});
  return ops;
}

ordered_json Tuned(const TuneResult& tuned, const std::string& path) {
  ordered_json steps = ordered_json::array();
  for (const TuneStep& step : tuned.steps) {
    steps.push_back({{"kernel", step.kernel},
                     {"instead", step.instead},
                     {"rows", step.rows},
                     {"ns", step.ns},
                     {"instead_ns", step.instead_ns}});
  }
  return {{"file", path}, {"costs", ordered_json::parse(CostsToJson(tuned.costs))}, {"steps", steps}};
}

std::string Yes(bool value) { return value ? "yes" : "no"; }

std::string Text(const ordered_json& j) {
  std::ostringstream out;
  const auto line = [&](const std::string& name, const std::string& value) {
    out << std::left << std::setw(18) << name << (name.size() < 18 ? "" : " ") << value << "\n";
  };
  const auto fixed = [](double value, int digits) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(digits) << value;
    return text.str();
  };
  const ordered_json& cpu = j["cpu"];
  line("processor", cpu["model"].get<std::string>() + " (" + cpu["vendor"].get<std::string>() + ", family " +
                        cpu["family"].dump() + ", model " + cpu["model_number"].dump() + ", stepping " +
                        cpu["stepping"].dump() + ")");
  std::string has, lacks;
  for (const auto& [name, value] : j["features"].items()) (value.get<bool>() ? has : lacks) += " " + name;
  line("has", has.empty() ? "" : has.substr(1));
  line("lacks", lacks.empty() ? "nothing that lacuna would use" : lacks.substr(1));
  const ordered_json& os = j["system"];
  line("system saves", "ymm " + Yes(os["ymm"]) + ", zmm " + Yes(os["zmm"]) + ", tiles " + Yes(os["tile"]) +
                           "; permission for tiles: " + Yes(os["tile_permission"]));
  line("machine kind", j["machine_kind"]);
  const ordered_json& tier = j["tier"];
  std::string why = "the highest this machine has";
  if (!tier["cap"].is_null()) why = "LACUNA_ISA caps it; the highest is " + tier["highest"].get<std::string>();
  if (!tier["error"].is_null()) {
    line("tier", "none: " + tier["error"].get<std::string>());
  } else {
    line("tier", tier["chosen"].get<std::string>() + ": " + why);
  }
  for (const auto& [name, value] : tier["missing"].items()) {
    if (!value.get<std::string>().empty()) line("  " + name, "not here: lacks " + value.get<std::string>());
  }
  const ordered_json& p = j["processors"];
  line("processors", std::to_string(p["usable"].size()) + " usable of " + p["online"].dump() + ", " +
                         std::to_string(p["cores"].size()) + " cores; quota " +
                         (p["quota"].is_null() ? "none" : fixed(p["quota"], 2)) + "; threads " + p["threads"].dump());
  const auto bytes = [&](const char* name) { return FormatBytes(p[name].get<uint64_t>()); };
  line("caches", "L1d " + bytes("l1d_bytes") + ", L2 " + bytes("l2_bytes") + ", L3 " + bytes("l3_bytes"));
  line("memory", FormatBytes(j["memory_available"].get<uint64_t>()) + " available, " + p["numa_nodes"].dump() +
                     " NUMA node(s), huge pages: " + p["huge_pages"].get<std::string>());
  if (!j["kernels"].is_null()) {
    for (const auto& [op, choices] : j["kernels"].items()) {
      std::string last;
      for (const ordered_json& choice : choices) {
        const std::string kernel = choice["kernel"];
        if (kernel == last) continue;
        last = kernel;
        line(op, "from " + choice["rows"].dump() + " rows: " + kernel);
        for (const auto& [name, why] : choice["declined"].items()) line("", "  " + name + " " + why.get<std::string>());
      }
    }
  }
  if (!j["costs"].is_null()) {
    line("cost table", (j.contains("tuned") ? "measured now, kept in " : "from ") + j["costs"].get<std::string>());
  }
  if (!j["roofs"].is_null()) {
    const ordered_json& roofs = j["roofs"];
    line("reads", fixed(roofs["read_gb_s"], 1) + " GB/s with " + roofs["threads"].dump() + " threads, pages of " +
                      roofs["page_size"].get<std::string>());
    for (const auto& [name, value] : roofs["peak_gflop_s"].items()) line(name, fixed(value, 0) + " GFLOP/s");
    for (const auto& [name, label] : {std::pair{"steal_share", "the host"}, {"other_share", "other processes"}}) {
      if (roofs[name].get<double>() > 0.03) {
        line("",
             std::string(label) + " took " + fixed(100 * roofs[name].get<double>(), 1) + " % of the time meanwhile");
      }
    }
  }
  return out.str();
}

Status RunDoctor(const Flags& flags) {
  const CpuFeatures& f = HostCpuFeatures();
  if (TilesAreEmulated()) return InvalidInput("doctor: AMX is emulated in this process: it is not this machine");
  const Topology topology = ReadTopology();
  const Result<Tier> tier = HostTier();
  const int threads = flags.threads > 0 ? flags.threads : DefaultThreadCount(topology);
  ordered_json out = {
      {"version", LACUNA_VERSION_STRING},
      {"cpu",
       {{"vendor", f.vendor},
        {"model", f.model},
        {"family", f.family},
        {"model_number", f.model_number},
        {"stepping", f.stepping}}},
      {"features", Features(f)},
      {"system", {{"ymm", f.os_ymm}, {"zmm", f.os_zmm}, {"tile", f.os_tile}, {"tile_permission", f.tile_permission}}},
      {"machine_kind", MachineKind(f)},
      {"tier", Tiers(f, tier)},
      {"processors", Processors(topology, threads)},
      {"memory_available", BytesAvailable()},
      {"kernels", nullptr},
      {"costs", nullptr},
      {"roofs", nullptr}};
  if (tier.ok()) {
    std::string from;
    out["kernels"] = Kernels({f, *tier, HostCosts(f, &from)});
    if (!from.empty()) out["costs"] = from;
  }
  if (tier.ok() && flags.tune) {
    LACUNA_ASSIGN_OR_RETURN(const auto team, ThreadTeam::Create(flags.threads));
    LACUNA_ASSIGN_OR_RETURN(const TuneResult tuned, TuneCosts(*team, f, *tier));
    LACUNA_RETURN_IF_ERROR(SaveCosts(f, tuned.costs));
    out["tuned"] = Tuned(tuned, CostFilePath(f));
    out["costs"] = CostFilePath(f);
    out["kernels"] = Kernels({f, *tier, tuned.costs});
  }
  if (tier.ok() && !flags.no_measure) {
    LACUNA_ASSIGN_OR_RETURN(const auto team, ThreadTeam::Create(flags.threads));
    LACUNA_ASSIGN_OR_RETURN(out["roofs"], MeasureRoofs(*team, f, *tier, flags.stream_mib));
  }
  Print(flags.json ? out.dump(2) + "\n" : Text(out));
  return tier.status();
}

}  // namespace

void AddDoctor(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  AddSwitch(app, "--json", flags->json, "Print one JSON object");
  AddSwitch(app, "--no-measure", flags->no_measure, "Only look; measure no bandwidth and no peaks");
  AddSwitch(app, "--tune", flags->tune, "Measure when each kernel takes over, and keep it for this machine's models");
  Add(app, "-t,--threads", flags->threads, "Threads to measure with; 0: what suits the machine")
      ->check(CLI::Range(0, 1024))
      ->type_name("N")
      ->capture_default_str();
  Add(app, "--stream-mib", flags->stream_mib, "Size of the buffer that bandwidth is measured on")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->type_name("MIB")
      ->capture_default_str();
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunDoctor(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
