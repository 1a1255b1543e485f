#include "tokenizer/normalizer.h"

#include <utility>

#include "base/status_macros.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string what) : what_(std::move(what)) {}
  Status Apply(std::string& text, bool&) const override {
    if (!text.empty()) text.insert(0, what_);
    return {};
  }

 private:
  std::string what_;
};

class Replace : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Status Apply(std::string& text, bool& at_start) const override {
    std::vector<Segment> segments;
    LACUNA_RETURN_IF_ERROR(pattern_.Find(text, segments));
    if (content_.empty() && !segments.empty() && segments[0].is_match && segments[0].end > 0) at_start = false;
    std::string out;
    out.reserve(text.size());
    for (const Segment& s : segments) {
      if (s.is_match) {
        out += content_;
      } else {
        out.append(text, s.begin, s.end - s.begin);
      }
    }
    text = std::move(out);
    return {};
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(unicode::Form form) : form_(form) {}
  Status Apply(std::string& text, bool&) const override {
    text = unicode::Normalize(text, form_);
    return {};
  }

 private:
  unicode::Form form_;
};

class Lowercase : public Normalizer {
 public:
  Status Apply(std::string& text, bool&) const override {
    std::string out;
    out.reserve(text.size());
    for (size_t pos = 0; pos < text.size();) unicode::AppendLower(unicode::Next(text, pos), out);
    text = std::move(out);
    return {};
  }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  Status Apply(std::string& text, bool& at_start) const override {
    size_t begin = 0, end = text.size();
    for (size_t pos = 0; left_ && pos < end; begin = pos) {
      if (!unicode::IsWhiteSpace(unicode::Next(text, pos))) break;
    }
    for (size_t pos = end; right_ && pos > begin; end = pos) {
      if (!unicode::IsWhiteSpace(unicode::Previous(text, pos))) break;
    }
    if (begin > 0) at_start = false;
    text = text.substr(begin, end - begin);
    return {};
  }

 private:
  bool left_, right_;
};

class StripAccents : public Normalizer {
 public:
  Status Apply(std::string& text, bool& at_start) const override {
    std::string out;
    out.reserve(text.size());
    for (size_t pos = 0; pos < text.size();) {
      const bool first = pos == 0;
      const char32_t c = unicode::Next(text, pos);
      if (!unicode::IsMark(c)) {
        unicode::Append(c, out);
      } else if (first) {
        at_start = false;
      }
    }
    text = std::move(out);
    return {};
  }
};

class ByteLevelNormalizer : public Normalizer {
 public:
  Status Apply(std::string& text, bool&) const override {
    std::string out;
    AppendByteLevel(text, out);
    text = std::move(out);
    return {};
  }
};

}  // namespace

Status ParseNormalizer(const nlohmann::json& node, const std::string& where, Normalizers& steps) {
  if (node.is_null()) return {};
  JsonFields fields(node, where);
  const std::string type = fields.Type();
  static constexpr std::pair<const char*, unicode::Form> kForms[] = {{"NFC", unicode::Form::kNfc},
                                                                     {"NFD", unicode::Form::kNfd},
                                                                     {"NFKC", unicode::Form::kNfkc},
                                                                     {"NFKD", unicode::Form::kNfkd}};
  for (const auto& [name, form] : kForms) {
    if (type == name) {
      steps.push_back(std::make_unique<UnicodeForm>(form));
      return fields.Finish();
    }
  }
  if (type == "Sequence") {
    if (const nlohmann::json* list = fields.Array("normalizers")) {
      for (size_t i = 0; i < list->size(); ++i) {
        LACUNA_RETURN_IF_ERROR(
            ParseNormalizer((*list)[i], fields.Path("normalizers[" + std::to_string(i) + "]"), steps));
      }
    }
  } else if (type == "Prepend") {
    steps.push_back(std::make_unique<Prepend>(fields.String("prepend")));
  } else if (type == "Replace") {
    std::optional<Pattern> pattern = fields.GetPattern("pattern");
    std::string content = fields.String("content");
    if (pattern) steps.push_back(std::make_unique<Replace>(std::move(*pattern), std::move(content)));
  } else if (type == "Lowercase") {
    steps.push_back(std::make_unique<Lowercase>());
  } else if (type == "Strip") {
    const bool left = fields.Bool("strip_left"), right = fields.Bool("strip_right");
    steps.push_back(std::make_unique<Strip>(left, right));
  } else if (type == "StripAccents") {
    steps.push_back(std::make_unique<StripAccents>());
  } else if (type == "ByteLevel") {
    steps.push_back(std::make_unique<ByteLevelNormalizer>());
  } else {
    LACUNA_RETURN_IF_ERROR(type.empty() ? fields.Finish() : Status());
    return InvalidInput(where + ": the normalizer \"" + type +
                        "\" is not supported; lacuna has Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, "
                        "Strip, StripAccents and ByteLevel");
  }
  return fields.Finish();
}

Status ApplyNormalizers(const Normalizers& steps, std::string& text, bool& at_start) {
  for (const auto& step : steps) LACUNA_RETURN_IF_ERROR(step->Apply(text, at_start));
  return {};
}

}  // namespace lacuna
