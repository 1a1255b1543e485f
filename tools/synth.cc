// lacuna synth: a Hugging Face directory of a known shape with random weights, written as a stream. Speed depends on
// shapes, not on what the numbers mean, so such a model times an engine as well as a trained one.
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <iostream>

#include "base/bf16.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "io/file.h"
#include "io/safetensors_writer.h"
#include "kernels/ref/math.h"
#include "model/config.h"
#include "tools/command.h"
#include "tools/synth_shapes.h"

namespace lacuna::tools {
namespace {

struct Flags {
  std::string shape;
  std::string config;
  std::string output;
  int layers = 0;
  uint64_t seed = 0;
};

// The normal distribution's quantile at (i + 0.5) / 65536 (Acklam's rational approximation), from our own log so that
// one seed gives one file on every machine.
double NormalQuantile(double p) {
  const double a[] = {-39.69683028665376, 220.9460984245205, -275.9285104469687,
                      138.3577518672690,  -30.66479806614716, 2.506628277459239};
  const double b[] = {-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572};
  const double c[] = {-0.007784894002430293, -0.3223964580411365, -2.400758277161838,
                      -2.549732539343734,    4.374664141464968,   2.938163982698783};
  const double d[] = {0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416};
  if (p > 0.5) return -NormalQuantile(1 - p);
  if (p < 0.02425) {
    const double q = std::sqrt(-2 * kernels::RefLog(p));
    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
           ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
  }
  const double q = p - 0.5;
  const double r = q * q;
  return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
         (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

// bf16 values of one tensor: mean + std * normal, drawn by table lookup from a 16-bit random number.
class Values {
 public:
  Values(const std::vector<float>& quantiles, float mean, float std, uint64_t seed) : state_(seed), table_(65536) {
    for (std::size_t i = 0; i < table_.size(); ++i) table_[i] = ToBf16(mean + std * quantiles[i]);
  }
  void Fill(std::span<bf16> out) {
    for (std::size_t i = 0; i < out.size(); i += 4) {
      uint64_t z = state_ += 0x9E3779B97F4A7C15u;  // splitmix64
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      z ^= z >> 31;
      for (std::size_t j = i; j < std::min(i + 4, out.size()); ++j, z >>= 16) out[j] = table_[z & 0xFFFF];
    }
  }

 private:
  uint64_t state_;
  std::vector<bf16> table_;
};

struct Draw {
  TensorSpec spec;
  float mean, std;
};

// All tensors in file order. Weights have a spread that keeps activations of order one through any depth.
std::vector<Draw> Tensors(const ModelConfig& c, bool stored_head) {
  const TensorNames& names = *c.family->names;
  std::vector<Draw> out;
  const auto matrix = [&](const std::string& name, int64_t n, int64_t k, double gain) {
    out.push_back({{name, DType::kBF16, {n, k}}, 0, static_cast<float>(gain / std::sqrt(static_cast<double>(k)))});
  };
  const auto vector = [&](const std::string& name, int64_t n, float mean, float std) {
    out.push_back({{name, DType::kBF16, {n}}, mean, std});
  };
  const int64_t hidden = c.hidden_size;
  const int64_t q = int64_t{c.num_heads} * c.head_dim;
  const int64_t kv = int64_t{c.num_kv_heads} * c.head_dim;
  const double residual = 1 / std::sqrt(2.0 * c.num_layers);
  out.push_back({{std::string(names.embedding) + ".weight", DType::kBF16, {c.vocab_size, hidden}}, 0,
                 static_cast<float>(2 / std::sqrt(static_cast<double>(hidden)))});
  for (int i = 0; i < c.num_layers; ++i) {
    const auto linear = [&](const char* module, int64_t n, int64_t k, double gain, bool bias) {
      matrix(names.Layer(i, module), n, k, gain);
      if (bias) vector(names.Layer(i, module, "bias"), n, 0, 0.02f);
    };
    vector(names.Layer(i, names.input_norm), hidden, 1, 0.1f);
    linear(names.q, q, hidden, 1, c.qkv_bias);
    linear(names.k, kv, hidden, 1, c.qkv_bias);
    linear(names.v, kv, hidden, 1, c.qkv_bias);
    linear(names.o, hidden, q, residual, c.o_bias);
    if (c.qk_norm) {
      vector(names.Layer(i, names.q_norm), c.head_dim, 1, 0.1f);
      vector(names.Layer(i, names.k_norm), c.head_dim, 1, 0.1f);
    }
    vector(names.Layer(i, names.post_norm), hidden, 1, 0.1f);
    linear(names.gate, c.intermediate_size, hidden, 1, c.mlp_bias);
    linear(names.up, c.intermediate_size, hidden, 1, c.mlp_bias);
    linear(names.down, hidden, c.intermediate_size, 2 * residual, c.mlp_bias);
  }
  vector(std::string(names.final_norm) + ".weight", hidden, 1, 0.1f);
  if (stored_head) matrix(std::string(names.head) + ".weight", c.vocab_size, hidden, 2);
  return out;
}

void ShowProgress(uint64_t done, uint64_t all) {
  static int shown = -1;
  const int percent = static_cast<int>(done * 100 / all);
  if (!StderrIsTerminal() || percent == shown) return;
  shown = percent;
  std::string bar(static_cast<std::size_t>(percent) * 3 / 10, '#');
  bar.resize(30, '.');
  std::cerr << "\r[" << bar << "] " << percent << " % of " << FormatBytes(all) << std::flush;
  if (percent == 100) std::cerr << "\n";
}

Status WriteWeights(const ModelConfig& config, const std::string& path, uint64_t seed) {
  const std::vector<Draw> draws = Tensors(config, !config.tie_word_embeddings);
  std::vector<TensorSpec> specs;
  for (const Draw& d : draws) specs.push_back(d.spec);
  LACUNA_ASSIGN_OR_RETURN(SafetensorsWriter writer, SafetensorsWriter::Create(path, specs, {{"format", "pt"}}));
  const uint64_t all = writer.data_bytes();
  std::error_code error;
  const auto space = std::filesystem::space(std::filesystem::path(path).parent_path(), error);
  if (!error && space.available < all) {
    return IoError(path + ": the model takes " + FormatBytes(all) + ", but the disk has only " +
                   FormatBytes(space.available) + " left");
  }
  std::vector<float> quantiles(65536);
  for (std::size_t i = 0; i < quantiles.size(); ++i) {
    quantiles[i] = static_cast<float>(NormalQuantile((static_cast<double>(i) + 0.5) / 65536));
  }
  std::vector<bf16> buffer(std::size_t{1} << 20);
  uint64_t number = 0;
  for (const Draw& draw : draws) {
    Values values(quantiles, draw.mean, draw.std, (seed << 20) + number++);
    int64_t left = 1;
    for (int64_t n : draw.spec.shape) left *= n;
    while (left > 0) {
      if (cancelled()) return Cancelled();
      const auto n = std::min(static_cast<std::size_t>(left), buffer.size());
      values.Fill({buffer.data(), n});
      LACUNA_RETURN_IF_ERROR(writer.Append(std::as_bytes(std::span(buffer.data(), n))));
      left -= static_cast<int64_t>(n);
      ShowProgress(writer.written(), all);
    }
  }
  return writer.Finish();
}

Status WriteText(const std::string& path, const std::string& text) {
  LACUNA_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  LACUNA_RETURN_IF_ERROR(file.Append(text));
  return file.Commit();
}

Result<nlohmann::ordered_json> ConfigJson(const Flags& flags) {
  if (flags.config.empty()) {
    auto config = ShapeConfig(flags.shape);
    if (!config) return InvalidInput("--shape: '" + flags.shape + "' is not known, expected one of " + ShapeList());
    return *std::move(config);
  }
  LACUNA_ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.config, std::size_t{16} << 20));
  // ParseConfig says what is wrong with it, in our words; this is only for writing it back.
  LACUNA_RETURN_IF_ERROR(ParseConfig(text, flags.config).status());
  return nlohmann::ordered_json::parse(text);
}

Status WriteModel(const Flags& flags, const std::string& dir) {
  LACUNA_ASSIGN_OR_RETURN(nlohmann::ordered_json json, ConfigJson(flags));
  if (flags.layers > 0) {
    json["num_hidden_layers"] = flags.layers;
    json.erase("layer_types");
  }
  LACUNA_ASSIGN_OR_RETURN(ModelConfig config, ParseConfig(json.dump(), flags.config.empty() ? flags.shape : flags.config));
  if (config.vocab_size < 260) {
    return InvalidInput("vocab_size is " + std::to_string(config.vocab_size) +
                        ", expected at least 260: 256 bytes and the special tokens");
  }
  const int bos = config.bos_token_id.value_or(config.vocab_size - 2);
  const int eos = config.eos_token_ids.empty() ? config.vocab_size - 1 : config.eos_token_ids[0];
  if (bos < 0 || bos >= config.vocab_size || eos < 0 || eos >= config.vocab_size || bos == eos) {
    return InvalidInput("bos_token_id and eos_token_id must be two ids below vocab_size " +
                        std::to_string(config.vocab_size));
  }
  LACUNA_RETURN_IF_ERROR(WriteWeights(config, dir + "/model.safetensors", flags.seed));
  LACUNA_RETURN_IF_ERROR(WriteText(dir + "/config.json", json.dump(2) + "\n"));
  LACUNA_RETURN_IF_ERROR(WriteText(dir + "/tokenizer.json", MakeTokenizer(config.vocab_size, bos, eos)));
  const nlohmann::ordered_json tokenizer_config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                                                   {"bos_token", "<|begin_of_text|>"},
                                                   {"eos_token", "<|end_of_text|>"}};
  LACUNA_RETURN_IF_ERROR(WriteText(dir + "/tokenizer_config.json", tokenizer_config.dump(2) + "\n"));
  const nlohmann::ordered_json generation = {{"bos_token_id", bos}, {"eos_token_id", eos}};
  return WriteText(dir + "/generation_config.json", generation.dump(2) + "\n");
}

Status RunSynth(const Flags& flags) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path output = fs::path(flags.output).lexically_normal();
  if (!output.has_filename()) output = output.parent_path();
  if (fs::exists(output, error) && !fs::is_empty(output, error)) {
    return InvalidInput(flags.output + " exists and is not empty: choose another folder, or remove it");
  }
  // The folder appears under its name when everything is in it.
  const fs::path partial = output.string() + ".partial-" + std::to_string(getpid());
  fs::create_directories(partial, error);
  if (error) return IoError(partial.string() + ": cannot create the folder: " + error.message());
  const CancelScope cancel;
  Status status = WriteModel(flags, partial.string());
  if (status.ok()) {
    fs::rename(partial, output, error);
    if (error) status = IoError(output.string() + ": cannot put the folder in place: " + error.message());
  }
  if (!status.ok()) {
    fs::remove_all(partial, error);
    return status;
  }
  std::cerr << "wrote " << flags.output << "\n";
  return {};
}

}  // namespace

void AddSynth(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  auto* what = app.add_option_group("Shape", "one of");
  Add(*what, "--shape", flags->shape, "A known shape: " + ShapeList())->type_name("NAME");
  Add(*what, "--config", flags->config, "A config.json to take the shape from")->type_name("FILE");
  what->require_option(1);
  Add(app, "-o,--output", flags->output, "Folder to write; it must not exist yet, or be empty")
      ->required()
      ->type_name("DIR");
  Add(app, "--layers", flags->layers, "Layers, if not the shape's")->check(CLI::Range(1, 100000))->type_name("N");
  Add(app, "--seed", flags->seed, "Seed of the weights")->type_name("S")->capture_default_str();
  app.callback([flags, run] { *run = [flags] {
    const Status status = RunSynth(*flags);
    return status.ok() ? 0 : Fail(status);
  }; });
}

}  // namespace lacuna::tools
