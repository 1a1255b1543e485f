#include "tokenizer/chat/parsed_templates.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/json.h"
#include "tokenizer/chat/parser.h"
#include "tokenizer/gguf_tokenizer.h"

namespace lacuna::jinja {

Status ParsedTemplates::Add(const std::string& key, std::string_view source, const std::string& name) {
  LACUNA_ASSIGN_OR_RETURN(Body body, ParseTemplate(source, name));
  all.insert_or_assign(key, ParsedTemplate{name, std::string(source), std::move(body)});
  return {};
}

const ParsedTemplate* ParsedTemplates::Find(std::string_view key) const {
  const auto it = all.find(key);
  return it == all.end() ? nullptr : &it->second;
}

Result<const ParsedTemplate*> ParsedTemplates::Choose(bool with_tools) const {
  if (const ParsedTemplate* found = with_tools ? Find("tool_use") : nullptr) return found;
  if (const ParsedTemplate* found = Find("default")) return found;
  std::string names;
  for (const auto& [key, parsed] : all) names += (names.empty() ? "" : ", ") + key;
  return InvalidInput(all.begin()->second.name + ": the model has several chat templates (" + names +
                      ") and none is named default");
}

Result<ParsedTemplates> LoadTemplates(const std::string& directory) {
  ParsedTemplates templates;
  const std::string jinja = JoinPath(directory, "chat_template.jinja");
  if (KindOf(jinja) != FileKind::kMissing) {
    LACUNA_ASSIGN_OR_RETURN(const std::string source, ReadFile(jinja, kMaxTemplateBytes));
    LACUNA_RETURN_IF_ERROR(templates.Add("default", source, jinja));
    // transformers 5 keeps the others in a folder.
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(JoinPath(directory, "additional_chat_templates"), ignored)) {
      if (entry.path().extension() != ".jinja") continue;
      LACUNA_ASSIGN_OR_RETURN(const std::string other, ReadFile(entry.path().string(), kMaxTemplateBytes));
      LACUNA_RETURN_IF_ERROR(templates.Add(entry.path().stem().string(), other, entry.path().string()));
    }
    return templates;
  }
  const std::string config = IsGguf(directory) ? directory : JoinPath(directory, "tokenizer_config.json");
  LACUNA_ASSIGN_OR_RETURN(const std::optional<std::string> text, TokenizerConfigText(directory));
  if (!text) return templates;
  LACUNA_ASSIGN_OR_RETURN(const Json json, ParseJson(*text, config));
  LACUNA_ASSIGN_OR_RETURN(const JsonReader reader, JsonReader::Create(config, json));
  if (!reader.HasValue("chat_template")) return templates;
  const Json& field = *reader.Find("chat_template");
  const std::string name = config + ": chat_template";
  if (field.is_string()) {
    LACUNA_RETURN_IF_ERROR(templates.Add("default", field.get_ref<const std::string&>(), name));
    return templates;
  }
  if (!field.is_array())
    return reader.WrongValue("chat_template", "it should be a text, or a list of {name, template}");
  for (const Json& entry : field) {
    if (!entry.is_object() || !entry.contains("name") || !entry.contains("template") || !entry["name"].is_string() ||
        !entry["template"].is_string()) {
      return reader.WrongValue("chat_template", "each entry should be an object with the texts `name` and `template`");
    }
    const auto& key = entry["name"].get_ref<const std::string&>();
    LACUNA_RETURN_IF_ERROR(
        templates.Add(key, entry["template"].get_ref<const std::string&>(), name + " " + key.substr(0, 100)));
  }
  if (templates.all.empty()) return reader.WrongValue("chat_template", "the list is empty");
  return templates;
}

Result<ChatTemplate::SpecialTokens> LoadSpecialTokens(const std::string& directory) {
  ChatTemplate::SpecialTokens tokens;
  for (const char* file : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const std::string path = IsGguf(directory) ? directory : JoinPath(directory, file);
    std::optional<std::string> text;
    if (std::string_view(file) == "tokenizer_config.json") {
      LACUNA_ASSIGN_OR_RETURN(text, TokenizerConfigText(directory));
    } else if (KindOf(JoinPath(directory, file)) != FileKind::kMissing) {
      LACUNA_ASSIGN_OR_RETURN(text, ReadFile(path, JsonLimits{}.max_bytes));
    }
    if (!text) continue;
    LACUNA_ASSIGN_OR_RETURN(const Json json, ParseJson(*text, path));
    LACUNA_ASSIGN_OR_RETURN(const JsonReader reader, JsonReader::Create(path, json));
    for (const char* key :
         {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
      if (!reader.HasValue(key)) continue;
      const Json* value = reader.Find(key);
      if (value->is_object() && value->contains("content")) value = &(*value)["content"];
      if (!value->is_string())
        return reader.WrongValue(key, "it should be a text, or an object with the text `content`");
      const bool known =
          std::any_of(tokens.begin(), tokens.end(), [&](const auto& token) { return token.first == key; });
      if (!known) tokens.emplace_back(key, value->get<std::string>());
    }
  }
  return tokens;
}

}  // namespace lacuna::jinja
