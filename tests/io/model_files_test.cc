#include "io/model_files.h"

#include <gtest/gtest.h>

#include "tests/support/safetensors_text.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using testing::SafetensorsBytes;
using testing::TempDir;

// A file with one-byte tensors: each of `names` holds `content`.
std::string File(const std::vector<std::string>& names, char content) {
  std::string header = "{";
  for (size_t i = 0; i < names.size(); ++i)
    header += (i ? ",\"" : "\"") + names[i] + "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" +
              std::to_string(i) + "," + std::to_string(i + 1) + "]}";
  return SafetensorsBytes(header + "}", std::string(names.size(), content));
}

char Content(const ModelFiles& model, const char* name) {
  const Tensor* tensor = model.Find(name);
  return tensor ? static_cast<char>(tensor->data[0]) : '-';
}

std::string Failure(const TempDir& dir) {
  const Status status = ModelFiles::Open(dir.path()).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput);
  return status.message();
}

TEST(ModelFiles, OneFileGoesBeforeAnIndex) {
  TempDir dir;
  dir.Write("model.safetensors", File({"b", "a"}, '1'));
  dir.Write("model.safetensors.index.json", "broken");
  Result<ModelFiles> model = ModelFiles::Open(dir.path());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(Content(*model, "a"), '1');
  std::string names;
  for (const auto& [name, tensor] : model->tensors()) names += name;
  EXPECT_EQ(names, "ab");
  EXPECT_EQ(model->Where(*model->Find("a")), dir.File("model.safetensors") + ": tensor `a`");
  EXPECT_EQ(model->Get("c").status().message(), dir.path() + ": tensor `c` is missing from model.safetensors");
}

TEST(ModelFiles, ShardsAsHuggingFaceLoadsThem) {
  TempDir dir;
  dir.Write("model-1.safetensors", File({"a", "both"}, '1'));
  dir.Write("model-2.safetensors", File({"b", "both", "unlisted"}, '2'));
  dir.Write("model-3.safetensors", File({"unused"}, '3'));
  dir.Write("model.safetensors.index.json",
            R"({"metadata": {"total_size": 5}, "weight_map": {"a": "model-1.safetensors",
      "both": "model-1.safetensors", "b": "model-2.safetensors", "gone": "model-2.safetensors"}})");
  Result<ModelFiles> model = ModelFiles::Open(dir.path());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->files().size(), 2u);
  EXPECT_EQ(Content(*model, "a"), '1');
  EXPECT_EQ(Content(*model, "b"), '2');
  EXPECT_EQ(Content(*model, "both"), '2');      // the last file's
  EXPECT_EQ(Content(*model, "unlisted"), '2');  // the index chooses files, not tensors
  EXPECT_EQ(Content(*model, "unused"), '-');
  EXPECT_EQ(model->Where(*model->Find("both")), dir.File("model-2.safetensors") + ": tensor `both`");
  EXPECT_EQ(
      model->Get("gone").status().message(),
      dir.path() +
          ": tensor `gone` is missing: model.safetensors.index.json says that it is in model-2.safetensors, which "
          "does not hold it");
  EXPECT_EQ(model->Get("never").status().message(), dir.path() + ": tensor `never` is missing from all 2 shards");
  EXPECT_TRUE(model->Get("a").ok());
}

TEST(ModelFiles, MissingShard) {
  TempDir dir;
  dir.Write("model-1.safetensors", File({"a"}, '1'));
  dir.Write("model.safetensors.index.json",
            R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})");
  EXPECT_EQ(Failure(dir),
            dir.File("model-2.safetensors") + ": no such file; model.safetensors.index.json names it as a shard");
}

TEST(ModelFiles, ShardsStayInTheFolder) {
  for (const char* shard :
       {"../x.safetensors", "/etc/passwd", "sub/x.safetensors", "..", ".", "", "a\\\\b", "a\\u0000b"}) {
    TempDir dir;
    dir.Write("model.safetensors.index.json", std::string(R"({"weight_map": {"w": ")") + shard + "\"}}");
    EXPECT_EQ(Failure(dir), dir.File("model.safetensors.index.json") + ": the shard of tensor \"w\" is \"" + shard +
                                "\"; it must be a file in the same folder, named without a path");
  }
}

TEST(ModelFiles, BrokenIndex) {
  const auto with_index = [](const char* text) {
    TempDir dir;
    dir.Write("model.safetensors.index.json", text);
    const std::string message = Failure(dir);
    EXPECT_TRUE(message.starts_with(dir.File("model.safetensors.index.json") + ": ")) << message;
    return message.substr(dir.path().size() + 1);
  };
  EXPECT_EQ(with_index("[1]"), "model.safetensors.index.json: is [1]; it must be a JSON object");
  EXPECT_NE(with_index("{").find("broken JSON"), std::string::npos);
  EXPECT_NE(with_index(std::string(1000, '[').c_str()).find("nested deeper"), std::string::npos);
  EXPECT_EQ(with_index("{}"),
            "model.safetensors.index.json: `weight_map` is absent; it must be an object of tensor names and the shards "
            "they are in");
  EXPECT_NE(with_index(R"({"weight_map": {}})").find("`weight_map`"), std::string::npos);
  EXPECT_EQ(with_index(R"({"weight_map": {"w": 3}})"),
            "model.safetensors.index.json: the shard of tensor \"w\" is 3; it must be a file name");
}

TEST(ModelFiles, FoldersWithoutWeights) {
  TempDir dir;
  EXPECT_EQ(Failure(dir), dir.path() + ": has neither model.safetensors nor model.safetensors.index.json");
  dir.Write("pytorch_model.bin", "x");
  EXPECT_EQ(Failure(dir),
            dir.path() +
                ": has neither model.safetensors nor model.safetensors.index.json; pytorch_model.bin is not "
                "read: convert it to safetensors");
  EXPECT_EQ(ModelFiles::Open(dir.File("none")).status().message(), dir.File("none") + ": no such folder");
  EXPECT_EQ(ModelFiles::Open(dir.File("pytorch_model.bin")).status().message(),
            dir.File("pytorch_model.bin") +
                ": is not a folder; a model is a folder with config.json and model.safetensors, or a GGUF file");
}

TEST(ModelFiles, DamagedShardNamesItsFile) {
  TempDir dir;
  dir.Write("a.safetensors", File({"a"}, '1') + "tail");
  dir.Write("model.safetensors.index.json", R"({"weight_map": {"a": "a.safetensors"}})");
  EXPECT_EQ(Failure(dir), dir.File("a.safetensors") + ": the last 4 of 5 bytes of data belong to no tensor");
}

TEST(ModelFiles, SpansOutliveTheMove) {
  TempDir dir;
  dir.Write("model.safetensors", File({"a"}, '1'));
  ModelFiles moved;
  {
    Result<ModelFiles> model = ModelFiles::Open(dir.path());
    ASSERT_TRUE(model.ok());
    moved = std::move(*model);
  }
  EXPECT_EQ(Content(moved, "a"), '1');
}

}  // namespace
}  // namespace lacuna
