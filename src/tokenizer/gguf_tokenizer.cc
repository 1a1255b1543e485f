#include "tokenizer/gguf_tokenizer.h"

#include <cmath>
#include <cstdio>

#include "base/status_macros.h"
#include "io/json.h"

namespace lacuna {
namespace {

// tokenizer.ggml.token_type
enum TokenType : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

constexpr char kPrefix[] = "tokenizer.ggml.";

std::string Key(std::string_view name) { return kPrefix + std::string(name); }

// Writes tokenizer.json as text: a vocabulary has 300,000 strings, for which a tree takes too long.
class Writer {
 public:
  explicit Writer(const GgufReader& metadata) : metadata_(metadata) {}

  Result<std::optional<std::string>> Write() {
    LACUNA_ASSIGN_OR_RETURN(const std::optional<std::string> model, metadata_.String(Key("model")));
    if (!model || *model == "no_vocab" || *model == "none") return std::optional<std::string>();
    const bool scored = *model == "llama";
    if (!scored && *model != "gpt2")
      return metadata_.Error(Key("model"), "is " + JsonQuote(model->substr(0, 40)) +
                                               "; vocabularies of type gpt2 and llama are supported");
    LACUNA_RETURN_IF_ERROR(ReadTokens());
    for (const char* key : {"add_sep_token", "remove_extra_whitespaces", "escape_whitespaces"}) {
      LACUNA_ASSIGN_OR_RETURN(const std::optional<bool> set, metadata_.Bool(Key(key)));
      const bool harmless = std::string_view(key) == "escape_whitespaces";
      if (set.value_or(harmless) != harmless)
        return metadata_.Error(Key(key), std::string("is ") + (*set ? "true" : "false") + ", which is not supported");
    }
    if (metadata_.Has(Key("precompiled_charsmap")))
      return metadata_.Error(Key("precompiled_charsmap"), "is there: normalization by a table is not supported");
    out_ = R"({"version":"1.0","added_tokens":)";
    LACUNA_RETURN_IF_ERROR(AddedTokens());
    LACUNA_RETURN_IF_ERROR(scored ? Llama() : Gpt2());
    out_ += "}\n";
    return std::optional<std::string>(std::move(out_));
  }

 private:
  Status ReadTokens() {
    LACUNA_ASSIGN_OR_RETURN(tokens_, metadata_.Strings(Key("tokens")));
    if (!tokens_) return metadata_.Missing(Key("tokens"));
    if (tokens_->count == 0) return metadata_.Error(Key("tokens"), "is empty");
    for (uint64_t id = 0; id < tokens_->count; ++id)
      if (!IsValidUtf8(tokens_->text[id]))
        return metadata_.Error(Key("tokens"), "has a token that is no UTF-8, with the id " + std::to_string(id));
    LACUNA_ASSIGN_OR_RETURN(types_, metadata_.Numbers(Key("token_type")));
    if (types_ && types_->count != tokens_->count)
      return metadata_.Error(Key("token_type"), "has " + std::to_string(types_->count) +
                                                    " entries; there must be one " + "for each of " +
                                                    std::to_string(tokens_->count) + " tokens");
    for (uint64_t id = 0; types_ && id < types_->count; ++id) {
      const int64_t type = types_->Int(id).value_or(-1);
      if (type < kNormal || type > kByte)
        return metadata_.Error(Key("token_type"), "has " + std::to_string(type) + " for the id " + std::to_string(id) +
                                                      "; types are 1 to 6");
    }
    return {};
  }

  int64_t Type(uint64_t id) const { return types_ ? *types_->Int(id) : int64_t{kNormal}; }

  // The id that `key` has, checked; absent: nullopt.
  Result<std::optional<int64_t>> Id(const char* key) const {
    return metadata_.Int(Key(key), 0, static_cast<int64_t>(tokens_->count) - 1);
  }

  Status AddedTokens() {
    out_ += "[";
    for (uint64_t id = 0; id < tokens_->count; ++id) {
      const int64_t type = Type(id);
      if ((type != kControl && type != kUserDefined && type != kUnknown) || tokens_->text[id].empty()) continue;
      if (out_.back() == '}') out_ += ",";
      out_ += R"({"id":)" + std::to_string(id) + R"(,"content":)" + JsonQuote(tokens_->text[id]) +
              R"(,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":)" +
              (type == kUserDefined ? "false}" : "true}");
    }
    out_ += "]";
    return {};
  }

  void Vocabulary() {
    out_ += R"("vocab":{)";
    for (uint64_t id = 0; id < tokens_->count; ++id) {
      if (id > 0) out_ += ",";
      out_ += JsonQuote(tokens_->text[id]);
      out_ += ":";
      out_ += std::to_string(id);
    }
    out_ += "}";
  }

  // BOS and EOS around the text.
  Status PostProcessor(bool bos_by_default) {
    out_ += R"(,"post_processor":)";
    std::string around[2], tokens;
    for (const bool eos : {false, true}) {
      const char* flag = eos ? "add_eos_token" : "add_bos_token";
      LACUNA_ASSIGN_OR_RETURN(const std::optional<bool> add, metadata_.Bool(Key(flag)));
      LACUNA_ASSIGN_OR_RETURN(std::optional<int64_t> id, Id(eos ? "eos_token_id" : "bos_token_id"));
      if (!add.value_or(!eos && bos_by_default)) continue;
      if (!id) {
        if (!add) continue;
        return metadata_.Error(Key(flag),
                               std::string("is true, but ") + (eos ? "eos" : "bos") + "_token_id is missing");
      }
      const std::string text = JsonQuote(tokens_->text[static_cast<uint64_t>(*id)]);
      around[eos] = R"({"SpecialToken":{"id":)" + text + R"(,"type_id":0}})";
      const std::string entry =
          text + R"(:{"id":)" + text + R"(,"ids":[)" + std::to_string(*id) + R"(],"tokens":[)" + text + "]}";
      if (tokens.find(text + ":{") == tokens.npos) tokens += (tokens.empty() ? "" : ",") + entry;
    }
    if (tokens.empty()) {
      out_ += "null";
      return {};
    }
    const auto sequence = [&](const std::string& content) {
      return "[" + around[0] + (around[0].empty() ? "" : ",") + content + (around[1].empty() ? "" : ",") + around[1] +
             "]";
    };
    out_ += R"({"type":"TemplateProcessing","single":)" + sequence(R"({"Sequence":{"id":"A","type_id":0}})") +
            R"(,"pair":)" + sequence(R"({"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}})") +
            R"(,"special_tokens":{)" + tokens + "}}";
    return {};
  }

  Status Gpt2() {
    LACUNA_ASSIGN_OR_RETURN(const std::optional<std::string> pre, metadata_.String(Key("pre")));
    if (!pre)
      return metadata_.Error(
          Key("pre"), "is missing, so nothing says how the text is cut; it must be one of " + GgufPreTokenizerList());
    const GgufPreTokenizer* row = FindGgufPreTokenizer(*pre);
    if (!row)
      return metadata_.Error(Key("pre"),
                             "is " + JsonQuote(pre->substr(0, 40)) + "; supported are " + GgufPreTokenizerList());
    LACUNA_ASSIGN_OR_RETURN(const GgufValue* merges, metadata_.Strings(Key("merges")));
    if (!merges) return metadata_.Missing(Key("merges"));
    out_ += std::string(R"(,"normalizer":)") + row->normalizer + R"(,"pre_tokenizer":{"type":"Sequence",)" +
            R"("pretokenizers":)" + row->steps + "}";
    LACUNA_RETURN_IF_ERROR(PostProcessor(row->add_bos));
    out_ += R"(,"decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";
    out_ += R"(,"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,)";
    out_ += R"("end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":)";
    out_ += row->ignore_merges ? "true," : "false,";
    Vocabulary();
    out_ += R"(,"merges":[)";
    for (uint64_t i = 0; i < merges->count; ++i) {
      const std::string_view merge = merges->text[i];
      if (!IsValidUtf8(merge) || merge.find(' ', 1) == merge.npos)
        return metadata_.Error(Key("merges"), "has an entry " + std::to_string(i) +
                                                  " that is no UTF-8 or has no space between two tokens");
      if (i > 0) out_ += ",";
      // As a pair: the first token may begin with a space, in vocabularies that are not byte-level.
      const size_t space = merge.find(' ', 1);
      out_ += "[" + JsonQuote(merge.substr(0, space)) + "," + JsonQuote(merge.substr(space + 1)) + "]";
    }
    out_ += "]}";
    return {};
  }

  Status Llama() {
    LACUNA_ASSIGN_OR_RETURN(const GgufValue* scores, metadata_.Numbers(Key("scores")));
    if (!scores) return metadata_.Missing(Key("scores"));
    if (scores->count != tokens_->count)
      return metadata_.Error(Key("scores"), "has " + std::to_string(scores->count) +
                                                " entries; there must be one for " + "each of " +
                                                std::to_string(tokens_->count) + " tokens");
    if (!types_) return metadata_.Missing(Key("token_type"));
    LACUNA_ASSIGN_OR_RETURN(const std::optional<int64_t> unknown, Id("unknown_token_id"));
    LACUNA_ASSIGN_OR_RETURN(const std::optional<bool> space, metadata_.Bool(Key("add_space_prefix")));
    const bool prefix = space.value_or(true);
    out_ += R"(,"normalizer":{"type":"Sequence","normalizers":[)";
    if (prefix) out_ += "{\"type\":\"Prepend\",\"prepend\":\"\u2581\"},";
    out_ += "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}]},\"pre_tokenizer\":null";
    LACUNA_RETURN_IF_ERROR(PostProcessor(true));
    out_ +=
        ",\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},"
        "\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}";
    if (prefix) out_ += R"(,{"type":"Strip","content":" ","start":1,"stop":0})";
    out_ += R"(]},"model":{"type":"ScoredBPE","dropout":null,"unk_token":)";
    const uint64_t unk = static_cast<uint64_t>(unknown.value_or(0));
    out_ += JsonQuote(tokens_->text[unk]);
    out_ += R"(,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,"byte_fallback":true,)";
    Vocabulary();
    out_ += R"(,"scores":[)";
    for (uint64_t id = 0; id < scores->count; ++id) {
      if (id > 0) out_ += ",";
      const double score = *scores->Number(id);
      if (!std::isfinite(score))
        return metadata_.Error(Key("scores"), "is not finite for the id " + std::to_string(id));
      if (Type(id) != kNormal) {  // others never come from merges: they are cut out before, or stand for bytes
        out_ += "null";
        continue;
      }
      char text[40];
      std::snprintf(text, sizeof text, "%.17g", score);
      out_ += text;
    }
    out_ += "]}";
    return {};
  }

  const GgufReader& metadata_;
  const GgufValue* tokens_ = nullptr;
  const GgufValue* types_ = nullptr;
  std::string out_;
};

}  // namespace

Result<std::optional<std::string>> GgufTokenizerJson(const GgufReader& metadata) { return Writer(metadata).Write(); }

}  // namespace lacuna
