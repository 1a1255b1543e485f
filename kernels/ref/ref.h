// The scalar reference of every op under the numeric contract (DESIGN 6). Each kernel of each tier gives the same bits.
// Callers hold an FpScope. Nothing here allocates, threads or depends on an instruction set beyond AVX2 and FMA.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/attention.h"
#include "kernels/linear.h"
#include "kernels/packed.h"

namespace lacuna::kernels {

// The rule of sums: lane j of 16 takes j, j + 16, ..; lanes are added 8, 4, 2, 1 apart (lane j takes lane j + 8, ..).
float RefSum(const float* x, ptrdiff_t n);
// The same over squares, each lane acc = fma(x, x, acc).
float RefSumOfSquares(const float* x, ptrdiff_t n);

// x rounded to bf16, zero-padded to k_padded.
void RefToBf16(const float* x, int k, int k_padded, bf16* y);

void RefInputRows(const LinearInputArgs& args);  // the same as a linear kernel's input, kRows

void RefLinearBf16(const LinearBf16Args& args);  // bf16 dot: even and odd chains per 32-wide step
void RefLinearF32(const LinearF32Args& args);    // one fma chain, k ascending

// x rounded to int8 by activation groups, in each layout of LinearInput.
void RefInputInt8Rows(const LinearInt8InputArgs& args);
void RefInputInt8Wide(const LinearInt8InputArgs& args);
void RefInputInt8Tiles(const LinearInt8InputArgs& args);

// Packed weights of any codec. Int8 takes kInt8Rows and integer weights, Bf16 takes kRows and any.
void RefLinearPackedInt8(const LinearPackedArgs& args);
void RefLinearPackedBf16(const LinearPackedArgs& args);
// The first k weights of output channel n, each scale rounded in: fl(scale * (u - z)).
void RefExpandChannel(const PackedPanels* w, int n, int k, float* to);

// y = (x * (1 / sqrt(sum(x^2) / n + eps))) * weight, every division and root IEEE; y may be x.
void RefRmsNorm(const float* x, const float* weight, float eps, int n, float* y);

// Rotates the halves of each head in place: (a, b) -> (fma(a, cos, -(b sin)), fma(b, cos, a sin)), a = x[i],
// b = x[i + head_dim / 2]; cos and sin have head_dim / 2 values, head_dim is even.
void RefRope(float* x, int heads, int head_dim, const float* cos, const float* sin);

// y = (gate / (1 + exp(-gate))) * up; y may be gate or up.
void RefSiluMul(const float* gate, const float* up, int n, float* y);

// y = (gate / (1 + exp(-z))) * up, z = gate * fma(gate * gate, kGeluCubic, kGeluLinear); y may be gate or up.
void RefGeluMul(const float* gate, const float* up, int n, float* y);

// y = a + b; y may be a or b.
void RefAdd(const float* a, const float* b, int n, float* y);
// x = exp((x - top) / temperature); returns their sum by the rule of sums.
float RefSoftmaxWeights(float* x, ptrdiff_t n, float top, float temperature);
// Rounds one token's K and V of one head into `slot` of a bf16 page's head (kernels/attention.h).
void RefWriteToken(const float* k, const float* v, int head_dim, int slot, bf16* head);

// bf16 pages: blocks of 64 and chunks of 512 as the contract says; needs no scratch. head_dim <= 512.
void RefAttentionBf16(const AttentionArgs& args);
// Merges a query's partial results of `chunks` chunks, ascending, `chunk_stride` floats apart; out = o / l.
void RefAttentionMerge(const float* partial, ptrdiff_t chunk_stride, int64_t chunks, int head_dim, float* out);
// f32 pages (f32 mode): one chain ascending for every dot, softmax over the whole history with its maximum first.
// `scores` has room for position + rows floats. head_dim <= 512.
void RefAttentionF32(const AttentionArgs& args, float* scores);

}  // namespace lacuna::kernels
