// Models in GGUF files: against transformers, against the same model as a directory (the same bits), and against the
// packed directory that is made of them (the same bits).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "base/f16.h"
#include "io/gguf_tensors.h"
#include "io/model_files.h"
#include "io/safetensors_writer.h"
#include "model/config.h"
#include "model/pack_model.h"
#include "tests/support/command.h"
#include "tests/support/gguf_model.h"
#include "tests/support/parity.h"
#include "tests/support/paths.h"
#include "weights/ggml_blocks.h"

namespace lacuna {
namespace {

using namespace testing;
using Rows = std::vector<std::vector<float>>;

Rows Logits(const std::string& model, const std::vector<int32_t>& ids, Numerics numerics = Numerics::kDefault) {
  const auto loaded = MustLoad(model, numerics);
  if (!loaded) return {};
  const auto session = MustCreate(loaded, {.context_length = 256, .max_rows = 64, .max_logits = 64});
  return session ? AllLogits(*session, ids, 64) : Rows();
}

void ExpectSameBits(const Rows& a, const Rows& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  ASSERT_FALSE(a.empty()) << what;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].size(), b[i].size());
    ASSERT_EQ(std::memcmp(a[i].data(), b[i].data(), a[i].size() * 4), 0) << what << ", position " << i;
  }
}

// Written by the `gguf` package, computed by transformers (scripts/make_gguf_cases.py).
TEST(GgufModel, AgreesWithTransformers) {
  std::ifstream file(DataPath("gguf/models.json"));
  const nlohmann::json models = nlohmann::json::parse(file)["models"];
  ASSERT_EQ(models.size(), 5u);
  for (const auto& m : models) {
    SCOPED_TRACE(m["file"]);
    const std::string path = DataPath("gguf/" + m["file"].get<std::string>());
    const auto ids = m["ids"].get<std::vector<int32_t>>();
    const auto next = m["next"].get<std::vector<double>>();
    for (const Numerics numerics : {Numerics::kF32, Numerics::kDefault}) {
      const Rows logits = Logits(path, ids, numerics);
      ASSERT_EQ(logits.size(), ids.size());
      const auto [worst, mean] = ErrorsOfNext(logits, ids, next);
      // bf16 inputs, and in blocks int8 ones, are rounded once a layer.
      EXPECT_LE(worst, numerics == Numerics::kF32 ? 1e-4 : 0.06);
      EXPECT_LE(mean, numerics == Numerics::kF32 ? 2e-5 : 0.01);
    }
  }
}

class GgufOfDirectory : public ::testing::TestWithParam<const char*> {};

TEST_P(GgufOfDirectory, HasItsBits) {
  const TempDir root;
  ParityCase c = LoadParityCase(GetParam(), root);
  c.ids.resize(230);
  const std::string gguf = root.Write("model.gguf", GgufOf(c.folder));
  ExpectSameBits(Logits(gguf, c.ids), Logits(c.folder, c.ids), c.what);
  c.ids.resize(40);
  ExpectSameBits(Logits(gguf, c.ids, Numerics::kF32), Logits(c.folder, c.ids, Numerics::kF32), c.what);
}

INSTANTIATE_TEST_SUITE_P(Cases, GgufOfDirectory,
                         ::testing::Values("llama_default", "llama_theta", "llama_linear_old", "llama_llama3_old",
                                           "llama_yarn_old", "llama_f16", "llama_f32", "llama_mixed_shards",
                                           "llama_attention_bias", "llama_biases", "llama_tied_with_head",
                                           "mistral_null_window", "mistral_window", "qwen2", "qwen3", "qwen3_wide"),
                         [](const auto& info) { return std::string(info.param); });

// GGUF says nothing of `query_pre_attn_scalar`: it is the heads' size but for the 27B model.
TEST(GgufOfGemma, HasItsBits) {
  const TempDir root;
  ParityCase c = LoadParityCase("gemma3", root);
  c.ids.resize(230);
  const std::string path = c.folder + "/config.json";
  std::ifstream in(path);
  auto config = nlohmann::json::parse(in);
  config["query_pre_attn_scalar"] = config["head_dim"];
  std::filesystem::remove(path);
  std::ofstream(path) << config.dump();
  const std::string gguf = root.Write("model.gguf", GgufOf(c.folder));
  const Rows rows = Logits(gguf, c.ids);
  ExpectSameBits(rows, Logits(c.folder, c.ids), c.what);
  // As a packed directory, whose config.json says that the norms are whole.
  const CommandResult r = RunLacuna("pack -m " + Quote(gguf) + " -o " + Quote(root.File("packed")));
  ASSERT_EQ(r.exit_code, 0) << r.err;
  ExpectSameBits(rows, Logits(root.File("packed"), c.ids), c.what);
  c.ids.resize(40);
  ExpectSameBits(Logits(gguf, c.ids, Numerics::kF32), Logits(c.folder, c.ids, Numerics::kF32), c.what);
}

// A model whose matrices are random blocks: as a GGUF file, and as a directory of the same numbers in F32.
class Blocks {
 public:
  static constexpr int kHidden = 256, kFfn = 512, kVocab = 90, kHeads = 4, kKvHeads = 2;

  // `type` of all matrices but those in `others`, by GGUF name.
  Blocks(DType type, const std::map<std::string, DType>& others = {}, bool tied = false)
      : type_(type), others_(others) {
    std::filesystem::create_directory(Folder());
    nlohmann::json config = {{"model_type", "llama"},         {"hidden_size", kHidden},
                             {"intermediate_size", kFfn},     {"num_hidden_layers", 1},
                             {"num_attention_heads", kHeads}, {"num_key_value_heads", kKvHeads},
                             {"vocab_size", kVocab},          {"max_position_embeddings", 256},
                             {"rms_norm_eps", 1e-5},          {"tie_word_embeddings", tied}};
    root_.Write("directory/config.json", config.dump());
    text_ = GgufMetadataOf(Folder());
    auto writer = SafetensorsWriter::CreateGrowing(Folder() + "/model.safetensors", 1 << 16, {});
    EXPECT_TRUE(writer.ok()) << writer.status().message();
    const auto matrix = [&](const std::string& name, int n, int k, int heads = 0) { Add(&*writer, name, n, k, heads); };
    const auto norm = [&](const std::string& name) { AddNorm(&*writer, name); };
    matrix("token_embd.weight", kVocab, kHidden);
    norm("blk.0.attn_norm.weight");
    matrix("blk.0.attn_q.weight", kHidden, kHidden, kHeads);
    matrix("blk.0.attn_k.weight", kHidden / 2, kHidden, kKvHeads);
    matrix("blk.0.attn_v.weight", kHidden / 2, kHidden);
    matrix("blk.0.attn_output.weight", kHidden, kHidden);
    norm("blk.0.ffn_norm.weight");
    matrix("blk.0.ffn_gate.weight", kFfn, kHidden);
    matrix("blk.0.ffn_up.weight", kFfn, kHidden);
    matrix("blk.0.ffn_down.weight", kHidden, kFfn);
    norm("output_norm.weight");
    if (!tied) matrix("output.weight", kVocab, kHidden);
    EXPECT_TRUE(writer->Finish().ok());
    gguf_ = root_.Write("model.gguf", text_.Text());
  }

  // One token a letter, in the file and in the directory.
  void AddTokenizer() {
    std::vector<std::string> tokens = {"\u0120"};
    for (char c = 'a'; c <= 'z'; ++c) tokens.emplace_back(1, c);
    while (tokens.size() < kVocab) tokens.push_back("none" + std::to_string(tokens.size()));
    text_.String("tokenizer.ggml.model", "gpt2")
        .String("tokenizer.ggml.pre", "gpt-2")
        .Strings("tokenizer.ggml.tokens", tokens);
    text_.Strings("tokenizer.ggml.merges", {}).I32s("tokenizer.ggml.token_type", std::vector<int32_t>(kVocab, 1));
    text_.U32("tokenizer.ggml.bos_token_id", 88).U32("tokenizer.ggml.eos_token_id", 89);
    gguf_ = root_.Write("model.gguf", text_.Text());
    nlohmann::json vocab;
    for (int i = 0; i < kVocab; ++i) vocab[tokens[static_cast<std::size_t>(i)]] = i;
    const nlohmann::json level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
    const nlohmann::json file = {{"version", "1.0"},
                                 {"added_tokens", nlohmann::json::array()},
                                 {"normalizer", nullptr},
                                 {"pre_tokenizer", level},
                                 {"post_processor", nullptr},
                                 {"decoder", level},
                                 {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", nlohmann::json::array()}}}};
    root_.Write("directory/tokenizer.json", file.dump());
  }

  std::string Folder() const { return root_.File("directory"); }
  const std::string& gguf() const { return gguf_; }
  const TempDir& root() const { return root_; }
  static std::vector<int32_t> Ids() {
    std::vector<int32_t> ids;
    std::mt19937 random(5);
    for (int i = 0; i < 70; ++i) ids.push_back(static_cast<int32_t>(random() % kVocab));
    return ids;
  }

 private:
  void Add(SafetensorsWriter* writer, const std::string& name, int n, int k, int heads) {
    const DType type = others_.count(name) ? others_.at(name) : type_;
    const TypeBlock block = DTypeBlock(type);
    std::string data(static_cast<std::size_t>(n * k / block.elements * block.bytes), '\0');
    for (char& c : data) c = static_cast<char>(random_());
    // F16 scales at the block's head, or its end: random ones would be huge.
    const std::vector<int> scales = type == DType::kQ6_K ? std::vector<int>{208}
                                    : type == DType::kQ4_0 || type == DType::kQ5_0 || type == DType::kQ8_0
                                        ? std::vector<int>{0}
                                        : std::vector<int>{0, 2};
    const float size = type == DType::kQ8_0   ? 1.0f / 70
                       : type == DType::kQ4_0 ? 1.0f / 5
                       : type == DType::kQ6_K ? 1.0f / 1400
                       : block.elements > 32  ? 1.0f / 300
                                              : 1.0f / 9;
    for (std::size_t at = 0; at < data.size(); at += static_cast<std::size_t>(block.bytes)) {
      for (const int offset : scales) {
        const float sign = type == DType::kQ4_0 && random_() % 2 ? -1.0f : 1.0f;
        const float spread = 0.5f + static_cast<float>(random_() % 1000) / 1000;
        const uint16_t half =
            FloatToF16(sign * spread * size / std::sqrt(static_cast<float>(k)) * (offset == 2 ? -1 : 1));
        std::memcpy(data.data() + at + static_cast<std::size_t>(offset), &half, 2);
      }
    }
    text_.Tensor(name, {static_cast<uint64_t>(k), static_cast<uint64_t>(n)}, GgmlNumber(type), data);
    std::vector<float> floats(static_cast<std::size_t>(n) * static_cast<std::size_t>(k)), turned(floats.size());
    DequantizeBlocks(reinterpret_cast<const std::byte*>(data.data()), type, n * k, floats.data());
    for (int row = 0; row < n; ++row)
      std::copy_n(floats.data() + SourceRow(row, n, heads) * k, k, turned.data() + row * k);
    EXPECT_TRUE(writer->Declare({*GgufToHuggingFace(name), DType::kF32, {n, k}}).ok());
    EXPECT_TRUE(writer->Append(std::as_bytes(std::span<const float>(turned))).ok());
  }

  void AddNorm(SafetensorsWriter* writer, const std::string& name) {
    std::vector<float> values;
    for (int i = 0; i < kHidden; ++i) values.push_back(0.8f + static_cast<float>(random_() % 100) / 250);
    text_.Tensor(name, {kHidden}, 0, {reinterpret_cast<const char*>(values.data()), values.size() * 4});
    EXPECT_TRUE(writer->Declare({*GgufToHuggingFace(name), DType::kF32, {kHidden}}).ok());
    EXPECT_TRUE(writer->Append(std::as_bytes(std::span<const float>(values))).ok());
  }

  TempDir root_;
  DType type_;
  std::map<std::string, DType> others_;
  GgufText text_;
  std::string gguf_;
  std::mt19937 random_{11};
};

constexpr DType kTypes[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                            DType::kQ8_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

TEST(GgufBlocks, F32ModeHasTheBitsOfTheirValues) {
  for (const DType type : kTypes) {
    const Blocks blocks(type);
    ExpectSameBits(Logits(blocks.gguf(), Blocks::Ids(), Numerics::kF32),
                   Logits(blocks.Folder(), Blocks::Ids(), Numerics::kF32), std::string(DTypeName(type)));
  }
}

TEST(GgufBlocks, ConvertedTypesHaveTheBitsOfTheirValuesInBf16) {
  for (const DType type : kTypes) {
    if (type == DType::kQ4_0 || type == DType::kQ8_0) continue;
    const Blocks blocks(type);
    // A directory reads F32 embeddings as they are; a packed one has them in bf16, as the GGUF file has.
    const std::string packed = blocks.root().File("packed");
    std::filesystem::create_directory(packed);
    PackModelOptions options;
    options.codec = Codec::kBf16;
    const Status status = PackModel(blocks.Folder(), packed, options);
    ASSERT_TRUE(status.ok()) << status.message();
    ExpectSameBits(Logits(blocks.gguf(), Blocks::Ids()), Logits(packed, Blocks::Ids()), std::string(DTypeName(type)));
  }
}

TEST(GgufBlocks, PackedAsStoredHasTheSameBits) {
  struct Case {
    DType type;
    std::map<std::string, DType> others;
    bool tied;
  };
  for (const Case& c :
       {Case{DType::kQ8_0, {}, false}, Case{DType::kQ4_0, {}, true},
        Case{DType::kQ4_0, {{"output.weight", DType::kQ6_K}, {"token_embd.weight", DType::kQ8_0}}, false},
        Case{DType::kQ4_K, {{"blk.0.ffn_down.weight", DType::kQ6_K}, {"blk.0.attn_k.weight", DType::kQ8_0}}, true}}) {
    const Blocks blocks(c.type, c.others, c.tied);
    const std::string packed = blocks.root().File("packed");
    const CommandResult r = RunLacuna("pack -m " + Quote(blocks.gguf()) + " -o " + Quote(packed));
    ASSERT_EQ(r.exit_code, 0) << r.err;
    const Rows direct = Logits(blocks.gguf(), Blocks::Ids());
    ExpectSameBits(direct, Logits(packed, Blocks::Ids()), std::string(DTypeName(c.type)));
    // And near the exact values: int8 activations are rounded to a 254th of their group's range.
    const Rows exact = Logits(blocks.Folder(), Blocks::Ids(), Numerics::kF32);
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      for (std::size_t j = 0; j < exact[i].size(); ++j) {
        difference += std::pow(direct[i][j] - exact[i][j], 2);
        size += std::pow(exact[i][j], 2);
      }
    }
    EXPECT_GT(size, 0);
    EXPECT_LT(std::sqrt(difference / size), 0.05) << DTypeName(c.type);
  }
}

TEST(GgufBlocks, CompressTakesTheirValues) {
  std::string letters;
  for (int i = 0; i < 3000; ++i) letters += " abcdefghijklmnopqrstuvwxyz"[i * 7919 % 104729 % 27];
  for (const DType type : {DType::kQ4_0, DType::kQ8_0, DType::kQ4_K}) {
    SCOPED_TRACE(DTypeName(type));
    Blocks blocks(type);
    blocks.AddTokenizer();
    const std::string text = blocks.root().Write("text.txt", letters);
    std::string weights[2];
    for (int i = 0; i < 2; ++i) {
      const std::string output = blocks.root().File("out" + std::to_string(i));
      const CommandResult r =
          RunLacuna("compress -m " + Quote(i == 0 ? blocks.gguf() : blocks.Folder()) + " -o " + Quote(output) +
                    " --calibration " + Quote(text) + " --sequences 16 --length 64 --prune sparsegpt --group 64");
      ASSERT_EQ(r.exit_code, 0) << r.err;
      std::ifstream file(output + "/model.safetensors", std::ios::binary);
      weights[i] = {std::istreambuf_iterator<char>(file), {}};
    }
    EXPECT_FALSE(weights[0].empty());
    EXPECT_TRUE(weights[0] == weights[1]);
  }
}

TEST(GgufBlocks, ScalesThatAreNotFiniteAreRefused) {
  for (const DType type : {DType::kQ8_0, DType::kQ4_K}) {
    Blocks blocks(type);
    std::string bytes;
    {
      std::ifstream file(blocks.gguf(), std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(file), {});
    }
    // The last tensor is output.weight.
    const TypeBlock block = DTypeBlock(type);
    const std::size_t size = static_cast<std::size_t>(Blocks::kVocab * Blocks::kHidden / block.elements * block.bytes);
    const uint16_t infinite = 0x7c00;
    std::memcpy(bytes.data() + bytes.size() - size + 2 * static_cast<std::size_t>(block.bytes), &infinite, 2);
    const std::string path = blocks.root().Write("bad.gguf", bytes);
    const auto model = Model::Load(path);
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.status().code(), StatusCode::kInvalidInput);
    EXPECT_NE(model.status().message().find("bad.gguf: tensor `output.weight`"), std::string::npos)
        << model.status().message();
  }
}

TEST(GgufCommand, EveryCommandTakesTheFile) {
  const TempDir root;
  const std::string m = "-m " + Quote(DataPath("gguf/llama.gguf")) + " ";
  for (const char* command : {"run --ids 1,5,6 -n 3 --temp 0 --ignore-eos --json ", "score --ids 1,5,6 --json ",
                              "inspect --json ", "inspect ", "bench -p 8 -n 2 -r 1 "}) {
    const CommandResult r = RunLacuna(command + m);
    EXPECT_EQ(r.exit_code, 0) << command << r.err;
    EXPECT_FALSE(r.out.empty()) << command;
  }
  const CommandResult inspect = RunLacuna("inspect --json -m " + Quote(DataPath("gguf/qwen3.gguf")));
  const nlohmann::json json = nlohmann::json::parse(inspect.out);
  EXPECT_EQ(json["model_type"], "qwen3");
  int exact = 0;
  for (const auto& tensor : json["tensors"]) {
    if (tensor["shape"].size() != 2) continue;
    EXPECT_EQ(tensor["dtype"], "Q4_0");
    EXPECT_EQ(tensor["runs_as"], "int4 g32");
    exact += tensor["loss"] == 0.0;
  }
  EXPECT_EQ(exact, 9);
  const CommandResult text = RunLacuna("tokenize -p hello " + m);
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_NE(text.err.find("no tokenizer"), std::string::npos) << text.err;
}

TEST(GgufCommand, PackOfADirectoryStillNeedsACodec) {
  const TempDir root;
  const CommandResult r =
      RunLacuna("pack -m " + Quote(LoadParityCase("qwen2", root).folder) + " -o " + Quote(root.File("out")));
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("--codec is missing"), std::string::npos) << r.err;
}

TEST(GgufRope, YarnKeysOfNewerConverters) {
  const TempDir root;
  GgufText text;
  text.String("general.architecture", "llama");
  for (const char* key : {"context_length", "embedding_length", "block_count", "feed_forward_length"})
    text.U32(std::string("llama.") + key, 64);
  text.U32("llama.attention.head_count", 4).F32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  text.Tensor("token_embd.weight", {64, 4}, 0, std::string(1024, '\0'));
  text.String("llama.rope.scaling.type", "yarn").F32("llama.rope.scaling.factor", 4);
  text.U32("llama.rope.scaling.original_context_length", 16).F32("llama.rope.scaling.yarn_beta_fast", 16);
  text.F32("llama.rope.scaling.yarn_beta_slow", 2).F32("llama.rope.scaling.yarn_ext_factor", 1);
  text.F32("llama.rope.scaling.yarn_attn_factor", 1.1386294f);
  const auto config = LoadConfig(root.Write("x.gguf", text.Text()));
  ASSERT_TRUE(config.ok()) << config.status().message();
  const RopeConfig& rope = config->ropes.at(0);
  EXPECT_EQ(rope.type, RopeType::kYarn);
  EXPECT_EQ(rope.beta_fast, 16);
  EXPECT_EQ(rope.beta_slow, 2);
  EXPECT_EQ(rope.original_max_position_embeddings, 16);
  EXPECT_FALSE(rope.attention_factor.has_value()) << "YaRN's own";
}

TEST(GgufBad, SettingsThatChangeTheResultAreNamed) {
  const TempDir root;
  const auto failure = [&](GgufText text) {
    const auto config = LoadConfig(root.Write("x.gguf", text.Text()));
    EXPECT_FALSE(config.ok());
    return config.status().message();
  };
  const auto base = [](const std::string& arch) {
    GgufText text;
    text.String("general.architecture", arch);
    for (const char* key : {"context_length", "embedding_length", "block_count", "feed_forward_length"})
      text.U32(arch + "." + key, 64);
    text.U32(arch + ".attention.head_count", 4).F32(arch + ".attention.layer_norm_rms_epsilon", 1e-5f);
    text.Tensor("token_embd.weight", {64, 4}, 0, std::string(1024, '\0'));
    return text;
  };
  const std::string x = root.File("x.gguf");
  EXPECT_EQ(failure(base("mamba")),
            x + ": `general.architecture` is \"mamba\"; supported are llama (with Mistral), qwen2, qwen3 and gemma3");
  EXPECT_EQ(failure(GgufText().U32("a", 1)), x + ": `general.architecture` is missing from the metadata");
  EXPECT_EQ(failure(base("llama").F32("llama.logit_scale", 2)),
            x + ": `llama.logit_scale` is a setting that is not known; it may change the result");
  EXPECT_EQ(failure(base("llama").U32("llama.expert_count", 8)),
            x + ": `llama.expert_count` is 8; experts are not supported");
  EXPECT_EQ(failure(base("llama").U32("llama.rope.dimension_count", 8)),
            x + ": `llama.rope.dimension_count` is 8; it must be the heads' size, 16");
  EXPECT_EQ(failure(base("qwen2").U32("qwen2.attention.sliding_window", 8)),
            x + ": `qwen2.attention.sliding_window` is 8; windows are supported for architecture llama only");
  EXPECT_EQ(failure(base("llama").String("llama.rope.scaling.type", "longrope")),
            x + ": `llama.rope.scaling.type` is \"longrope\"; supported are none, linear and yarn");
  EXPECT_EQ(failure(GgufText().U32("split.count", 2).U32("split.no", 1)),
            x + ": `split.count` is 2; a model in several GGUF files is not supported: join them to one")
      << "later parts have no other metadata";
  const auto yarn = [&](const char* key, float value) {
    return base("llama").String("llama.rope.scaling.type", "yarn").F32("llama.rope.scaling.factor", 4).F32(key, value);
  };
  EXPECT_EQ(failure(yarn("llama.rope.scaling.yarn_ext_factor", 0.5f)),
            x + ": `llama.rope.scaling.yarn_ext_factor` is 0.500000, which is not supported: it must be absent, 1 or "
                "what YaRN gives, 1.000000");
  EXPECT_EQ(failure(yarn("llama.rope.scaling.yarn_attn_factor", 1.5f)),
            x + ": `llama.rope.scaling.yarn_attn_factor` is 1.500000, which is not supported: it must be absent, 1 or "
                "what YaRN gives, 1.138629");
  EXPECT_EQ(failure(yarn("llama.rope.scaling.yarn_log_multiplier", 1)),
            x + ": `llama.rope.scaling.yarn_log_multiplier` is a setting that is not known; it may change the result");
  EXPECT_NE(failure(base("llama").Tensor("rope_freqs.weight", {8}, 0, std::string(32, '\1')))
                .find("tensor `rope_freqs.weight` does not hold what Llama 3's rope scaling gives"),
            std::string::npos);
  EXPECT_TRUE(LoadConfig(root.Write("good.gguf", base("llama").Text())).ok());
  const auto gemma = [&] { return base("gemma3").U32("gemma3.attention.sliding_window", 16); };
  EXPECT_EQ(failure(base("gemma3")), x + ": `gemma3.attention.sliding_window` is missing from the metadata");
  EXPECT_EQ(failure(gemma().I32s("gemma3.attention.sliding_window_pattern", {1, 0})),
            x + ": `gemma3.attention.sliding_window_pattern` has 2 entries; it must have one for each of 64 layers");
  EXPECT_EQ(failure(gemma().F32("gemma3.attn_logit_softcapping", 50)),
            x + ": `gemma3.attn_logit_softcapping` is a setting that is not known; it may change the result");
  EXPECT_EQ(failure(base("llama").F32("llama.rope.freq_base_swa", 1e4f)),
            x + ": `llama.rope.freq_base_swa` is supported for architecture gemma3 only");
  // Weights
  const auto weights = [&](GgufText text) {
    const auto files = ModelFiles::Open(root.Write("x.gguf", text.Text()));
    EXPECT_FALSE(files.ok());
    return files.status().message();
  };
  EXPECT_EQ(weights(base("llama").Tensor("blk.0.attn_sinks.weight", {4}, 0, std::string(16, '\0'))),
            x + ": tensor `blk.0.attn_sinks.weight` is not known for architecture llama; a model that needs it is not "
                "supported");
  EXPECT_EQ(weights(base("llama").U32("split.count", 3)),
            x + ": `split.count` is 3; a model in several GGUF files is not supported: join them to one");
  const auto model = Model::Load(root.Write("y.gguf", base("llama").Text()));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().message(), root.File("y.gguf") + ": tensor `blk.0.attn_norm.weight` is missing");
}

}  // namespace
}  // namespace lacuna
