// lacuna export: what it writes computes the same bits when it is read again, is the package's own layout to the byte
// (tests/data/foreign was written by compressed-tensors), and what other programs cannot read is refused by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/bf16.h"
#include "base/f16.h"
#include "io/safetensors.h"
#include "tests/support/command.h"
#include "tests/support/parity.h"
#include "tests/support/paths.h"
#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;
namespace fs = std::filesystem;
using Rows = std::vector<std::vector<float>>;

json Quantization(const std::string& folder) {
  return json::parse(ReadAll(folder + "/config.json")).value("quantization_config", json());
}

class Export : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    root_ = new TempDir;
    for (const bool tied : {true, false}) {
      const std::string config = root_->Write("shape.json", std::string(R"({"model_type": "llama", "hidden_size": 64,
        "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 600, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": )") + (tied ? "true}" : "false}"));
      const CommandResult synth = RunLacuna("synth --config " + Quote(config) + " -o " +
                                            Quote(root_->File(tied ? "tied" : "untied")) + " --seed 7");
      EXPECT_EQ(synth.exit_code, 0) << synth.err;
    }
  }
  static void TearDownTestSuite() { delete root_; }

  // Packs `model` with `flags` and exports it; both folders' names.
  std::pair<std::string, std::string> PackAndExport(const std::string& model, const std::string& flags) {
    const std::string packed = root_->File("packed" + std::to_string(count_)),
                      exported = root_->File("exported" + std::to_string(count_));
    ++count_;
    const CommandResult pack = RunLacuna("pack -m " + Quote(model) + " -o " + Quote(packed) + " " + flags);
    EXPECT_EQ(pack.exit_code, 0) << pack.err;
    const CommandResult result = RunLacuna("export -m " + Quote(packed) + " -o " + Quote(exported));
    EXPECT_EQ(result.exit_code, 0) << flags << ": " << result.err;
    return {packed, exported};
  }

  static Rows Logits(const std::string& model) {
    const auto loaded = MustLoad(model, Numerics::kDefault, 2);
    if (!loaded) return {};
    const auto session = MustCreate(loaded, {.context_length = 64, .max_rows = 64, .max_logits = 64});
    std::vector<int32_t> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(i * 37 % 120);
    return session ? AllLogits(*session, ids, 40) : Rows();
  }

  static void ExpectSame(const std::string& packed, const std::string& exported) {
    const Rows a = Logits(packed), b = Logits(exported);
    ASSERT_EQ(a.size(), 40u);
    ASSERT_EQ(b.size(), 40u);
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < a[i].size(); ++j) ASSERT_EQ(a[i][j], b[i][j]) << "position " << i << ", id " << j;
    }
  }

  std::string Refused(const std::string& model, const std::string& flags) {
    const std::string packed = root_->File("packed" + std::to_string(count_++));
    const CommandResult pack = RunLacuna("pack -m " + Quote(model) + " -o " + Quote(packed) + " " + flags);
    EXPECT_EQ(pack.exit_code, 0) << pack.err;
    return RefusedFolder(packed);
  }
  static std::string RefusedFolder(const std::string& packed) {
    const std::string exported = root_->File("refused");
    const CommandResult result = RunLacuna("export -m " + Quote(packed) + " -o " + Quote(exported));
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_FALSE(fs::exists(exported));
    return result.err;
  }

  static inline TempDir* root_ = nullptr;
  static inline int count_ = 0;
};

TEST_F(Export, ReadAgainItComputesTheSameBits) {
  const struct {
    const char *flags, *format, *strategy;
    int bits;
  } cases[] = {
      {"--codec int8", "int-quantized", "channel", 8},
      {"--codec bitmap-int8 --group 32", "pack-quantized", "group", 8},
      {"--codec int4 --group 64", "pack-quantized", "group", 4},
      {"--codec int4z --group 32", "pack-quantized", "group", 4},
      {"--codec bitmap-int4z --group 0", "pack-quantized", "channel", 4},
      {"--codec mxfp4", "mxfp4-pack-quantized", "group", 4},
      {"--codec bitmap-nvfp4", "nvfp4-pack-quantized", "tensor_group", 4},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.flags);
    for (const char* model : {"tied", "untied"}) {
      const auto [packed, exported] = PackAndExport(root_->File(model), c.flags);
      const json config = Quantization(exported);
      ASSERT_EQ(config.value("quant_method", ""), "compressed-tensors");
      EXPECT_EQ(config["format"], c.format);
      ASSERT_EQ(config["config_groups"].size(), 1u);
      const json& group = config["config_groups"]["group_0"];
      EXPECT_EQ(group["weights"]["num_bits"], c.bits);
      EXPECT_EQ(group["weights"]["strategy"], c.strategy);
      EXPECT_EQ(group["weights"]["symmetric"], std::string(c.flags).find("int4z") == std::string::npos);
      EXPECT_EQ(group["input_activations"].is_null(), std::string(c.format) != "int-quantized");
      EXPECT_EQ(group["targets"], (json{"Linear", "model.embed_tokens"}));
      EXPECT_EQ(config["ignore"], std::string(model) == "tied" ? json{"lm_head"} : json::array());
      EXPECT_TRUE(fs::exists(exported + "/tokenizer.json"));
      ExpectSame(packed, exported);
    }
  }
}

TEST_F(Export, DenseWeightsArePlain) {
  for (const char* flags : {"--codec bf16", "--codec bitmap-bf16"}) {
    const auto [packed, exported] = PackAndExport(root_->File("untied"), flags);
    EXPECT_TRUE(Quantization(exported).is_null());
    ExpectSame(packed, exported);
  }
}

// Several codecs, as compress writes them: layers by the most frequent scheme, others by name.
TEST_F(Export, EachSchemeHasItsGroup) {
  const auto [packed, exported] = PackAndExport(
      root_->File("untied"), "--codec int4 --group 32 --keep lm_head=bf16,embed_tokens=bf16,down_proj=int8");
  const json config = Quantization(exported);
  EXPECT_EQ(config["format"], "mixed-precision");
  EXPECT_EQ(config["ignore"], json{"lm_head"});
  ASSERT_EQ(config["config_groups"].size(), 2u);
  int groups = 0;
  for (const auto& [name, group] : config["config_groups"].items()) {
    if (group["format"] == "pack-quantized") {
      EXPECT_EQ(group["targets"], json{"Linear"});
      ++groups;
    } else {
      EXPECT_EQ(group["format"], "int-quantized");
      EXPECT_EQ(group["targets"], (json{"model.layers.0.mlp.down_proj", "model.layers.1.mlp.down_proj"}));
      ++groups;
    }
  }
  EXPECT_EQ(groups, 2);
  ExpectSame(packed, exported);
}

// Phi-3's q, k, v are one tensor in its files, and sizes fill no words.
TEST_F(Export, FusedProjectionsAreOneTensorAgain) {
  const ParityCase parity = LoadParityCase("phi3", *root_);
  for (const char* flags : {"--codec int8", "--codec int4z --group 0", "--codec bf16"}) {
    const auto [packed, exported] = PackAndExport(parity.folder, flags);
    const std::string header = ReadAll(exported + "/model.safetensors").substr(0, 8000);
    EXPECT_NE(header.find("self_attn.qkv_proj.weight"), std::string::npos);
    EXPECT_EQ(header.find("self_attn.q_proj"), std::string::npos);
    ExpectSame(packed, exported);
  }
  EXPECT_NE(Refused(parity.folder, "--codec int4 --group 0 --keep k_proj=int8").find("qkv_proj"), std::string::npos);
}

// Floats of a tensor of F32, F16 or BF16.
std::vector<float> Floats(const Tensor& tensor) {
  std::vector<float> out;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    uint32_t bits = 0;
    const std::size_t size = tensor.data.size() / static_cast<std::size_t>(tensor.elements());
    std::memcpy(&bits, tensor.data.data() + static_cast<std::size_t>(i) * size, size);
    out.push_back(tensor.dtype == DType::kF32   ? FloatFromBits(bits)
                  : tensor.dtype == DType::kF16 ? F16ToFloat(static_cast<uint16_t>(bits))
                                                : ToFloat(bf16{static_cast<uint16_t>(bits)}));
  }
  return out;
}

// compressed-tensors wrote these; packed as they are and exported, the tensors are those again.
TEST_F(Export, GivesThePackagesOwnTensorsBack) {
  for (const char* name : {"ct-int4-group32", "ct-int4-zeros", "ct-int4-channel", "ct-int8-channel", "ct-mxfp4"}) {
    SCOPED_TRACE(name);
    const std::string source = DataPath("foreign/" + std::string(name));
    const auto [packed, exported] = PackAndExport(source, "");
    const auto want = SafetensorsFile::Open(source + "/model.safetensors"),
               got = SafetensorsFile::Open(exported + "/model.safetensors");
    ASSERT_TRUE(want.ok() && got.ok());
    int compared = 0;
    for (const Tensor& tensor : want->tensors()) {
      const std::string& key = tensor.name;
      const auto it = std::find_if(got->tensors().begin(), got->tensors().end(),
                                   [&](const Tensor& other) { return other.name == key; });
      ASSERT_NE(it, got->tensors().end()) << key;
      EXPECT_EQ(it->shape, tensor.shape) << key;
      ++compared;
      if (IsWeightType(tensor.dtype)) {
        EXPECT_EQ(Floats(*it), Floats(tensor)) << key;
        continue;
      }
      EXPECT_TRUE(std::equal(tensor.data.begin(), tensor.data.end(), it->data.begin(), it->data.end())) << key;
    }
    EXPECT_GT(compared, 15);
  }
}

TEST_F(Export, WhatHasNoLayoutThereIsRefused) {
  const std::string model = root_->File("untied");
  for (const char* codec : {"codebook", "nf4", "bitmap-fp4", "razer"}) {
    const std::string message = Refused(model, std::string("--codec ") + codec + " --group 32");
    EXPECT_NE(message.find(std::string("model.embed_tokens.weight is ") + codec), std::string::npos) << message;
  }
  EXPECT_NE(Refused(model, "--codec int4").find("groups of 128 that do not divide its 192 inputs"), std::string::npos);
  EXPECT_NE(RefusedFolder(model).find("is no packed model"), std::string::npos);
  EXPECT_NE(RefusedFolder(root_->File("nowhere")).find("nowhere"), std::string::npos);
  // Columns in the order of their inputs.
  std::string text;
  for (int i = 0; i < 400; ++i) text += "The cat number " + std::to_string(i * 7919 % 1000) + " sat.\n";
  const std::string file = root_->Write("text.txt", text);
  const auto compress = [&](const char* name, const char* flags) {
    const CommandResult result = RunLacuna("compress -m " + Quote(model) + " -o " + Quote(root_->File(name)) +
                                           " --calibration " + Quote(file) + " --sequences 2 " + flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return root_->File(name);
  };
  EXPECT_NE(RefusedFolder(compress("ordered", "--weights int4 --group 32")).find("--natural-order"), std::string::npos);
  // Without groups the order is undone; with the natural one there is nothing to undo.
  for (const char* flags : {"--weights int4 --group 0", "--weights mxfp4 --natural-order --prune wanda"}) {
    const std::string name = "compressed" + std::to_string(count_++), exported = root_->File(name + "-exported");
    const std::string packed = compress(name.c_str(), flags);
    const CommandResult result = RunLacuna("export -m " + Quote(packed) + " -o " + Quote(exported));
    ASSERT_EQ(result.exit_code, 0) << flags << result.err;
    const Rows a = Logits(packed), b = Logits(exported);
    ASSERT_EQ(a.size(), b.size());
    // Sums of integers do not depend on the order of columns.
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i], b[i]) << flags << ", position " << i;
  }
}

}  // namespace
}  // namespace lacuna
