// What GGUF metadata say of tokenizer_config.json.
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/json.h"
#include "tokenizer/gguf_tokenizer.h"

namespace lacuna {
namespace {

using OrderedJson = nlohmann::ordered_json;
constexpr char kPrefix[] = "tokenizer.ggml.";
constexpr std::size_t kMaxConfigBytes = std::size_t{64} << 20;

// The text of the token whose id `key` has; nullopt where there is none.
Result<std::optional<std::string>> GgufTokenText(const GgufReader& metadata, std::string_view key) {
  LACUNA_ASSIGN_OR_RETURN(const GgufValue* tokens, metadata.Strings(std::string(kPrefix) + "tokens"));
  if (!tokens || tokens->count == 0) return std::optional<std::string>();
  LACUNA_ASSIGN_OR_RETURN(const auto id,
                          metadata.Int(std::string(kPrefix).append(key), 0, static_cast<int64_t>(tokens->count) - 1));
  if (!id || !IsValidUtf8(tokens->text[static_cast<uint64_t>(*id)])) return std::optional<std::string>();
  return std::optional<std::string>(tokens->text[static_cast<uint64_t>(*id)]);
}

}  // namespace

Result<std::string> GgufTokenizerConfigJson(const GgufReader& metadata) {
  OrderedJson json = OrderedJson::object();
  for (const char* token : {"bos", "eos"}) {
    LACUNA_ASSIGN_OR_RETURN(const auto text, GgufTokenText(metadata, std::string(token) + "_token_id"));
    if (text) json[std::string(token) + "_token"] = *text;
  }
  LACUNA_ASSIGN_OR_RETURN(const auto main, metadata.String("tokenizer.chat_template"));
  LACUNA_ASSIGN_OR_RETURN(const GgufValue* names, metadata.Strings("tokenizer.chat_templates"));
  if (!names || names->count == 0) {
    if (main) json["chat_template"] = *main;
    return json.dump(2) + "\n";
  }
  OrderedJson list = nlohmann::json::array();
  if (main) list.push_back({{"name", "default"}, {"template", *main}});
  for (uint64_t i = 0; i < names->count; ++i) {
    const std::string name(names->text[i]);
    if (!IsValidUtf8(name)) return metadata.Error("tokenizer.chat_templates", "has a name that is no UTF-8");
    LACUNA_ASSIGN_OR_RETURN(const auto text, metadata.String("tokenizer.chat_template." + name));
    if (text) list.push_back({{"name", name}, {"template", *text}});
  }
  json["chat_template"] = std::move(list);
  return json.dump(2) + "\n";
}

Result<std::optional<std::string>> TokenizerConfigText(const std::string& model) {
  std::optional<std::string> text;
  if (IsGguf(model)) {
    LACUNA_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::Open(model));
    LACUNA_ASSIGN_OR_RETURN(text, GgufTokenizerConfigJson(file.metadata()));
    return text;
  }
  const std::string path = JoinPath(model, "tokenizer_config.json");
  if (KindOf(path) == FileKind::kMissing) return text;
  LACUNA_ASSIGN_OR_RETURN(text, ReadFile(path, kMaxConfigBytes));
  return text;
}

}  // namespace lacuna
