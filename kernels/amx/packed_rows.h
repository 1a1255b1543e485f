// What the kernels for many rows of packed weights leave to others.
#pragma once

#include "kernels/packed.h"

namespace lacuna::kernels {

// Rows 16 block .. 16 block + 15 of any m, under the configuration of that m.
void AmxPackedRowBlock(const LinearPackedArgs& args, int block);

// Integers in periods of 64 to 512, m > 16. False: not done, the period is another or segments are too long.
bool AmxPackedGroups(const LinearPackedArgs& args);

}  // namespace lacuna::kernels
