// The forward-only measure that an allocation rests on, of each matrix of the layers:
//
//   errors        |x (w - w')|^2 / |x w|^2 of every level, w' made as compression makes it from the Hessian of the
//   matrix's
//                 input in the uncompressed model; of a wide matrix by a sample of its output channels, which are
//                 independent
//   sensitivity   with this matrix alone at one level, the relative squared error of what enters the model's head, over
//   its
//                 own error at that level
//
// That their products add up to the loss of all is the linearity theorem of Malinovskii et al. 2024 ("Pushing the
// limits of large language model quantization via the linearity theorem"), who measure sensitivity by noise and
// perplexity; it holds for small errors, and ranks large ones.
//
// One walk over the layers: beside the calibration text, a few sequences of it run on once for each matrix that was
// changed before, so the memory is that of (7 * layers + 1) * 1024 tokens of the residual stream, the time about 3.5
// layers^2 layers over them. What is measured of a layer is kept in the work folder.
#pragma once

#include <functional>
#include <vector>

#include "base/cpu_features.h"
#include "compress/levels.h"
#include "compress/work_folder.h"
#include "threading/thread_team.h"

namespace lacuna {

inline constexpr int64_t kProbeSequences = 4, kProbeTokens = 256;  // at most; tokens of each
inline constexpr int64_t kSampleChannels = 512;

// The same at any number of threads. progress(fraction) may be empty.
Result<std::vector<MeasuredMatrix>> MeasureLevels(const CompressPlan& plan, const CompressOptions& options,
                                                  const WorkFolder& work, ThreadTeam& team, Tier tier,
                                                  const std::function<void(double)>& progress);

}  // namespace lacuna
