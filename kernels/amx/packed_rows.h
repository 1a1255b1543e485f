// What the kernels for many rows of packed weights leave to those for few.
#pragma once

#include "kernels/packed.h"

namespace lacuna::kernels {

// Rows 16 block .. 16 block + 15 of any m, under the configuration of that m.
void AmxPackedRowBlock(const LinearPackedArgs& args, int block);

}  // namespace lacuna::kernels
