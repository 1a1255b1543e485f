#include "model/kv/lane_state.h"

#include <cstring>

namespace lacuna {
namespace {

constexpr int64_t kPage = 64;

int64_t BlocksFor(int64_t tokens) { return (tokens + kPage - 1) / kPage; }

}  // namespace

LaneState::LaneState(PagePool& pool, const KvShape& shape) : pool_(pool), shape_(shape), streams_(shape.streams) {
  for (Stream& s : streams_) {
    s.pages.reserve(static_cast<std::size_t>(shape.Blocks()));
    s.data.reserve(static_cast<std::size_t>(shape.Blocks()));
  }
}

void LaneState::MakeWritable(int64_t tokens) {
  const int64_t end = BlocksFor(length_ + tokens);
  for (Stream& s : streams_) {
    for (int64_t block = length_ / kPage; block < end; ++block) {
      const auto b = static_cast<std::size_t>(block);
      if (b < s.pages.size()) {
        if (!pool_.shared(s.pages[b])) continue;
        const PagePool::Page own = pool_.Acquire();
        std::byte* data = pool_.data(own);
        std::memcpy(data, s.data[b], pool_.page_bytes());
        pool_.Release(s.pages[b]);
        s.pages[b] = own;
        s.data[b] = data;
      } else {
        s.pages.push_back(pool_.Acquire());
        s.data.push_back(pool_.data(s.pages.back()));
      }
    }
  }
}

void LaneState::Rollback(int64_t length) {
  length_ = length;
  const auto keep = static_cast<std::size_t>(BlocksFor(length));
  for (Stream& s : streams_) {
    while (s.pages.size() > keep) {
      pool_.Release(s.pages.back());
      s.pages.pop_back();
      s.data.pop_back();
    }
  }
}

void LaneState::ForkFrom(const LaneState& other) {
  Rollback(0);
  length_ = other.length_;
  const auto blocks = static_cast<std::size_t>(BlocksFor(length_));
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    for (std::size_t b = 0; b < blocks; ++b) {
      pool_.AddRef(other.streams_[i].pages[b]);
      streams_[i].pages.push_back(other.streams_[i].pages[b]);
      streams_[i].data.push_back(other.streams_[i].data[b]);
    }
  }
}

void LaneState::ClearSlots(int64_t begin, int64_t end) {
  for (Stream& s : streams_) {
    for (int64_t p = begin; p < end; ++p) {
      ClearToken(shape_.layout, s.data[static_cast<std::size_t>(p / kPage)], static_cast<int>(p % kPage));
    }
  }
}

}  // namespace lacuna
