// The library's version. CMake reads the three numbers from here.
#pragma once

#define LACUNA_VERSION_MAJOR 0
#define LACUNA_VERSION_MINOR 1
#define LACUNA_VERSION_PATCH 0
#define LACUNA_VERSION_STRING "0.1.0"

namespace lacuna {

// Version of the numeric contract: two builds with the same number give the same logits, bit for bit.
inline constexpr int kNumericContractVersion = 1;

}  // namespace lacuna
