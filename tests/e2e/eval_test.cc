// lacuna eval as a user runs it: the JSON's shape, tasks in a chat template, the same at any batch, bad input.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;

constexpr const char* kTemplate =
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<assistant>{% "
    "endif %}";

std::string Item(int i, const std::string& task, int length, const std::string& answer) {
  json messages = json::array();
  messages.push_back({{"role", "user"}, {"content", std::string(static_cast<std::size_t>(3 * i), 'x') + "?"}});
  const json item = {
      {"id", task + std::to_string(i)}, {"task", task}, {"length", length}, {"messages", messages}, {"answer", answer}};
  return item.dump() + "\n";
}

class Eval : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    const std::string config = folder_->Write("shape.json", R"({"model_type": "llama", "hidden_size": 64,
      "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
      "vocab_size": 700, "max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2,
      "rms_norm_eps": 1e-5, "tie_word_embeddings": true})");
    model_ = folder_->path() + "/model";
    const CommandResult synth = RunLacuna("synth --config " + Quote(config) + " -o " + Quote(model_) + " --seed 3");
    EXPECT_EQ(synth.exit_code, 0) << synth.err;
    packed_ = folder_->path() + "/packed";
    const CommandResult pack =
        RunLacuna("pack -m " + Quote(model_) + " -o " + Quote(packed_) + " --codec int4 --group 64");
    EXPECT_EQ(pack.exit_code, 0) << pack.err;
    std::string text;
    for (int i = 0; i < 200; ++i) text += "The cat number " + std::to_string(i * 7919 % 1000) + " sat here.\n";
    std::filesystem::create_directory(model_ + "/eval");
    std::ofstream(model_ + "/eval/text.txt") << text;
    text_ = model_ + "/eval/text.txt";
    std::ofstream(model_ + "/chat_template.jinja") << kTemplate;
  }
  static void TearDownTestSuite() { delete folder_; }
  static json Parse(const CommandResult& r) {
    EXPECT_EQ(r.exit_code, 0) << r.err;
    return r.exit_code == 0 ? json::parse(r.out) : json();
  }
  static std::string M() { return "-m " + Quote(model_) + " "; }
  // Of the figures; what it took differs.
  static json Figures(const CommandResult& r) {
    json out = Parse(r);
    out.erase("seconds");
    return out;
  }

  static inline TempDir* folder_ = nullptr;
  static inline std::string model_, packed_, text_;
};

TEST_F(Eval, PerplexityIsThatOfScore) {
  const std::string file = folder_->Write("short.txt", "The cat sat on the mat, and then it went away.");
  const json score = Parse(RunLacuna("score " + M() + "-f " + Quote(file) + " --json"));
  const json eval = Parse(RunLacuna("eval " + M() + "--tasks ppl --json --text " + Quote(file)));
  double sum = 0;
  for (std::size_t i = 1; i < score["logprobs"].size(); ++i) sum -= score["logprobs"][i].get<double>();
  const auto n = static_cast<double>(score["logprobs"].size() - 1);
  EXPECT_EQ(eval["perplexity"]["tokens"], n);
  EXPECT_NEAR(eval["perplexity"]["value"].get<double>(), std::exp(sum / n), 1e-9 * std::exp(sum / n));
  EXPECT_LT(eval["perplexity"]["low"], eval["perplexity"]["value"]);
  EXPECT_GT(eval["perplexity"]["high"], eval["perplexity"]["value"]);
  EXPECT_FALSE(eval.contains("kl"));
  EXPECT_FALSE(eval.contains("tasks"));
  EXPECT_GT(eval["bytes_per_token"], 0);
}

TEST_F(Eval, AgainstAReference) {
  const json eval = Parse(RunLacuna("eval -m " + Quote(packed_) + " --reference " + Quote(model_) + " --text " +
                                    Quote(text_) + " --ctx 128 --limit 4 --json"));
  EXPECT_GT(eval["kl"]["mean"], 0);
  EXPECT_GE(eval["kl"]["p99"], eval["kl"]["mean"]);
  EXPECT_LE(eval["kl"]["top1"], 1);
  EXPECT_EQ(eval["perplexity"]["windows"], 4);
  EXPECT_EQ(eval["perplexity"]["window"], 128);
  const double ratio = eval["reference"]["perplexity_ratio"]["value"];
  EXPECT_NEAR(ratio * eval["reference"]["perplexity"]["value"].get<double>(), eval["perplexity"]["value"].get<double>(),
              1e-6 * eval["perplexity"]["value"].get<double>());
  const json own = Parse(RunLacuna("eval " + M() + "--tasks ppl --limit 1 --json"));
  EXPECT_LT(eval["token_bytes"]["weights"], own["token_bytes"]["weights"]);
}

TEST_F(Eval, BothWaysOfCounting) {
  const json hf = Parse(RunLacuna("eval " + M() + "--tasks ppl -c 64 --stride 16 --json"));
  const json llama = Parse(RunLacuna("eval " + M() + "--tasks ppl -c 64 --windows llama.cpp --json"));
  EXPECT_EQ(hf["perplexity"]["rule"], "hf");
  const int64_t windows = llama["perplexity"]["windows"];
  EXPECT_EQ(llama["perplexity"]["tokens"], 31 * windows);
  EXPECT_EQ(windows, (hf["perplexity"]["tokens"].get<int64_t>() + 1) / 64);
}

TEST_F(Eval, TasksInTheChatTemplate) {
  const TempDir tasks;
  // What the model says to each prompt decides which answers are right.
  std::string lines;
  for (int i = 1; i <= 6; ++i) {
    const std::string prompt = "<user>" + std::string(static_cast<std::size_t>(3 * i), 'x') + "?<assistant>";
    const json ids = Parse(RunLacuna("tokenize " + M() + "--no-special --json -p " + Quote(prompt)))["ids"];
    std::string list;
    for (const json& id : ids) list += (list.empty() ? "" : ",") + std::to_string(id.get<int>());
    const json said = Parse(RunLacuna("run " + M() + "--temp 0 -n 48 --json --ids " + list));
    std::string answer;
    const json pieces = said["ids"];
    for (const json& id : pieces) answer += (answer.empty() ? "" : ",") + std::to_string(id.get<int>());
    std::string text = RunLacuna("detokenize " + M() + "--ids " + answer).out;
    const auto space = " \n\r\t\v\f";
    text.erase(0, std::min(text.find_first_not_of(space), text.size()));
    text.erase(text.find_last_not_of(space) + 1);
    lines += Item(i, i <= 4 ? "say" : "other", i % 2 == 0 ? 0 : 256, i == 1 ? "something else" : text);
  }
  tasks.Write("all.jsonl", lines);
  tasks.Write("prompts.jsonl", R"({"id": "p", "turns": ["Hello"], "check": {}})");
  const std::string answers = tasks.File("answers");
  const std::string command = "eval " + M() + "--json --task-dir " + Quote(tasks.path()) + " --tasks say,other ";
  const json eval = Figures(RunLacuna(command + "--answers " + Quote(answers)));
  const json& say = eval["tasks"]["say"];
  EXPECT_EQ(say["n"], 4);
  EXPECT_EQ(say["exact_match"], 0.75) << eval.dump();
  EXPECT_EQ(say["by_length"], (json{{"0", 1.0}, {"256", 0.5}}));
  EXPECT_EQ(eval["tasks"]["other"]["exact_match"], 1.0);
  EXPECT_FALSE(eval.contains("perplexity"));

  EXPECT_EQ(Figures(RunLacuna(command + "-t 1 -ub 7 -np 2")), eval);
  EXPECT_EQ(Figures(RunLacuna(command + "-t 2 -ub 1 -np 1")), eval);
  const json one = Parse(RunLacuna(command + "--limit 1"));
  EXPECT_EQ(one["tasks"]["say"]["n"], 2);

  // A text as long as the context leaves no room for an answer.
  tasks.Write("all.jsonl", Item(1, "say", 0, "x") + Item(400, "say", 4096, "x"));
  const json skipped = Parse(RunLacuna(command.substr(0, command.find("--tasks")) + "--tasks say"));
  EXPECT_EQ(skipped["tasks"]["say"]["n"], 1);
  EXPECT_EQ(skipped["tasks"]["say"]["skipped"], 1);
}

TEST_F(Eval, TheSameAtAnyBatchAndThreadCount) {
  const std::string command = "eval " + M() + "--reference " + Quote(model_) + " --tasks ppl -c 100 --json --limit 9 ";
  const json want = Figures(RunLacuna(command));
  for (const char* how : {"-t 1", "-t 2 -ub 33", "-ub 1 -np 1", "-np 3 --ubatch-size 250"}) {
    EXPECT_EQ(Figures(RunLacuna(command + how)), want) << how;
  }
}

TEST_F(Eval, TextForPeople) {
  const CommandResult r = RunLacuna("eval " + M() + "--limit 1");
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out.find("perplexity"), 0u) << r.out;
  EXPECT_EQ(r.err, "");
}

TEST_F(Eval, BadInputIsOneErrorAndExitCode2) {
  const TempDir tasks;
  tasks.Write("a.jsonl", Item(1, "say", 0, "x") + "{\"id\": 3}\n");
  const TempDir good;
  good.Write("a.jsonl", Item(1, "say", 0, "x"));
  const TempDir empty;
  struct Bad {
    const char* what;
    std::string arguments;
    std::string says;
  };
  const Bad cases[] = {
      {"a broken task file", M() + "--task-dir " + Quote(tasks.path()), "a.jsonl, line 2"},
      {"no such task", M() + "--tasks sing --task-dir " + Quote(good.path()), "'sing'"},
      {"no such folder", M() + "--task-dir /nonexistent", "/nonexistent"},
      {"no such text", M() + "--text /nonexistent", "/nonexistent"},
      {"an empty folder", M() + "--task-dir " + Quote(empty.path()), "nothing to evaluate"},
      {"no text to compare on", M() + "--task-dir " + Quote(good.path()) + " --reference " + Quote(model_), "--text"},
      {"no chat template", "-m " + Quote(packed_) + " --task-dir " + Quote(good.path()) + " --tasks say",
       "chat template"},
      {"a window beyond the context", M() + "--tasks ppl --ctx 257", "256"},
      {"a stride beyond the window", M() + "--tasks ppl --ctx 64 --stride 65", "stride"},
      {"no such reference", M() + "--tasks ppl --reference /nonexistent", "/nonexistent"},
      {"an empty text", M() + "--tasks ppl --text /dev/null", ""},
  };
  for (const Bad& bad : cases) {
    const CommandResult r = RunLacuna("eval " + bad.arguments);
    EXPECT_EQ(r.exit_code, 2) << bad.what << ": " << r.err;
    EXPECT_NE(r.err.find(bad.says), std::string::npos) << bad.what << ": " << r.err;
    EXPECT_EQ(r.out, "") << bad.what;
  }
}

}  // namespace
}  // namespace lacuna
