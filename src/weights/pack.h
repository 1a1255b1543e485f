// Packs a matrix in any codec: round to nearest with a scale per group and channel. What is zero in the source, or
// becomes zero by rounding, is a gap of a bitmap; an N:M pattern stores exactly N of M, zeros among them where the
// source has more.
//
//   int8       s = max|w| / 127,                q = rne(w / s) in [-127, 127]
//   int4       s = m / -8, m the w of largest magnitude with its sign (the first of equals): m is exact, as code -8,
//   and
//              all 16 codes are used; q = rne(w / s) in [-8, 7]. (The rule of GGUF's Q4_0 and NNCF's int4_sym.)
//   int4z      s = (high - low) / 15, low and high the extremes of w and 0;   z = rne(-low / s), q = rne(w / s) + z in
//   [0, 15] codebook   s = max|w| / 127, the entry nearest to w / s; entries fitted to the tensor
//   (weights/fit_codebook.h) nf4        s = max|w|, the entry nearest to w / s
//   fp4        s = max|w| / 6,                  the nearest of +-{0, 0.5, 1, 1.5, 2, 3, 4, 6}, ties to the even code;
//              stored doubled with s / 2, as integers
//   mxfp4      likewise, s the smallest power of two of at least max|w| / 6: no weight is clipped
//   nvfp4      likewise, s = e4m3(max|w| / (6 2^t)) 2^t, t the tensor's: the smallest that leaves room for twice its
//              largest weight; a scale rounded down clips its largest by 1/16 at most
//   razer      s and one of four codebooks, of the least squared error (weights/razer_scale.h); the nearest of its 16,
//              E2M1 where a special value is as near
//
// A scale is rounded to f16 before it divides, where it is stored so. The same source and codec give the same bytes on
// any machine and with any number of threads.
#pragma once

#include <span>

#include "weights/packed_weight.h"

namespace lacuna {

struct PackOptions {
  std::span<const int32_t> in_perm = {};  // column j is the source's column in_perm[j]; a permutation of K
  PackStats* stats = nullptr;
};

// On the threads of the caller's oneTBB arena. A value that is not finite or that the codec cannot hold, or a pattern
// that the source does not keep, is kInvalidInput with its place: the first in order of panels.
Result<PackedWeight> PackMatrix(const SourceMatrix& source, const Codec& codec, const PackOptions& options = {});

// The 16 entries of bitsandbytes' NF4 (QLoRA, Dettmers et al. 2023, appendix E), as bf16.
std::span<const bf16> Nf4Entries();

}  // namespace lacuna
