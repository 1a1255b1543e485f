// The public ChatTemplate: parsed templates, and what they are given.
#include "lacuna/chat.h"

#include <map>

#include "base/status_macros.h"
#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/json_value.h"
#include "tokenizer/chat/parsed_templates.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

using namespace jinja;

// As transformers: what a message calls `reasoning_content`, `thinking` or `reasoning` is there under the first two
// names.
Value WithReasoning(const Value& message) {
  const Value* reasoning = nullptr;
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    const Value* found = message.dict().Find(std::string_view(name));
    if (reasoning == nullptr && found != nullptr && !found->is_none()) reasoning = found;
  }
  if (reasoning == nullptr) return message;
  Dict dict;
  dict.Set(Value::String("thinking"), *reasoning);
  for (const auto& [key, value] : message.dict().items) dict.Set(key, value);
  dict.Set(Value::String("reasoning_content"), *reasoning);
  return MakeDict(std::move(dict));
}

// What a model writes around its thoughts and calls. In an assistant's content it counts as the template's own, so that
// an answer comes back as the tokens that it was.
constexpr std::string_view kOwnTags[] = {"<think>", "</think>", "<tool_call>", "</tool_call>"};

Value WithOwnTags(const Value& message) {
  const Value* role = message.dict().Find(std::string_view("role"));
  const Value* content = message.dict().Find(std::string_view("content"));
  if (role == nullptr || !role->is_string() || role->text().view() != "assistant" || content == nullptr ||
      !content->is_string())
    return message;
  const Text& from = content->text();
  Text to;
  size_t done = 0;
  for (size_t at = from.view().find('<'); at != std::string_view::npos; at = from.view().find('<', at + 1)) {
    for (const std::string_view tag : kOwnTags) {
      if (!from.view().substr(at).starts_with(tag)) continue;
      to.Append(from, done, at);
      to.Append(tag, false);
      done = at + tag.size();
    }
  }
  if (done == 0) return message;
  to.Append(from, done, from.size());
  Dict dict;
  for (const auto& [key, value] : message.dict().items) dict.Set(key, value);
  dict.Set(Value::String("content"), Value(std::move(to)));
  return MakeDict(std::move(dict));
}

class JinjaTemplate : public ChatTemplate {
 public:
  JinjaTemplate(ParsedTemplates templates, SpecialTokens tokens)
      : templates_(std::move(templates)), tokens_(std::move(tokens)) {}

  Result<RenderedChat> Render(std::string_view conversation, const ChatOptions& options) const override {
    LACUNA_ASSIGN_OR_RETURN(Value value, ParseJsonValue(conversation, "the conversation"));
    if (value.is_list()) {
      Dict alone;
      alone.Set(Value::String("messages"), std::move(value));
      value = MakeDict(std::move(alone));
    }
    if (!value.is_dict())
      return InvalidInput("the conversation should be a JSON object with `messages`, or a list of messages");
    return RenderDict(value.dict(), options);
  }

  Result<RenderedChat> Render(std::span<const ChatMessage> messages, const ChatOptions& options) const override {
    std::vector<Value> list;
    for (const ChatMessage& message : messages) {
      Dict dict;
      dict.Set(Value::String("role"), Value(Text(unicode::ToValidUtf8(message.role), !IsRole(message.role))));
      dict.Set(Value::String("content"), Value(Text(unicode::ToValidUtf8(message.content), true)));
      list.push_back(MakeDict(std::move(dict)));
    }
    Dict conversation;
    conversation.Set(Value::String("messages"), MakeList(std::move(list)));
    return RenderDict(conversation, options);
  }

  std::string_view source() const override {
    const ParsedTemplate* parsed = templates_.Find("default");
    return parsed != nullptr ? parsed->source : templates_.all.begin()->second.source;
  }

 private:
  static Status CheckMessages(const Dict& conversation) {
    const Value* messages = conversation.Find(std::string_view("messages"));
    if (messages == nullptr) return InvalidInput("the conversation: `messages` is missing");
    if (!messages->is_list()) return InvalidInput("the conversation: `messages` should be a list");
    for (size_t i = 0; i < messages->list().items.size(); ++i) {
      if (!messages->list().items[i].is_dict()) {
        return InvalidInput("the conversation: `messages[" + std::to_string(i) +
                            "]` should be an object with `role` and `content`");
      }
    }
    return {};
  }

  Result<RenderedChat> RenderDict(const Dict& conversation, const ChatOptions& options) const {
    LACUNA_RETURN_IF_ERROR(CheckMessages(conversation));
    const Value* tools = conversation.Find(std::string_view("tools"));
    const bool with_tools = tools != nullptr && !tools->is_none();
    LACUNA_ASSIGN_OR_RETURN(const ParsedTemplate* parsed, templates_.Choose(with_tools));
    Value variables = MakeDict({});
    if (!options.variables.empty()) {
      LACUNA_ASSIGN_OR_RETURN(variables, ParseJsonValue(options.variables, "the chat template's variables"));
      if (!variables.is_dict()) return InvalidInput("the chat template's variables should be a JSON object");
    }
    Interpreter in(parsed->name, Limits{.steps = options.max_steps, .bytes = options.max_bytes}, options.now);
    // Later ones win: the conversation may set a token, as transformers' callers may.
    for (const auto& [name, text] : tokens_) in.SetGlobal(name, Value::String(text));
    in.SetGlobal("tools", Value(None{}));
    in.SetGlobal("documents", Value(None{}));
    for (const auto& [key, value] : variables.dict().items) in.SetGlobal(key.text().view(), value);
    for (const auto& [key, value] : conversation.items) in.SetGlobal(key.text().view(), value);
    std::vector<Value> messages;
    for (const Value& message : conversation.Find(std::string_view("messages"))->list().items) {
      messages.push_back(WithOwnTags(WithReasoning(message)));
    }
    in.SetGlobal("messages", MakeList(std::move(messages)));
    if (conversation.Find(std::string_view("add_generation_prompt")) == nullptr) {
      in.SetGlobal("add_generation_prompt", Value(options.add_generation_prompt));
    }
    LACUNA_ASSIGN_OR_RETURN(const Text text, in.Run(parsed->body));
    return RenderedChat{std::string(text.view()), text.input()};
  }

  const ParsedTemplates templates_;
  const SpecialTokens tokens_;
};

}  // namespace

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::Load(const std::string& directory) {
  LACUNA_ASSIGN_OR_RETURN(ParsedTemplates templates, LoadTemplates(directory));
  if (templates.all.empty()) return std::shared_ptr<const ChatTemplate>();
  LACUNA_ASSIGN_OR_RETURN(SpecialTokens tokens, LoadSpecialTokens(directory));
  return std::shared_ptr<const ChatTemplate>(std::make_shared<JinjaTemplate>(std::move(templates), std::move(tokens)));
}

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::Parse(std::string_view source, const std::string& name,
                                                                SpecialTokens special_tokens) {
  ParsedTemplates templates;
  LACUNA_RETURN_IF_ERROR(templates.Add("default", source, name));
  return std::shared_ptr<const ChatTemplate>(
      std::make_shared<JinjaTemplate>(std::move(templates), std::move(special_tokens)));
}

Result<std::vector<int32_t>> EncodeChat(const Tokenizer& tokenizer, const RenderedChat& chat) {
  return tokenizer.EncodeMarked(chat.text, chat.from_input, /*add_special=*/false);
}

}  // namespace lacuna
