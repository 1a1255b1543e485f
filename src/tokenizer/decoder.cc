#include "tokenizer/decoder.h"

#include <utility>

#include "base/status_macros.h"
#include "tokenizer/decode_stages.h"
#include "tokenizer/json_fields.h"

namespace lacuna {
namespace {

constexpr int64_t kMaxStrip = 1 << 20;

Status ParseMetaspace(JsonFields& fields, Decoder& steps) {
  const char32_t replacement = fields.Char("replacement");
  const bool prefix = fields.Bool("add_prefix_space", true);
  const std::string scheme = fields.String("prepend_scheme", prefix ? "always" : "never");
  fields.Ignore({"split", "str_rep"});
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return InvalidInput(fields.Path("prepend_scheme") + ": \"" + scheme + "\" should be always, first or never");
  }
  steps.push_back(MetaspaceStep(replacement, scheme != "never"));
  return {};
}

}  // namespace

Status ParseDecoder(const nlohmann::json& node, const std::string& where, Decoder& steps, bool& byte_level) {
  if (node.is_null()) {
    steps.push_back(JoinWithSpacesStep());
    return {};
  }
  JsonFields fields(node, where);
  const std::string type = fields.Type();
  if (type == "Sequence") {
    if (const nlohmann::json* list = fields.Array("decoders")) {
      for (size_t i = 0; i < list->size(); ++i) {
        const std::string path = fields.Path("decoders[" + std::to_string(i) + "]");
        if ((*list)[i].is_null()) return InvalidInput(path + ": should be an object");
        LACUNA_RETURN_IF_ERROR(ParseDecoder((*list)[i], path, steps, byte_level));
      }
    }
  } else if (type == "ByteLevel") {
    fields.Ignore({"add_prefix_space", "trim_offsets", "use_regex"});  // of no effect in a decoder
    steps.push_back(ByteLevelStep());
    byte_level = true;
  } else if (type == "ByteFallback") {
    steps.push_back(ByteFallbackStep());
  } else if (type == "Fuse") {
    steps.push_back(FuseStep());
  } else if (type == "Replace") {
    std::optional<Pattern> pattern = fields.GetPattern("pattern");
    std::string content = fields.String("content");
    if (pattern) steps.push_back(ReplaceStep(std::move(*pattern), std::move(content)));
  } else if (type == "Strip") {
    const char32_t content = fields.Char("content");
    const int64_t start = fields.Int("start", 0, kMaxStrip), stop = fields.Int("stop", 0, kMaxStrip);
    steps.push_back(StripStep(content, static_cast<size_t>(start), static_cast<size_t>(stop)));
  } else if (type == "Metaspace") {
    LACUNA_RETURN_IF_ERROR(ParseMetaspace(fields, steps));
  } else if (type == "BPEDecoder") {
    std::string suffix = fields.String("suffix");
    if (suffix.empty()) return InvalidInput(fields.Path("suffix") + ": should have at least one character");
    steps.push_back(WordEndStep(std::move(suffix)));
  } else {
    LACUNA_RETURN_IF_ERROR(type.empty() ? fields.Finish() : Status());
    return InvalidInput(where + ": the decoder \"" + type +
                        "\" is not supported; lacuna has Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip, "
                        "Metaspace and BPEDecoder");
  }
  return fields.Finish();
}

class DecodeChain::Sink : public DecodeStage {
 public:
  void Push(std::string_view text, bool) override { out_->append(text); }
  void Finish() override {}
  void set_out(std::string* out) { out_ = out; }

 private:
  std::string* out_ = nullptr;
};

DecodeChain::DecodeChain(const Decoder& steps) {
  for (const auto& step : steps) stages_.push_back(step->Start());
  auto sink = std::make_unique<Sink>();
  sink_ = sink.get();
  stages_.push_back(std::move(sink));
  for (size_t i = 0; i + 1 < stages_.size(); ++i) stages_[i]->set_next(stages_[i + 1].get());
}

void DecodeChain::Push(std::string_view token, std::string& out) {
  sink_->set_out(&out);
  stages_[0]->Push(token, true);
}

void DecodeChain::Finish(std::string& out) {
  sink_->set_out(&out);
  stages_[0]->Finish();
}

}  // namespace lacuna
