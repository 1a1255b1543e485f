#include "compress/compress_matrix.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "base/fp_scope.h"
#include "base/status_macros.h"
#include "compress/inverse_factor.h"
#include "compress/solve.h"
#include "weights/build_packed.h"
#include "weights/fit_codebook.h"
#include "weights/source_rows.h"

namespace lacuna {
namespace {

constexpr int64_t kChunk = 128;  // channels that a thread solves at a time

std::size_t At(int64_t i) { return static_cast<std::size_t>(i); }

class MatrixCompressor {
 public:
  MatrixCompressor(const SourceMatrix& source, const MatrixSettings& settings, LayerInput& input)
      : source_(source),
        settings_(settings),
        codec_(settings.codec),
        input_(input),
        quantizer_(settings.codec),
        n_(source.n),
        k_(source.k),
        prune_(settings.codec.bitmap ? settings.prune : PruneMethod::kNone) {}

  Result<CompressedWeight> Run() {
    LACUNA_ASSIGN_OR_RETURN(const PackedWeight shape, DescribePacked(source_.name, n_, k_, codec_));
    k_padded_ = shape.k_padded;
    groups_ = codec_.scaled() ? shape.groups() : 0;
    group_ = codec_.group == 0 ? k_padded_ : codec_.group;
    chooses_ = prune_ == PruneMethod::kSparseGpt;
    const bool gptq = settings_.round == RoundMethod::kGptq && codec_.scaled();
    ordered_ = gptq && settings_.order && !chooses_ && !settings_.rule.pattern();
    if (ordered_) {
      order_ = input_.order();
      importance_.resize(At(k_));
      for (int64_t j = 0; j < k_; ++j) importance_[At(j)] = input_.hessian().diagonal()[At(order_[At(j)])];
    } else {
      order_.resize(At(k_));
      std::iota(order_.begin(), order_.end(), 0);
      importance_.assign(input_.hessian().diagonal().begin(), input_.hessian().diagonal().end());
    }
    if (gptq || chooses_) {
      LACUNA_ASSIGN_OR_RETURN(factor_, input_.Factor(ordered_));
    }
    values_.resize(At(n_ * k_));
    scales_.resize(At(n_ * groups_));
    if (codec_.values == ValueKind::kCodebook) LACUNA_RETURN_IF_ERROR(FitEntries());
    if (codec_.values == ValueKind::kNvfp4) quantizer_.SetLargest(LargestMagnitude(source_));
    std::vector<double> errors(At(Chunks())), wholes(At(Chunks()));
    LACUNA_RETURN_IF_ERROR(
        ForChunks([&](int64_t chunk) { return SolveChunk(chunk, &errors[At(chunk)], &wholes[At(chunk)]); }));
    CompressedWeight out;
    LACUNA_ASSIGN_OR_RETURN(out.weight, Build());
    const double error = std::accumulate(errors.begin(), errors.end(), 0.0);
    const double whole = std::accumulate(wholes.begin(), wholes.end(), 0.0);
    out.error = whole > 0 ? std::max(0.0, error) / whole : 0;
    return out;
  }

 private:
  int64_t Chunks() const { return (n_ + kChunk - 1) / kChunk; }

  // The first error in order of chunks.
  template <class F>
  Status ForChunks(F f) const {
    std::mutex mutex;
    int64_t failed = Chunks();
    Status error;
    tbb::parallel_for(int64_t{0}, Chunks(), [&](int64_t chunk) {
      const FpScope fp;
      Status status = f(chunk);
      if (status.ok()) return;
      const std::lock_guard lock(mutex);
      if (chunk < failed) {
        failed = chunk;
        error = std::move(status);
      }
    });
    return error;
  }

  std::string Place(int64_t channel, int64_t k) const {
    return "tensor " + source_.name + "[" + std::to_string(channel) + "][" + std::to_string(k) + "]";
  }

  struct Chunk {
    int64_t first = 0, channels = 0;
    std::vector<float> original;  // [k][channels], columns as in the source
    std::vector<float> w;         // [k][channels], columns in order_, pruned weights 0
    std::vector<uint8_t> pruned;  // likewise; empty: none
  };

  // Reads the channels and prunes what is known beforehand.
  Status Read(int64_t index, bool approximate, Chunk* chunk) const {
    chunk->first = index * kChunk;
    const int64_t channels = chunk->channels = std::min(kChunk, n_ - chunk->first);
    chunk->original.resize(At(k_ * channels));
    chunk->w.resize(At(k_ * channels));
    if (prune_ != PruneMethod::kNone) chunk->pruned.assign(At(k_ * channels), 0);
    std::vector<float> row(At(k_)), scores(At(k_));
    std::vector<uint8_t> marks(At(k_));
    const bool marked = prune_ != PruneMethod::kNone && (!chooses_ || approximate);
    for (int64_t c = 0; c < channels; ++c) {
      RowFloats(source_, chunk->first + c, row.data());
      for (int64_t k = 0; k < k_; ++k) {
        if (!std::isfinite(row[At(k)])) {
          return InvalidInput(Place(chunk->first + c, k) + " is " + (std::isnan(row[At(k)]) ? "NaN" : "infinite") +
                              "; every weight must be a finite number");
        }
        chunk->original[At(k * channels + c)] = row[At(k)];
      }
      if (marked) LACUNA_RETURN_IF_ERROR(Mark(chunk->first + c, row, &scores, &marks));
      for (int64_t j = 0; j < k_; ++j) {
        const std::size_t from = At(order_[At(j)]);
        chunk->w[At(j * channels + c)] = marked && marks[from] ? 0 : row[from];
        if (marked) chunk->pruned[At(j * channels + c)] = marks[from];
      }
    }
    return {};
  }

  // Which weights of a row go by their own scores; of SparseGPT, what Wanda would take.
  Status Mark(int64_t channel, const std::vector<float>& row, std::vector<float>* scores,
              std::vector<uint8_t>* marks) const {
    const auto diagonal = input_.hessian().diagonal();
    if (prune_ == PruneMethod::kKeep) {
      for (int64_t k = 0; k < k_; ++k) (*marks)[At(k)] = row[At(k)] == 0;
      for (int64_t k = 0; settings_.rule.pattern() && k < k_; k += settings_.rule.m) {
        const auto begin = marks->begin() + k, end = marks->begin() + std::min(k_, k + settings_.rule.m);
        const auto left = std::count(begin, end, 0);
        if (left <= settings_.rule.n) continue;
        return InvalidInput(Place(channel, k) + " and those after it do not keep the pattern " +
                            std::to_string(settings_.rule.n) + ":" + std::to_string(settings_.rule.m) + ": " +
                            std::to_string(left) + " of " + std::to_string(end - begin) + " are not zero");
      }
      return {};
    }
    for (int64_t k = 0; k < k_; ++k) {
      const float size = std::fabs(row[At(k)]);
      (*scores)[At(k)] = prune_ == PruneMethod::kMagnitude ? size : size * std::sqrt(diagonal[At(k)]);
    }
    MarkRow(*scores, 0, settings_.rule, marks->data(), 1);
    return {};
  }

  // A codebook for w / scale, each weighed by its input's share of the Hessian's diagonal.
  Status FitEntries() {
    double mean = 0;
    for (float d : importance_) mean += d;
    mean /= static_cast<double>(k_);
    std::vector<int64_t> weights(At(k_), 1), counts(kFitBins);
    for (int64_t j = 0; mean > 0 && j < k_; ++j) {
      weights[At(j)] = 1 + static_cast<int64_t>(std::min(1e6, 256 * static_cast<double>(importance_[At(j)]) / mean));
    }
    std::mutex mutex;  // counts are integers: the order does not matter
    LACUNA_RETURN_IF_ERROR(ForChunks([&](int64_t index) -> Status {
      Chunk chunk;
      LACUNA_RETURN_IF_ERROR(Read(index, true, &chunk));
      std::vector<int64_t> mine(kFitBins);
      std::vector<float> group;
      std::vector<int64_t> of;
      for (int64_t c = 0; c < chunk.channels; ++c) {
        for (int64_t begin = 0; begin < k_; begin += group_) {
          group.clear();
          of.clear();
          for (int64_t k = begin; k < std::min(k_, begin + group_); ++k) {
            const std::size_t at = At(k * chunk.channels + c);
            if (!chunk.pruned.empty() && chunk.pruned[at]) continue;
            group.push_back(chunk.w[at]);
            of.push_back(weights[At(k)]);
          }
          const GroupScale scale = quantizer_.Scale(group);
          if (scale.s == 0 || !std::isfinite(scale.s)) continue;
          for (std::size_t i = 0; i < group.size(); ++i) {
            const float v = std::clamp(group[i] / scale.s, -127.0f, 127.0f);
            mine[At(RoundToInt((v + 127) * kFitBinsPerUnit))] += of[i];
          }
        }
      }
      const std::lock_guard lock(mutex);
      for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += mine[i];
      return {};
    }));
    quantizer_.SetCodebook(FitCodebook(counts, codec_.pattern_m > 0));
    return {};
  }

  Status SolveChunk(int64_t index, double* error, double* whole) {
    Chunk chunk;
    LACUNA_RETURN_IF_ERROR(Read(index, false, &chunk));
    const int64_t channels = chunk.channels;
    std::vector<int32_t> values(At(k_ * channels));
    std::vector<GroupScale> scales(At(groups_ * channels));
    SolveArgs args{.w = {chunk.w.data(), channels},
                   .k = k_,
                   .channels = channels,
                   .factor = factor_,
                   .importance = importance_,
                   .pruned = chunk.pruned.empty() ? nullptr : chunk.pruned.data()};
    if (chooses_) args.choose = settings_.rule;
    if (chooses_ && codec_.scaled() && settings_.round == RoundMethod::kNearest) {
      Solve(input_.tile(), args);  // pruned as if weights stayed as they are, and then rounded
      args.choose.reset();
      args.factor = {};
    }
    args.quantizer = &quantizer_;
    args.group = codec_.scaled() ? group_ : 0;
    args.search = codec_.coded();
    args.values = values.data();
    args.scales = scales.data();
    Solve(input_.tile(), args);
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t k = 0; k < k_; ++k) {
        const int32_t value = values[At(k * channels + c)];
        if (value == Quantizer::kTooLarge) {
          return InvalidInput(Place(chunk.first + c, order_[At(k)]) +
                              " becomes larger than the largest bf16 number, 3.38953e+38");
        }
        values_[At((chunk.first + c) * k_ + k)] = value;
      }
      for (int64_t g = 0; g < groups_; ++g) {
        const GroupScale& scale = scales[At(g * channels + c)];
        if (g * group_ < k_ && !std::isfinite(scale.s)) {
          return InvalidInput(Place(chunk.first + c, order_[At(g * group_)]) +
                              " is in a group whose scale is beyond the largest F16 number, 65504");
        }
        scales_[At((chunk.first + c) * groups_ + g)] = g * group_ < k_ ? scale : GroupScale{.s = 0};
      }
    }
    *whole = Energy(chunk.original, channels);
    for (int64_t j = 0; j < k_; ++j) {
      float* original = chunk.original.data() + int64_t{order_[At(j)]} * channels;
      const float* now = chunk.w.data() + j * channels;
      for (int64_t c = 0; c < channels; ++c) original[c] -= now[c];
    }
    *error = Energy(chunk.original, channels);
    return {};
  }

  // The sum over channels of d H d^T, d [k][channels].
  double Energy(const std::vector<float>& d, int64_t channels) const {
    std::vector<float> product(d.size());
    const Matrix to{product.data(), channels};
    GemmAdd(input_.tile(),
            {.a = input_.hessian().matrix(), .b = {d.data(), channels}, .c = to, .m = k_, .n = channels, .k = k_});
    double sum = 0;
    for (std::size_t i = 0; i < d.size(); ++i) sum += static_cast<double>(d[i]) * static_cast<double>(product[i]);
    return sum;
  }

  Result<PackedWeight> Build() const {
    BuildOptions options;
    if (ordered_) options.in_perm = order_;
    if (codec_.coded()) quantizer_.WriteCodebook(options.codebook.data());
    return BuildPacked(source_.name, n_, k_, codec_, options, [&](int panel, PanelValues& out) {
      for (int c = 0; c < 16; ++c) FillChannel(int64_t{panel} * 16 + c, c, &out);
      return Status();
    });
  }

  void FillChannel(int64_t channel, int c, PanelValues* out) const {
    int32_t* stored = out->stored.data() + c * k_padded_;
    const bool there = channel < n_;
    for (int64_t begin = 0; begin < k_padded_; begin += group_) {
      GroupScale scale{.s = 0};
      if (there && codec_.scaled()) scale = scales_[At(channel * groups_ + begin / group_)];
      if (codec_.scaled()) {
        const std::size_t at = At(begin / group_ * 16 + c);
        out->scales[at] = scale.s;
        out->zeros[at] = static_cast<uint8_t>(scale.zero_point);
      }
      const int32_t zero = quantizer_.ZeroValue(scale);
      const int64_t end = std::min(k_padded_, begin + group_);
      for (int64_t k = begin; k < end; ++k) {
        int32_t value = there && k < k_ ? values_[At(channel * k_ + k)]
                        : codec_.bitmap ? kGap
                                        : quantizer_.Value(0, scale);
        // A zero that rounding made needs no place either.
        if (codec_.bitmap && codec_.pattern_m == 0 && value == zero) value = kGap;
        stored[k] = value;
      }
      for (int64_t k = begin; codec_.pattern_m > 0 && k < end; k += codec_.pattern_m) FillPattern(zero, stored + k);
    }
  }

  // Gaps that the pattern wants stored become zeros, the first ones.
  void FillPattern(int32_t zero, int32_t* stored) const {
    auto count = codec_.pattern_m - std::count(stored, stored + codec_.pattern_m, kGap);
    for (int i = 0; count < codec_.pattern_n; ++i) {
      if (stored[i] != kGap) continue;
      stored[i] = zero;
      ++count;
    }
  }

  const SourceMatrix& source_;
  const MatrixSettings& settings_;
  const Codec codec_;
  LayerInput& input_;
  Quantizer quantizer_;
  const int64_t n_, k_;
  const PruneMethod prune_;
  int64_t k_padded_ = 0, groups_ = 0, group_ = 0;
  bool chooses_ = false, ordered_ = false;
  std::vector<int32_t> order_;
  std::vector<float> importance_;  // [k] in order_
  ConstMatrix factor_;
  std::vector<int32_t> values_;     // [n][k]
  std::vector<GroupScale> scales_;  // [n][groups]
};

}  // namespace

const std::vector<int32_t>& LayerInput::order() {
  if (order_.empty()) {
    order_.resize(At(hessian_.k()));
    std::iota(order_.begin(), order_.end(), 0);
    const auto diagonal = hessian_.diagonal();
    std::stable_sort(order_.begin(), order_.end(),
                     [&](int32_t a, int32_t b) { return diagonal[At(a)] > diagonal[At(b)]; });
  }
  return order_;
}

Result<ConstMatrix> LayerInput::Factor(bool ordered) {
  std::optional<AlignedBuffer>& factor = factors_[ordered ? 1 : 0];
  if (!factor) {
    LACUNA_ASSIGN_OR_RETURN(factor,
                            InverseFactor(hessian_, ordered ? order() : std::vector<int32_t>(), damping_, tile_));
  }
  return ConstMatrix{reinterpret_cast<const float*>(factor->data()), hessian_.k()};
}

Result<CompressedWeight> CompressMatrix(const SourceMatrix& source, const MatrixSettings& settings, LayerInput& input) {
  return MatrixCompressor(source, settings, input).Run();
}

}  // namespace lacuna
