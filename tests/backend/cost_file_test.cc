// The cost table's file: what is written is read back, what is damaged changes nothing.
#include "backend/cpu/cost_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

CostTable Table() {
  CostTable costs = DefaultCosts(CpuFeatures{});
  costs.from[static_cast<int>(Crossover::kAvx512Block)] = 5;
  costs.from[static_cast<int>(Crossover::kAmxFew)] = kNever;
  return costs;
}

bool Same(const CostTable& a, const CostTable& b) { return std::equal(a.from, a.from + kCrossovers, b.from); }

class CostFile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* before = getenv("XDG_CACHE_HOME")) before_ = before;
    setenv("XDG_CACHE_HOME", (folder_.path() + "/cache").c_str(), 1);
    cpu_.vendor = "../Genuine Intel";
    cpu_.family = 6;
    cpu_.model_number = 143;
  }
  void TearDown() override {
    if (before_.empty()) {
      unsetenv("XDG_CACHE_HOME");
    } else {
      setenv("XDG_CACHE_HOME", before_.c_str(), 1);
    }
  }
  testing::TempDir folder_;
  std::string before_;
  CpuFeatures cpu_;
};

TEST_F(CostFile, JsonAndBack) {
  const auto costs = CostsFromJson(CostsToJson(Table()), DefaultCosts(CpuFeatures{}));
  ASSERT_TRUE(costs.ok()) << costs.status().message();
  EXPECT_TRUE(Same(*costs, Table()));
}

TEST_F(CostFile, RefusesDamage) {
  for (const char* text : {"", "[]", "{}", R"({"version":2,"from":{}})", R"({"version":1,"from":[]})",
                           R"({"version":1,"from":{"amx_few":0}})", R"({"version":1,"from":{"amx_few":-2}})",
                           R"({"version":1,"from":{"amx_few":1.5}})", R"({"version":1,"from":{"amx_few":"2"}})",
                           R"({"version":1,"from":{"amx_few":4000000000}})"}) {
    EXPECT_FALSE(CostsFromJson(text, DefaultCosts(CpuFeatures{})).ok()) << text;
  }
  // A kernel that the file does not know keeps what ships.
  const auto partial = CostsFromJson(R"({"version":1,"from":{"amx_few":3,"other":7}})", Table());
  ASSERT_TRUE(partial.ok());
  EXPECT_EQ((*partial)[Crossover::kAvx512Block], 5);
  EXPECT_EQ((*partial)[Crossover::kAmxFew], 3);
}

TEST_F(CostFile, SavedIsWhatTheHostUsesUnlessTold) {
  std::string from = "before";
  EXPECT_TRUE(Same(HostCosts(cpu_, &from), DefaultCosts(cpu_))) << "no file yet";
  EXPECT_EQ(from, "");
  ASSERT_TRUE(SaveCosts(cpu_, Table()).ok());
  EXPECT_EQ(CostFilePath(cpu_), folder_.path() + "/cache/lacuna/costs-GenuineIntel-6-143-0.json");
  EXPECT_TRUE(Same(HostCosts(cpu_, &from), Table()));
  EXPECT_EQ(from, CostFilePath(cpu_));
  setenv("LACUNA_COSTS", "default", 1);
  EXPECT_TRUE(Same(HostCosts(cpu_), DefaultCosts(cpu_)));
  unsetenv("LACUNA_COSTS");
  std::ofstream(CostFilePath(cpu_)) << "{\"version\":1,";
  EXPECT_TRUE(Same(HostCosts(cpu_, &from), DefaultCosts(cpu_))) << "a damaged file is as none";
  EXPECT_EQ(from, "");
}

}  // namespace
}  // namespace lacuna
