#include <oneapi/tbb/task_arena.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "backend/cpu/gemm.h"
#include "base/status_macros.h"
#include "compress/compress_plan.h"
#include "compress/layer_runner.h"
#include "compress/layer_sets.h"
#include "compress/levels.h"
#include "compress/measure_levels.h"
#include "compress/work_folder.h"
#include "lacuna/compress.h"
#include "model/load_weights.h"
#include "model/source_tensor.h"
#include "model/write_packed.h"
#include "threading/arena.h"
#include "weights/pack.h"
#include "weights/packed_file.h"

namespace lacuna {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double Since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class ModelCompressor {
 public:
  ModelCompressor(const std::string& source, const std::string& output, const CompressOptions& options,
                  CompressPlan plan, WorkFolder work, ThreadTeam& team, Tier tier)
      : source_(source),
        output_(output),
        options_(options),
        plan_(std::move(plan)),
        work_(std::move(work)),
        team_(team),
        tier_(tier),
        tile_(GemmTileFor(tier)),
        arena_(ArenaThreadCount(team.workers())) {}

  Result<CompressReport> Run() {
    const Clock::time_point start = Clock::now();
    for (const auto& sequence : plan_.sequences) tokens_ += static_cast<int64_t>(sequence.size());
    report_.sequences = static_cast<int64_t>(plan_.sequences.size());
    report_.sequence_tokens = static_cast<int64_t>(plan_.sequences.front().size());
    CountWork();
    if (options_.allocate != AllocateMethod::kNone) LACUNA_RETURN_IF_ERROR(AllocateLevels());
    LACUNA_ASSIGN_OR_RETURN(ModelWeights frame, LoadVectors(plan_.config, plan_.files));
    LACUNA_ASSIGN_OR_RETURN(runner_,
                            LayerRunner::Create(plan_.config, std::move(frame), plan_.sequences, team_, tier_));
    LACUNA_RETURN_IF_ERROR(Embed());
    for (int i = 0; i < plan_.config.num_layers; ++i) {
      LACUNA_RETURN_IF_ERROR(Cancel());
      what_ = "layer " + std::to_string(i + 1) + " of " + std::to_string(plan_.config.num_layers);
      Done(0);
      if (options_.dense_inputs) LACUNA_RETURN_IF_ERROR(Uncompressed(i));
      LACUNA_RETURN_IF_ERROR(work_.Has(LayerPart("layer", i)) ? Resume(i) : Compress(i));
      for (const LayerSet& s : Sets(i)) {
        for (LinearMember& member : (runner_->layer(i).*s.set).members) member.weight = {};
      }
      memory_ = {};
    }
    runner_.reset();
    SumBits();
    LACUNA_RETURN_IF_ERROR(Assemble());
    std::error_code error;
    const auto size = fs::file_size(fs::path(output_) / "model.safetensors", error);
    report_.file_bytes = error ? 0 : static_cast<int64_t>(size);
    report_.seconds = Since(start);
    return std::move(report_);
  }

 private:
  // Work by the number of multiplications, those of the packed layers at the rate that they have beside a float32
  // product: good enough for a time that is left.
  void CountWork() {
    const ModelConfig& c = plan_.config;
    const double hidden = c.hidden_size, heads = double{1} * c.num_heads * c.head_dim, mid = c.intermediate_size;
    const double kv = double{1} * c.num_kv_heads * c.head_dim, tokens = static_cast<double>(tokens_);
    const double forward = 0.4 * tokens;
    cost_[0] = tokens * hidden * hidden;
    cost_[1] = forward * hidden * (heads + 2 * kv) + tokens * heads * heads;
    cost_[2] = forward * hidden * heads + tokens * hidden * hidden;
    cost_[3] = forward * 2 * hidden * mid + tokens * mid * mid;
    finish_cost_ = forward * 3 * hidden * mid;
    run_cost_ = forward * hidden * (2 * heads + 2 * kv + 3 * mid);
    for (int i = 0; i < c.num_layers; ++i) {
      total_ += work_.Has(LayerPart("layer", i)) ? run_cost_ : cost_[0] + cost_[1] + cost_[2] + cost_[3] + finish_cost_;
    }
  }

  void Done(double cost) {
    done_ += cost;
    if (options_.progress) options_.progress(std::min(1.0, done_ / total_), what_);
  }
  Status Cancel() const {
    return options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed) ? Cancelled() : Status();
  }

  const ModelTensor* Find(const std::string& name) const {
    for (const ModelTensor& tensor : plan_.tensors) {
      if (tensor.name == name) return &tensor;
    }
    return nullptr;
  }

  std::array<LayerSet, 4> Sets(int i) const { return LayerSets(plan_.config, i); }
  std::vector<NamedWeight> WeightsOf(int i) {
    std::vector<NamedWeight> out;
    std::size_t own = 0;
    for (const LayerSet& s : Sets(i)) {
      auto& members = (runner_->layer(i).*s.set).members;
      for (std::size_t m = 0; m < members.size(); ++m, ++own) {
        out.push_back({Find(s.matrices[m]), options_.dense_inputs ? &compressed_[own] : &members[m].weight});
      }
    }
    return out;
  }

  // With dense_inputs: what the layer runs with, its compressed matrices are in compressed_.
  Status Uncompressed(int i) {
    compressed_.clear();
    compressed_.resize(WeightsOf(i).size());
    for (const LayerSet& s : Sets(i)) {
      auto& members = (runner_->layer(i).*s.set).members;
      for (std::size_t m = 0; m < members.size(); ++m) {
        LACUNA_ASSIGN_OR_RETURN(const SourceMatrix source, FindMatrix(plan_.config, plan_.files, *Find(s.matrices[m])));
        auto packed = arena_.execute([&] { return PackMatrix(source, Codec::kBf16); });
        if (!packed.ok()) return packed.status();
        members[m].weight = *std::move(packed);
      }
    }
    return {};
  }

  // Measures and chooses, or takes what an earlier run chose. Half of the work, as progress goes.
  Status AllocateLevels() {
    what_ = "measuring";
    done_ = total_;
    total_ *= 2;
    const double whole = done_;
    std::vector<MeasuredMatrix> measured;
    if (work_.Has("measured")) {
      LACUNA_ASSIGN_OR_RETURN(const auto json, work_.Report("measured"));
      LACUNA_ASSIGN_OR_RETURN(measured, MeasuredOf(json));
    } else {
      LACUNA_ASSIGN_OR_RETURN(measured, MeasureLevels(plan_, options_, work_, team_, tier_, [&](double fraction) {
                                done_ = fraction * whole;
                                Done(0);
                              }));
      LACUNA_RETURN_IF_ERROR(work_.Save("measured", {}, ToJson(measured)));
    }
    done_ = whole;
    LACUNA_ASSIGN_OR_RETURN(report_.allocation, ChooseLevels(measured, options_, &plan_));
    // Layers that are finished are of one choice; what was measured serves any.
    const nlohmann::ordered_json choice = {{"method", AllocateName(options_.allocate)},
                                           {"budget", options_.budget_bits}};
    if (!work_.Has("chosen")) return work_.Save("chosen", {}, choice);
    LACUNA_ASSIGN_OR_RETURN(const auto there, work_.Report("chosen"));
    if (there == choice) return {};
    return InvalidInput(work_.path() +
                        " has layers of an unfinished run whose budget was another: use the same options to go " +
                        "on with it, or remove that folder");
  }

  // Embedding and head are rounded as `pack` does it; what the layers see is the compressed embedding.
  Status Embed() {
    what_ = "embedding";
    Done(0);
    std::vector<const ModelTensor*> entries;
    for (const ModelTensor& tensor : plan_.tensors) {
      if (tensor.role == TensorRole::kEmbedding || tensor.role == TensorRole::kHead) entries.push_back(&tensor);
    }
    std::vector<PackedWeight> weights(entries.size());
    std::vector<NamedWeight> named;
    for (std::size_t i = 0; i < entries.size(); ++i) named.push_back({entries[i], &weights[i]});
    AlignedBuffer memory;
    if (work_.Has("embedding")) {
      LACUNA_RETURN_IF_ERROR(work_.Load("embedding", named, plan_.codecs, team_.workers(), &memory));
    } else {
      for (const NamedWeight& w : named) {
        LACUNA_RETURN_IF_ERROR(Cancel());
        LACUNA_ASSIGN_OR_RETURN(const SourceMatrix source, FindMatrix(plan_.config, plan_.files, *w.entry));
        auto packed = arena_.execute([&] { return PackMatrix(source, plan_.codecs.Of(w.entry->name)); });
        if (!packed.ok()) return packed.status();
        *w.weight = *std::move(packed);
      }
      LACUNA_RETURN_IF_ERROR(work_.Save("embedding", named, nlohmann::ordered_json::object()));
    }
    for (const NamedWeight& w : named) {
      if (w.entry->role != TensorRole::kEmbedding) continue;
      LACUNA_RETURN_IF_ERROR(
          runner_->Embed({.rows = w.entry->shape[0], .cols = w.entry->shape[1], .packed = w.weight}));
    }
    return {};
  }

  Status Resume(int i) {
    LACUNA_RETURN_IF_ERROR(work_.Load(LayerPart("layer", i), WeightsOf(i), plan_.codecs, team_.workers(), &memory_));
    const double cost = run_cost_ / static_cast<double>(runner_->sequences());
    if (i + 1 < plan_.config.num_layers) {
      LACUNA_RETURN_IF_ERROR(runner_->Run(i, [&] {
        Done(cost);
        return Cancel();
      }));
    }
    LACUNA_ASSIGN_OR_RETURN(const auto json, work_.Report(LayerPart("layer", i)));
    CompressedLayer layer;
    for (const auto& m : json.value("matrices", nlohmann::ordered_json::array())) {
      layer.matrices.push_back({.name = m.value("name", ""),
                                .codec = m.value("codec", ""),
                                .error = m.value("error", 0.0),
                                .density = m.value("density", 1.0),
                                .bits = m.value("bits", 0.0)});
    }
    report_.layers.push_back(std::move(layer));
    ++report_.resumed_layers;
    return {};
  }

  Status Compress(int i) {
    const Clock::time_point start = Clock::now();
    CompressedLayer layer;
    const auto sets = Sets(i);
    for (std::size_t s = 0; s < sets.size(); ++s) LACUNA_RETURN_IF_ERROR(CompressSet(i, sets[s], cost_[s], &layer));
    if (i + 1 < plan_.config.num_layers) {
      const Clock::time_point forward = Clock::now();
      const double cost = finish_cost_ / static_cast<double>(runner_->sequences());
      LACUNA_RETURN_IF_ERROR(runner_->Finish(i, [&] {
        Done(cost);
        return Cancel();
      }));
      layer.forward_seconds += Since(forward);
    }
    // Without times: what is finished has the same bytes in every run.
    nlohmann::ordered_json matrices = nlohmann::ordered_json::array();
    for (const CompressedMatrix& m : layer.matrices) {
      matrices.push_back(
          {{"name", m.name}, {"codec", m.codec}, {"error", m.error}, {"density", m.density}, {"bits", m.bits}});
    }
    LACUNA_RETURN_IF_ERROR(work_.Save(LayerPart("layer", i), WeightsOf(i), {{"matrices", std::move(matrices)}}));
    layer.seconds = Since(start);
    report_.layers.push_back(std::move(layer));
    return {};
  }

  Status CompressSet(int i, const LayerSet& set, double cost, CompressedLayer* layer) {
    auto& members = (runner_->layer(i).*set.set).members;
    const ModelTensor& first = *Find(set.matrices[0]);
    LACUNA_ASSIGN_OR_RETURN(Hessian hessian, Hessian::Create("layer " + std::to_string(i) + ", input of " + set.input,
                                                             first.shape[1], tile_));
    const Clock::time_point start = Clock::now();
    double adding = 0;
    LACUNA_RETURN_IF_ERROR(runner_->Inputs(i, set.step, [&](const View& input) {
      const Clock::time_point begin = Clock::now();
      arena_.execute([&] { hessian.Add(input); });
      adding += Since(begin);
      Done(cost / static_cast<double>(runner_->sequences()));
      return Cancel();
    }));
    layer->hessian_seconds += adding;
    layer->forward_seconds += Since(start) - adding;
    const Clock::time_point solve = Clock::now();
    LACUNA_RETURN_IF_ERROR(arena_.execute([&] { return hessian.Finish(); }));
    LayerInput input(hessian, options_.damping, tile_);
    for (std::size_t m = 0; m < members.size(); ++m) {
      LACUNA_RETURN_IF_ERROR(Cancel());
      const ModelTensor& entry = *Find(set.matrices[m]);
      LACUNA_ASSIGN_OR_RETURN(const SourceMatrix source, FindMatrix(plan_.config, plan_.files, entry));
      const MatrixSettings settings = plan_.SettingsOf(entry, options_);
      auto compressed = arena_.execute([&] { return CompressMatrix(source, settings, input); });
      if (!compressed.ok()) return compressed.status();
      const std::size_t own = layer->matrices.size();
      PackedWeight& weight = options_.dense_inputs ? compressed_[own] : members[m].weight;
      weight = std::move(compressed->weight);
      const double weights = static_cast<double>(entry.shape[0]) * static_cast<double>(entry.shape[1]);
      layer->matrices.push_back({.name = entry.name,
                                 .codec = CodecName(settings.codec),
                                 .error = compressed->error,
                                 .density = std::min(1.0, static_cast<double>(weight.StoredWeights()) / weights),
                                 .bits = 8 * static_cast<double>(weight.ReadBytes()) / weights});
    }
    layer->solve_seconds += Since(solve);
    return {};
  }

  void SumBits() {
    double bits = 0, weights = 0;
    for (const CompressedLayer& layer : report_.layers) {
      for (const CompressedMatrix& m : layer.matrices) {
        const ModelTensor& entry = *Find(m.name);
        const double size = static_cast<double>(entry.shape[0]) * static_cast<double>(entry.shape[1]);
        weights += size;
        bits += m.bits * size;
      }
    }
    report_.bits = weights > 0 ? bits / weights : 0;
  }

  Status Assemble() {
    what_ = "writing";
    LACUNA_ASSIGN_OR_RETURN(const std::string result, work_.NewResult());
    LACUNA_RETURN_IF_ERROR(WritePackedModel(
        {.source = source_,
         .output = result,
         .config = plan_.config,
         .files = plan_.files,
         .tensors = plan_.tensors,
         .quantization = plan_.codecs,
         .progress = {},
         .cancelled = [this] { return !Cancel().ok(); }},
        [&](const ModelTensor& entry, const SourceMatrix&, SafetensorsWriter* writer) -> Status {
          LACUNA_ASSIGN_OR_RETURN(const ModelFiles part, ModelFiles::Open(work_.PartPath(PartOf(entry))));
          LACUNA_ASSIGN_OR_RETURN(const PackedWeight weight, OpenPacked(part, entry.name, entry.shape[0],
                                                                        entry.shape[1], plan_.codecs.Of(entry.name)));
          return AppendPacked(entry.name, weight, writer);
        }));
    LACUNA_RETURN_IF_ERROR(work_.Finish(output_));
    done_ = total_;
    Done(0);
    return {};
  }

  std::string PartOf(const ModelTensor& entry) const {
    for (int i = 0; i < plan_.config.num_layers; ++i) {
      for (const LayerSet& s : Sets(i)) {
        for (const std::string& name : s.matrices) {
          if (name == entry.name) return LayerPart("layer", i);
        }
      }
    }
    return "embedding";
  }

  const std::string& source_;
  const std::string& output_;
  const CompressOptions& options_;
  CompressPlan plan_;
  WorkFolder work_;
  ThreadTeam& team_;
  const Tier tier_;
  const kernels::GemmTileFn tile_;
  tbb::task_arena arena_;
  std::unique_ptr<LayerRunner> runner_;
  AlignedBuffer memory_;  // of a layer that was loaded
  std::vector<PackedWeight> compressed_;
  int64_t tokens_ = 0;
  double cost_[4] = {}, finish_cost_ = 0, run_cost_ = 0, total_ = 0, done_ = 0;
  std::string what_;
  CompressReport report_;
};

}  // namespace

Result<CompressReport> CompressModel(const std::string& source, const std::string& output,
                                     const CompressOptions& options) {
  std::error_code error;
  if (fs::exists(output, error) && !(fs::is_directory(output, error) && fs::is_empty(output, error))) {
    return InvalidInput(output + " exists and is not empty: choose another folder, or remove it");
  }
  LACUNA_ASSIGN_OR_RETURN(const Tier tier, HostTier());
  LACUNA_ASSIGN_OR_RETURN(CompressPlan plan, MakePlan(source, options));
  LACUNA_ASSIGN_OR_RETURN(WorkFolder work, WorkFolder::Open(output, PlanJson(plan, options)));
  LACUNA_ASSIGN_OR_RETURN(const auto team, ThreadTeam::Create(options.threads));
  return ModelCompressor(source, output, options, std::move(plan), std::move(work), *team, tier).Run();
}

}  // namespace lacuna
