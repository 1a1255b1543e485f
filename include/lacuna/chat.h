// Chat templates: a conversation as the text, and the token ids, that a model was trained on.
//
// Templates are the Jinja that Hugging Face models carry, run by a small interpreter with limits on steps, output and
// depth; nothing in them is executed otherwise. What comes out equals transformers' apply_chat_template. Rendering
// remembers which characters the conversation brought along (contents, tools, variables; not roles, not what the
// template wrote), and EncodeChat treats those as plain text: a user who types "<|im_end|>" gets these characters,
// never the token. "Special" are the added tokens that tokenizer.json marks so, and those that are markup (tool_call).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lacuna/status.h"
#include "lacuna/tokenizer.h"

namespace lacuna {

struct ChatMessage {
  std::string role;     // "system", "user", "assistant", ..
  std::string content;  // UTF-8; invalid bytes count as U+FFFD
};

struct ChatOptions {
  bool add_generation_prompt = true;  // end with what opens the assistant's answer
  // A JSON object of further variables, {"enable_thinking": false} for example; "" for none.
  std::string variables;
  // Seconds since 1970 for the template's strftime_now (local time); absent: the clock's.
  std::optional<int64_t> now;
  // What the template may take: steps (expressions, and bytes and items that it makes), and bytes of text.
  int64_t max_steps = 20'000'000;
  int64_t max_bytes = int64_t{64} << 20;
};

struct RenderedChat {
  std::string text;
  std::vector<TextSpan> from_input;  // bytes of the text that the conversation brought along; ascending, apart
};

// Const and safe to use from several threads at once.
class ChatTemplate {
 public:
  // By name: "bos_token" -> "<s>". Templates see them as variables.
  using SpecialTokens = std::vector<std::pair<std::string, std::string>>;

  // The template of a model directory: chat_template.jinja (with additional_chat_templates/NAME.jinja), or else the
  // `chat_template` of tokenizer_config.json, a string or a list of {"name", "template"}. Null when it has none.
  static Result<std::shared_ptr<const ChatTemplate>> Load(const std::string& directory);
  // From memory; `name` begins error messages, which name the template's line.
  static Result<std::shared_ptr<const ChatTemplate>> Parse(std::string_view source, const std::string& name,
                                                           SpecialTokens special_tokens = {});

  virtual ~ChatTemplate() = default;

  // `conversation` is JSON: {"messages": [..], "tools": [..], "documents": [..], any further variables}, or the list of
  // messages alone. With tools a template named `tool_use` is taken if there is one, else `default`. kInvalidInput when
  // the JSON is wrong or the template refuses the conversation.
  virtual Result<RenderedChat> Render(std::string_view conversation, const ChatOptions& options = {}) const = 0;
  virtual Result<RenderedChat> Render(std::span<const ChatMessage> messages, const ChatOptions& options = {}) const = 0;

  // The (default) template's text, for callers who look for the variables that it uses.
  virtual std::string_view source() const = 0;
};

// Ids of a rendered chat. Nothing is added: the template writes the BOS token itself where the model wants one.
Result<std::vector<int32_t>> EncodeChat(const Tokenizer& tokenizer, const RenderedChat& chat);

}  // namespace lacuna
