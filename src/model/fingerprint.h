// A number that tells models apart: two with the same one give the same K and V for the same tokens, in all likelihood.
// It covers what the layers compute with: shapes, codecs, norms and rope whole, and of each weight matrix 64 samples.
#pragma once

#include <cstdint>

#include "model/model_impl.h"

namespace lacuna {

uint64_t Fingerprint(const Model::Impl& model);  // Model::Impl::fingerprint() remembers it

}  // namespace lacuna
