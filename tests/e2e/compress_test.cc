// lacuna compress as a user runs it: what it writes runs, the same bytes at any thread count and after whatever ended
// it in between, and bad input is told from good.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;
namespace fs = std::filesystem;

class Compress : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    const std::string config = folder_->Write("shape.json", R"({"model_type": "llama", "hidden_size": 64,
      "intermediate_size": 160, "num_hidden_layers": 12, "num_attention_heads": 4, "num_key_value_heads": 2,
      "vocab_size": 700, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2,
      "rms_norm_eps": 1e-5, "tie_word_embeddings": true})");
    model_ = folder_->File("model");
    const CommandResult synth = RunLacuna("synth --config " + Quote(config) + " -o " + Quote(model_) + " --seed 5");
    EXPECT_EQ(synth.exit_code, 0) << synth.err;
    std::string text;
    for (int i = 0; i < 900; ++i)
      text += "The cat number " + std::to_string(i * 7919 % 1000) + " sat on mat " + std::to_string(i * i % 97) + ".\n";
    text_ = folder_->Write("text.txt", text);
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string Arguments(const std::string& output, const std::string& flags) {
    return "compress -m " + Quote(model_) + " -o " + Quote(folder_->File(output)) + " --calibration " + Quote(text_) +
           " --sequences 24 " + flags;
  }
  static CommandResult Run(const std::string& output, const std::string& flags) {
    return RunLacuna(Arguments(output, flags));
  }
  static std::string Weights(const std::string& output) {
    return ReadAll(folder_->File(output) + "/model.safetensors");
  }
  static std::string Error(const CommandResult& r) {
    EXPECT_EQ(r.exit_code, 2) << r.out << r.err;
    return r.err;
  }
  // Starts the command with the given arguments; returns its process.
  static pid_t Start(const std::string& arguments) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    const std::string line = "exec " LACUNA_COMMAND " " + arguments + " > /dev/null 2>&1";
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  static void WaitFor(const std::string& path) {
    for (int i = 0; i < 60000 && !fs::exists(path); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(fs::exists(path)) << path;
  }
  // What is there after an end in between: nothing under the output's name, and the first layer.
  static void ExpectUnfinished(const std::string& output) {
    EXPECT_FALSE(fs::exists(folder_->File(output)));
    EXPECT_TRUE(fs::exists(folder_->File(output) + ".work/layer-0000/model.safetensors"));
  }

  static inline TempDir* folder_ = nullptr;
  static inline std::string model_, text_;
};

constexpr const char* kSparse = "--prune sparsegpt --sparsity 0.5 --weights int4 --group 64 ";

TEST_F(Compress, WhatItWritesLoadsAndIsMeasured) {
  const std::string report = folder_->File("report.md");
  const std::string text = folder_->Write("eval.txt", ReadAll(text_).substr(0, 3000));
  const CommandResult r =
      Run("measured", std::string(kSparse) + "--eval --text " + Quote(text) + " --json --report " + Quote(report));
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json out = json::parse(r.out);
  ASSERT_EQ(out["layers"].size(), 12u);
  for (const json& layer : out["layers"]) {
    ASSERT_EQ(layer["matrices"].size(), 7u);
    for (const json& m : layer["matrices"]) {
      EXPECT_EQ(m["codec"], "bitmap-int4");
      EXPECT_GT(m["error"], 0);
      EXPECT_LT(m["error"], 0.5);
      EXPECT_GT(m["density"], 0.3);
      EXPECT_LE(m["density"], 0.52);  // some of the rest rounds to zero
      EXPECT_LT(m["bits"], 6);
    }
  }
  EXPECT_EQ(out["sequences"], 24);
  EXPECT_EQ(out["sequence_tokens"], 128);
  EXPECT_LT(out["weight_bytes_per_token"], out["weight_bytes_per_token_before"]);
  EXPECT_GT(out["eval"]["perplexity"]["value"], 1);
  EXPECT_GT(out["eval"]["perplexity_before"]["value"], 1);
  EXPECT_GT(out["eval"]["kl"]["value"], 0);
  const std::string page = ReadAll(report);
  EXPECT_NE(page.find("| model.layers.4.mlp.down_proj.weight | bitmap-int4 |"), std::string::npos) << page;
  EXPECT_FALSE(fs::exists(folder_->File("measured.work")));
  // The head is not pruned, and has 8 bits beside 4.
  const json config = json::parse(ReadAll(folder_->File("measured") + "/config.json"));
  EXPECT_EQ(config["quantization_config"]["codec"], "bitmap-int4");
  EXPECT_EQ(config["quantization_config"]["parameters"]["model.embed_tokens.weight"]["codec"], "int8");
  const CommandResult run = RunLacuna("run -m " + Quote(folder_->File("measured")) + " -p hello -n 5");
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(Compress, TheSameBytesAtAnyThreadCount) {
  const char* const flags[] = {"--prune sparsegpt --weights int4 --group 64",
                               "--weights codebook --group 32",
                               "--prune wanda --sparsity 2:4 --weights int8",
                               "--prune magnitude --weights bf16",
                               "--weights nf4 --method rtn",
                               "--weights mxfp4",
                               "--prune wanda --weights nvfp4",
                               "--prune sparsegpt --weights razer"};
  int i = 0;
  for (const char* f : flags) {
    SCOPED_TRACE(f);
    const std::string a = "one" + std::to_string(i), b = "two" + std::to_string(i);
    ++i;
    const CommandResult one = Run(a, std::string(f) + " -t 1"), two = Run(b, std::string(f) + " -t 2");
    ASSERT_EQ(one.exit_code, 0) << one.err;
    ASSERT_EQ(two.exit_code, 0) << two.err;
    EXPECT_EQ(Weights(a), Weights(b));
  }
}

TEST_F(Compress, AfterKillItGoesOnToTheSameBytes) {
  const std::string flags = kSparse;
  ASSERT_EQ(Run("whole", flags).exit_code, 0);
  const std::string work = folder_->File("killed") + ".work";
  const pid_t pid = Start(Arguments("killed", flags));
  WaitFor(work + "/layer-0001/model.safetensors");
  kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it was faster than the test";
  ExpectUnfinished("killed");
  // Other options are not mixed with what is there.
  EXPECT_NE(Error(Run("killed", "--prune wanda --weights int4 --group 64")).find("whose prune was another"),
            std::string::npos);
  const CommandResult again = Run("killed", flags + "--json");
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_GE(json::parse(again.out)["resumed_layers"], 2);
  EXPECT_EQ(Weights("killed"), Weights("whole"));
  EXPECT_EQ(ReadAll(folder_->File("killed") + "/config.json"), ReadAll(folder_->File("whole") + "/config.json"));
  EXPECT_FALSE(fs::exists(work));
}

TEST_F(Compress, CtrlCKeepsWhatIsFinished) {
  const std::string flags = "--weights int4 --group 64 ";
  ASSERT_EQ(Run("calm", flags).exit_code, 0);
  const pid_t pid = Start(Arguments("stopped", flags));
  WaitFor(folder_->File("stopped") + ".work/layer-0000/model.safetensors");
  kill(pid, SIGINT);
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 130);
  ExpectUnfinished("stopped");
  ASSERT_EQ(Run("stopped", flags).exit_code, 0);
  EXPECT_EQ(Weights("stopped"), Weights("calm"));
}

TEST_F(Compress, AFullDiskLeavesWhatIsFinished) {
  const std::string flags = "--weights int8 ";
  ASSERT_EQ(Run("roomy", flags).exit_code, 0);
  // No file may grow beyond so many KiB: at first not even a layer's, then layers fit and the whole model does not.
  for (const char* limit : {"16", "120"}) {
    const std::string line = "trap '' XFSZ; ulimit -f " + std::string(limit) + "; exec " LACUNA_COMMAND " " +
                             Arguments("full", flags) + " > /dev/null 2> " + Quote(folder_->File("err"));
    const int status = std::system(("bash -c " + Quote(line)).c_str());
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 1) << limit << ReadAll(folder_->File("err"));
    EXPECT_NE(ReadAll(folder_->File("err")).find("File too large"), std::string::npos) << ReadAll(folder_->File("err"));
    EXPECT_FALSE(fs::exists(folder_->File("full")));
  }
  const CommandResult again = Run("full", flags + "--json");
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(json::parse(again.out)["resumed_layers"], 12);
  EXPECT_EQ(Weights("full"), Weights("roomy"));
}

double Loss(const json& report) {
  double loss = 0;
  std::map<std::string, double> sensitivity;
  for (const json& m : report["allocation"]["matrices"]) sensitivity[m["name"]] = m["sensitivity"];
  for (const json& layer : report["layers"]) {
    for (const json& m : layer["matrices"]) loss += sensitivity[m["name"]] * m["error"].get<double>();
  }
  return loss;
}

// On a model of its own, of few layers: some of its matrices matter more than others.
TEST_F(Compress, AllocationKeepsTheBudgetAndBeatsUniform) {
  const std::string config = folder_->Write("few.json", R"({"model_type": "llama", "hidden_size": 64,
      "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
      "vocab_size": 700, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2,
      "rms_norm_eps": 1e-5, "tie_word_embeddings": true})");
  const std::string model = folder_->File("few");
  ASSERT_EQ(RunLacuna("synth --config " + Quote(config) + " -o " + Quote(model) + " --seed 6").exit_code, 0);
  const auto arguments = [&](const std::string& output, const std::string& flags) {
    return "compress -m " + Quote(model) + " -o " + Quote(folder_->File(output)) + " --calibration " + Quote(text_) +
           " --sequences 8 --prune sparsegpt --group 64 --keep layers.1.mlp.down_proj=int8 --json " + flags;
  };
  const CommandResult r = RunLacuna(arguments("even", "--allocate uniform --budget 3.8"));
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json uniform = json::parse(r.out);
  EXPECT_LE(uniform["bits"], 3.8);
  EXPECT_EQ(uniform["allocation"]["loss"], uniform["allocation"]["uniform"]["loss"]);
  // As many bytes as that took.
  const std::string flags =
      "--allocate sensitivity --budget " + std::to_string(uniform["allocation"]["bits"].get<double>() + 1e-6) + "bpw";
  const CommandResult s = RunLacuna(arguments("own", flags + " -t 1"));
  ASSERT_EQ(s.exit_code, 0) << s.err;
  const json own = json::parse(s.out);
  EXPECT_LE(own["bits"], own["allocation"]["budget_bits"]);
  EXPECT_LT(own["allocation"]["loss"], own["allocation"]["uniform"]["loss"]);
  EXPECT_LT(Loss(own), Loss(uniform));
  std::set<std::string> levels;
  for (const json& m : own["allocation"]["matrices"]) {
    levels.insert(m["level"].get<std::string>());
    if (m["name"] == "model.layers.1.mlp.down_proj.weight") {
      EXPECT_EQ(m["level"], "int8");
    }
  }
  EXPECT_GE(levels.size(), 3u);
  EXPECT_EQ(RunLacuna("run -m " + Quote(folder_->File("own")) + " -p hello -n 5").exit_code, 0);
  // After a kill amid the measuring, and at another number of threads, the same bytes.
  const pid_t pid = Start(arguments("again", flags + " -t 2"));
  WaitFor(folder_->File("again") + ".work/measured-0001/model.safetensors");
  kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it was faster than the test";
  EXPECT_FALSE(fs::exists(folder_->File("again")));
  ASSERT_EQ(RunLacuna(arguments("again", flags + " -t 2")).exit_code, 0);
  EXPECT_EQ(Weights("again"), Weights("own"));
  EXPECT_NE(Error(RunLacuna(arguments("none", "--allocate sensitivity --budget 0.5bpw"))).find("are too few"),
            std::string::npos);
  // What was measured serves another budget.
  ASSERT_TRUE(fs::exists(folder_->File("none") + ".work/measured/model.safetensors"));
  ASSERT_EQ(RunLacuna(arguments("none", flags)).exit_code, 0);
  EXPECT_EQ(Weights("none"), Weights("own"));
  fs::remove_all(folder_->File("none"));
}

TEST_F(Compress, DenseInputsCompareMethods) {
  const auto errors = [&](const std::string& output, const std::string& flags) {
    const CommandResult r = Run(output, "--inputs dense --weights bf16 --json " + flags);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    std::vector<double> out;
    const json report = json::parse(r.out);
    for (const json& layer : report["layers"]) {
      for (const json& m : layer["matrices"]) out.push_back(m["error"]);
    }
    return out;
  };
  const auto sparsegpt = errors("dense0", "--prune sparsegpt"), wanda = errors("dense1", "--prune wanda"),
             magnitude = errors("dense2", "--prune magnitude");
  ASSERT_EQ(sparsegpt.size(), 84u);
  int ordered = 0;
  double sums[3] = {};
  for (std::size_t i = 0; i < 84; ++i) {
    ordered += sparsegpt[i] <= wanda[i] && wanda[i] <= magnitude[i];
    sums[0] += sparsegpt[i];
    sums[1] += wanda[i];
    sums[2] += magnitude[i];
  }
  EXPECT_GE(ordered, 80);
  EXPECT_LT(sums[0], sums[1]);
  EXPECT_LT(sums[1], sums[2]);
}

TEST_F(Compress, BadInputIsExplained) {
  const std::string shorter = folder_->Write("short.txt", "The cat sat.");
  const std::string few =
      "compress -m " + Quote(model_) + " -o " + Quote(folder_->File("none")) + " --calibration " + Quote(shorter);
  EXPECT_NE(Error(RunLacuna(few)).find("tokens, and the widest layer has 160 inputs: give a text of at least as many"),
            std::string::npos);
  const std::string whole = "compress -m " + Quote(model_) + " -o " + Quote(folder_->File("none")) + " --calibration ";
  EXPECT_NE(Error(RunLacuna(whole + Quote(text_) + " --length 2 --sequences 3"))
                .find("fewer tokens than the widest layer has inputs"),
            std::string::npos);
  EXPECT_NE(Error(Run("none", "--length 999")).find("longer than the model's context, 128"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--prune wanda --sparsity 1.5")).find("1.5 is not between 0 and 1"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--prune wanda --sparsity half")).find("'half' is neither a share"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--prune wanda --sparsity 3:5")).find("pattern"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--weights bitmap-int4")).find("name int4"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--weights int3")).find("int3"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--weights bf16 --group 64")).find("no scales to share"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--allocate sensitivity")).find("needs --budget"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--budget 3")).find("--allocate"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--allocate uniform --budget lots")).find("is no number of bits"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--allocate uniform --budget -1")).find("more than 0"), std::string::npos);
  EXPECT_NE(Error(Run("none", "--allocate uniform --budget 3 --prune wanda --sparsity 2:4")).find("is chosen by"),
            std::string::npos);
  EXPECT_NE(Error(Run("none", "--allocate uniform --budget 3 --prune keep")).find("the zeros that are there"),
            std::string::npos);
  EXPECT_NE(Error(Run("none", "--keep nothing=int8")).find("no matrix of the model is named nothing"),
            std::string::npos);
  EXPECT_NE(Error(RunLacuna(whole + "/nowhere/text")).find("/nowhere/text"), std::string::npos);
  // Nothing was written for any of these.
  EXPECT_FALSE(fs::exists(folder_->File("none")));
  EXPECT_FALSE(fs::exists(folder_->File("none.work")));
  fs::create_directory(folder_->File("taken"));
  folder_->Write("taken/file", "x");
  EXPECT_NE(Error(Run("taken", "")).find("exists and is not empty"), std::string::npos);
  ASSERT_EQ(Run("packed", "--weights int8").exit_code, 0);
  const std::string packed = "compress -m " + Quote(folder_->File("packed")) + " -o " + Quote(folder_->File("none")) +
                             " --calibration " + Quote(text_);
  EXPECT_NE(Error(RunLacuna(packed)).find("is packed already, as int8"), std::string::npos);
}

TEST_F(Compress, KeptMatricesHaveTheirCodec) {
  ASSERT_EQ(Run("kept", std::string(kSparse) + "--keep lm_head=int4,down_proj=bf16,layers.0=int8").exit_code, 0);
  const json parameters =
      json::parse(ReadAll(folder_->File("kept") + "/config.json"))["quantization_config"]["parameters"];
  EXPECT_EQ(parameters["model.embed_tokens.weight"]["codec"], "int4");
  EXPECT_EQ(parameters["model.layers.2.mlp.down_proj.weight"]["codec"], "bf16");
  EXPECT_EQ(parameters["model.layers.0.mlp.down_proj.weight"]["codec"], "int8");
  EXPECT_EQ(RunLacuna("run -m " + Quote(folder_->File("kept")) + " -p hello -n 5").exit_code, 0);
}

}  // namespace
}  // namespace lacuna
