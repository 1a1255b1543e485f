// The built-in calibration text: enough for the demo model, in its chat template, and nothing of what evaluation reads.
#include "tools/demo_calibration.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"

namespace lacuna::tools {
namespace {

const std::string kModels = LACUNA_SOURCE_DIR "/models";

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

TEST(DemoCalibration, IsTheFileOfTheTree) {
  EXPECT_EQ(DemoCalibrationLines(), testing::ReadAll(kModels + "/calibration/demo.jsonl"));
  EXPECT_LE(DemoCalibrationLines().size(), std::size_t{200} * 1024);
}

TEST(DemoCalibration, NothingOfItIsEvaluated) {
  const std::string evaluated = testing::ReadAll(kModels + "/demo/eval/text.txt");
  ASSERT_GT(evaluated.size(), 10000u);
  const auto paragraphs = Lines(evaluated);
  const std::set<std::string> known(paragraphs.begin(), paragraphs.end());
  const auto text = DemoCalibration(kModels + "/demo");
  ASSERT_TRUE(text.ok()) << text.status().message();
  for (const std::string& line : Lines(*text)) EXPECT_FALSE(line.size() > 40 && known.contains(line)) << line;
  // The beginning of no task either, whichever folder has them: training's phrases are others.
  for (const char* model : {"demo", "demo-next"}) {
    std::error_code error;
    for (const auto& file : std::filesystem::directory_iterator(kModels + "/" + model + "/eval", error)) {
      if (file.path().extension() != ".jsonl") continue;
      for (const std::string& line : Lines(testing::ReadAll(file.path()))) {
        const auto item = nlohmann::json::parse(line);
        if (!item.contains("messages")) continue;
        const std::string told = item["messages"][0]["content"];
        EXPECT_FALSE(told.size() > 60 && text->find(told.substr(0, 60)) != std::string::npos) << told;
      }
    }
  }
}

TEST(DemoCalibration, ConversationsAreInTheModelsTemplate) {
  const testing::TempDir folder;
  const auto without = DemoCalibration(folder.path());
  ASSERT_TRUE(without.ok()) << without.status().message();
  EXPECT_EQ(without->find("<|"), std::string::npos);
  EXPECT_GT(without->size(), 100'000u);
  folder.Write("chat_template.jinja", "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}\n");
  const auto with = DemoCalibration(folder.path());
  ASSERT_TRUE(with.ok()) << with.status().message();
  EXPECT_NE(with->find("<|user|>"), std::string::npos);
  EXPECT_NE(with->find("<|assistant|>"), std::string::npos);
  EXPECT_GT(with->size(), without->size());
}

}  // namespace
}  // namespace lacuna::tools
