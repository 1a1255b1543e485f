#include "model/kv/tree_stage.h"

#include <algorithm>
#include <cstring>

#include "base/status_macros.h"

namespace lacuna {

Result<TreeStage> TreeStage::Create(const KvShape& shape, int max_rows) {
  TreeStage stage;
  if (max_rows == 0) return stage;
  stage.max_rows_ = max_rows;
  stage.blocks_ = shape.Blocks();
  stage.pages_per_node_ = (63 + max_rows + 63) / 64;
  stage.page_bytes_ = shape.layout.PageBytes();
  stage.width_ = int64_t{shape.layout.kv_heads} * shape.layout.head_dim;
  stage.nodes_.reserve(static_cast<std::size_t>(max_rows));
  stage.tables_.resize(static_cast<std::size_t>(max_rows * stage.blocks_));
  LACUNA_ASSIGN_OR_RETURN(
      stage.own_, AlignedBuffer::Create(static_cast<std::size_t>(max_rows * stage.pages_per_node_) * stage.page_bytes_,
                                        "pages of tree rows"));
  LACUNA_ASSIGN_OR_RETURN(
      stage.staged_, AlignedBuffer::Create(static_cast<std::size_t>(shape.streams * max_rows * 2 * stage.width_) * 4,
                                           "K and V of tree rows"));
  return stage;
}

int TreeStage::Add(const LaneState& lane, int row, int parent) {
  const int64_t position = parent < 0 ? lane.length() : nodes_[parent].position + 1;
  nodes_.push_back({&lane, row, parent, position});
  return size() - 1;
}

void TreeStage::Gather(int stream, std::vector<PageCopy>& copies, std::vector<KvTarget>& targets) {
  for (int node = 0; node < size(); ++node) {
    const LaneState& lane = *nodes_[node].lane;
    const int64_t first = lane.length() / 64;  // the first block that is the node's own
    void** table = tables_.data() + node * blocks_;
    std::copy_n(lane.pages(stream), first, table);
    for (int64_t b = first; b <= nodes_[node].position / 64; ++b) table[b] = OwnPage(node, b - first);
    if (lane.length() % 64 != 0) copies.push_back({lane.pages(stream)[first], table[first]});
    for (int n = node; n >= 0; n = nodes_[n].parent) {
      targets.push_back({nodes_[n].row, table[nodes_[n].position / 64], static_cast<int>(nodes_[n].position % 64)});
    }
  }
}

void TreeStage::Keep(int stream, const View& k, const View& v) {
  for (int node = 0; node < size(); ++node) {
    float* to = Staged(stream, node);
    std::memcpy(to, k.Row(nodes_[node].row), static_cast<std::size_t>(width_) * 4);
    std::memcpy(to + width_, v.Row(nodes_[node].row), static_cast<std::size_t>(width_) * 4);
  }
}

void TreeStage::Store(int node, const KvLayout& layout, int streams, const LaneState& lane) const {
  const int64_t p = nodes_[node].position;
  for (int s = 0; s < streams; ++s) {
    WriteToken(layout, lane.pages(s)[p / 64], static_cast<int>(p % 64), Staged(s, node), Staged(s, node) + width_);
  }
}

}  // namespace lacuna
