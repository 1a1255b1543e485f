// What a lane keeps between passes: for each KV stream a table of pages in position order. Pages are shared between
// forked lanes until one writes (copy on write).
#pragma once

#include <cstdint>
#include <vector>

#include "model/kv/page_pool.h"
#include "ops/kv_page.h"

namespace lacuna {

// What all lanes of a session have in common.
struct KvShape {
  KvLayout layout;
  int streams = 0;
  int64_t context = 0;  // tokens a lane can hold

  int64_t Blocks() const { return (context + 63) / 64; }
  int64_t PagesPerLane() const { return Blocks() * streams; }
};

class LaneState {
 public:
  LaneState(PagePool& pool, const KvShape& shape);
  ~LaneState() { Rollback(0); }
  LaneState(const LaneState&) = delete;
  LaneState& operator=(const LaneState&) = delete;

  // Committed tokens.
  int64_t length() const { return length_; }
  // The stream's pages by block; valid up to what was made writable.
  void* const* pages(int stream) const { return streams_[stream].data.data(); }

  // Makes positions [length, length + tokens) writable in every stream: own pages, the committed tokens in them kept.
  void MakeWritable(int64_t tokens);
  // Positions up to `length` become the lane's; their K and V have been written.
  void Commit(int64_t length) { length_ = length; }
  // Keeps the first `length` committed tokens and gives back the pages beyond.
  void Rollback(int64_t length);
  // Becomes a copy of `other`'s committed tokens, sharing its pages. This lane is empty.
  void ForkFrom(const LaneState& other);
  // Zeroes [begin, end): after a failed pass no slot may stay non-finite.
  void ClearSlots(int64_t begin, int64_t end);

 private:
  struct Stream {
    std::vector<PagePool::Page> pages;
    std::vector<void*> data;  // the same pages' addresses
  };
  PagePool& pool_;
  const KvShape& shape_;
  std::vector<Stream> streams_;
  int64_t length_ = 0;
};

}  // namespace lacuna
