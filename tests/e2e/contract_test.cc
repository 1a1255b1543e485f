// The numeric contract's hashes: logits of the tiny models of tests/data, the same on every machine, at every
// instruction set and with every compiler. Whoever changes a bit raises kNumericContractVersion and runs this with
// LACUNA_RECORD=1.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/cpu/cost_file.h"
#include "base/bf16.h"
#include "model/pack_model.h"
#include "tests/support/parity.h"
#include "tests/support/paths.h"

namespace lacuna {
namespace {

using namespace testing;

// FNV-1a over the bits of all logits, -0 taken as +0.
std::string Hash(const std::vector<std::vector<float>>& rows) {
  uint64_t h = 14695981039346656037u;
  for (const auto& row : rows) {
    for (float x : row) {
      const uint32_t bits = x == 0 ? 0 : FloatBits(x);
      for (int i = 0; i < 4; ++i) h = (h ^ (bits >> (8 * i) & 0xFF)) * 1099511628211u;
    }
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(h));
  return text;
}

const std::string kPackedCases[] = {"int8",
                                    "bitmap-int8",
                                    "int8 g32",
                                    "int8 bf16",
                                    "int4",
                                    "int4 g32",
                                    "bitmap-int4",
                                    "bitmap-int4 g32",
                                    "int4 bf16",
                                    "int4z",
                                    "bitmap-int4z",
                                    "codebook",
                                    "bitmap-codebook",
                                    "nf4",
                                    "bitmap-nf4",
                                    "bitmap-bf16",
                                    "bitmap-int8 bf16",
                                    "fp4",
                                    "mxfp4",
                                    "mxfp4 bf16",
                                    "nvfp4",
                                    "bitmap-nvfp4",
                                    "razer",
                                    "razer g32",
                                    "bitmap-razer",
                                    "razer bf16"};

TEST(Contract, HashesOfLogits) {
  const std::string path = DataPath("contract_v" + std::to_string(kNumericContractVersion) + ".json");
  const bool record = std::getenv("LACUNA_RECORD") != nullptr;
  nlohmann::json stored;
  if (!record) {
    std::ifstream file(path);
    ASSERT_TRUE(file) << path;
    stored = nlohmann::json::parse(file);
    EXPECT_EQ(stored["contract"], kNumericContractVersion);
  }
  nlohmann::ordered_json out = {{"contract", kNumericContractVersion},
                                {"what",
                                 "FNV-1a of the float32 bits of all logits, default numerics: of the first 700 ids; "
                                 "packed models: llama_biases, 100 ids"}};
  for (const std::string& name : ParityCaseNames()) {
    const TempDir root;
    ParityCase c = LoadParityCase(name, root);
    c.ids.resize(700);  // shorter texts are continued with id 0
    const auto session = MustCreate(MustLoad(c.folder, Numerics::kDefault, 2),
                                    {.context_length = 700, .max_rows = 350, .max_logits = 350});
    const std::string hash = Hash(AllLogits(*session, c.ids, 350));
    out["models"][name] = hash;
    if (!record) {
      EXPECT_EQ(stored["models"].value(name, ""), hash) << name;
    }
  }
  // Packed by every codec: rounding, files, kernels.
  const TempDir root;
  ParityCase c = LoadParityCase("llama_biases", root);
  c.ids.resize(100);
  for (const std::string& name : kPackedCases) {
    const std::string folder = root.path() + "/" + name;
    std::filesystem::create_directory(folder);
    PackModelOptions options{.codec = *ParseCodec(name.substr(0, name.find(' '))), .threads = 2};
    if (name.find(" g32") != name.npos) SetGroup(32, &options.codec);
    if (name.find(" bf16") != name.npos) {
      options.codec.activations = Activations::kBf16;
      options.codec.activation_group = 0;
    }
    const Status status = PackModel(c.folder, folder, options);
    ASSERT_TRUE(status.ok()) << status.message();
    const auto session =
        MustCreate(MustLoad(folder, Numerics::kDefault, 2), {.context_length = 100, .max_rows = 50, .max_logits = 50});
    const std::string hash = Hash(AllLogits(*session, c.ids, 50));
    out["packed"][name] = hash;
    if (!record) {
      EXPECT_EQ(stored["packed"].value(name, ""), hash) << name;
    }
  }
  if (record) std::ofstream(path) << out.dump(1) << "\n";
}

// Which kernel runs for how many rows never shows in the logits, of dense models nor of packed ones.
TEST(Contract, CostTablesChangeNothing) {
  const char* before = std::getenv("XDG_CACHE_HOME");
  const std::string kept = before != nullptr ? before : "";
  const TempDir cache, root;
  ParityCase c = LoadParityCase("llama_biases", root);
  c.ids.resize(40);
  std::vector<std::pair<std::string, std::string>> models = {{"dense", c.folder}};
  for (const char* codec : {"int8", "bitmap-int8", "int4", "bitmap-int4", "bitmap-bf16"}) {
    const std::string folder = root.path() + "/" + codec;
    std::filesystem::create_directory(folder);
    ASSERT_TRUE(PackModel(c.folder, folder, {.codec = *ParseCodec(codec), .threads = 2}).ok());
    models.emplace_back(codec, folder);
  }
  for (const auto& [name, folder] : models) {
    std::string first;
    std::set<std::string> kernels_of_a_table;
    for (int crossover : {1, 3, 17, kNever}) {
      ::setenv("XDG_CACHE_HOME", cache.path().c_str(), 1);
      ::unsetenv("LACUNA_COSTS");
      CostTable costs;
      std::fill_n(costs.from, kCrossovers, crossover);
      ASSERT_TRUE(SaveCosts(HostCpuFeatures(), costs).ok());
      const auto model = MustLoad(folder, Numerics::kDefault, 2);
      before != nullptr ? ::setenv("XDG_CACHE_HOME", kept.c_str(), 1) : ::unsetenv("XDG_CACHE_HOME");
      ResetKernelCounts();
      for (int rows : {1, 4, 9, 16, 40}) {
        const auto session = MustCreate(model, {.context_length = 40, .max_rows = rows, .max_logits = rows});
        const std::string hash = Hash(AllLogits(*session, c.ids, rows));
        if (first.empty()) first = hash;
        EXPECT_EQ(hash, first) << name << ", takes over from " << crossover << " rows; " << rows << " rows a pass";
      }
      std::string ran;
      for (const KernelCount& kernel : ReadKernelCounts()) ran += std::string(kernel.name) + " ";
      kernels_of_a_table.insert(ran);
    }
    if (*HostTier() >= Tier::kAvx512) {
      EXPECT_GT(kernels_of_a_table.size(), 1u) << name << ": the tables were not read";
    }
  }
}

}  // namespace
}  // namespace lacuna
