// Packed model directories: what is packed runs, the same bits however it is loaded, and what a stranger changed in it
// is refused with its place.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "io/file.h"
#include "io/model_files.h"
#include "io/safetensors_writer.h"
#include "model/pack_model.h"
#include "tests/support/data.h"
#include "tests/support/parity.h"
#include "tests/support/same_bits.h"
#include "weights/packed_file.h"

namespace lacuna {
namespace {

using namespace testing;
namespace fs = std::filesystem;

using Logits = std::vector<std::vector<float>>;

class PackedModel : public ::testing::Test {
 protected:
  const ParityCase& Case(const std::string& name) {
    if (cases_.find(name) == cases_.end()) cases_.emplace(name, LoadParityCase(name, root_));
    return cases_.at(name);
  }
  // Packs a parity case; returns the folder.
  std::string Pack(const std::string& name, const PackModelOptions& options) {
    const std::string source = Case(name).folder;
    const std::string folder = root_.path() + "/packed" + std::to_string(count_++);
    fs::create_directory(folder);
    const Status status = PackModel(source, folder, options);
    EXPECT_TRUE(status.ok()) << status.message();
    return folder;
  }
  static PackModelOptions As(const char* codec) { return {.codec = *ParseCodec(codec), .threads = 2}; }

  Logits Run(const std::string& folder, const std::vector<int32_t>& ids, LoadMode load = LoadMode::kAuto,
             int threads = 1, int piece = 16) {
    const auto model = Model::Load(folder, {.load = load, .threads = threads});
    EXPECT_TRUE(model.ok()) << model.status().message();
    if (!model.ok()) return {};
    auto session = MustCreate(*model, {});
    return AllLogits(*session, ids, piece);
  }
  std::string LoadError(const std::string& folder, const ModelOptions& options = {}) {
    const auto model = Model::Load(folder, options);
    return model.ok() ? "" : model.status().message();
  }

  static bool Same(const Logits& a, const Logits& b) {
    if (a.size() != b.size() || a.empty()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!SameBits(a[i], b[i])) return false;
    }
    return true;
  }

  TempDir root_;
  std::map<std::string, ParityCase> cases_;
  int count_ = 0;
};

constexpr const char* kCase = "llama_biases";

// Root mean square of the difference over that of the spread of the logits.
double Distance(const Logits& a, const Logits& b) {
  double difference = 0, spread = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double mean = 0;
    for (float v : b[i]) mean += v / static_cast<double>(b[i].size());
    for (std::size_t j = 0; j < b[i].size(); ++j) {
      difference += std::pow(static_cast<double>(a[i][j]) - b[i][j], 2);
      spread += std::pow(b[i][j] - mean, 2);
    }
  }
  return std::sqrt(difference / spread);
}

TEST_F(PackedModel, EveryCodecRunsTheSameHoweverItIsLoaded) {
  const ParityCase& parity = Case(kCase);
  const Logits exact = Run(parity.folder, parity.ids);
  const std::map<std::string, double> bounds = {{"bf16", 0},       {"int8", 0.05}, {"int4", 0.4}, {"int4z", 0.4},
                                                {"codebook", 0.4}, {"nf4", 0.4},   {"fp4", 0.5},  {"mxfp4", 0.6},
                                                {"nvfp4", 0.4},    {"razer", 0.4}};
  for (const auto& [name, bound] : bounds) {
    Logits dense;
    for (const char* prefix : {"", "bitmap-"}) {
      SCOPED_TRACE(prefix + name);
      const std::string folder = Pack(kCase, As((prefix + name).c_str()));
      const Logits logits = Run(folder, parity.ids, LoadMode::kCopy);
      ASSERT_EQ(logits.size(), parity.ids.size());
      EXPECT_TRUE(Same(Run(folder, parity.ids, LoadMode::kMmap), logits));
      EXPECT_TRUE(Same(Run(folder, parity.ids, LoadMode::kAuto, 2, 3), logits)) << "2 threads, 3 rows a pass";
      if (bound == 0) {
        EXPECT_TRUE(Same(logits, exact));
      } else {
        const double distance = Distance(logits, exact);
        EXPECT_LT(distance, bound);
        EXPECT_GT(distance, 0);
      }
      // Gaps change nothing: what rounds to zero is zero. (The fitted codebook of a bitmap is another one.)
      if (dense.empty()) {
        dense = logits;
      } else if (name != "codebook") {
        EXPECT_TRUE(Same(logits, dense));
      }
    }
  }
}

TEST_F(PackedModel, Bf16ActivationsAreCloser) {
  const ParityCase& parity = Case(kCase);
  const Logits exact = Run(parity.folder, parity.ids);
  PackModelOptions options = As("int8");
  const double int8 = Distance(Run(Pack(kCase, options), parity.ids), exact);
  options.codec.activations = Activations::kBf16;
  EXPECT_LT(Distance(Run(Pack(kCase, options), parity.ids), exact), int8);
}

TEST_F(PackedModel, TiedAndUntiedEmbeddingsAndKeptParameters) {
  for (const char* name : {"qwen2", "llama_tied_with_head", "llama_default", "phi3", "gemma3", "olmo2"}) {
    SCOPED_TRACE(name);
    const ParityCase& parity = Case(name);
    const Logits exact = Run(parity.folder, parity.ids);
    PackModelOptions options = As("bf16");
    EXPECT_TRUE(Same(Run(Pack(name, options), parity.ids), exact));
    options.codec = *ParseCodec("bitmap-int4");
    options.keep = {
        {"lm_head", *ParseCodec("bf16")}, {"layers", *ParseCodec("bf16")}, {"embed_tokens", *ParseCodec("bf16")}};
    EXPECT_TRUE(Same(Run(Pack(name, options), parity.ids), exact)) << "everything is kept";
    options.keep = {{"layers.0.mlp.down_proj", *ParseCodec("int8")}};
    const std::string folder = Pack(name, options);
    const auto config = LoadConfig(folder);
    ASSERT_TRUE(config.ok()) << config.status().message();
    ASSERT_EQ(config->quantization->parameters.size(), 1u);
    EXPECT_EQ(CodecName(config->quantization->Of("model.layers.0.mlp.down_proj.weight")), "int8");
    EXPECT_EQ(Run(folder, parity.ids).size(), parity.ids.size());
  }
  PackModelOptions options = As("int8");
  options.keep = {{"down_pro", *ParseCodec("bf16")}};
  TempDir output;
  const Status status = PackModel(Case("qwen2").folder, output.path(), options);
  EXPECT_NE(status.message().find("no matrix of the model is named down_pro"), std::string::npos) << status.message();
}

TEST_F(PackedModel, TheFileIsTheSameFromAnyNumberOfThreads) {
  PackModelOptions options = As("bitmap-codebook");
  const auto bytes = [&](int threads) {
    options.threads = threads;
    return *ReadFile(Pack(kCase, options) + "/model.safetensors", std::size_t{1} << 30);
  };
  EXPECT_TRUE(bytes(1) == bytes(2));
}

TEST_F(PackedModel, StreamsStartAlignedWithRoomBehind) {
  const std::string folder = Pack(kCase, As("bitmap-int4z"));
  const auto files = ModelFiles::Open(folder);
  ASSERT_TRUE(files.ok());
  int streams = 0;
  for (const auto& [name, tensor] : files->tensors()) {
    if (name.find(".lacuna.") == name.npos) continue;
    ++streams;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data.data()) % 64, 0u) << name;
    for (std::size_t i = tensor.data.size() - 64; i < tensor.data.size(); ++i)
      ASSERT_EQ(tensor.data[i], std::byte{0}) << name;
  }
  EXPECT_GT(streams, 7 * 6);
}

// config.json with a change to its quantization_config.
class PackedConfig : public PackedModel {
 protected:
  std::string ErrorWith(const std::function<void(nlohmann::json&)>& change) {
    if (folder_.empty()) folder_ = Pack(kCase, As("bitmap-int4"));
    const std::string path = folder_ + "/config.json";
    const std::string before = *ReadFile(path, 1 << 20);
    nlohmann::json json = nlohmann::json::parse(before);
    change(json["quantization_config"]);
    std::ofstream(path) << json.dump();
    const std::string error = LoadError(folder_);
    std::ofstream(path) << before;
    return error;
  }
  std::string folder_;
};

TEST_F(PackedConfig, OtherVersionsAndUnknownFieldsAreRefused) {
  EXPECT_EQ(ErrorWith([](auto&) {}), "");
  const auto expect = [](const std::string& error, const std::string& text) {
    EXPECT_NE(error.find(text), std::string::npos) << error;
  };
  expect(ErrorWith([](auto& q) { q["layout_version"] = 2; }), "`layout_version` is 2, and this lacuna reads layout 1");
  expect(ErrorWith([](auto& q) { q["contract_version"] = 0; }),
         "`contract_version` is 0, and this lacuna reads numeric contract 1");
  expect(ErrorWith([](auto& q) { q.erase("layout_version"); }), "layout_version");
  expect(ErrorWith([](auto& q) { q["rotation"] = "hadamard"; }), "`rotation` is not known");
  expect(ErrorWith([](auto& q) { q["codec"] = "int3"; }), "unknown codec");
  expect(ErrorWith([](auto& q) { q["codec"] = "f32"; }), "f32");
  expect(ErrorWith([](auto& q) { q["group"] = 48; }), "has a group of 48");
  expect(ErrorWith([](auto& q) { q["group"] = "128"; }), "group");
  expect(ErrorWith([](auto& q) { q["activations"] = "fp8"; }), "activations");
  expect(ErrorWith([](auto& q) { q["pattern"] = {2, 6}; }), "2:6");
  expect(ErrorWith([](auto& q) {
           q["parameters"] = {{"lm_head.weight", {{"codec", "int8"}, {"bits", 8}}}};
         }),
         "`bits` is not known");
  // A description that the streams do not fit.
  expect(ErrorWith([](auto& q) { q["group"] = 64; }), "scales");
  expect(ErrorWith([](auto& q) { q["codec"] = "int4"; }), "which int4 does not have");
  expect(ErrorWith([](auto& q) { q["codec"] = "bitmap-int8"; }), "which bitmap-int8 does not have");
  expect(ErrorWith([](auto& q) { q["pattern"] = {2, 4}; }), "which bitmap-int4 does not have");
  expect(ErrorWith([](auto& q) { q["quant_method"] = "fp8"; }), "weights are read in");
  expect(LoadError(folder_, {.numerics = Numerics::kF32}), "--numerics f32 needs a model in F32, F16 or BF16");
  TempDir output;
  expect(PackModel(folder_, output.path(), As("int8")).message(), "is packed already");
}

// Rewrites model.safetensors tensor by tensor.
void Rewrite(const std::string& folder, const std::map<std::string, std::string>& metadata,
             const std::function<void(const std::string& name, std::vector<std::byte>& data)>& change) {
  std::vector<TensorSpec> specs;
  std::vector<std::vector<std::byte>> contents;
  {
    const auto file = SafetensorsFile::Open(folder + "/model.safetensors");
    ASSERT_TRUE(file.ok());
    for (const Tensor& tensor : file->tensors()) {
      contents.emplace_back(tensor.data.begin(), tensor.data.end());
      change(tensor.name, contents.back());
      specs.push_back({tensor.name, tensor.dtype, tensor.shape});
      if (tensor.dtype == DType::kU8) specs.back().shape = {static_cast<int64_t>(contents.back().size())};
    }
  }
  auto writer = SafetensorsWriter::Create(folder + "/model.safetensors", specs, metadata);
  ASSERT_TRUE(writer.ok());
  for (const auto& data : contents) ASSERT_TRUE(writer->Append(data).ok());
  ASSERT_TRUE(writer->Finish().ok());
}

TEST_F(PackedModel, BrokenStreamsAreNamed) {
  const std::string q = "model.layers.0.self_attn.q_proj.weight.lacuna.";
  const auto error = [&](const std::string& stream, const std::function<void(std::vector<std::byte>&)>& change) {
    const std::string folder = Pack(kCase, As("bitmap-int4"));
    Rewrite(folder, PackedMetadata(), [&](const std::string& name, std::vector<std::byte>& data) {
      if (name == q + stream) change(data);
    });
    return LoadError(folder);
  };
  const auto expect = [](const std::string& message, const std::string& text) {
    EXPECT_NE(message.find(text), std::string::npos) << message;
  };
  for (const char* stream : {"values", "mask", "offsets", "bases", "scales", "codebook"}) {
    expect(error(stream, [](auto& data) { data.resize(data.size() - 64); }), q + stream + "` is U8");
    expect(error(stream, [](auto& data) { data.resize(data.size() + 64); }), q + stream + "` is U8");
  }
  expect(error("values", [](auto& data) { data.resize(data.size() - 1); }), "multiple of 64");
  expect(error("mask", [](auto& data) { std::memset(data.data(), 0xff, 128); }), "q_proj.weight`: the stream `");
  expect(error("offsets", [](auto& data) { std::memset(data.data(), 0xff, 4); }), "offsets");
  expect(error("bases", [](auto& data) { std::memset(data.data() + 8, 0xff, 8); }), "bases");
  expect(error("scales", [](auto& data) { std::memset(data.data(), 0xff, 2); }), "scales` is not finite");

  const std::string folder = Pack(kCase, As("bitmap-int4"));
  Rewrite(folder, {}, [](const std::string&, std::vector<std::byte>&) {});
  expect(LoadError(folder), "its metadata say lacuna.contract_version nowhere");
  Rewrite(folder, {{kLayoutKey, "7"}, {kContractKey, "1"}}, [](const std::string&, std::vector<std::byte>&) {});
  expect(LoadError(folder), "lacuna.layout_version \"7\", and this lacuna reads \"1\"");
}

// Any bits of the streams may be flipped: the model is refused, or it runs.
TEST_F(PackedModel, FlippedBitsAreRefusedOrHarmless) {
  const uint64_t seed = TestSeed(81);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const std::string folder = Pack(kCase, As("bitmap-int8"));
  const std::string path = folder + "/model.safetensors";
  const std::string before = *ReadFile(path, std::size_t{1} << 30);
  uint64_t header;
  std::memcpy(&header, before.data(), 8);
  int refused = 0, ran = 0;
  for (int round = 0; round < 60; ++round) {
    std::string after = before;
    for (int i = IntIn(random, 1, 3); i > 0; --i) {
      const auto at = 8 + header + random() % (before.size() - 8 - header);
      after[at] = static_cast<char>(after[at] ^ 1 << IntIn(random, 0, 7));
    }
    std::ofstream(path, std::ios::binary).write(after.data(), static_cast<std::streamsize>(after.size()));
    const auto model = Model::Load(folder, {.load = round % 2 ? LoadMode::kCopy : LoadMode::kMmap});
    if (!model.ok()) {
      EXPECT_EQ(model.status().code(), StatusCode::kInvalidInput) << model.status().message();
      ++refused;
      continue;
    }
    auto session = MustCreate(*model, {});
    const auto lane = session->NewLane();
    const PassRow rows[] = {{.token = 1, .lane = *lane}, {.token = 2, .lane = *lane, .want_logits = true}};
    const auto logits = session->Run(rows);  // activations may well overflow: that is an error too
    EXPECT_TRUE(logits.ok() || logits.status().code() == StatusCode::kInvalidInput);
    ++ran;
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(ran, 0);
}

}  // namespace
}  // namespace lacuna
