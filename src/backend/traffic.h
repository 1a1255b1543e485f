// What each op had to read and to compute, and how long it took, since the backend was made: the numerators of every
// share of a roof. Counted where an op is run, from its arguments alone, so that bytes are the same for every kernel.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lacuna {

enum class OpKind { kEmbedding, kRmsNorm, kLinear, kRope, kKvWrite, kAttention };
inline constexpr int kOpKinds = 6;
constexpr const char* OpName(OpKind op) {
  constexpr const char* kNames[kOpKinds] = {"embedding", "rms_norm", "linear", "rope", "kv_write", "attention"};
  return kNames[static_cast<int>(op)];
}

struct OpCount {
  int64_t calls = 0;
  int64_t bytes = 0;  // weights: packed, once an op; K and V: of visible tokens, once for all rows and heads of a lane
  int64_t ops = 0;    // a multiply and an add are two; padding and masked tokens are none
  int64_t ns = 0;
};

struct TrafficCount {
  std::array<OpCount, kOpKinds> by_op;

  const OpCount& operator[](OpKind op) const { return by_op[static_cast<std::size_t>(op)]; }
  int64_t bytes() const { return Sum(&OpCount::bytes); }
  int64_t ops() const { return Sum(&OpCount::ops); }
  TrafficCount operator-(const TrafficCount& o) const {
    TrafficCount result;
    for (std::size_t i = 0; i < by_op.size(); ++i) {
      result.by_op[i] = {by_op[i].calls - o.by_op[i].calls, by_op[i].bytes - o.by_op[i].bytes,
                         by_op[i].ops - o.by_op[i].ops, by_op[i].ns - o.by_op[i].ns};
    }
    return result;
  }
  TrafficCount& operator+=(const TrafficCount& o) {
    for (std::size_t i = 0; i < by_op.size(); ++i) {
      by_op[i] = {by_op[i].calls + o.by_op[i].calls, by_op[i].bytes + o.by_op[i].bytes, by_op[i].ops + o.by_op[i].ops,
                  by_op[i].ns + o.by_op[i].ns};
    }
    return *this;
  }

 private:
  int64_t Sum(int64_t OpCount::*field) const {
    int64_t sum = 0;
    for (const OpCount& op : by_op) sum += op.*field;
    return sum;
  }
};

// Any thread may add or read.
class Traffic {
 public:
  void Add(OpKind op, const OpCount& count) {
    Atomics& a = by_op_[static_cast<std::size_t>(op)];
    a.calls.fetch_add(count.calls, std::memory_order_relaxed);
    a.bytes.fetch_add(count.bytes, std::memory_order_relaxed);
    a.ops.fetch_add(count.ops, std::memory_order_relaxed);
    a.ns.fetch_add(count.ns, std::memory_order_relaxed);
  }
  TrafficCount Total() const {
    TrafficCount total;
    for (std::size_t i = 0; i < by_op_.size(); ++i) {
      const Atomics& a = by_op_[i];
      total.by_op[i] = {a.calls.load(std::memory_order_relaxed), a.bytes.load(std::memory_order_relaxed),
                        a.ops.load(std::memory_order_relaxed), a.ns.load(std::memory_order_relaxed)};
    }
    return total;
  }

 private:
  struct Atomics {
    std::atomic<int64_t> calls{0}, bytes{0}, ops{0}, ns{0};
  };
  std::array<Atomics, kOpKinds> by_op_;
};

// Counts one call of an op, from here to the end of the scope.
class OpScope {
 public:
  OpScope(Traffic& traffic, OpKind op, int64_t bytes = 0, int64_t ops = 0)
      : traffic_(traffic), op_(op), count_{.calls = 1, .bytes = bytes, .ops = ops}, start_(Clock::now()) {}
  ~OpScope() {
    count_.ns = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_).count();
    traffic_.Add(op_, count_);
  }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  Traffic& traffic_;
  const OpKind op_;
  OpCount count_;
  const Clock::time_point start_;
};

}  // namespace lacuna
