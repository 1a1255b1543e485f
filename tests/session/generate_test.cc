// Generation as a caller sees it: grammars, text callbacks, stop strings, the C interface, and ten thousand requests.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "lacuna/lacuna.h"
#include "lacuna/lacuna_c.h"
#include "tests/support/parity.h"
#include "tests/support/sanitizers.h"

namespace lacuna {
namespace {

using namespace testing;

const std::string& Demo() {
  static const std::string path = std::string(LACUNA_SOURCE_DIR) + "/models/demo";
  return path;
}

class GenerateDemo : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { model_ = MustLoad(Demo(), Numerics::kDefault); }
  static void TearDownTestSuite() { model_.reset(); }
  GenerateDemo() : session_(MustCreate(model_, {.context_length = 256})) {}

  Result<Generation> Run(const GenerateOptions& options, const std::string& prompt = "Once upon a time") {
    const auto ids = model_->tokenizer()->Encode(prompt);
    const LaneId lane = *session_->NewLane();
    auto g = Generate(*session_, lane, *ids, options);
    EXPECT_TRUE(session_->CloseLane(lane).ok());
    return g;
  }

  static inline std::shared_ptr<const Model> model_;
  std::unique_ptr<Session> session_;
};

TEST_F(GenerateDemo, TextFollowsItsGrammar) {
  const char* grammars[] = {"root ::= \" there was a \" (\"cat\" | \"dog\") \".\"", "root ::= [0-9]{3} \"-\" [0-9]{4}",
                            "root ::= (\"é\" | \"😀\"){2}", "root ::= \" \" [a-z]+ \", \" [A-Z] [a-z]* \".\""};
  for (const char* gbnf : grammars) {
    for (const float temperature : {0.0f, 1.5f}) {
      GenerateOptions options;
      options.max_tokens = 200;
      options.sampling.temperature = temperature;
      options.sampling.seed = 3;
      options.grammar = *Grammar::Parse(gbnf);
      const auto g = Run(options);
      ASSERT_TRUE(g.ok()) << g.status().message();
      EXPECT_EQ(*options.grammar->Test(g->text),
                g->finish_reason == FinishReason::kStop ? Grammar::Match::kWhole : Grammar::Match::kBeginning)
          << g->text;
    }
  }
}

TEST_F(GenerateDemo, JsonFitsItsSchema) {
  GenerateOptions options;
  options.max_tokens = 200;
  options.grammar =
      *Grammar::FromJsonSchema(R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 10},
    "age": {"type": "integer", "minimum": 0, "maximum": 120}, "pets": {"type": "array", "items": {"enum": ["cat", "dog"]}, "maxItems": 2}},
    "required": ["name", "age", "pets"]})");
  for (uint64_t seed = 0; seed < 10; ++seed) {
    options.sampling.seed = seed;
    for (const bool ignore_eos : {false, true}) {
      options.ignore_eos = ignore_eos;
      const auto g = Run(options);
      ASSERT_TRUE(g.ok()) << g.status().message();
      ASSERT_EQ(g->finish_reason, FinishReason::kStop) << g->text;
      EXPECT_EQ(*options.grammar->Test(g->text), Grammar::Match::kWhole) << g->text;
    }
  }
}

TEST_F(GenerateDemo, IgnoredEndTokensAreNeverDrawn) {
  GenerateOptions options;
  options.max_tokens = 200;
  const auto ended = Run(options);
  ASSERT_TRUE(ended.ok());
  ASSERT_EQ(ended->finish_reason, FinishReason::kStop) << "a story ends by itself";
  options.ignore_eos = true;
  for (const float temperature : {0.0f, 0.8f}) {
    options.sampling.temperature = temperature;
    const auto g = Run(options);
    ASSERT_TRUE(g.ok());
    EXPECT_EQ(g->ids.size(), 200u);
    for (const int32_t end : model_->info().eos_token_ids)
      EXPECT_EQ(std::count(g->ids.begin(), g->ids.end(), end), 0) << temperature;
  }
}

TEST_F(GenerateDemo, AGrammarThatAllowsEverythingChangesNothing) {
  GenerateOptions options;
  options.max_tokens = 40;
  options.sampling.seed = 8;
  const auto plain = Run(options);
  options.grammar = *Grammar::Parse("root ::= .*");
  const auto held = Run(options);
  ASSERT_TRUE(plain.ok() && held.ok());
  EXPECT_EQ(plain->ids, held->ids);
}

TEST_F(GenerateDemo, TextComesInPiecesThatMakeTheWhole) {
  GenerateOptions options;
  options.max_tokens = 40;
  options.sampling.temperature = 0;
  std::string pieces;
  options.on_text = [&](std::string_view text) {
    pieces += text;
    return true;
  };
  const auto g = Run(options);
  ASSERT_TRUE(g.ok());
  EXPECT_EQ(pieces, g->text);
  EXPECT_FALSE(g->text.empty());
  options.stop = {g->text.substr(g->text.size() / 2, 3)};
  pieces.clear();
  const auto cut = Run(options);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->finish_reason, FinishReason::kStop);
  EXPECT_EQ(cut->text, g->text.substr(0, g->text.find(options.stop[0])));
  EXPECT_EQ(pieces, cut->text);
  int calls = 0;
  options.stop.clear();
  options.on_text = [&](std::string_view) { return ++calls < 3; };
  const auto stopped = Run(options);
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(calls, 3);
}

TEST_F(GenerateDemo, SettingsOutOfRangeAreErrors) {
  GenerateOptions options;
  options.sampling.top_p = 2;
  EXPECT_EQ(Run(options).status().code(), StatusCode::kInvalidInput);
}

TEST(Loading, StopsWhenCancelled) {
  std::atomic<bool> cancel{true};
  EXPECT_EQ(Model::Load(Demo(), {.cancel = &cancel}).status().code(), StatusCode::kCancelled);
  cancel = false;
  int calls = 0;
  const ModelOptions options{.threads = 1,
                             .progress =
                                 [&](double) {
                                   cancel = true;
                                   ++calls;
                                 },
                             .cancel = &cancel};
  EXPECT_EQ(Model::Load(Demo(), options).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(calls, 1);
}

int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * 4096;
}

TEST(Requests, TenThousandLeaveNoMemoryBehind) {
  const TempDir root;
  const ParityCase c = LoadParityCase("llama_default", root);
  const auto session = MustCreate(MustLoad(c.folder, Numerics::kDefault), {.context_length = 128});
  GenerateOptions options;
  options.max_tokens = 2;
  options.ignore_eos = true;
  options.logprobs = 2;
  options.sampling.repeat_penalty = 1.1f;
  options.sampling.dry_multiplier = 0.5f;
  int64_t before = 0;
  const int requests = LACUNA_SANITIZED ? 300 : 10'000;
  for (int i = 0; i < requests; ++i) {
    if (i == requests / 10) before = ResidentBytes();
    options.request = static_cast<uint64_t>(i);
    const LaneId lane = *session->NewLane();
    const auto g = Generate(*session, lane, std::span(c.ids).first(1 + static_cast<size_t>(i % 5)), options);
    ASSERT_TRUE(g.ok()) << g.status().message();
    ASSERT_EQ(g->ids.size(), 2u);
    ASSERT_TRUE(session->CloseLane(lane).ok());
  }
  if (!LACUNA_SANITIZED) {
    EXPECT_LT(ResidentBytes() - before, int64_t{2} << 20);
  }
}

// The C interface.
struct Cancelling {
  lacuna_session* session;
  std::string text;
};

TEST(LacunaC, GeneratesAndGoesOn) {
  lacuna_error error{};
  lacuna_model* model = nullptr;
  ASSERT_EQ(lacuna_model_load(Demo().c_str(), nullptr, &model, &error), LACUNA_OK) << error.message;
  lacuna_session* session = nullptr;
  ASSERT_EQ(lacuna_session_create(model, 256, &session, &error), LACUNA_OK) << error.message;
  lacuna_model_free(model);  // the session keeps what it needs
  lacuna_generate_options options;
  lacuna_generate_options_init(&options);
  options.max_tokens = 20;
  options.ignore_eos = 1;
  options.seed = 7;
  lacuna_generation* whole = nullptr;
  ASSERT_EQ(lacuna_generate(session, "Once upon a time", &options, &whole, &error), LACUNA_OK) << error.message;
  size_t count = 0;
  const int32_t* ids = lacuna_generation_ids(whole, &count);
  EXPECT_EQ(count, 20u);
  EXPECT_EQ(lacuna_generation_finish_reason(whole), LACUNA_FINISH_LENGTH);
  // In two parts, by way of a file between them.
  const TempDir folder;
  ASSERT_EQ(lacuna_session_reset(session, &error), LACUNA_OK);
  EXPECT_EQ(lacuna_session_length(session), 0);
  options.max_tokens = 9;
  ASSERT_EQ(lacuna_generate(session, "Once upon a time", &options, nullptr, &error), LACUNA_OK);
  ASSERT_EQ(lacuna_session_save(session, folder.File("s").c_str(), &error), LACUNA_OK) << error.message;
  ASSERT_EQ(lacuna_session_restore(session, folder.File("s").c_str(), &error), LACUNA_OK) << error.message;
  lacuna_session_free(session);

  const auto cpp = MustLoad(Demo(), Numerics::kDefault);
  const auto s = MustCreate(cpp, {.context_length = 256});
  GenerateOptions o;
  o.max_tokens = 20;
  o.ignore_eos = true;
  o.sampling.seed = 7;
  const auto g = Generate(*s, *s->NewLane(), *cpp->tokenizer()->Encode("Once upon a time"), o);
  ASSERT_TRUE(g.ok());
  EXPECT_EQ(g->ids, std::vector<int32_t>(ids, ids + count));
  EXPECT_EQ(g->text, lacuna_generation_text(whole));
  lacuna_generation_free(whole);
}

TEST(LacunaC, SaysWhatIsWrong) {
  lacuna_error error{};
  lacuna_model* model = nullptr;
  EXPECT_EQ(lacuna_model_load("/no/such/model", nullptr, &model, &error), LACUNA_INVALID_INPUT);
  EXPECT_EQ(error.code, LACUNA_INVALID_INPUT);
  EXPECT_NE(std::string(error.message).find("/no/such/model"), std::string::npos);
  EXPECT_EQ(model, nullptr);
  EXPECT_EQ(lacuna_model_load(nullptr, nullptr, &model, nullptr), LACUNA_INVALID_INPUT);
  lacuna_model_options load;
  lacuna_model_options_init(&load);
  load.progress = [](double, void*) { return 0; };
  EXPECT_EQ(lacuna_model_load(Demo().c_str(), &load, &model, &error), LACUNA_CANCELLED);
  load.size = 1 << 20;
  EXPECT_EQ(lacuna_model_load(Demo().c_str(), &load, &model, &error), LACUNA_INVALID_INPUT);
  ASSERT_EQ(lacuna_model_load(Demo().c_str(), nullptr, &model, &error), LACUNA_OK) << error.message;
  EXPECT_GT(lacuna_model_context_length(model), 0);
  EXPECT_GT(lacuna_model_vocab_size(model), 0);
  size_t count = 0;
  int32_t first = -1;
  EXPECT_EQ(lacuna_tokenize(model, "Once upon a time", 1, &first, 1, &count, &error), LACUNA_OK);
  EXPECT_GT(count, 1u);
  EXPECT_GE(first, 0);
  lacuna_session* session = nullptr;
  EXPECT_EQ(lacuna_session_create(model, -5, &session, &error), LACUNA_INVALID_INPUT);
  ASSERT_EQ(lacuna_session_create(model, 64, &session, &error), LACUNA_OK);
  lacuna_generate_options options;
  lacuna_generate_options_init(&options);
  options.grammar = "root ::= root";
  EXPECT_EQ(lacuna_generate(session, "x", &options, nullptr, &error), LACUNA_INVALID_INPUT);
  EXPECT_NE(std::string(error.message).find("left recursion"), std::string::npos);
  options.json_schema = "{}";
  EXPECT_EQ(lacuna_generate(session, "x", &options, nullptr, &error), LACUNA_INVALID_INPUT);
  lacuna_generate_options_init(&options);
  options.stop_count = 1;
  EXPECT_EQ(lacuna_generate(session, "x", &options, nullptr, &error), LACUNA_INVALID_INPUT);
  lacuna_generate_options_init(&options);
  options.ignore_eos = 1;
  Cancelling state{session, ""};
  options.user = &state;
  options.on_text = [](const char* text, size_t length, void* user) {
    auto& s = *static_cast<Cancelling*>(user);
    s.text.append(text, length);
    lacuna_session_cancel(s.session);
    return 1;
  };
  lacuna_generation* generation = nullptr;
  EXPECT_EQ(lacuna_generate(session, "Once upon a time", &options, &generation, &error), LACUNA_OK);
  EXPECT_EQ(lacuna_generation_finish_reason(generation), LACUNA_FINISH_CANCELLED);
  EXPECT_EQ(state.text, lacuna_generation_text(generation));
  lacuna_generation_free(generation);
  EXPECT_EQ(lacuna_session_restore(session, "/no/such/file", &error), LACUNA_INVALID_INPUT);
  EXPECT_EQ(lacuna_generate(session, "Once", nullptr, nullptr, &error), LACUNA_OK);  // still of use
  lacuna_session_free(session);
  lacuna_session_free(nullptr);
  lacuna_model_free(model);
}

}  // namespace
}  // namespace lacuna
