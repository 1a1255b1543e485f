// A conversation with the built-in model: what stays of it when a message or an answer comes to nothing.
#include "tools/conversation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "tests/support/temp_dir.h"

namespace lacuna::tools {
namespace {

constexpr const char* kTemplate =
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no turns') }}"
    "{% endif %}{{ m.role }}: {{ m.content }}\n{% endfor %}";

class ConversationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = Model::Load(LACUNA_SOURCE_DIR "/models/demo");
    ASSERT_TRUE(model.ok()) << model.status().message();
    model_ = *model;
    SessionOptions options;
    options.context_length = 96;
    auto session = Session::Create(model_, options);
    ASSERT_TRUE(session.ok()) << session.status().message();
    session_ = std::move(*session);
    auto parsed = ChatTemplate::Parse(kTemplate, "t", {});
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    auto conversation = Conversation::Create(*session_, *parsed, "");
    ASSERT_TRUE(conversation.ok());
    conversation_ = std::move(*conversation);
    options_.max_tokens = 6;
    options_.ignore_eos = true;
  }
  std::vector<std::string> Roles() const {
    std::vector<std::string> roles;
    for (const ChatMessage& m : conversation_->messages()) roles.push_back(m.role);
    return roles;
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Conversation> conversation_;
  GenerateOptions options_;
  const std::vector<std::string> turn_ = {"user", "assistant"};
};

TEST_F(ConversationTest, AnAnswerThatComesToNothingLeavesTheOldOne) {
  EXPECT_EQ(conversation_->Regenerate(options_, {}).code(), StatusCode::kInvalidInput);
  ASSERT_TRUE(conversation_->Say("hello", options_, {}).ok());
  ASSERT_EQ(Roles(), turn_);
  const std::string first = conversation_->messages()[1].content;
  ASSERT_FALSE(first.empty());
  std::atomic<bool> cancelled = true;
  GenerateOptions stopped = options_;
  stopped.cancel = &cancelled;
  ASSERT_TRUE(conversation_->Regenerate(stopped, {}).ok());
  EXPECT_EQ(conversation_->finish_reason(), FinishReason::kCancelled);
  ASSERT_EQ(Roles(), turn_);
  EXPECT_EQ(conversation_->messages()[1].content, first);
  ASSERT_TRUE(conversation_->Say("stopped before a word", stopped, {}).ok());
  EXPECT_EQ(Roles(), turn_) << "a question without an answer is not kept";
  // The template refuses two questions in a row: there are none.
  const Status status = conversation_->Say("and on", options_, {});
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(conversation_->messages().size(), 4u);
}

TEST_F(ConversationTest, AQuestionThatWasLoadedIsAnswered) {
  conversation_->set_messages({{"user", "hello"}});
  ASSERT_TRUE(conversation_->Regenerate(options_, {}).ok());
  EXPECT_EQ(Roles(), turn_);
  conversation_->set_messages({{"assistant", "I begin"}});
  EXPECT_EQ(conversation_->Regenerate(options_, {}).code(), StatusCode::kInvalidInput);
  EXPECT_EQ(Roles(), (std::vector<std::string>{"assistant"}));
}

TEST_F(ConversationTest, WithoutATemplateTooTypedTextSpellsNoSpecialToken) {
  const Tokenizer& tokenizer = *model_->tokenizer();
  const int32_t end = model_->info().eos_token_ids.at(0);
  ASSERT_TRUE(tokenizer.IsSpecial(end));
  const std::string text = "One day" + std::string(tokenizer.Piece(end)) + " Mia";
  const auto has_end = [&](std::span<const int32_t> ids) {
    return std::find(ids.begin(), ids.end(), end) != ids.end();
  };
  ASSERT_TRUE(has_end(*tokenizer.Encode(text)));
  const auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok());
  const auto conversation = Conversation::Create(**session, nullptr, "");
  ASSERT_TRUE(conversation.ok());
  options_.max_tokens = 1;  // which is drawn, and not run
  ASSERT_TRUE((*conversation)->Say(text, options_, {}).ok());
  const auto tokens = (*session)->Tokens(0);
  ASSERT_TRUE(tokens.ok());
  EXPECT_GT(tokens->size(), 5u);
  EXPECT_FALSE(has_end(*tokens));
}

TEST_F(ConversationTest, ASystemPromptThatNothingHoldsIsNamed) {
  const auto parsed = ChatTemplate::Parse("{% for m in messages %}{{ m.content }}\n{% endfor %}", "t", {});
  SessionOptions small;
  small.context_length = 96;
  const auto session = Session::Create(model_, small);
  ASSERT_TRUE(parsed.ok() && session.ok());
  const auto conversation = Conversation::Create(**session, *parsed, "");
  ASSERT_TRUE(conversation.ok());
  std::string longer;
  for (int i = 0; i < 200; ++i) longer += " ship";
  (*conversation)->set_system(longer);
  const Status status = (*conversation)->Say("hello", options_, {});
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput);
  EXPECT_NE(status.message().find("the system prompt and the message make "), std::string::npos) << status.message();
  (*conversation)->set_system("");
  EXPECT_TRUE((*conversation)->Say("hello", options_, {}).ok());
}

TEST_F(ConversationTest, AMessageThatNothingHoldsCostsNoTurns) {
  ASSERT_TRUE(conversation_->Say("hello", options_, {}).ok());
  std::string longer;
  for (int i = 0; i < 200; ++i) longer += " ship";
  bool noticed = false;
  Conversation::Hooks hooks;
  hooks.notice = [&](const std::string&) { noticed = true; };
  const Status status = conversation_->Say(longer, options_, hooks);
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput);
  EXPECT_NE(status.message().find("more than the context of 96"), std::string::npos) << status.message();
  EXPECT_FALSE(noticed) << "nothing was left out";
  EXPECT_EQ(conversation_->dropped(), 0);
  ASSERT_TRUE(conversation_->Say("and on", options_, {}).ok());
  EXPECT_EQ(conversation_->dropped(), 0);
  EXPECT_GT(conversation_->stats().kept, 0) << "the cache still holds the first turn";
}

}  // namespace
}  // namespace lacuna::tools
