// Files that a stranger feeds the loader: one clear error that says what and where. (What is wrong with a file as such,
// safetensors or JSON, is tested in tests/io and tests/model.)
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "io/safetensors_writer.h"
#include "tests/support/parity.h"

namespace lacuna {
namespace {

using namespace testing;

constexpr const char* kConfig = R"({"model_type": "llama", "hidden_size": 32, "intermediate_size": 48,
  "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50, "max_position_embeddings": 64,
  "rms_norm_eps": 1e-5, "tie_word_embeddings": true})";

struct Change {
  std::string tensor;            // which one is changed; "" none
  std::vector<int64_t> shape{};  // its shape, if not the right one
  float first = 0.01f;           // its first value
  bool drop = false;
  DType type = DType::kF32;
  float embedding = 0.01f;  // the first value of token 0's embedding
};

// Writes a small model with one thing changed.
void WriteModel(const std::string& dir, const Change& change) {
  std::vector<TensorSpec> specs = {{"model.embed_tokens.weight", DType::kF32, {50, 32}},
                                   {"model.norm.weight", DType::kF32, {32}}};
  const std::string layer = "model.layers.0.";
  specs.push_back({layer + "input_layernorm.weight", DType::kF32, {32}});
  specs.push_back({layer + "post_attention_layernorm.weight", DType::kF32, {32}});
  for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
    specs.push_back({layer + "self_attn." + name + ".weight", DType::kF32, {32, 32}});
  }
  specs.push_back({layer + "mlp.gate_proj.weight", DType::kF32, {48, 32}});
  specs.push_back({layer + "mlp.up_proj.weight", DType::kF32, {48, 32}});
  specs.push_back({layer + "mlp.down_proj.weight", DType::kF32, {32, 48}});
  std::erase_if(specs, [&](const TensorSpec& s) { return change.drop && s.name == change.tensor; });
  for (TensorSpec& s : specs) {
    if (s.name != change.tensor) continue;
    if (!change.shape.empty()) s.shape = change.shape;
    s.dtype = change.type;
  }
  std::ofstream(dir + "/config.json") << kConfig;
  auto writer = SafetensorsWriter::Create(dir + "/model.safetensors", specs);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  for (const TensorSpec& s : specs) {
    int64_t n = 1;
    for (int64_t d : s.shape) n *= d;
    std::vector<float> values(static_cast<std::size_t>(n), 0.01f);
    if (s.name == change.tensor) values[0] = change.first;
    if (s.name == "model.embed_tokens.weight" && s.name != change.tensor) values[0] = change.embedding;
    const auto bytes = std::as_bytes(std::span(values));
    ASSERT_TRUE(writer->Append(bytes.first(static_cast<std::size_t>(n * DTypeBits(s.dtype) / 8))).ok());
  }
  ASSERT_TRUE(writer->Finish().ok());
}

std::string LoadError(const Change& change, Numerics numerics = Numerics::kDefault) {
  const TempDir folder;
  WriteModel(folder.path(), change);
  ModelOptions options;
  options.numerics = numerics;
  options.threads = 1;
  const auto model = Model::Load(folder.path(), options);
  if (model.ok()) return "";
  EXPECT_EQ(model.status().code(), StatusCode::kInvalidInput);
  return model.status().message();
}

TEST(BadModel, NothingChangedLoads) { EXPECT_EQ(LoadError({}), ""); }

TEST(BadModel, MissingTensorIsNamed) {
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  EXPECT_NE(LoadError({.tensor = name, .drop = true}).find(name), std::string::npos);
  EXPECT_NE(LoadError({.tensor = "model.embed_tokens.weight", .drop = true}).find("embed_tokens"), std::string::npos);
}

TEST(BadModel, WrongShapeNamesBothShapes) {
  const std::string error = LoadError({.tensor = "model.layers.0.self_attn.k_proj.weight", .shape = {16, 32}});
  EXPECT_NE(error.find("k_proj"), std::string::npos) << error;
  EXPECT_NE(error.find("[16, 32]"), std::string::npos) << error;
  EXPECT_NE(error.find("[32, 32]"), std::string::npos) << error;
  EXPECT_NE(LoadError({.tensor = "model.norm.weight", .shape = {32, 1}}), "");
  EXPECT_NE(LoadError({.tensor = "model.norm.weight", .shape = {}, .type = DType::kI32}), "");
}

TEST(BadModel, WeightsThatAreNotFiniteAreNamed) {
  for (const char* name : {"model.layers.0.mlp.down_proj.weight", "model.norm.weight"}) {
    for (const Numerics numerics : {Numerics::kDefault, Numerics::kF32}) {
      const std::string error = LoadError({.tensor = name, .first = std::numeric_limits<float>::quiet_NaN()}, numerics);
      EXPECT_NE(error.find(name), std::string::npos) << name << ": " << error;
    }
  }
}

TEST(BadModel, ActivationsThatOverflowAreAnErrorOfThePassAndNoMore) {
  const TempDir folder;
  // All weights are finite, but the first channel, in which token 0 stands out, is scaled so that its q k^T overflows.
  WriteModel(folder.path(), {.tensor = "model.layers.0.input_layernorm.weight", .first = 3e20f, .embedding = 1000.0f});
  const auto session = MustCreate(MustLoad(folder.path(), Numerics::kDefault), {});
  ASSERT_TRUE(session);
  const LaneId lane = *session->NewLane();
  const std::vector<int32_t> good = {3, 4};
  const auto before = session->Append(lane, good);
  ASSERT_TRUE(before.ok());
  const std::vector<float> want((*before)[0].begin(), (*before)[0].end());
  ASSERT_TRUE(session->Rollback(lane, 1).ok());
  const std::vector<int32_t> bad = {0};
  const auto broken = session->Append(lane, bad);
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.status().message().find("not finite"), std::string::npos);
  EXPECT_EQ(*session->Length(lane), 1);
  ASSERT_TRUE(session->Rollback(lane, 1).ok());
  const auto after = session->Append(lane, std::vector<int32_t>{4});
  ASSERT_TRUE(after.ok()) << after.status().message();
  EXPECT_EQ(std::memcmp((*after)[0].data(), want.data(), want.size() * 4), 0);
}

TEST(BadModel, AContextTooLargeForTheMemoryIsRefusedWithTheSizes) {
  const TempDir folder;
  WriteModel(folder.path(), {});
  const auto model = MustLoad(folder.path(), Numerics::kDefault);
  const auto session = Session::Create(model, {.context_length = 1 << 24, .max_lanes = 60000});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.status().code(), StatusCode::kInvalidInput);
  EXPECT_NE(session.status().message().find("GiB"), std::string::npos) << session.status().message();
}

TEST(BadModel, PassesThatMakeNoSenseChangeNothing) {
  const TempDir folder;
  WriteModel(folder.path(), {});
  const auto session = MustCreate(MustLoad(folder.path(), Numerics::kDefault), {.max_rows = 8, .max_logits = 2});
  const LaneId lane = *session->NewLane();
  const auto error = [&](std::vector<PassRow> rows) {
    const auto logits = session->Run(rows);
    EXPECT_EQ(*session->Length(lane), 0);
    return logits.ok() ? std::string() : logits.status().message();
  };
  EXPECT_NE(error({}), "");
  EXPECT_NE(error(std::vector<PassRow>(9, {.token = 1, .lane = lane})), "");
  EXPECT_NE(error({{.token = 50, .lane = lane}}).find("vocabulary of 50"), std::string::npos);
  EXPECT_NE(error({{.token = -1, .lane = lane}}), "");
  EXPECT_NE(error({{.token = 1, .lane = 5}}).find("lane 5"), std::string::npos);
  EXPECT_NE(error({{.token = 1, .lane = lane, .parent = 0}}), "");
  EXPECT_NE(error({{.token = 1, .lane = lane, .parent = -3}}), "");
  EXPECT_NE(error(std::vector<PassRow>(3, {.token = 1, .lane = lane, .want_logits = true})).find("max_logits"),
            std::string::npos);
  EXPECT_NE(error({{.token = 1, .lane = lane, .parent = PassRow::kRoot},
                   {.token = 2, .lane = lane, .parent = PassRow::kRoot}})
                .find("max_tree_rows"),
            std::string::npos);
  // And then a good one runs; twice without a commit it does not.
  const std::vector<PassRow> good = {{.token = 1, .lane = lane, .want_logits = true}};
  ASSERT_TRUE(session->Run(good).ok());
  EXPECT_FALSE(session->Run(good).ok());
  ASSERT_TRUE(session->Rollback(lane, 0).ok());
  EXPECT_TRUE(session->Run(good).ok());
  const std::vector<int32_t> too_long(65, 1);
  ASSERT_TRUE(session->Rollback(lane, 0).ok());
  EXPECT_NE(session->Append(lane, too_long).status().message().find("65 tokens"), std::string::npos);
  EXPECT_FALSE(session->NewLane().ok());
}

}  // namespace
}  // namespace lacuna
