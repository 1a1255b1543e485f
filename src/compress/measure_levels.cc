#include "compress/measure_levels.h"

#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "backend/cpu/gemm.h"
#include "base/status_macros.h"
#include "compress/layer_runner.h"
#include "compress/layer_sets.h"
#include "model/load_weights.h"
#include "model/source_tensor.h"
#include "threading/arena.h"
#include "weights/pack.h"

namespace lacuna {
namespace {

std::size_t At(int64_t i) { return static_cast<std::size_t>(i); }

// Every so manyth channel of a matrix, as f32.
struct Sample {
  std::vector<float> rows;
  SourceMatrix source;
};
Sample SampleOf(const SourceMatrix& source) {
  Sample sample;
  const int64_t n = std::min(kSampleChannels, source.n);
  sample.rows.resize(At(n * source.k));
  for (int64_t i = 0; i < n; ++i) RowFloats(source, i * source.n / n, sample.rows.data() + i * source.k);
  sample.source = {.name = source.name,
                   .data = reinterpret_cast<const std::byte*>(sample.rows.data()),
                   .type = ElementType::kF32,
                   .n = n,
                   .k = source.k};
  return sample;
}

// What a token reads of a matrix of `n` channels whose sample this is.
int64_t BytesFor(const PackedWeight& sample, int64_t n) {
  const auto shared =
      static_cast<int64_t>(sample.stream(Stream::kPerm).size() + sample.stream(Stream::kCodebook).size());
  const auto all = static_cast<int64_t>(sample.ReadBytes());
  return shared + (all - shared) * n / sample.n;
}

class LevelMeter {
 public:
  LevelMeter(const CompressPlan& plan, const CompressOptions& options, const WorkFolder& work, ThreadTeam& team,
             Tier tier, const std::function<void(double)>& progress)
      : plan_(plan),
        options_(options),
        work_(work),
        team_(team),
        tier_(tier),
        tile_(GemmTileFor(tier)),
        progress_(progress),
        arena_(ArenaThreadCount(team.workers())) {}

  Result<std::vector<MeasuredMatrix>> Run() {
    const int layers = plan_.config.num_layers;
    text_ = static_cast<int64_t>(plan_.sequences.size());
    probes_ = std::min(kProbeSequences, text_);
    std::vector<std::vector<int32_t>> sequences = plan_.sequences;
    for (int64_t copy = 0; copy <= int64_t{kMatrices} * layers; ++copy) {
      for (int64_t p = 0; p < probes_; ++p) {
        std::vector<int32_t> probe = plan_.sequences[At(p * text_ / probes_)];
        probe.resize(std::min(probe.size(), At(kProbeTokens)));
        sequences.push_back(std::move(probe));
      }
    }
    LACUNA_ASSIGN_OR_RETURN(ModelWeights frame, LoadVectors(plan_.config, plan_.files));
    final_norm_ = frame.final_norm;
    LACUNA_ASSIGN_OR_RETURN(runner_,
                            LayerRunner::Create(plan_.config, std::move(frame), std::move(sequences), team_, tier_));
    LACUNA_RETURN_IF_ERROR(Embed());
    QuantizationConfig references{.codec = plan_.levels[ReferenceLevel(plan_.levels)].codec};
    references.parameters = plan_.codecs.parameters;
    for (int i = 0; i < layers; ++i) LACUNA_RETURN_IF_ERROR(Layer(i, references));
    for (std::size_t m = 0; m < out_.size(); ++m) {
      const double own = out_[m].levels[ReferenceLevel(LevelsOf(plan_, out_[m].name))].error;
      out_[m].sensitivity = own > 0 ? Effect(static_cast<int64_t>(m)) / own : 0;
    }
    return std::move(out_);
  }

 private:
  static constexpr int kMatrices = 7;  // of a layer

  Status Between() const {
    return options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed) ? Cancelled() : Status();
  }
  // The first probe of the copy for matrix `m` of all; -1: nothing changed.
  int64_t Copy(int64_t m) const { return text_ + (m + 1) * probes_; }

  const ModelTensor& Find(const std::string& name) const {
    return *std::find_if(plan_.tensors.begin(), plan_.tensors.end(), [&](auto& t) { return t.name == name; });
  }

  Status Embed() {
    const auto entry = std::find_if(plan_.tensors.begin(), plan_.tensors.end(),
                                    [](auto& t) { return t.role == TensorRole::kEmbedding; });
    LACUNA_ASSIGN_OR_RETURN(const SourceMatrix source, FindMatrix(plan_.config, plan_.files, *entry));
    const auto packed = arena_.execute([&] { return PackMatrix(source, Codec::kBf16); });
    if (!packed.ok()) return packed.status();
    runner_->Only(0, text_ + probes_);
    return runner_->Embed({.rows = entry->shape[0], .cols = entry->shape[1], .packed = &*packed});
  }

  Status Layer(int i, const QuantizationConfig& references) {
    const auto sets = LayerSets(plan_.config, i);
    for (const LayerSet& set : sets) {
      auto& members = (runner_->layer(i).*set.set).members;
      for (std::size_t m = 0; m < members.size(); ++m) {
        LACUNA_ASSIGN_OR_RETURN(const SourceMatrix source,
                                FindMatrix(plan_.config, plan_.files, Find(set.matrices[m])));
        auto packed = arena_.execute([&] { return PackMatrix(source, Codec::kBf16); });
        if (!packed.ok()) return packed.status();
        members[m].weight = *std::move(packed);
      }
    }
    std::vector<PackedWeight> changed(kMatrices);
    std::vector<NamedWeight> named;
    for (const LayerSet& set : sets) {
      for (const std::string& name : set.matrices) named.push_back({&Find(name), &changed[named.size()]});
    }
    AlignedBuffer memory;
    const std::string part = LayerPart("measured", i);
    runner_->Only(0, text_);
    if (work_.Has(part)) {
      LACUNA_RETURN_IF_ERROR(work_.Load(part, named, references, team_.workers(), &memory));
      LACUNA_RETURN_IF_ERROR(Read(part, named));
      if (i + 1 < plan_.config.num_layers) LACUNA_RETURN_IF_ERROR(runner_->Run(i, [&] { return Between(); }));
    } else {
      const std::size_t first = out_.size();
      for (const LayerSet& set : sets) LACUNA_RETURN_IF_ERROR(Measure(i, set, named, first));
      if (i + 1 < plan_.config.num_layers) LACUNA_RETURN_IF_ERROR(runner_->Finish(i, [&] { return Between(); }));
      const auto begin = out_.begin() + static_cast<std::ptrdiff_t>(first);
      LACUNA_RETURN_IF_ERROR(work_.Save(part, named, ToJson(std::vector<MeasuredMatrix>(begin, out_.end()))));
    }
    return Probe(i, sets, &changed);
  }

  // Errors of all levels of a set's matrices, and each at its reference level into `named`.
  Status Measure(int i, const LayerSet& set, const std::vector<NamedWeight>& named, std::size_t first) {
    LACUNA_ASSIGN_OR_RETURN(Hessian hessian, Hessian::Create("layer " + std::to_string(i) + ", input of " + set.input,
                                                             Find(set.matrices[0]).shape[1], tile_));
    LACUNA_RETURN_IF_ERROR(runner_->Inputs(i, set.step, [&](const View& input) {
      arena_.execute([&] { hessian.Add(input); });
      return Between();
    }));
    LACUNA_RETURN_IF_ERROR(arena_.execute([&] { return hessian.Finish(); }));
    LayerInput input(hessian, options_.damping, tile_);
    for (const std::string& name : set.matrices) {
      LACUNA_ASSIGN_OR_RETURN(const SourceMatrix source, FindMatrix(plan_.config, plan_.files, Find(name)));
      const Sample sample = SampleOf(source);
      const std::vector<Level> levels = LevelsOf(plan_, name);
      MeasuredMatrix measured{.name = name};
      const auto make = [&](const Level& level, const SourceMatrix& of) {
        return arena_.execute([&] {
          return CompressMatrix(of,
                                {.codec = level.codec,
                                 .prune = options_.prune,
                                 .rule = level.rule,
                                 .round = options_.round,
                                 .order = options_.order},
                                input);
        });
      };
      for (const Level& level : levels) {
        LACUNA_RETURN_IF_ERROR(Between());
        LACUNA_ASSIGN_OR_RETURN(const CompressedWeight compressed, make(level, sample.source));
        measured.levels.push_back({compressed.error, BytesFor(compressed.weight, source.n)});
      }
      LACUNA_ASSIGN_OR_RETURN(CompressedWeight reference, make(levels[ReferenceLevel(levels)], source));
      *named[out_.size() - first].weight = std::move(reference.weight);
      out_.push_back(std::move(measured));
      if (progress_) progress_(static_cast<double>(out_.size()) / (kMatrices * plan_.config.num_layers));
    }
    return {};
  }

  // The probes through layer `i`: as it is, with each matrix of earlier layers changed, and with each of its own.
  Status Probe(int i, const std::array<LayerSet, 4>& sets, std::vector<PackedWeight>* changed) {
    std::size_t own = 0;
    for (const LayerSet& set : sets) {
      for (LinearMember& member : (runner_->layer(i).*set.set).members) {
        const int64_t copy = Copy(int64_t{kMatrices} * i + static_cast<int64_t>(own));
        for (int64_t p = 0; p < probes_; ++p) runner_->CopyStream(Copy(-1) + p, copy + p);
        std::swap(member.weight, (*changed)[own]);
        runner_->Only(copy, copy + probes_);
        LACUNA_RETURN_IF_ERROR(runner_->Run(i, [&] { return Between(); }));
        std::swap(member.weight, (*changed)[own]);
        ++own;
      }
    }
    runner_->Only(Copy(-1), Copy(int64_t{kMatrices} * i));
    LACUNA_RETURN_IF_ERROR(runner_->Run(i, [&] { return Between(); }));
    for (const LayerSet& set : sets) {
      for (LinearMember& member : (runner_->layer(i).*set.set).members) member.weight = {};
    }
    return {};
  }

  // |y' - y|^2 / |y|^2, y what enters the head, y' with matrix `m` changed.
  double Effect(int64_t m) {
    double difference = 0, whole = 0;
    for (int64_t p = 0; p < probes_; ++p) {
      const View before = runner_->Stream(Copy(-1) + p), after = runner_->Stream(Copy(m) + p);
      for (int64_t t = 0; t < before.rows; ++t) {
        const double a = Factor(before.Row(t)), b = Factor(after.Row(t));
        for (int64_t j = 0; j < plan_.config.hidden_size; ++j) {
          const double weight = final_norm_.empty() ? 1 : final_norm_[At(j)];
          const double y = weight * a * before.Row(t)[j], d = weight * b * after.Row(t)[j] - y;
          difference += d * d;
          whole += y * y;
        }
      }
    }
    return whole > 0 ? difference / whole : 0;
  }
  double Factor(const float* x) const {
    double sum = 0;
    for (int64_t j = 0; j < plan_.config.hidden_size; ++j) sum += static_cast<double>(x[j]) * x[j];
    return 1 / std::sqrt(sum / plan_.config.hidden_size + static_cast<double>(plan_.config.rms_norm_eps));
  }

  Status Read(const std::string& part, const std::vector<NamedWeight>& named) {
    LACUNA_ASSIGN_OR_RETURN(const auto json, work_.Report(part));
    LACUNA_ASSIGN_OR_RETURN(std::vector<MeasuredMatrix> measured, MeasuredOf(json));
    bool same = measured.size() == named.size();
    for (std::size_t m = 0; same && m < named.size(); ++m) {
      same = measured[m].name == named[m].entry->name &&
             measured[m].levels.size() == LevelsOf(plan_, measured[m].name).size();
    }
    if (!same) {
      return InvalidInput(work_.PartPath(part) + "/report.json: is of another model; remove " + work_.path() +
                          " to start anew");
    }
    std::move(measured.begin(), measured.end(), std::back_inserter(out_));
    return {};
  }

  const CompressPlan& plan_;
  const CompressOptions& options_;
  const WorkFolder& work_;
  ThreadTeam& team_;
  const Tier tier_;
  const kernels::GemmTileFn tile_;
  const std::function<void(double)>& progress_;
  tbb::task_arena arena_;
  std::unique_ptr<LayerRunner> runner_;
  std::vector<float> final_norm_;
  int64_t text_ = 0, probes_ = 0;  // sequences of the text; probes of a copy
  std::vector<MeasuredMatrix> out_;
};

}  // namespace

Result<std::vector<MeasuredMatrix>> MeasureLevels(const CompressPlan& plan, const CompressOptions& options,
                                                  const WorkFolder& work, ThreadTeam& team, Tier tier,
                                                  const std::function<void(double)>& progress) {
  return LevelMeter(plan, options, work, team, tier, progress).Run();
}

}  // namespace lacuna
