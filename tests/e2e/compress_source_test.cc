// lacuna compress of models that other tools quantized: what it takes from them are the weights' values, so that the
// result has the bytes of compressing a directory that holds the same values as floats.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/model_files.h"
#include "io/safetensors_writer.h"
#include "model/config.h"
#include "model/source_tensor.h"
#include "tests/support/command.h"
#include "tests/support/paths.h"
#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"
#include "weights/source_rows.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;
namespace fs = std::filesystem;

// Letters, a token each: the stored models have a vocabulary of 48.
std::string LetterTokenizer() {
  json vocab = {{"\u0120", 0}};
  for (char c = 'a'; c <= 'z'; ++c) vocab[std::string(1, c)] = 1 + c - 'a';
  const json level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  const json file = {{"version", "1.0"},
                     {"added_tokens", json::array()},
                     {"normalizer", nullptr},
                     {"pre_tokenizer", level},
                     {"post_processor", nullptr},
                     {"decoder", level},
                     {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", json::array()}}}};
  return file.dump();
}

std::string Letters() {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += " abcdefghijklmnopqrstuvwxyz"[i * 7919 % 104729 % 27];
  return text;
}

// A directory of the values of `folder`'s weights.
void WriteDecoded(const std::string& folder, const std::string& to) {
  fs::create_directory(to);
  json config_json = json::parse(ReadAll(folder + "/config.json"));
  config_json.erase("quantization_config");
  std::ofstream(to + "/config.json") << config_json;
  const auto config = LoadConfig(folder);
  ASSERT_TRUE(config.ok()) << config.status().message();
  const auto files = ModelFiles::Open(folder);
  ASSERT_TRUE(files.ok()) << files.status().message();
  auto writer = SafetensorsWriter::CreateGrowing(to + "/model.safetensors", 1 << 16, {});
  ASSERT_TRUE(writer.ok());
  for (const ModelTensor& tensor : ListTensors(*config, !config->tie_word_embeddings)) {
    std::vector<float> values;
    if (tensor.matrix()) {
      const auto source = FindMatrix(*config, *files, tensor);
      ASSERT_TRUE(source.ok()) << source.status().message();
      values.resize(static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1]));
      for (int64_t row = 0; row < tensor.shape[0]; ++row) {
        RowFloats(*source, row, values.data() + row * tensor.shape[1]);
      }
      ASSERT_TRUE(writer->Declare({tensor.name, DType::kF32, tensor.shape}).ok());
      ASSERT_TRUE(writer->Append(std::as_bytes(std::span<const float>(values))).ok());
    } else {
      const auto source = FindSource(*files, tensor);
      ASSERT_TRUE(source.ok()) << source.status().message();
      ASSERT_TRUE(writer->Declare({tensor.name, source->dtype, tensor.shape}).ok());
      ASSERT_TRUE(writer->Append(source->data).ok());
    }
  }
  ASSERT_TRUE(writer->Finish().ok());
}

class CompressForeign : public ::testing::TestWithParam<const char*> {};

TEST_P(CompressForeign, HasTheBytesOfItsValues) {
  const TempDir root;
  const std::string foreign = root.File("foreign"), decoded = root.File("decoded");
  fs::copy(DataPath("foreign/" + std::string(GetParam())), foreign);
  ASSERT_NO_FATAL_FAILURE(WriteDecoded(foreign, decoded));
  const std::string text = root.Write("text.txt", Letters());
  for (const std::string flags : {"--prune sparsegpt --weights int4 --group 32", "--weights int8"}) {
    std::string weights[2], config[2];
    for (int i = 0; i < 2; ++i) {
      const std::string& folder = i == 0 ? foreign : decoded;
      std::ofstream(folder + "/tokenizer.json") << LetterTokenizer();
      const std::string output = folder + "-out";
      const CommandResult r = RunLacuna("compress -m " + Quote(folder) + " -o " + Quote(output) + " --calibration " +
                                        Quote(text) + " --sequences 16 --length 32 " + flags);
      ASSERT_EQ(r.exit_code, 0) << r.err;
      weights[i] = ReadAll(output + "/model.safetensors");
      config[i] = ReadAll(output + "/config.json");
      const CommandResult run = RunLacuna("run -m " + Quote(output) + " -p hello -n 3");
      EXPECT_EQ(run.exit_code, 0) << run.err;
      fs::remove_all(output);
    }
    EXPECT_FALSE(weights[0].empty());
    EXPECT_TRUE(weights[0] == weights[1]) << flags;
    // The other tool's configuration is gone.
    EXPECT_EQ(json::parse(config[0], nullptr, false), json::parse(config[1], nullptr, false));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, CompressForeign,
                         ::testing::Values("ct-int4-group32", "ct-int4-zeros", "ct-int4-channel", "ct-int8-packed",
                                           "ct-int8-channel", "ct-int8-zeros", "ct-mxfp4", "ct-nvfp4", "gptq",
                                           "gptq-v2-int8", "awq", "bitmask", "bitmask-24"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace lacuna
