// Running a model: lanes (token sequences with their KV cache) and passes (one run of the model over rows).
//
// The result for a row is a function of the model, that row and its lane's history alone: not of the other rows, of how
// a prompt is cut into passes, of the thread count or of the machine (docs: the numeric contract, in CONTRIBUTING.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lacuna/model.h"
#include "lacuna/status.h"

namespace lacuna {

using LaneId = int32_t;

struct SessionOptions {
  int64_t context_length = 0;  // tokens a lane can hold; 0: the model's maximum. LongRoPE's frequencies go by it.
  int max_lanes = 1;
  int max_rows = 512;     // rows of one pass; longer prompts are cut
  int max_logits = 16;    // rows of one pass that want logits
  int max_tree_rows = 0;  // rows of one pass that may branch; 0: chains only
};

// One token of one lane. Rows of a lane stand after the rows they follow.
struct PassRow {
  static constexpr int kChain = -1;  // follows the lane's row before it in this pass, or else its last committed token
  static constexpr int kRoot = -2;   // follows the lane's last committed token

  int32_t token = 0;
  LaneId lane = 0;
  int parent = kChain;  // kChain, kRoot, or the index in this pass of the row it follows
  bool want_logits = false;
};

// Logits of the rows that wanted them, in row order; valid until the session's next call.
class Logits {
 public:
  Logits() = default;
  Logits(const float* data, int rows, int vocab_size, std::ptrdiff_t stride)
      : data_(data), rows_(rows), vocab_size_(vocab_size), stride_(stride) {}
  int rows() const { return rows_; }
  std::span<const float> operator[](int row) const {
    return {data_ + row * stride_, static_cast<std::size_t>(vocab_size_)};
  }

 private:
  const float* data_ = nullptr;
  int rows_ = 0;
  int vocab_size_ = 0;
  std::ptrdiff_t stride_ = 0;
};

// Owned by one caller: calls on one session must not overlap. Several sessions on one model may run from several
// threads; passes then take turns on the model's threads.
class Session {
 public:
  // All memory for decoding is reserved here. kInvalidInput when the context does not fit the memory there is.
  static Result<std::unique_ptr<Session>> Create(std::shared_ptr<const Model> model,
                                                 const SessionOptions& options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Model& model() const;
  const SessionOptions& options() const;

  // An empty lane; kInvalidInput when max_lanes are open.
  Result<LaneId> NewLane();
  // A new lane with the same committed tokens; the two share pages until one of them writes.
  Result<LaneId> Fork(LaneId lane);
  Status CloseLane(LaneId lane);
  // Committed tokens of the lane.
  Result<int64_t> Length(LaneId lane) const;
  // Their ids; valid until the next call that changes the lane.
  Result<std::span<const int32_t>> Tokens(LaneId lane) const;

  // Runs the model over `rows`. The rows of each lane are then pending until Commit or Rollback. On an error no row is
  // pending and no lane has changed.
  Result<Logits> Run(std::span<const PassRow> rows);
  // Makes pending rows part of the lane: `path` holds indices of the last pass, each row following the one before it,
  // the first following the committed tokens. Other pending rows of the lane are dropped.
  Status Commit(LaneId lane, std::span<const int> path);
  // Commits all pending rows; they must form a chain.
  Status Commit(LaneId lane);
  // Drops pending rows, then committed tokens beyond `length`.
  Status Rollback(LaneId lane, int64_t length);

  // Runs and commits `tokens`, cut into passes of max_rows. The logits are those after the last token.
  Result<Logits> Append(LaneId lane, std::span<const int32_t> tokens);

  // Writes the lane's committed tokens with their K and V to a file, under a temporary name that is then renamed. The
  // file belongs to this model: it has its fingerprint, and checksums.
  Status Save(LaneId lane, const std::string& path) const;
  // A new lane from such a file, which goes on with the same bits. kInvalidInput for a file of another model, codec,
  // numerics or version, or a damaged one.
  Result<LaneId> Restore(const std::string& path);

  struct Impl;  // private to the library
  Impl& impl() { return *impl_; }

 private:
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lacuna
