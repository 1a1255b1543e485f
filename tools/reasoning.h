// Tells the thinking of an answer from the answer: what stands between <think> and </think>, piece by piece.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace lacuna::tools {

class ReasoningSplitter {
 public:
  using Sink = std::function<void(std::string_view text, bool thinking)>;
  // `thinking`: the prompt has opened the block already.
  ReasoningSplitter(bool thinking, Sink sink) : thinking_(thinking), sink_(std::move(sink)) {}

  // Hands on what is certain; the tags themselves are left out, and so is white space right behind them.
  void Push(std::string_view piece);
  void Finish();
  bool thinking() const { return thinking_; }

 private:
  void Emit(std::string_view text);

  bool thinking_;
  bool after_tag_ = true;
  std::string waiting_;  // may become a tag
  Sink sink_;
};

}  // namespace lacuna::tools
