// The command's promises: JSON shapes, exit codes, messages, synth.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/command.h"
#include "tests/support/parity.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;

// A small model with a tokenizer, made by `lacuna synth` itself.
class Command : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    const std::string config = folder_->Write("shape.json", R"({"model_type": "llama", "hidden_size": 64,
      "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
      "vocab_size": 700, "max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2,
      "rms_norm_eps": 1e-5, "tie_word_embeddings": true})");
    model_ = folder_->path() + "/model";
    synth_ = RunLacuna("synth --config " + Quote(config) + " -o " + Quote(model_) + " --seed 3");
  }
  static void TearDownTestSuite() { delete folder_; }
  static json Parse(const CommandResult& r) {
    EXPECT_EQ(r.exit_code, 0) << r.err;
    return r.exit_code == 0 ? json::parse(r.out) : json();
  }
  static std::string M() { return "-m " + Quote(model_) + " "; }

  static inline TempDir* folder_ = nullptr;
  static inline std::string model_;
  static inline CommandResult synth_;
};

TEST_F(Command, LogprobsOfARunAreThoseOfItsScore) {
  const json run =
      Parse(RunLacuna("run " + M() + "--ids 1,5,6,7 -n 6 -s 4 --ignore-eos --json --logprobs 2 --repeat-penalty 1.5"));
  ASSERT_EQ(run["ids"].size(), 6u);
  ASSERT_EQ(run["logprobs"].size(), 6u);
  std::string ids = "1,5,6,7";
  for (const json& id : run["ids"]) ids += "," + id.dump();
  const json score = Parse(RunLacuna("score " + M() + "--ids " + ids + " --top 2 --json"));
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(run["logprobs"][i], score["logprobs"][4 + i], 1e-5);
    EXPECT_EQ(run["top"][i][0][0], score["top"][3 + i][0][0]);
    EXPECT_EQ(run["top"][i].size(), 2u);
  }
}

TEST_F(Command, StopStringsEndTheText) {
  const std::string flags = M() + "-p 'some words' -n 40 -s 9 --ignore-eos --json";
  const std::string whole = Parse(RunLacuna("run " + flags))["text"];
  ASSERT_GT(whole.size(), 12u);
  size_t at = whole.size() / 2;
  while ((whole[at] & 0xC0) == 0x80) ++at;  // not within a character
  std::string stop = whole.substr(at, 5);
  while (!stop.empty() && (whole[at + stop.size()] & 0xC0) == 0x80) stop.pop_back();
  if (stop.find_first_of("\\") != stop.npos) GTEST_SKIP() << "the model wrote a backslash";
  const json cut = Parse(RunLacuna("run " + flags + " -r " + Quote(stop)));
  EXPECT_EQ(cut["text"], whole.substr(0, whole.find(stop)));
  EXPECT_EQ(cut["finish_reason"], "stop");
  EXPECT_LT(cut["ids"].size(), 40u);
}

TEST_F(Command, GrammarsAndSchemasHoldTheText) {
  const std::string run = "run " + M() + "-p 'some words' -n 60 -s 2 --json ";
  EXPECT_EQ(Parse(RunLacuna(run + "--grammar 'root ::= \"yes\" | \"no\" [0-9]'"))["finish_reason"], "stop");
  const std::string grammar = folder_->Write("g.gbnf", "root ::= \"<\" [a-c]{3} \">\"\n");
  const std::string text = Parse(RunLacuna(run + "--grammar-file " + Quote(grammar)))["text"];
  EXPECT_EQ(text.size(), 5u);
  EXPECT_EQ(text.front(), '<');
  const std::string schema = folder_->Write(
      "s.json", R"({"properties": {"n": {"type": "integer", "minimum": 7, "maximum": 12}}, "required": ["n"]})");
  for (const std::string flag : {"-jf ", "--json-schema-file "}) {
    const json value = json::parse(Parse(RunLacuna(run + flag + Quote(schema)))["text"].get<std::string>());
    EXPECT_GE(value["n"], 7);
    EXPECT_LE(value["n"], 12);
  }
  for (const std::string& flags : std::vector<std::string>{
           "--grammar 'root ::= x'", "--grammar-file /no/such/file", "-j '{\"type\": 1}'", "-jf " + Quote(grammar),
           "--grammar 'root ::= \"a\"' -j '{}'", "--grammar 'root ::= root'"}) {
    const CommandResult r = RunLacuna(run + flags);
    EXPECT_EQ(r.exit_code, 2) << flags;
    EXPECT_NE(r.err, "") << flags;
  }
}

TEST_F(Command, SamplingSettingsThatMakeNoSenseAreRefused) {
  for (const char* flags : {"--top-p 1.1", "--temp nan", "--samplers topk", "--seed -2", "--logit-bias 1",
                            "--logit-bias 700+1", "--repeat-penalty 0", "--typical -1", "--xtc-threshold 2",
                            "--dry-base 0.5", "--logprobs 1", "--repeat-last-n -2", "--dry-allowed-length 0"}) {
    const CommandResult r = RunLacuna("run " + M() + "-p x -n 1 " + flags);
    EXPECT_EQ(r.exit_code, 2) << flags;
    EXPECT_EQ(r.out, "") << flags;
    EXPECT_NE(r.err, "") << flags;
  }
}

TEST_F(Command, PackWritesADirectoryThatRuns) {
  const std::string packed = folder_->path() + "/packed";
  const CommandResult pack =
      RunLacuna("pack " + M() + "-o " + Quote(packed) + " --codec bitmap-int4 --group 64 --keep lm_head=int8");
  ASSERT_EQ(pack.exit_code, 0) << pack.err;
  const std::string run = "run -m " + Quote(packed) + " -p 'some words' -n 5 --temp 0 --ignore-eos --json --load ";
  const json first = Parse(RunLacuna(run + "auto"));
  EXPECT_EQ(first["ids"].size(), 5u);
  for (const char* load : {"mmap", "copy"}) EXPECT_EQ(Parse(RunLacuna(run + load))["ids"], first["ids"]) << load;
  EXPECT_EQ(RunLacuna(run + "page").exit_code, 2);
  const json out = Parse(RunLacuna("inspect -m " + Quote(packed) + " --source " + Quote(model_) + " --json"));
  std::set<std::string> kinds;
  for (const json& tensor : out["tensors"]) {
    kinds.insert(tensor["dtype"].get<std::string>());
    if (!tensor.contains("error")) continue;
    EXPECT_GT(tensor["density"], 0.5);
    EXPECT_LE(tensor["density"], 1.0);
    EXPECT_GT(tensor["bits_per_weight"], 3.0);
    EXPECT_GT(tensor["error"], 0.001);
    EXPECT_LT(tensor["error"], 0.2);
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"BF16", "bitmap-int4 g64", "int8"}));
  EXPECT_EQ(out["totals"]["parameters"], Parse(RunLacuna("inspect " + M() + "--json"))["totals"]["parameters"]);
  // Of another version it is refused, whatever asks for it.
  const std::string newer = folder_->path() + "/newer";
  std::filesystem::copy(packed, newer);
  json config = json::parse(std::ifstream(newer + "/config.json"));
  config["quantization_config"]["layout_version"] = 2;
  std::ofstream(newer + "/config.json") << config.dump();
  for (const char* command : {"run -p x -n 1", "inspect", "score --ids 1,2", "bench -p 1 -n 1"}) {
    const CommandResult refused = RunLacuna(std::string(command) + " -m " + Quote(newer));
    EXPECT_EQ(refused.exit_code, 2) << command;
    EXPECT_NE(refused.err.find("`layout_version` is 2, and this lacuna reads layout 1"), std::string::npos)
        << refused.err;
  }

  // A folder that is there stays as it is; what went wrong leaves none.
  EXPECT_EQ(RunLacuna("pack " + M() + "-o " + Quote(packed) + " --codec int8").exit_code, 2);
  const std::string other = folder_->path() + "/other";
  for (const char* bad : {"--codec int3", "--codec f32", "--codec int4 --group 48", "--codec int4 --pattern 2:4",
                          "--codec nf4 --activations int8", "--codec int4 --keep lm_head",
                          "--codec int4 --keep nothing=int8", "--codec bitmap-int8 --pattern 2", ""}) {
    EXPECT_EQ(RunLacuna("pack " + M() + "-o " + Quote(other) + " " + bad).exit_code, 2) << bad;
  }
  EXPECT_EQ(RunLacuna("pack -m " + Quote(packed) + " -o " + Quote(other) + " --codec int8").exit_code, 2)
      << "packed already";
  for (const std::string& name : folder_->List()) EXPECT_EQ(name.find("other"), name.npos) << name;
}

TEST_F(Command, SynthWritesPackedModels) {
  for (const char* codec : {"bitmap-int4 --density 0.3 --skew", "int8", "bitmap-bf16 --density 0.5",
                            "bitmap-int8 --pattern 2:4", "nf4 --keep lm_head=bf16"}) {
    const std::string folder = folder_->path() + "/synth";
    const CommandResult synth = RunLacuna("synth --config " + Quote(folder_->path() + "/shape.json") + " -o " +
                                          Quote(folder) + " --codec " + codec);
    ASSERT_EQ(synth.exit_code, 0) << synth.err;
    const json out = Parse(RunLacuna("run -m " + Quote(folder) + " -p 'some words' -n 5 --temp 0 --ignore-eos --json"));
    EXPECT_EQ(out["ids"].size(), 5u) << codec;
    if (std::string(codec).find("0.3") != std::string::npos) {
      EXPECT_NEAR(Parse(RunLacuna("inspect -m " + Quote(folder) + " --json"))["totals"]["zero_share"], 0.7, 0.05);
    }
    std::filesystem::remove_all(folder);
  }
}

TEST_F(Command, SynthWritesADirectoryThatRuns) {
  ASSERT_EQ(synth_.exit_code, 0) << synth_.err;
  const json out = Parse(RunLacuna("run " + M() + "-p 'some words' -n 5 --temp 0 --ignore-eos --json"));
  EXPECT_EQ(out["ids"].size(), 5u);
  EXPECT_EQ(out["finish_reason"], "length");
  EXPECT_EQ(out["prompt_ids"][0], 1) << "BOS comes from the post-processor";
  EXPECT_EQ(out["timings"]["prompt_tokens"], out["prompt_ids"].size());
  EXPECT_EQ(out["timings"]["decode_tokens"], 5);
  EXPECT_TRUE(out["timings"].contains("load_ms"));
  // The same seed gives the same file, another seed another one.
  const std::string again = folder_->path() + "/again";
  const std::string other = folder_->path() + "/other";
  const std::string config = "synth --config " + Quote(folder_->path() + "/shape.json");
  ASSERT_EQ(RunLacuna(config + " -o " + Quote(again) + " --seed 3").exit_code, 0);
  ASSERT_EQ(RunLacuna(config + " -o " + Quote(other) + " --seed 4").exit_code, 0);
  const auto text = [](const std::string& dir) {
    return RunLacuna("run -m " + Quote(dir) + " --ids 1,5 -n 9 --temp 0 --ignore-eos").out;
  };
  EXPECT_EQ(text(again), text(model_));
  EXPECT_NE(text(other), text(model_));
}

TEST_F(Command, SynthRefusesWhatItCannotDo) {
  EXPECT_EQ(RunLacuna("synth --shape llama-3.2-1b -o " + Quote(model_)).exit_code, 2) << "the folder is not empty";
  const CommandResult unknown = RunLacuna("synth --shape gpt-9 -o " + Quote(folder_->path() + "/none"));
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("qwen3-4b"), std::string::npos) << "names what there is: " << unknown.err;
  EXPECT_FALSE(std::filesystem::exists(folder_->path() + "/none"));
}

TEST_F(Command, TokenizeAndBack) {
  const json with = Parse(RunLacuna("tokenize " + M() + "-p 'hello there' --json"));
  const json without = Parse(RunLacuna("tokenize " + M() + "-p 'hello there' --no-special --json"));
  ASSERT_EQ(with["ids"].size(), without["ids"].size() + 1);
  EXPECT_EQ(with["pieces"].size(), with["ids"].size());
  std::string ids;
  for (const json& id : without["ids"]) ids += (ids.empty() ? "" : ",") + id.dump();
  EXPECT_EQ(RunLacuna("detokenize " + M() + "--ids " + ids).out, "hello there");
}

TEST_F(Command, ScoreGivesLogProbabilities) {
  const json out = Parse(RunLacuna("score " + M() + "--ids 1,300,301,302 --top 3 --json"));
  ASSERT_EQ(out["logprobs"].size(), 4u);
  EXPECT_TRUE(out["logprobs"][0].is_null());
  ASSERT_EQ(out["top"].size(), 4u);
  ASSERT_EQ(out["top"][3].size(), 3u);
  for (int i = 1; i < 4; ++i) EXPECT_LT(out["logprobs"][i].get<double>(), 0);
  EXPECT_GE(out["top"][0][0][1].get<double>(), out["top"][0][1][1].get<double>());
  // All probabilities of a place sum to 1.
  const json all = Parse(RunLacuna("score " + M() + "--ids 1 --top 700 --json"));
  double sum = 0;
  for (const json& entry : all["top"][0]) sum += std::exp(entry[1].get<double>());
  EXPECT_NEAR(sum, 1, 1e-6);
  const json f32 = Parse(RunLacuna("score " + M() + "--ids 1,300,301,302 --numerics f32 --json"));
  EXPECT_NEAR(f32["logprobs"][3].get<double>(), out["logprobs"][3].get<double>(), 0.1);
  EXPECT_NE(f32["logprobs"][3], out["logprobs"][3]);
}

TEST_F(Command, InspectListsEverything) {
  const json out = Parse(RunLacuna("inspect " + M() + "--json"));
  EXPECT_EQ(out["model_type"], "llama");
  EXPECT_EQ(out["num_layers"], 2);
  EXPECT_EQ(out["totals"]["tensors"], out["tensors"].size());
  EXPECT_EQ(out["tokenizer"]["vocab_size"], 700);
  int64_t bytes = 0;
  for (const json& t : out["tensors"]) {
    bytes += t["bytes"].get<int64_t>();
    EXPECT_EQ(t["dtype"], "BF16");
  }
  EXPECT_EQ(out["totals"]["bytes"], bytes);
  EXPECT_NE(RunLacuna("inspect " + M()).out.find("model.layers.1.mlp.down_proj.weight"), std::string::npos);
}

TEST_F(Command, SeedAndThreadsDecideTheText) {
  const auto text = [](const std::string& flags) {
    return RunLacuna("run " + M() + "--ids 1 -n 40 --ignore-eos " + flags).out;
  };
  EXPECT_EQ(text("-s 5 -t 1"), text("-s 5 -t 2"));
  EXPECT_NE(text("-s 5"), text("-s 6"));
}

TEST_F(Command, ChatContinuesStandardInput) {
  const CommandResult r = RunLacuna("chat " + M() + "-n 8 -s 1 --ignore-eos", "the beginning\n");
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out.find("the beginning"), 0u) << r.out;
  EXPECT_GT(r.out.size(), std::string("the beginning\n").size());
  const CommandResult empty = RunLacuna("chat " + M() + "-n 8 -s 1 --ignore-eos", "");
  EXPECT_EQ(empty.exit_code, 0) << empty.err;
  EXPECT_FALSE(empty.out.empty());
}

TEST_F(Command, EnvironmentStandsForFlags) {
  setenv("LACUNA_MODEL", model_.c_str(), 1);
  setenv("LACUNA_TOP_K", "many", 1);
  const CommandResult bad = RunLacuna("run --ids 1 -n 1");
  unsetenv("LACUNA_TOP_K");
  const CommandResult good = RunLacuna("run --ids 1 -n 1");
  unsetenv("LACUNA_MODEL");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_EQ(good.exit_code, 0) << good.err;
}

struct Bad {
  const char* what;
  std::string arguments;
  std::string says;
};

TEST_F(Command, BadInputIsOneErrorAndExitCode2) {
  const std::string m = M();
  const Bad cases[] = {
      {"no command", "", "subcommand"},
      {"no model", "run -p x", "--model"},
      {"a folder that is not there", "run -m /nonexistent -p x", "/nonexistent"},
      {"a file for a folder", "run -m " + Quote(model_ + "/config.json") + " -p x", "config.json"},
      {"an id outside the vocabulary", "run " + m + "--ids 1,700 -n 1", "700"},
      {"ids that are none", "run " + m + "--ids 1,two -n 1", "--ids"},
      {"a text longer than the context",
       "score " + m + "--ids " +
           [] {
             std::string ids = "1";
             for (int i = 0; i < 300; ++i) ids += ",7";
             return ids;
           }(),
       "256"},
      {"two prompts", "run " + m + "-p x --ids 1", "--"},
      {"an unknown flag", "run " + m + "-p x --frobnicate", "frobnicate"},
      {"a bad number", "run " + m + "-p x -n many", "many"},
      {"an unknown tier", "run " + m + "--ids 1 -n 1", "LACUNA_ISA"},
  };
  for (const Bad& bad : cases) {
    if (std::string(bad.what) == "an unknown tier") setenv("LACUNA_ISA", "mmx", 1);
    const CommandResult r = RunLacuna(bad.arguments);
    unsetenv("LACUNA_ISA");
    EXPECT_EQ(r.exit_code, 2) << bad.what << ": " << r.err;
    EXPECT_NE(r.err.find(bad.says), std::string::npos) << bad.what << ": " << r.err;
    EXPECT_EQ(r.out, "") << bad.what;
  }
}

TEST_F(Command, AClosedPipeEndsQuietly) {
  const std::string code = folder_->path() + "/code";
  const std::string errors = folder_->path() + "/errors";
  const std::string command = "( " LACUNA_COMMAND " run " + M() + "--ids 1 -n 200 --ignore-eos 2> " + Quote(errors) +
                              "; echo $? > " + Quote(code) + " ) | head -c 1 > /dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto read = [](const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(read(errors), "");
  EXPECT_EQ(read(code), "0\n");
}

}  // namespace
}  // namespace lacuna
