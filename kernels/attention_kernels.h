// The attention kernels of the tiers above the reference; each equals RefAttentionBf16 (kernels/ref/ref.h) bit for bit.
// head_dim <= 512, heads * rows <= kMaxQueries, AttentionArgs::scratch is set.
#pragma once

#include "kernels/attention.h"

namespace lacuna::kernels {

void SimdAttentionBf16(const AttentionArgs& args);
void Avx512AttentionBf16(const AttentionArgs& args);
// Configures tiles for the call and releases them.
void AmxAttentionBf16(const AttentionArgs& args);

// RefAttentionMerge.
void Avx512AttentionMerge(const float* partial, ptrdiff_t chunk_stride, int64_t chunks, int head_dim, float* out);

}  // namespace lacuna::kernels
