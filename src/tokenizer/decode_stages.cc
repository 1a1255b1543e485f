#include "tokenizer/decode_stages.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "tokenizer/byte_level.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

// A step that copies a prepared stage.
template <typename Stage>
class Step : public DecodeStep {
 public:
  explicit Step(Stage stage) : stage_(std::move(stage)) {}
  std::unique_ptr<DecodeStage> Start() const override { return std::make_unique<Stage>(stage_); }

 private:
  Stage stage_;
};

template <typename Stage>
std::unique_ptr<const DecodeStep> MakeStep(Stage stage) {
  return std::make_unique<Step<Stage>>(std::move(stage));
}

// Base of stages that need whole tokens.
class TokenStage : public DecodeStage {
 public:
  void Push(std::string_view text, bool ends) final {
    if (!ends) {
      held_ += text;
    } else if (held_.empty()) {
      Token(text);
    } else {
      held_ += text;
      Token(held_);
      held_.clear();
    }
  }
  void Finish() final {
    End();
    next_->Finish();
  }

 protected:
  virtual void Token(std::string_view token) = 0;
  virtual void End() {}

 private:
  std::string held_;
};

class JoinWithSpaces : public TokenStage {
  void Token(std::string_view token) override {
    if (!first_) next_->Push(" ", true);
    first_ = false;
    next_->Push(token, true);
  }
  void End() override { first_ = true; }
  bool first_ = true;
};

class ByteLevel : public TokenStage {
  void Token(std::string_view token) override {
    const size_t before = bytes_.size();
    for (size_t pos = 0; pos < token.size();) {
      const int byte = ByteOfChar(unicode::Next(token, pos));
      if (byte < 0) {
        bytes_.resize(before);
        bytes_ += token;
        break;
      }
      bytes_ += static_cast<char>(byte);
    }
    text_.clear();
    bytes_.erase(0, unicode::AppendLossy(bytes_, false, text_));
    next_->Push(text_, false);
  }
  void End() override {
    text_.clear();
    unicode::AppendLossy(bytes_, true, text_);
    bytes_.clear();
    next_->Push(text_, true);
  }
  std::string bytes_, text_;
};

class ByteFallback : public TokenStage {
  void Token(std::string_view token) override {
    if (const int byte = ByteOfFallback(token); byte >= 0) {
      bytes_ += static_cast<char>(byte);
      return;
    }
    End();
    next_->Push(token, true);
  }
  void End() override {
    if (bytes_.empty()) return;
    if (unicode::IsValidUtf8(bytes_)) {
      next_->Push(bytes_, true);
    } else {
      for (size_t i = 0; i < bytes_.size(); ++i) next_->Push("\xEF\xBF\xBD", true);
    }
    bytes_.clear();
  }
  std::string bytes_;
};

class Fuse : public DecodeStage {
 public:
  void Push(std::string_view text, bool) override { next_->Push(text, false); }
  void Finish() override {
    next_->Push("", true);
    next_->Finish();
  }
};

class Replace : public DecodeStage {
 public:
  Replace(Pattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {
    const std::string_view literal = pattern_.literal();
    whole_ = literal.empty() || unicode::CharLength(literal[0]) != literal.size();
  }
  void Push(std::string_view text, bool ends) override {
    if (whole_ && !ends) {  // a match may go on in the next part; one character cannot
      held_ += text;
      return;
    }
    if (!held_.empty()) {
      held_ += text;
      text = held_;
    }
    out_.clear();
    // Only a regular expression at its limits fails: the token then stays as it is.
    if (!pattern_.Replace(text, content_, out_).ok()) out_ = text;
    next_->Push(out_, ends);
    held_.clear();
  }
  void Finish() override { next_->Finish(); }

 private:
  Pattern pattern_;
  std::string content_, held_, out_;
  bool whole_;
};

class Strip : public DecodeStage {
 public:
  Strip(char32_t content, size_t start, size_t stop) : start_(start), stop_(stop), left_(start) {
    unicode::Append(content, content_);
  }
  void Push(std::string_view text, bool ends) override {
    while (left_ > 0 && text.starts_with(content_)) {
      text.remove_prefix(content_.size());
      --left_;
    }
    if (!text.empty()) left_ = 0;
    size_t tail = 0;  // characters at the end that may be cut
    std::string_view body = text;
    while (stop_ > 0 && !body.empty() && body.ends_with(content_)) {
      body.remove_suffix(content_.size());
      ++tail;
    }
    if (!body.empty()) {
      Repeat(held_);
      held_ = 0;
      next_->Push(body, false);
    }
    held_ += tail;
    if (held_ > stop_) {
      Repeat(held_ - stop_);
      held_ = stop_;
    }
    if (!ends) return;
    next_->Push("", true);
    held_ = 0;
    left_ = start_;
  }
  void Finish() override { next_->Finish(); }

 private:
  void Repeat(size_t count) {
    for (size_t i = 0; i < count; ++i) next_->Push(content_, false);
  }
  std::string content_;
  size_t start_, stop_;
  size_t left_;      // how many may still be cut from the front of this token
  size_t held_ = 0;  // contents at the end of this token so far, at most stop_
};

class Metaspace : public DecodeStage {
 public:
  Metaspace(char32_t replacement, bool drop_first) : replacement_(replacement), drop_first_(drop_first) {}
  void Push(std::string_view text, bool ends) override {
    out_.clear();
    for (size_t pos = 0; pos < text.size();) {
      const char32_t c = unicode::Next(text, pos);
      if (c != replacement_) {
        unicode::Append(c, out_);
      } else if (!first_ || !drop_first_) {
        out_ += ' ';
      }
    }
    next_->Push(out_, ends);
    if (ends) first_ = false;
  }
  void Finish() override {
    first_ = true;
    next_->Finish();
  }

 private:
  char32_t replacement_;
  bool drop_first_, first_ = true;
  std::string out_;
};

class WordEnd : public TokenStage {
 public:
  explicit WordEnd(std::string suffix) : suffix_(std::move(suffix)) {}

 private:
  void Token(std::string_view token) override {
    if (waiting_) Emit(*waiting_, " ");
    waiting_ = std::string(token);
  }
  void End() override {
    if (waiting_) Emit(*waiting_, "");
    waiting_.reset();
  }
  void Emit(const std::string& token, std::string_view with) {
    std::string out;
    size_t done = 0;
    for (size_t at; (at = token.find(suffix_, done)) != std::string::npos; done = at + suffix_.size()) {
      out.append(token, done, at - done).append(with);
    }
    out.append(token, done);
    next_->Push(out, true);
  }
  std::string suffix_;
  std::optional<std::string> waiting_;
};

}  // namespace

std::unique_ptr<const DecodeStep> JoinWithSpacesStep() { return MakeStep(JoinWithSpaces()); }
std::unique_ptr<const DecodeStep> ByteLevelStep() { return MakeStep(ByteLevel()); }
std::unique_ptr<const DecodeStep> ByteFallbackStep() { return MakeStep(ByteFallback()); }
std::unique_ptr<const DecodeStep> FuseStep() { return MakeStep(Fuse()); }
std::unique_ptr<const DecodeStep> ReplaceStep(Pattern pattern, std::string content) {
  return MakeStep(Replace(std::move(pattern), std::move(content)));
}
std::unique_ptr<const DecodeStep> StripStep(char32_t content, size_t start, size_t stop) {
  return MakeStep(Strip(content, start, stop));
}
std::unique_ptr<const DecodeStep> MetaspaceStep(char32_t replacement, bool drop_first) {
  return MakeStep(Metaspace(replacement, drop_first));
}
std::unique_ptr<const DecodeStep> WordEndStep(std::string suffix) { return MakeStep(WordEnd(std::move(suffix))); }

}  // namespace lacuna
