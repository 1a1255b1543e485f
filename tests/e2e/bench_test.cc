// lacuna bench and lacuna doctor: shapes of their output, and figures that can be checked by hand.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/cpu_features.h"
#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;

class Bench : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    const std::string config = folder_->Write("shape.json", R"({"model_type": "llama", "hidden_size": 64,
      "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
      "vocab_size": 704, "max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2,
      "rms_norm_eps": 1e-5, "tie_word_embeddings": false})");
    model_ = folder_->path() + "/model";
    const CommandResult synth = RunLacuna("synth --config " + Quote(config) + " -o " + Quote(model_) + " --seed 3");
    ASSERT_EQ(synth.exit_code, 0) << synth.err;
  }
  static void TearDownTestSuite() { delete folder_; }
  static CommandResult Run(const std::string& flags) {
    return RunLacuna("bench -m " + Quote(model_) + " --stream-mib 8 -r 2 " + flags);
  }
  static json Rows(const std::string& flags) {
    const CommandResult r = Run(flags + " -o json");
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(r.err, "");
    return r.exit_code == 0 ? json::parse(r.out) : json::array();
  }

  static inline TempDir* folder_ = nullptr;
  static inline std::string model_;
};

// Weights of the model above in bf16: qkv 64 x (64 + 32 + 32), o 64 x 64, gate, up and down 64 x 96 each, two layers;
// the head 64 x 704.
constexpr int64_t kWeightBytes = 2 * (2 * (64 * 128 + 64 * 64 + 3 * 64 * 96) + 64 * 704);

TEST_F(Bench, JsonHasEveryTestWithItsBytes) {
  const json rows = Rows("-p 16 -n 4 -pg 8,2 -d 0,32 --rows 1,4");
  std::vector<std::string> names;
  for (const json& row : rows) names.push_back(row["test"]);
  EXPECT_EQ(names, (std::vector<std::string>{"pp16", "tg4", "pp8+tg2", "rows1", "rows4", "pp16 @ d32", "tg4 @ d32",
                                             "pp8+tg2 @ d32", "rows1 @ d32", "rows4 @ d32"}));
  for (const json& row : rows) {
    EXPECT_GT(row["avg_ts"].get<double>(), 0) << row;
    EXPECT_GT(row["avg_ns"].get<double>(), 0);
    EXPECT_GT(row["stream_gb_s"].get<double>(), 0);
    EXPECT_GT(row["peak_gflop_s"].get<double>(), 0);
    EXPECT_GT(row["roof_share"].get<double>(), 0);
    EXPECT_EQ(row["samples_ns"].size(), 2u);
    EXPECT_EQ(row["codec"], "bf16");
    EXPECT_EQ(row["density"], 1.0);
    EXPECT_EQ(row["numerics"], "default");
    EXPECT_FALSE(row["kernels"].empty());
    EXPECT_GE(row["steal_share"].get<double>(), 0);
  }
  // Decoding reads every weight once a token, and K and V of the tokens before it: two layers, two heads of 16, bf16.
  const json& tg = rows[6];
  EXPECT_EQ(tg["weight_bytes"], 4 * kWeightBytes);
  constexpr int64_t kTokenBytes = 2 * 2 * 2 * 16 * 2;
  const int64_t head_padding = 2 * 2 * 16 * 2;  // K is padded to 32 of a head's 16
  EXPECT_EQ(tg["kv_bytes"], (33 + 34 + 35 + 36) * (kTokenBytes + head_padding));
  EXPECT_EQ(tg["bytes_per_token"], (tg["weight_bytes"].get<int64_t>() + tg["kv_bytes"].get<int64_t>()) / 4);
  // A pass over four rows reads no more weights than one over one row.
  EXPECT_EQ(rows[3]["weight_bytes"], kWeightBytes);
  EXPECT_EQ(rows[4]["weight_bytes"], kWeightBytes);
  EXPECT_GT(rows[4]["ops"], rows[3]["ops"]);
}

TEST_F(Bench, ZerosSkipAKindAndListsMultiply) {
  const json rows = Rows("-p 0 -n 1-4*2 -t 1,2 --no-warmup");
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0]["n_threads"], 1);
  EXPECT_EQ(rows[5]["n_threads"], 2);
  EXPECT_EQ(rows[5]["test"], "tg4");
}

TEST_F(Bench, OtherFormats) {
  const CommandResult lines = Run("-p 4,8 -n 0 -o jsonl");
  ASSERT_EQ(lines.exit_code, 0) << lines.err;
  std::istringstream in(lines.out);
  std::string line;
  int count = 0;
  for (; std::getline(in, line); ++count) EXPECT_EQ(json::parse(line)["n_prompt"], count == 0 ? 4 : 8);
  EXPECT_EQ(count, 2);
  const CommandResult csv = Run("-p 4 -n 0 -o csv");
  EXPECT_EQ(csv.out.find("build_commit,"), 0u) << csv.out;
  const CommandResult table = Run("-p 4 -n 2");
  EXPECT_NE(table.out.find("| pp4 "), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("| tg2 "), std::string::npos) << table.out;
}

TEST_F(Bench, RefusesWhatItCannotMeasure) {
  const struct {
    const char* flags;
    const char* says;
  } kCases[] = {{"-p 1-", "-p: '1-'"},
                {"-p 0 -n 0", "nothing to measure"},
                {"-pg 5", "expected for example 512,128"},
                {"-t 5000", "at most"},
                {"-ub 0", "-ub: 0"},
                {"-o xml", "xml"}};
  for (const auto& test : kCases) {
    const CommandResult r = Run(test.flags);
    EXPECT_EQ(r.exit_code, 2) << test.flags;
    EXPECT_NE(r.err.find(test.says), std::string::npos) << test.flags << ": " << r.err;
    EXPECT_EQ(r.out, "") << test.flags;
  }
}

TEST(Doctor, JsonSaysWhatIsHereAndWhatIsChosen) {
  const CommandResult r = RunLacuna("doctor --json --stream-mib 8");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json out = json::parse(r.out);
  const CpuFeatures& cpu = HostCpuFeatures();
  EXPECT_EQ(out["cpu"]["vendor"], cpu.vendor);
  EXPECT_EQ(out["features"]["avx2"], cpu.avx2);
  EXPECT_EQ(out["machine_kind"], MachineKind(cpu));
  EXPECT_EQ(out["tier"]["missing"]["simd"], "");
  for (const char* op : {"linear bf16", "attention bf16", "element-wise"}) {
    ASSERT_FALSE(out["kernels"][op].empty()) << op;
    for (const json& choice : out["kernels"][op]) {
      EXPECT_FALSE(choice["kernel"].get<std::string>().empty());
      for (const auto& [name, why] : choice["declined"].items()) EXPECT_FALSE(why.get<std::string>().empty()) << name;
    }
  }
  EXPECT_GE(out["processors"]["threads"].get<int>(), 1);
  EXPECT_FALSE(out["processors"]["usable"].empty());
  EXPECT_GT(out["roofs"]["read_gb_s"].get<double>(), 0);
  EXPECT_GT(out["roofs"]["peak_gflop_s"]["FMA-256"].get<double>(), 0);
}

TEST(Doctor, TextNamesTheCap) {
  const auto with_cap = [](const char* cap) {
    ::setenv("LACUNA_ISA", cap, 1);
    CommandResult result = RunLacuna("doctor --no-measure");
    ::unsetenv("LACUNA_ISA");
    return result;
  };
  const CommandResult r = with_cap("simd");
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("simd: LACUNA_ISA caps it"), std::string::npos) << r.out;
  const CommandResult unknown = with_cap("neon");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.out.find("not an instruction set"), std::string::npos) << unknown.out;
}

}  // namespace
}  // namespace lacuna
