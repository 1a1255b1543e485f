// A conversation with a model on one lane: the whole of it is rendered anew each turn, and only tokens behind the
// longest common prefix with what the lane holds are computed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/lacuna.h"

namespace lacuna::tools {

struct ReplyStats {
  int64_t kept = 0;      // tokens of the prompt that the KV cache held
  int64_t computed = 0;  // and those that were run
  double prompt_ms = 0;
  int64_t decoded = 0;
  double decode_ms = 0;
};

class Conversation {
 public:
  // `variables` are a JSON object for the template ("" for none). Without a template each message is continued as text.
  static Result<std::unique_ptr<Conversation>> Create(Session& session,
                                                      std::shared_ptr<const ChatTemplate> chat_template,
                                                      std::string variables);

  bool has_template() const { return template_ != nullptr; }
  const std::vector<ChatMessage>& messages() const { return messages_; }
  void set_messages(std::vector<ChatMessage> messages);
  // "" takes the system prompt away.
  void set_system(const std::string& text);
  void Clear();  // but for the system prompt

  struct Hooks {
    std::function<void(bool thinking)> on_start;  // once, when the prompt stands; whether it opens a thinking block
    std::function<bool(std::string_view)> on_text;
    std::function<void(const std::string&)> notice;  // turns were dropped, the answer was cut
  };
  // Adds the user's message and the model's answer. When the conversation outgrows the context, the oldest turns are
  // left out, the system prompt is kept. On an error, or when nothing was answered before a cancel, the message is not
  // kept.
  Status Say(const std::string& text, GenerateOptions options, const Hooks& hooks);
  // Answers the last message again. On an error, or when nothing was answered before a cancel, the answer that was
  // there stays. kInvalidInput when there is no message to answer.
  Status Regenerate(GenerateOptions options, const Hooks& hooks);

  FinishReason finish_reason() const { return finish_reason_; }
  const ReplyStats& stats() const { return stats_; }
  int64_t context_used() const;
  int64_t context_length() const { return session_.options().context_length; }
  int64_t dropped() const { return dropped_; }

 private:
  Conversation(Session& session, std::shared_ptr<const ChatTemplate> chat_template, std::string variables, LaneId lane)
      : session_(session), template_(std::move(chat_template)), variables_(std::move(variables)), lane_(lane) {}

  Result<std::vector<int32_t>> Prompt(bool* opens_thinking) const;
  int64_t FirstTurn() const;  // behind the system prompt and what was dropped
  bool DropOldest();
  Status Reply(GenerateOptions options, const Hooks& hooks);  // to the last message
  Result<Generation> Run(const std::vector<int32_t>& ids, const GenerateOptions& options);

  Session& session_;
  const std::shared_ptr<const ChatTemplate> template_;
  const std::string variables_;
  const LaneId lane_;
  std::vector<ChatMessage> messages_;
  int64_t dropped_ = 0;        // messages behind the system prompt that are not rendered any more
  std::vector<int32_t> held_;  // tokens of the lane
  FinishReason finish_reason_ = FinishReason::kStop;
  ReplyStats stats_;
};

// {"messages": [{"role", "content"}, ..]} and back; `name` begins messages about what is wrong.
std::string MessagesToJson(const std::vector<ChatMessage>& messages);
Result<std::vector<ChatMessage>> MessagesFromJson(std::string_view json, const std::string& name);

}  // namespace lacuna::tools
