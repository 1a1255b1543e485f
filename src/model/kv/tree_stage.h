// K and V of rows that branch. They are not part of the lane until committed, so they wait in a stage, and each row
// attends to pages of its own: the lane's committed pages, then copies into which its path is gathered by position.
// A tree node thus computes exactly what a fresh run of its path would.
#pragma once

#include <span>
#include <vector>

#include "model/kv/lane_state.h"
#include "ops/attention.h"
#include "ops/kv_write.h"

namespace lacuna {

class TreeStage {
 public:
  static Result<TreeStage> Create(const KvShape& shape, int max_rows);

  void Clear() { nodes_.clear(); }
  int size() const { return static_cast<int>(nodes_.size()); }
  int max_rows() const { return max_rows_; }

  // Adds row `row` of the pass, whose parent is node `parent` (-1: the lane's committed tokens). Returns its node.
  int Add(const LaneState& lane, int row, int parent);
  int64_t position(int node) const { return nodes_[node].position; }

  // What to store for one stream before attention: appended to `copies` and `targets`, which have the capacity.
  void Gather(int stream, std::vector<PageCopy>& copies, std::vector<KvTarget>& targets);
  // The node's pages by block, as Gather last set them.
  void* const* pages(int node) const { return tables_.data() + node * blocks_; }
  // Remembers the rows' K and V of a stream.
  void Keep(int stream, const View& k, const View& v);

  // Writes the node's K and V into the lane at its position, which was made writable.
  void Store(int node, const KvLayout& layout, int streams, const LaneState& lane) const;

  // Capacities that Gather needs at most.
  int64_t MaxCopies() const { return max_rows_; }
  int64_t MaxTargets() const { return int64_t{max_rows_} * (max_rows_ + 1) / 2; }

 private:
  struct Node {
    const LaneState* lane;
    int row;
    int parent;
    int64_t position;
  };
  std::byte* OwnPage(int node, int64_t index) {
    return own_.data() + (node * pages_per_node_ + index) * static_cast<int64_t>(page_bytes_);
  }
  float* Staged(int stream, int node) const {
    return const_cast<float*>(reinterpret_cast<const float*>(staged_.data())) +
           (int64_t{stream} * max_rows_ + node) * 2 * width_;
  }

  int max_rows_ = 0;
  int64_t blocks_ = 0;          // of a lane
  int64_t pages_per_node_ = 0;  // a path of max_rows tokens touches at most this many blocks
  std::size_t page_bytes_ = 0;
  int64_t width_ = 0;  // kv_heads * head_dim
  std::vector<Node> nodes_;
  std::vector<void*> tables_;  // [max_rows][blocks]
  AlignedBuffer own_;          // [max_rows][pages_per_node] pages, reused by every stream
  AlignedBuffer staged_;       // [streams][max_rows] K then V, fp32
};

}  // namespace lacuna
