#include "grammar/machine.h"

#include <algorithm>
#include <utility>

namespace lacuna {

Machine::Machine(const ByteGrammar& grammar) : grammar_(grammar) { Reset(); }

void Machine::Reset() {
  frames_.assign(1, {-1, -1, 0});
  seen_.assign(1, 0);
  round_ = 0;
  frame_ids_.clear();
  states_.assign(1, {});
  steps_.assign(1, {});  // dead stays dead
  state_ids_.clear();
  ++round_;
  for (const int32_t position : grammar_.rules[static_cast<size_t>(grammar_.root)]) Visit(position, 0);
  Stacks stacks;
  Close(stacks);
  start_ = Intern(std::move(stacks));
}

int32_t Machine::Intern(int32_t position, int32_t below) {
  const auto [at, added] =
      frame_ids_.try_emplace(uint64_t{static_cast<uint32_t>(position)} << 32 | static_cast<uint32_t>(below),
                             static_cast<int32_t>(frames_.size()));
  if (added) {
    frames_.push_back({position, below, frames_[static_cast<size_t>(below)].depth + 1});
    seen_.push_back(0);
    if (frames_.size() > kMaxFrames) overflowed_ = true;
  }
  return at->second;
}

void Machine::Visit(int32_t position, int32_t below) {
  const int32_t frame = Intern(position, below);
  if (++work_ > kMaxWork) overflowed_ = true;
  if (std::exchange(seen_[static_cast<size_t>(frame)], round_) != round_) pending_.push_back(frame);
}

void Machine::Close(Stacks& stacks) {
  while (!pending_.empty() && !overflowed_) {
    const int32_t id = pending_.back();
    pending_.pop_back();
    const Frame frame = frames_[static_cast<size_t>(id)];
    const int32_t symbol = grammar_.symbols[static_cast<size_t>(frame.position)];
    if (symbol == ByteGrammar::kEnd) {
      if (frame.below == 0) {
        stacks.can_end = true;
      } else {
        const Frame below = frames_[static_cast<size_t>(frame.below)];
        Visit(below.position, below.below);
      }
    } else if (symbol < 0) {
      stacks.tops.push_back(id);
      if (stacks.tops.size() > kMaxStacks) overflowed_ = true;
    } else {
      // The last symbol of an alternative needs no frame to come back to, so that right recursion stays flat.
      const int32_t next = frame.position + 1;
      int32_t below = frame.below;
      if (grammar_.symbols[static_cast<size_t>(next)] != ByteGrammar::kEnd) {
        if (frames_[static_cast<size_t>(below)].depth >= kMaxDepth) continue;
        below = Intern(next, below);
      }
      for (const int32_t position : grammar_.rules[static_cast<size_t>(symbol)]) Visit(position, below);
    }
  }
  pending_.clear();
  std::sort(stacks.tops.begin(), stacks.tops.end());
}

Machine::State Machine::Intern(Stacks stacks) {
  if (overflowed_ || (stacks.tops.empty() && !stacks.can_end)) return kDead;
  uint64_t hash = stacks.can_end;
  for (const int32_t top : stacks.tops)
    hash = (hash ^ static_cast<uint32_t>(top)) * 0x9E3779B97F4A7C15u, hash ^= hash >> 29;
  std::vector<State>& same = state_ids_[hash];
  for (const State s : same) {
    const Stacks& other = states_[static_cast<size_t>(s)];
    if (other.can_end == stacks.can_end && other.tops == stacks.tops) return s;
  }
  const auto state = static_cast<State>(states_.size());
  if (states_.size() > kMaxStates) {
    overflowed_ = true;
    return kDead;
  }
  same.push_back(state);
  states_.push_back(std::move(stacks));
  steps_.emplace_back().fill(kUnknown);
  return state;
}

Machine::State Machine::Advance(State state, uint8_t byte) {
  ++round_;
  Stacks stacks;
  // By index: Visit may move the vectors.
  for (size_t i = 0; i < states_[static_cast<size_t>(state)].tops.size(); ++i) {
    const Frame frame = frames_[static_cast<size_t>(states_[static_cast<size_t>(state)].tops[i])];
    const int32_t symbol = grammar_.symbols[static_cast<size_t>(frame.position)];
    if (grammar_.sets[static_cast<size_t>(~symbol)].Has(byte)) Visit(frame.position + 1, frame.below);
  }
  Close(stacks);
  const State next = Intern(std::move(stacks));
  steps_[static_cast<size_t>(state)][byte] = next;
  return next;
}

Machine::State Machine::Shrink(State state) {
  // From the bottom up, each stack is made again in the new set of frames.
  const std::vector<Frame> old_frames = frames_;
  const Stacks old = states_[static_cast<size_t>(state)];
  Reset();
  Stacks stacks;
  stacks.can_end = old.can_end;
  std::vector<Frame> path;
  for (const int32_t top : old.tops) {
    path.clear();
    for (int32_t f = top; f != 0; f = old_frames[static_cast<size_t>(f)].below) {
      path.push_back(old_frames[static_cast<size_t>(f)]);
    }
    int32_t frame = 0;
    for (size_t i = path.size(); i-- > 0;) frame = Intern(path[i].position, frame);
    stacks.tops.push_back(frame);
  }
  std::sort(stacks.tops.begin(), stacks.tops.end());
  return Intern(std::move(stacks));
}

}  // namespace lacuna
