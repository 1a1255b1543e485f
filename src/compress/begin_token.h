// The token that a tokenizer puts before a text.
#pragma once

#include <cstdint>
#include <optional>

#include "lacuna/status.h"
#include "lacuna/tokenizer.h"

namespace lacuna {

// BOS if the tokenizer's post-processor adds one.
inline Result<std::optional<int32_t>> BeginToken(const Tokenizer& tokenizer) {
  const Result<std::vector<int32_t>> with = tokenizer.Encode("a", true);
  if (!with.ok()) return with.status();
  const Result<std::vector<int32_t>> without = tokenizer.Encode("a", false);
  if (!without.ok()) return without.status();
  const bool added =
      !with->empty() && !without->empty() && with->size() > without->size() && with->front() != without->front();
  return added ? std::optional<int32_t>(with->front()) : std::nullopt;
}

}  // namespace lacuna
