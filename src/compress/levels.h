// The levels of bits and sparsity that an allocation chooses from, and the choice put into a plan
// (compress/allocate.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compress/compress_plan.h"
#include "lacuna/compress.h"

namespace lacuna {

// What was measured of one matrix (compress/measure_levels.h).
struct MeasuredLevel {
  double error = 0;   // of its output, as CompressedMatrix has it, on inputs of the uncompressed model
  int64_t bytes = 0;  // that a token reads
};
struct MeasuredMatrix {
  std::string name;
  double sensitivity = 0;             // what the whole model's output errs by for an error of 1 of this matrix's
  std::vector<MeasuredLevel> levels;  // as LevelsOf
};

// Codecs without pruning first (the weights' own, int8, bf16), then pruned ones: shares and N:M. kInvalidInput: the
// options leave nothing to choose.
Result<std::vector<Level>> CandidateLevels(const Codec& weights, const CompressOptions& options);

// {"matrices": [{"name", "sensitivity", "levels": [[error, bytes], ..]}, ..]}; of no such object kInvalidInput.
nlohmann::ordered_json ToJson(const std::vector<MeasuredMatrix>& measured);
Result<std::vector<MeasuredMatrix>> MeasuredOf(const nlohmann::ordered_json& json);

// What a matrix may have: plan.levels, or the one that the options keep it at.
std::vector<Level> LevelsOf(const CompressPlan& plan, const std::string& matrix);
// By which sensitivities are measured: half of the weights gone where there is pruning, else the fewest bits.
std::size_t ReferenceLevel(const std::vector<Level>& levels);

// Chooses within the options' budget and gives each matrix its codec and rule. kInvalidInput: nothing fits.
Result<AllocationReport> ChooseLevels(const std::vector<MeasuredMatrix>& measured, const CompressOptions& options,
                                      CompressPlan* plan);

}  // namespace lacuna
