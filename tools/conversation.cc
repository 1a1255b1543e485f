#include "tools/conversation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/status_macros.h"
#include "io/json.h"

namespace lacuna::tools {

Result<std::unique_ptr<Conversation>> Conversation::Create(Session& session,
                                                           std::shared_ptr<const ChatTemplate> chat_template,
                                                           std::string variables) {
  LACUNA_ASSIGN_OR_RETURN(const LaneId lane, session.NewLane());
  return std::unique_ptr<Conversation>(new Conversation(session, std::move(chat_template), std::move(variables), lane));
}

void Conversation::set_messages(std::vector<ChatMessage> messages) {
  messages_ = std::move(messages);
  dropped_ = 0;
}

void Conversation::set_system(const std::string& text) {
  if (!messages_.empty() && messages_[0].role == "system") messages_.erase(messages_.begin());
  if (!text.empty()) messages_.insert(messages_.begin(), {"system", text});
}

void Conversation::Clear() {
  const bool system = !messages_.empty() && messages_[0].role == "system";
  messages_.resize(system ? 1 : 0);
  dropped_ = 0;
}

int64_t Conversation::context_used() const { return static_cast<int64_t>(held_.size()); }

int64_t Conversation::FirstTurn() const {
  return (!messages_.empty() && messages_[0].role == "system" ? 1 : 0) + dropped_;
}

bool Conversation::DropOldest() {
  const auto size = static_cast<int64_t>(messages_.size());
  int64_t next = FirstTurn() + 1;
  while (next < size && messages_[static_cast<size_t>(next)].role != "user") ++next;
  if (next >= size) return false;  // only the last question is left
  dropped_ += next - FirstTurn();
  return true;
}

Result<std::vector<int32_t>> Conversation::Prompt(bool* opens_thinking) const {
  const Tokenizer& tokenizer = *session_.model().tokenizer();
  *opens_thinking = false;
  if (!template_) {
    const std::string& text = messages_.back().content;
    const TextSpan typed{0, text.size()};  // all of it is input, which spells no special token here either
    return tokenizer.EncodeMarked(text, {&typed, text.empty() ? size_t{0} : size_t{1}}, /*add_special=*/true);
  }
  std::vector<ChatMessage> kept;
  if (FirstTurn() > dropped_) kept.push_back(messages_[0]);
  kept.insert(kept.end(), messages_.begin() + FirstTurn(), messages_.end());
  ChatOptions options;
  options.variables = variables_;
  LACUNA_ASSIGN_OR_RETURN(const RenderedChat chat, template_->Render(kept, options));
  const size_t end = chat.text.find_last_not_of(" \n");
  const std::string_view text(chat.text.data(), end == chat.text.npos ? 0 : end + 1);
  *opens_thinking = text.ends_with("<think>");
  return EncodeChat(tokenizer, chat);
}

Result<Generation> Conversation::Run(const std::vector<int32_t>& ids, const GenerateOptions& options) {
  // The last token is run in any case: its logits are needed.
  const size_t most = std::min(held_.size(), ids.size() - 1);
  size_t common = 0;
  while (common < most && held_[common] == ids[common]) ++common;
  LACUNA_RETURN_IF_ERROR(session_.Rollback(lane_, static_cast<int64_t>(common)));
  const auto g = Generate(session_, lane_, std::span(ids).subspan(common), options);
  held_ = ids;
  if (g.ok()) held_.insert(held_.end(), g->ids.begin(), g->ids.end());
  LACUNA_ASSIGN_OR_RETURN(const int64_t length, session_.Length(lane_));
  held_.resize(std::min(held_.size(), static_cast<size_t>(length)));
  if (!g.ok()) return g.status();
  stats_.kept += static_cast<int64_t>(common);
  stats_.computed += static_cast<int64_t>(ids.size() - common);
  stats_.prompt_ms += g->prompt_ms;
  stats_.decoded += g->decode_tokens;
  stats_.decode_ms += g->decode_ms;
  return *g;
}

Status Conversation::Say(const std::string& text, GenerateOptions options, const Hooks& hooks) {
  messages_.push_back({"user", text});
  const Status status = Reply(std::move(options), hooks);
  // A question without an answer would stand before the next question.
  if (!messages_.empty() && messages_.back().role == "user") messages_.pop_back();
  return status;
}

Status Conversation::Regenerate(GenerateOptions options, const Hooks& hooks) {
  std::optional<ChatMessage> answer;
  if (!messages_.empty() && messages_.back().role == "assistant") {
    answer = std::move(messages_.back());
    messages_.pop_back();
  }
  const size_t before = messages_.size();
  const Status status = messages_.empty() || messages_.back().role != "user"
                            ? InvalidInput("there is no message to answer yet")
                            : Reply(std::move(options), hooks);
  if (answer && messages_.size() == before) messages_.push_back(std::move(*answer));
  return status;
}

Status Conversation::Reply(GenerateOptions options, const Hooks& hooks) {
  stats_ = {};
  std::vector<int32_t> answer;
  std::string text;
  options.on_text = hooks.on_text;
  // Room for the answer: what was asked for, up to a quarter of the context.
  const int64_t context = context_length();
  const int64_t room = options.max_tokens >= 0 ? std::min(options.max_tokens, context / 4) : context / 4;
  bool started = false, thinking = false;
  while (true) {
    LACUNA_ASSIGN_OR_RETURN(std::vector<int32_t> ids, Prompt(&thinking));
    const auto too_long = [&] { return static_cast<int64_t>(ids.size() + answer.size()) + room > context; };
    const int64_t dropped = dropped_;
    while (template_ && too_long() && DropOldest()) {
      LACUNA_ASSIGN_OR_RETURN(ids, Prompt(&thinking));
    }
    if (static_cast<int64_t>(ids.size() + answer.size()) > context) {
      dropped_ = dropped;  // for a message that fits
      const bool system = !messages_.empty() && messages_[0].role == "system";
      return InvalidInput((system ? "the system prompt and the message make " : "the message makes ") +
                          std::to_string(ids.size()) + " tokens, more than the context of " + std::to_string(context));
    }
    if (dropped_ > dropped && hooks.notice) {
      hooks.notice("the context of " + std::to_string(context) + " tokens is full: the oldest " +
                   std::to_string(dropped_ - dropped) + " messages are left out");
    }
    if (!started && hooks.on_start) hooks.on_start(thinking);
    if (!started && thinking) text = "<think>\n";
    started = true;
    ids.insert(ids.end(), answer.begin(), answer.end());
    if (ids.empty()) return InvalidInput("nothing to generate from: the prompt has no tokens");
    const auto g = Run(ids, options);
    if (!g.ok()) return g.status();
    finish_reason_ = g->finish_reason;
    text += g->text;
    answer.insert(answer.end(), g->ids.begin(), g->ids.end());
    if (options.max_tokens >= 0) options.max_tokens -= g->decode_tokens;
    // The answer itself has filled the context: with older turns gone it goes on.
    if (finish_reason_ != FinishReason::kContext || !template_ || g->ids.empty()) break;
    const int64_t before = dropped_;
    if (!DropOldest()) {
      if (hooks.notice)
        hooks.notice("the context of " + std::to_string(context) + " tokens is full: the answer ends here");
      break;
    }
    if (hooks.notice) {
      hooks.notice("the context of " + std::to_string(context) + " tokens is full: the oldest " +
                   std::to_string(dropped_ - before) + " messages are left out");
    }
  }
  if (!template_ && finish_reason_ == FinishReason::kContext && hooks.notice) hooks.notice("the context is full");
  if (!answer.empty() || finish_reason_ != FinishReason::kCancelled) messages_.push_back({"assistant", text});
  return {};
}

std::string MessagesToJson(const std::vector<ChatMessage>& messages) {
  std::string out = "{\"messages\": [";
  for (size_t i = 0; i < messages.size(); ++i) {
    out += (i == 0 ? "\n  {\"role\": " : ",\n  {\"role\": ") + JsonQuote(messages[i].role) +
           ", \"content\": " + JsonQuote(messages[i].content) + "}";
  }
  return out + "\n]}\n";
}

Result<std::vector<ChatMessage>> MessagesFromJson(std::string_view text, const std::string& name) {
  LACUNA_ASSIGN_OR_RETURN(const Json json, ParseJson(text, name));
  if (!json.is_object() || !json.contains("messages") || !json["messages"].is_array()) {
    return InvalidInput(name + ": should be a JSON object with the list `messages`, as /save writes it");
  }
  std::vector<ChatMessage> messages;
  for (const Json& entry : json["messages"]) {
    if (!entry.is_object() || !entry.contains("role") || !entry["role"].is_string() || !entry.contains("content") ||
        !entry["content"].is_string()) {
      return InvalidInput(name + ": `messages[" + std::to_string(messages.size()) +
                          "]` should be an object with the texts `role` and `content`");
    }
    messages.push_back({entry["role"].get<std::string>(), entry["content"].get<std::string>()});
  }
  return messages;
}

}  // namespace lacuna::tools
