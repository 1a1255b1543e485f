// Commands on a GGUF file with tokenizer and chat template: what they say of the directory that it was made from.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/command.h"
#include "tests/support/gguf_model.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;

constexpr const char* kTemplate =
    "{% for m in messages %}{{ m.role }}: {{ m.content | trim }}\n{% endfor %}{% if add_generation_prompt %}assistant:"
    "{% endif %}";

class GgufCommands : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    root_ = new TempDir;
    const std::string shape = root_->Write("shape.json", R"({"model_type": "llama", "hidden_size": 64,
      "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
      "vocab_size": 700, "max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2,
      "rms_norm_eps": 1e-5, "tie_word_embeddings": true})");
    directory_ = root_->File("model");
    const CommandResult r = RunLacuna("synth --config " + Quote(shape) + " -o " + Quote(directory_));
    ASSERT_EQ(r.exit_code, 0) << r.err;
    root_->Write("model/chat_template.jinja", kTemplate);
    std::ifstream file(directory_ + "/tokenizer.json");
    const json tokenizer = json::parse(file);
    std::vector<std::string> tokens(700), merges;
    for (const auto& [token, id] : tokenizer["model"]["vocab"].items()) tokens[id.get<size_t>()] = token;
    for (const json& merge : tokenizer["model"]["merges"])
      merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    std::vector<int32_t> types(700, 1);
    types[1] = types[2] = 3;  // control
    gguf_ = root_->Write("model.gguf", GgufOf(directory_, [&](GgufText& text) {
                           text.String("tokenizer.ggml.model", "gpt2").String("tokenizer.ggml.pre", "llama-bpe");
                           text.Strings("tokenizer.ggml.tokens", tokens).Strings("tokenizer.ggml.merges", merges);
                           text.I32s("tokenizer.ggml.token_type", types).String("tokenizer.chat_template", kTemplate);
                           text.U32("tokenizer.ggml.bos_token_id", 1).U32("tokenizer.ggml.eos_token_id", 2);
                         }));
  }
  static void TearDownTestSuite() { delete root_; }

  // The output, which is that of the directory too.
  static std::string Both(const std::string& arguments, const std::string& input = "") {
    const CommandResult file = RunLacuna(arguments + " -m " + Quote(gguf_), input);
    const CommandResult folder = RunLacuna(arguments + " -m " + Quote(directory_), input);
    EXPECT_EQ(file.exit_code, 0) << arguments << ": " << file.err;
    EXPECT_EQ(file.out, folder.out) << arguments;
    EXPECT_FALSE(file.out.empty()) << arguments;
    return file.out;
  }

  static inline TempDir* root_ = nullptr;
  static inline std::string directory_, gguf_;
};

TEST_F(GgufCommands, TextBecomesTheSameIds) {
  Both("tokenize --json -p 'hello there, 12345 <|end_of_text|>'");
  Both("detokenize --ids 300,301,302");
  Both("run -n 8 -s 3 --ignore-eos -p 'hello there'");
  Both("score -p 'hello there' --json --top 2");
}

TEST_F(GgufCommands, ChatUsesItsTemplate) {
  EXPECT_EQ(Both("render --messages -", R"([{"role": "user", "content": " hi "}])"), "user: hi\nassistant:");
  EXPECT_NE(Both("chat -n 8 -s 3 --ignore-eos", "hello there"), Both("chat -n 8 -s 3 --ignore-eos", "something else"));
  Both("chat -n 8 -s 3 --ignore-eos -sys 'be kind' -st -p hello");
}

TEST_F(GgufCommands, WithoutATemplateTheKeyIsNamed) {
  const std::string plain = root_->Write("plain.gguf", GgufOf(directory_, [](GgufText&) {}));
  const CommandResult r =
      RunLacuna("render -m " + Quote(plain) + " --messages -", R"([{"role": "user", "content": "hi"}])");
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_EQ(r.err,
            "lacuna: error: " + plain + " has no chat template: its metadata have no `tokenizer.chat_template`\n");
}

// A line's end is a byte of its own in such vocabularies, which a decoder holds back until it knows what follows.
TEST_F(GgufCommands, TextAfterAByteOfThePromptIsTheModelsAlone) {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<int32_t> types = {2, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", static_cast<unsigned>(byte));
    tokens.push_back(text);
    types.push_back(6);
  }
  for (const char* text : {"\u2581", "a", "b", "\u2581a", "ab"}) tokens.push_back(text);
  types.resize(tokens.size(), 1);
  while (tokens.size() < 700) tokens.push_back("<|" + std::to_string(tokens.size()) + "|>");
  types.resize(tokens.size(), 3);
  const std::vector<float> scores(tokens.size(), -1.0f);
  const std::string gguf = root_->Write("spm.gguf", GgufOf(directory_, [&](GgufText& text) {
                                          text.String("tokenizer.ggml.model", "llama");
                                          text.Strings("tokenizer.ggml.tokens", tokens);
                                          text.I32s("tokenizer.ggml.token_type", types);
                                          text.F32s("tokenizer.ggml.scores", scores);
                                          text.U32("tokenizer.ggml.bos_token_id", 1);
                                          text.U32("tokenizer.ggml.eos_token_id", 2);
                                        }));
  const std::string prompts[] = {"a", "a\n", "a\u00e9", "a]\n\n", "a\u4f60\u597d"};
  for (const std::string& prompt : prompts) {
    for (const std::string& text : {"ab", " ab", "\\n", "]"}) {
      const CommandResult r = RunLacuna("run --json -n 20 -s 1 -r X -m " + Quote(gguf) + " -p " + Quote(prompt) +
                                        " --grammar " + Quote("root ::= \"" + std::string(text) + "\""));
      ASSERT_EQ(r.exit_code, 0) << r.err;
      EXPECT_EQ(json::parse(r.out)["text"], text == std::string("\\n") ? "\n" : text) << prompt;
    }
    const CommandResult stopped = RunLacuna("run --json -n 20 -s 1 -r '\\n' -m " + Quote(gguf) + " -p " +
                                            Quote(prompt) + " --grammar 'root ::= \"ab\"'");
    EXPECT_EQ(json::parse(stopped.out)["text"], "ab") << "the stop string stands in the prompt";
  }
}

TEST_F(GgufCommands, EvalMeasuresIt) {
  const std::string text = root_->Write("text.txt", std::string(40, 'a') + " some words of a text, once and again\n");
  root_->Write(
      "one.jsonl",
      R"({"id": "1", "task": "t", "length": 8, "messages": [{"role": "user", "content": "x"}], "answer": "y"})");
  const CommandResult r = RunLacuna("eval --json --ctx 16 -m " + Quote(gguf_) + " --text " + Quote(text) +
                                    " --task-dir " + Quote(root_->path()) + " --reference " + Quote(directory_));
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json out = json::parse(r.out);
  EXPECT_GT(out["perplexity"]["tokens"], 20);
  EXPECT_EQ(out["kl"]["mean"], 0.0) << "the file has the directory's bits";
  EXPECT_EQ(out["kl"]["top1"], 1.0);
  EXPECT_EQ(out["tasks"]["t"]["n"], 1);
}

}  // namespace
}  // namespace lacuna
