#include "weights/pack.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <vector>

#include "base/fp_scope.h"
#include "base/status_macros.h"
#include "weights/build_packed.h"
#include "weights/fit_codebook.h"
#include "weights/quantize.h"
#include "weights/source_rows.h"

namespace lacuna {
namespace {

constexpr int kChannels = 16;

class Packer {
 public:
  Packer(const SourceMatrix& source, const Codec& codec, const PackOptions& options)
      : source_(source), codec_(codec), options_(options), quantizer_(codec), k_(static_cast<int>(source.k)) {}

  Result<PackedWeight> Pack() {
    LACUNA_ASSIGN_OR_RETURN(const PackedWeight shape, DescribePacked(source_.name, source_.n, source_.k, codec_));
    if (source_.data == nullptr) return InternalError("tensor " + source_.name + " has no data");
    k_padded_ = shape.k_padded;
    if (codec_.values == ValueKind::kCodebook) LACUNA_RETURN_IF_ERROR(Fit(shape.panels()));
    if (codec_.values == ValueKind::kNvfp4) quantizer_.SetLargest(LargestMagnitude(source_));
    BuildOptions build{.in_perm = options_.in_perm};
    if (codec_.coded()) quantizer_.WriteCodebook(build.codebook.data());
    return BuildPacked(source_.name, source_.n, source_.k, codec_, build,
                       [this](int panel, PanelValues& values) { return Panel(panel, values); });
  }

 private:
  std::string Place(int64_t channel, int64_t k) const {
    return "tensor " + source_.name + "[" + std::to_string(channel) + "][" + std::to_string(k) + "]";
  }

  Status Read(int64_t channel, std::vector<float>* out) const {
    out->resize(static_cast<std::size_t>(k_));
    RowFloats(source_, channel, out->data());
    for (int k = 0; k < k_; ++k) {
      const float x = (*out)[static_cast<std::size_t>(k)];
      if (!std::isfinite(x)) {
        return InvalidInput(Place(channel, k) + " is " + (std::isnan(x) ? "NaN" : "infinite") +
                            "; every weight must be a finite number");
      }
    }
    if (!options_.in_perm.empty()) {
      const std::vector<float> columns = *out;
      for (std::size_t j = 0; j < out->size(); ++j) (*out)[j] = columns[static_cast<std::size_t>(options_.in_perm[j])];
    }
    return {};
  }

  Status Panel(int panel, PanelValues& values) const {
    std::vector<float> w;
    for (int c = 0; c < kChannels; ++c) {
      const int64_t channel = int64_t{panel} * kChannels + c;
      w.clear();  // padding: no weights
      if (channel < source_.n) LACUNA_RETURN_IF_ERROR(Read(channel, &w));
      LACUNA_RETURN_IF_ERROR(Channel(channel, c, w, values));
    }
    return {};
  }

  Status Channel(int64_t channel, int c, std::span<const float> w, PanelValues& values) const {
    int32_t* stored = values.stored.data() + static_cast<ptrdiff_t>(c) * k_padded_;
    const int group = codec_.group == 0 ? k_padded_ : codec_.group;
    for (int begin = 0; begin < k_padded_; begin += group) {
      const int end = std::min(k_padded_, begin + group), there = static_cast<int>(w.size());
      const int first = std::min(begin, there), last = std::min(end, there);
      const GroupScale scale =
          quantizer_.Scale(w.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
      if (!std::isfinite(scale.s)) {
        return InvalidInput(Place(channel, begin) +
                            " starts a group whose scale is beyond the largest F16 number, 65504");
      }
      if (codec_.scaled()) {
        const std::size_t at = static_cast<std::size_t>(begin / group) * kChannels + static_cast<std::size_t>(c);
        values.scales[at] = scale.s;
        values.zeros[at] = static_cast<uint8_t>(scale.zero_point);
      }
      const int32_t zero = quantizer_.ZeroValue(scale);
      for (int k = begin; k < end; ++k) {
        const float x = k < there ? w[static_cast<std::size_t>(k)] : 0.0f;
        stored[k] = quantizer_.Value(x, scale);
        if (stored[k] == Quantizer::kTooLarge) {
          char text[32];
          std::snprintf(text, sizeof text, "%g", static_cast<double>(x));
          return InvalidInput(Place(channel, k) + " is " + text + ", beyond the largest bf16 number, 3.38953e+38");
        }
        if (codec_.bitmap && (x == 0.0f || stored[k] == zero)) stored[k] = kGap;
      }
      if (codec_.pattern_m > 0) LACUNA_RETURN_IF_ERROR(FillPattern(channel, begin, end, zero, stored));
    }
    return {};
  }

  // Gaps that the pattern wants stored become stored zeros, the first ones of each M.
  Status FillPattern(int64_t channel, int begin, int end, int32_t zero, int32_t* stored) const {
    const int n = codec_.pattern_n, m = codec_.pattern_m;
    for (int k = begin; k < end; k += m) {
      auto count = static_cast<int>(m - std::count(stored + k, stored + k + m, kGap));
      if (count > n) {
        return InvalidInput(Place(channel, k) + " and the next " + std::to_string(m - 1) + " have " +
                            std::to_string(count) + " weights that are not zero; the pattern " + std::to_string(n) +
                            ":" + std::to_string(m) + " has room for " + std::to_string(n));
      }
      for (int i = k; count < n; ++i) {
        if (stored[i] != kGap) continue;
        stored[i] = zero;
        ++count;
      }
    }
    return {};
  }

  // Counts w / s over the tensor; integers, so that the order of panels does not matter.
  Status Fit(int panels) {
    std::vector<int64_t> counts(kFitBins);
    std::mutex mutex;
    int failed = std::numeric_limits<int>::max();
    Status error;
    tbb::parallel_for(0, panels, [&](int panel) {
      const FpScope fp;
      std::vector<int64_t> mine(kFitBins);
      Status status;
      for (int64_t channel = int64_t{panel} * kChannels;
           channel < std::min<int64_t>(source_.n, (panel + int64_t{1}) * kChannels) && status.ok(); ++channel) {
        status = Count(channel, &mine);
      }
      const std::lock_guard lock(mutex);
      for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += mine[i];
      if (!status.ok() && panel < failed) {
        failed = panel;
        error = std::move(status);
      }
    });
    LACUNA_RETURN_IF_ERROR(error);
    quantizer_.SetCodebook(FitCodebook(counts, codec_.pattern_m > 0));
    return {};
  }

  Status Count(int64_t channel, std::vector<int64_t>* counts) const {
    std::vector<float> w;
    LACUNA_RETURN_IF_ERROR(Read(channel, &w));
    const std::size_t group = codec_.group == 0 ? w.size() : static_cast<std::size_t>(codec_.group);
    for (std::size_t begin = 0; begin < w.size(); begin += group) {
      const auto values = std::span<const float>(w).subspan(begin, std::min(group, w.size() - begin));
      const GroupScale scale = quantizer_.Scale(values);
      if (scale.s == 0) continue;
      for (float x : values) {
        if (codec_.bitmap && x == 0) continue;
        const float v = std::clamp(x / scale.s, -127.0f, 127.0f);
        ++(*counts)[static_cast<std::size_t>(RoundToInt((v + 127) * kFitBinsPerUnit))];
      }
    }
    return {};
  }

  const SourceMatrix& source_;
  const Codec codec_;
  const PackOptions& options_;
  Quantizer quantizer_;
  const int k_;
  int k_padded_ = 0;
};

}  // namespace

Result<PackedWeight> PackMatrix(const SourceMatrix& source, const Codec& codec, const PackOptions& options) {
  if (codec.scaled() || codec.bitmap || !options.in_perm.empty()) return Packer(source, codec, options).Pack();
  LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, AllocatePacked(source, codec));
  std::mutex mutex;
  int failed = std::numeric_limits<int>::max();
  Status error;
  tbb::parallel_for(0, weight.panels(), [&](int panel) {
    Status status = PackPanels(source, panel, panel + 1, &weight, options.stats);
    if (status.ok()) return;
    const std::lock_guard lock(mutex);
    if (panel < failed) {
      failed = panel;
      error = std::move(status);
    }
  });
  LACUNA_RETURN_IF_ERROR(error);
  return weight;
}

}  // namespace lacuna
