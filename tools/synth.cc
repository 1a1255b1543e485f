// lacuna synth: a Hugging Face directory of a known shape with random weights, written as a stream. Speed depends on
// shapes, not on what the numbers mean, so such a model times an engine as well as a trained one.
#include <oneapi/tbb/task_arena.h>

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
#include "model/tensor_list.h"
#include "threading/topology.h"
#include "tools/codec_flags.h"
#include "tools/command.h"
#include "tools/output_folder.h"
#include "tools/synth_shapes.h"
#include "weights/packed_file.h"
#include "weights/random_packed.h"

namespace lacuna::tools {
namespace {

struct Flags {
  std::string shape;
  std::string config;
  std::string output;
  int layers = 0;
  uint64_t seed = 0;
  CodecFlags codec;
  double density = 0.5;
  bool skew = false;
};

// The normal distribution's quantile at (i + 0.5) / 65536 (Acklam's rational approximation), from our own log so that
// one seed gives one file on every machine.
double NormalQuantile(double p) {
  const double a[] = {-39.69683028665376, 220.9460984245205,  -275.9285104469687,
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
class RandomValues {
 public:
  RandomValues(const std::vector<float>& quantiles, float mean, float std, uint64_t seed)
      : state_(seed), table_(65536) {
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

// Weights have a spread that keeps activations of order one through any depth: an output of inputs with spread 1 has
// this.
double Gain(TensorRole role, const ModelConfig& config) {
  const double residual = 1 / std::sqrt(2.0 * config.num_layers);
  switch (role) {
    case TensorRole::kAttentionOut:
      return residual;
    case TensorRole::kDown:
      return 2 * residual;
    case TensorRole::kEmbedding:
    case TensorRole::kHead:
      return 2;
    default:
      return 1;
  }
}

float Mean(TensorRole role, const ModelConfig& config) {
  return role == TensorRole::kNorm && !config.norm_plus_one ? 1.0f : 0.0f;
}

float Spread(const ModelTensor& tensor, const ModelConfig& config) {
  if (tensor.role == TensorRole::kNorm) return 0.1f;
  if (tensor.role == TensorRole::kBias) return 0.02f;
  return static_cast<float>(Gain(tensor.role, config) / std::sqrt(static_cast<double>(tensor.shape[1])));
}

Status EnoughSpace(const std::string& path, uint64_t bytes) {
  std::error_code error;
  const auto space = std::filesystem::space(std::filesystem::path(path).parent_path(), error);
  if (error || space.available >= bytes) return {};
  return IoError(path + ": the model takes " + FormatBytes(bytes) + ", but the disk has only " +
                 FormatBytes(space.available) + " left");
}

class WeightsWriter {
 public:
  WeightsWriter(const ModelConfig& config, uint64_t seed)
      : config_(config), tensors_(ListTensors(config, !config.tie_word_embeddings)), seed_(seed), quantiles_(65536) {
    for (std::size_t i = 0; i < quantiles_.size(); ++i) {
      quantiles_[i] = static_cast<float>(NormalQuantile((static_cast<double>(i) + 0.5) / 65536));
    }
  }

  Status Write(const std::string& path) {
    tensors_ = AsStored(tensors_);
    std::vector<TensorSpec> specs;
    for (const ModelTensor& t : tensors_) specs.push_back({t.name, DType::kBF16, t.shape});
    LACUNA_ASSIGN_OR_RETURN(SafetensorsWriter writer, SafetensorsWriter::Create(path, specs, {{"format", "pt"}}));
    LACUNA_RETURN_IF_ERROR(EnoughSpace(path, writer.data_bytes()));
    const uint64_t all = writer.data_bytes();
    for (std::size_t i = 0; i < tensors_.size(); ++i) LACUNA_RETURN_IF_ERROR(Values(i, all, &writer));
    return writer.Finish();
  }

  // Matrices packed, first; what they take in memory is one of them.
  Status WritePacked(const std::string& path, const QuantizationConfig& codecs, double density, bool skew) {
    uint64_t header = 0, all = 0, done = 0;
    for (const ModelTensor& t : tensors_) {
      header += t.matrix() ? PackedHeaderBytes(t.name) : SafetensorsWriter::HeaderBytes(t.name);
      all += t.matrix() ? static_cast<uint64_t>(t.shape[0] * t.shape[1]) : 0;
    }
    LACUNA_ASSIGN_OR_RETURN(SafetensorsWriter writer, SafetensorsWriter::CreateGrowing(path, header, PackedMetadata()));
    tbb::task_arena arena(DefaultThreadCount());
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const ModelTensor& t = tensors_[i];
      if (!t.matrix()) continue;
      if (cancelled()) return Cancelled();
      const RandomSpec spec{.density = density, .skew = skew, .gain = Gain(t.role, config_), .seed = (seed_ << 20) + i};
      const Result<PackedWeight> packed =
          arena.execute([&] { return RandomPacked(t.name, t.shape[0], t.shape[1], codecs.Of(t.name), spec); });
      if (!packed.ok()) return packed.status();
      LACUNA_RETURN_IF_ERROR(AppendPacked(t.name, *packed, &writer));
      done += static_cast<uint64_t>(t.shape[0] * t.shape[1]);
      ShowProgress(static_cast<double>(done) / static_cast<double>(all), std::to_string(all / 1000000) + " M weights");
    }
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (tensors_[i].matrix()) continue;
      LACUNA_RETURN_IF_ERROR(writer.Declare({tensors_[i].name, DType::kBF16, tensors_[i].shape}));
      LACUNA_RETURN_IF_ERROR(Values(i, 0, &writer));
    }
    return writer.Finish();
  }

 private:
  // bf16 values of one tensor, shown as a part of `all` bytes.
  Status Values(std::size_t number, uint64_t all, SafetensorsWriter* writer) {
    const ModelTensor& tensor = tensors_[number];
    RandomValues values(quantiles_, Mean(tensor.role, config_), Spread(tensor, config_), (seed_ << 20) + number);
    int64_t left = 1;
    for (int64_t n : tensor.shape) left *= n;
    std::vector<bf16> buffer(static_cast<std::size_t>(std::min<int64_t>(left, 1 << 20)));
    while (left > 0) {
      if (cancelled()) return Cancelled();
      const auto n = std::min(static_cast<std::size_t>(left), buffer.size());
      values.Fill({buffer.data(), n});
      LACUNA_RETURN_IF_ERROR(writer->Append(std::as_bytes(std::span(buffer.data(), n))));
      left -= static_cast<int64_t>(n);
      if (all > 0) ShowProgress(static_cast<double>(writer->written()) / static_cast<double>(all), FormatBytes(all));
    }
    return {};
  }

  const ModelConfig& config_;
  std::vector<ModelTensor> tensors_;
  const uint64_t seed_;
  std::vector<float> quantiles_;
};

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
  LACUNA_ASSIGN_OR_RETURN(ModelConfig config,
                          ParseConfig(json.dump(), flags.config.empty() ? flags.shape : flags.config));
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
  WeightsWriter weights(config, flags.seed);
  if (flags.codec.codec.empty()) {
    LACUNA_RETURN_IF_ERROR(weights.Write(dir + "/model.safetensors"));
  } else {
    LACUNA_ASSIGN_OR_RETURN(const Codec codec, flags.codec.Parse());
    LACUNA_ASSIGN_OR_RETURN(const std::vector<CodecRule> rules, flags.codec.Rules());
    LACUNA_ASSIGN_OR_RETURN(const QuantizationConfig codecs,
                            ChooseCodecs(ListTensors(config, !config.tie_word_embeddings), codec, rules));
    LACUNA_RETURN_IF_ERROR(weights.WritePacked(dir + "/model.safetensors", codecs, flags.density, flags.skew));
    json["quantization_config"] = ToJson(codecs);
  }
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
  const CancelScope cancel;
  LACUNA_RETURN_IF_ERROR(
      WriteFolder(flags.output, [&](const std::string& folder) { return WriteModel(flags, folder); }));
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
  flags->codec.AddTo(app);
  Add(app, "--density", flags->density, "Share of weights that a bitmap- codec stores")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("D")
      ->capture_default_str();
  AddSwitch(app, "--skew", flags->skew, "More of them in the first channels and inputs than in the last");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunSynth(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
