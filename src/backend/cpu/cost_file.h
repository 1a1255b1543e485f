// The cost table that `lacuna doctor --tune` measured on this machine, kept in a small file. It only moves the number
// of rows at which one kernel takes over from another; results never depend on it, so a missing or damaged file means
// the table that ships.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backend/cpu/catalog.h"
#include "lacuna/status.h"

namespace lacuna {

// $XDG_CACHE_HOME (or ~/.cache)/lacuna/costs-VENDOR-FAMILY-MODEL-STEPPING.json; "" without a home.
std::string CostFilePath(const CpuFeatures& features);

std::string CrossoverName(Crossover crossover);

// {"version":1,"from":{"avx512_block":9,..}}; a number of -1 is never. kInvalidInput when anything is not so.
std::string CostsToJson(const CostTable& costs);
Result<CostTable> CostsFromJson(std::string_view text, const CostTable& defaults);

// The file's table over the one that ships; the latter when there is no file, or LACUNA_COSTS=default. `from`, if
// given, becomes the path of the file that was read, "" when none was.
CostTable HostCosts(const CpuFeatures& features, std::string* from = nullptr);
Status SaveCosts(const CpuFeatures& features, const CostTable& costs);

}  // namespace lacuna
