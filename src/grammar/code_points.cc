#include "grammar/code_points.h"

#include <algorithm>

namespace lacuna {
namespace {

constexpr uint32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

int Encode(uint32_t c, uint8_t* out) {
  if (c < 0x80) return out[0] = static_cast<uint8_t>(c), 1;
  const int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (int i = n - 1; i > 0; --i, c >>= 6) out[i] = static_cast<uint8_t>(0x80 | (c & 63));
  out[0] = static_cast<uint8_t>((0xF00 >> n & 0xFF) | c);
  return n;
}

// [first, last] has one length of encoding. Cut until all bytes behind the first that differs are free.
void Split(uint32_t first, uint32_t last, std::vector<ByteSequence>& out) {
  if (first >= 0x80) {
    for (int i = 1; i < 4; ++i) {
      const uint32_t low = (uint32_t{1} << (6 * i)) - 1;
      if ((first & ~low) == (last & ~low)) continue;
      if ((first & low) != 0) {
        Split(first, first | low, out);
        return Split((first | low) + 1, last, out);
      }
      if ((last & low) != low) {
        Split(first, (last & ~low) - 1, out);
        return Split(last & ~low, last, out);
      }
    }
  }
  uint8_t a[4], b[4];
  const int n = Encode(first, a);
  Encode(last, b);
  ByteSequence sequence;
  for (int i = 0; i < n; ++i) sequence.push_back({a[i], b[i]});
  out.push_back(std::move(sequence));
}

}  // namespace

std::vector<CodePointRange> Normalized(std::vector<CodePointRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<CodePointRange> merged;
  for (const auto& [first, end] : ranges) {
    const uint32_t last = std::min(end, kLastCodePoint);
    if (first > last) continue;
    if (!merged.empty() && first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, last);
    } else {
      merged.emplace_back(first, last);
    }
  }
  std::vector<CodePointRange> out;
  for (const auto& [first, last] : merged) {
    if (first < kFirstSurrogate) out.emplace_back(first, std::min(last, kFirstSurrogate - 1));
    if (last > kLastSurrogate) out.emplace_back(std::max(first, kLastSurrogate + 1), last);
  }
  return out;
}

std::vector<CodePointRange> Complement(const std::vector<CodePointRange>& ranges) {
  std::vector<CodePointRange> out;
  uint32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) out.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kLastCodePoint) out.emplace_back(next, kLastCodePoint);
  return Normalized(std::move(out));
}

std::vector<ByteSequence> Utf8Sequences(const std::vector<CodePointRange>& ranges) {
  constexpr uint32_t kLast[] = {0x7F, 0x7FF, 0xFFFF, kLastCodePoint};
  std::vector<ByteSequence> out;
  for (auto [first, last] : ranges) {
    for (const uint32_t end : kLast) {
      if (first > end || first > last) continue;
      Split(first, std::min(last, end), out);
      first = end + 1;
    }
  }
  return out;
}

}  // namespace lacuna
