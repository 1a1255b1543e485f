#include "grammar/vocab_order.h"

#include <algorithm>

namespace lacuna {

VocabOrder::VocabOrder(const TokenBytes& b) : bytes(b) {
  for (int32_t id = 0; id < b.size(); ++id) {
    if (!b[id].empty()) entries.push_back({id, 0});
    longest = std::max(longest, b[id].size());
  }
  std::sort(entries.begin(), entries.end(), [&](const Entry& x, const Entry& y) {
    const int order = b[x.id].compare(b[y.id]);
    return order < 0 || (order == 0 && x.id < y.id);
  });
  for (size_t i = 1; i < entries.size(); ++i) {
    const std::string_view x = b[entries[i - 1].id], y = b[entries[i].id];
    entries[i].shared = static_cast<uint32_t>(std::mismatch(x.begin(), x.end(), y.begin(), y.end()).first - x.begin());
  }
}

}  // namespace lacuna
