// Runs a ByteGrammar over bytes: all parses of the text so far at once, remembered.
//
// A stack frame is (position, frame below), made once and shared; frame 0 is the bottom. A state is the set of stacks
// whose top stands before a byte, and whether the text may end here. States and the steps between them are kept, so
// that a text (and every other beginning with the same effect) costs one look-up a byte after the first time.
//
// Bounds: stacks deeper than kMaxDepth are dropped, as if the grammar nested no deeper. More than kMaxStacks at once or
// more than kMaxFrames or kMaxStates in all make the state dead and set overflowed(), as does more work than kMaxWork
// since the last Begin().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "grammar/byte_grammar.h"

namespace lacuna {

class Machine {
 public:
  using State = int32_t;
  static constexpr State kDead = 0;
  static constexpr int kMaxDepth = 1000;
  static constexpr size_t kMaxStacks = size_t{1} << 14;
  static constexpr size_t kMaxFrames = size_t{1} << 21;
  static constexpr size_t kMaxStates = size_t{1} << 16;
  static constexpr size_t kMaxWork = size_t{1} << 23;  // stacks looked at, half a second or so
  // Beyond these Shrink() forgets everything but one state.
  static constexpr size_t kManyFrames = size_t{1} << 18;
  static constexpr size_t kManyStates = size_t{1} << 13;

  // The grammar must outlive it.
  explicit Machine(const ByteGrammar& grammar);

  State start() const { return start_; }
  void Begin() { work_ = 0; }
  State Step(State state, uint8_t byte) {
    const State known = steps_[static_cast<size_t>(state)][byte];
    return known != kUnknown ? known : Advance(state, byte);
  }
  // The text so far is whole.
  bool CanEnd(State state) const { return states_[static_cast<size_t>(state)].can_end; }
  // Some byte may follow.
  bool CanGoOn(State state) const { return !states_[static_cast<size_t>(state)].tops.empty(); }
  bool overflowed() const { return overflowed_; }

  bool Full() const { return frames_.size() > kManyFrames || states_.size() > kManyStates; }
  // Forgets all states but the start and this one, whose new name it returns.
  State Shrink(State state);

 private:
  static constexpr State kUnknown = -1;
  struct Frame {
    int32_t position;
    int32_t below;
    int32_t depth;
  };
  struct Stacks {
    std::vector<int32_t> tops;  // frames whose position stands before a byte, sorted
    bool can_end = false;
  };

  void Reset();
  int32_t Intern(int32_t position, int32_t below);
  State Intern(Stacks stacks);
  State Advance(State state, uint8_t byte);
  // Adds to `stacks` what the pending (position, below) come to without a byte.
  void Close(Stacks& stacks);
  void Visit(int32_t position, int32_t below);

  const ByteGrammar& grammar_;
  State start_ = kDead;
  bool overflowed_ = false;
  std::vector<Frame> frames_;
  std::unordered_map<uint64_t, int32_t> frame_ids_;  // position << 32 | below
  std::vector<Stacks> states_;
  std::vector<std::array<State, 256>> steps_;
  std::unordered_map<uint64_t, std::vector<State>> state_ids_;  // by hash

  std::vector<int32_t> pending_;  // frames to close
  std::vector<uint32_t> seen_;    // of each frame, the last Close that met it
  uint32_t round_ = 0;
  size_t work_ = 0;
};

}  // namespace lacuna
