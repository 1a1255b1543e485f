// The templates of a model directory, and the special tokens that they may write.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "lacuna/chat.h"
#include "lacuna/status.h"
#include "tokenizer/chat/ast.h"

namespace lacuna::jinja {

struct ParsedTemplate {
  std::string name;  // for messages: the file
  std::string source;
  Body body;
};

struct ParsedTemplates {
  std::map<std::string, ParsedTemplate, std::less<>> all;

  Status Add(const std::string& key, std::string_view source, const std::string& name);
  const ParsedTemplate* Find(std::string_view key) const;
  // `tool_use` with tools, if it is there, else `default`.
  Result<const ParsedTemplate*> Choose(bool with_tools) const;
};

// Empty when the directory has no template.
Result<ParsedTemplates> LoadTemplates(const std::string& directory);
// bos_token and its like of tokenizer_config.json: texts, or objects with `content`; special_tokens_map.json adds what
// is not there.
Result<ChatTemplate::SpecialTokens> LoadSpecialTokens(const std::string& directory);

}  // namespace lacuna::jinja
