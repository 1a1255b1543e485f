#include "compress/compress_plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/status_macros.h"
#include "compress/begin_token.h"
#include "compress/calibration.h"
#include "compress/levels.h"
#include "lacuna/version.h"
#include "model/model_texts.h"
#include "model/pack_model.h"

namespace lacuna {
namespace {

// Whoever changes what compression computes raises it: unfinished runs of another version are not continued.
constexpr int kAlgorithmVersion = 1;
constexpr int64_t kLongestSequence = 2048;

Result<Codec> NamedCodec(const std::string& name, const CompressOptions& options) {
  LACUNA_ASSIGN_OR_RETURN(Codec codec, ParseCodec(name));
  if (codec == Codec::kF32) return InvalidInput("weights: f32 weights are not packed");
  if (options.bf16_activations && codec.scaled()) {
    codec.activations = Activations::kBf16;
    codec.activation_group = 0;
  }
  return codec;
}

Result<Codec> LayerCodec(const CompressOptions& options) {
  if (options.weights.rfind("bitmap-", 0) == 0) {
    return InvalidInput("weights: " + options.weights + "; zeros are left out where weights are pruned, name " +
                        options.weights.substr(7));
  }
  const bool pruned = options.prune != PruneMethod::kNone;
  LACUNA_ASSIGN_OR_RETURN(Codec codec, NamedCodec((pruned ? "bitmap-" : "") + options.weights, options));
  if (options.group >= 0) {
    if (!codec.scaled()) return InvalidInput("group: " + options.weights + " weights have no scales to share");
    SetGroup(options.group, &codec);
    if (options.bf16_activations) codec.activation_group = 0;
  }
  if (pruned) {
    codec.pattern_n = options.pattern_n;
    codec.pattern_m = options.pattern_m;
  }
  LACUNA_RETURN_IF_ERROR(ValidateCodec(codec, "weights"));
  return codec;
}

Status CheckSparsity(const CompressOptions& options) {
  if (options.prune == PruneMethod::kNone || options.prune == PruneMethod::kKeep || options.pattern_m > 0) return {};
  if (options.sparsity > 0 && options.sparsity < 1) return {};
  char number[32];
  std::snprintf(number, sizeof number, "%g", options.sparsity);
  return InvalidInput(
      std::string("sparsity: ") + number +
      " is not between 0 and 1, the share of each row's weights that goes, as in 0.5; or a pattern N:M");
}

// Of the tensors' beginnings: a changed model is noticed, if hardly one byte in it.
uint64_t FilesChecksum(const ModelFiles& files) {
  Checksum sum;
  for (const auto& [name, tensor] : files.tensors()) {
    sum.Add(std::as_bytes(std::span(name.data(), name.size())));
    for (int64_t n : tensor.shape) sum.AddValue(n);
    sum.AddValue(static_cast<int64_t>(tensor.data.size()));
    sum.Add(tensor.data.first(std::min<std::size_t>(tensor.data.size(), 4096)));
    sum.Add(tensor.data.last(std::min<std::size_t>(tensor.data.size(), 4096)));
  }
  return sum.value();
}

std::string Hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace

const char* PruneName(PruneMethod method) {
  switch (method) {
    case PruneMethod::kKeep:
      return "keep";
    case PruneMethod::kMagnitude:
      return "magnitude";
    case PruneMethod::kWanda:
      return "wanda";
    case PruneMethod::kSparseGpt:
      return "sparsegpt";
    default:
      return "none";
  }
}

const char* AllocateName(AllocateMethod method) {
  return method == AllocateMethod::kUniform       ? "uniform"
         : method == AllocateMethod::kSensitivity ? "sensitivity"
                                                  : "none";
}

const char* RoundName(RoundMethod method) { return method == RoundMethod::kGptq ? "gptq" : "rtn"; }

Result<CompressPlan> MakePlan(const std::string& source, const CompressOptions& options) {
  LACUNA_RETURN_IF_ERROR(CheckSparsity(options));
  if (!(options.damping >= 0 && options.damping <= 100)) return InvalidInput("damping: must be from 0 to 100");
  CompressPlan plan;
  LACUNA_ASSIGN_OR_RETURN(const Codec codec, LayerCodec(options));
  LACUNA_ASSIGN_OR_RETURN(plan.config, LoadConfig(source));
  const ModelConfig& config = plan.config;
  if (config.quantization) {
    return InvalidInput(source + ": is packed already, as " + CodecName(config.quantization->codec) +
                        "; compress the model it was made from");
  }
  LACUNA_ASSIGN_OR_RETURN(plan.files, ModelFiles::Open(source));
  const TensorNames& names = *config.family->names;
  const bool head = !config.tie_word_embeddings || plan.files.Find(std::string(names.head) + ".weight") != nullptr;
  plan.tensors = ListTensors(config, head);

  LACUNA_ASSIGN_OR_RETURN(const Codec outside,
                          NamedCodec(codec.coded() ? "int8" : std::string(options.weights), options));
  std::vector<CodecRule> rules = {{names.embedding, outside}};
  if (head) rules.emplace_back(names.head, outside);
  for (const auto& [name, kept] : options.keep) {
    LACUNA_ASSIGN_OR_RETURN(const Codec rule, NamedCodec(kept, options));
    rules.emplace_back(name, rule);
  }
  LACUNA_ASSIGN_OR_RETURN(plan.codecs, ChooseCodecs(plan.tensors, codec, rules));
  if (options.allocate != AllocateMethod::kNone) {
    if (!(options.budget_bits > 0 && options.budget_bits <= 32)) {
      return InvalidInput("budget: must be more than 0 and at most 32 bits a weight");
    }
    if (options.pattern_m > 0) return InvalidInput("sparsity: is chosen by the allocation");
    LACUNA_ASSIGN_OR_RETURN(plan.levels, CandidateLevels(codec, options));
  }
  plan.rule = {.fraction = options.sparsity, .n = options.pattern_n, .m = options.pattern_m};

  LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, LoadModelTokenizer(source));
  if (tokenizer == nullptr) {
    return InvalidInput(source + ": has no tokenizer.json, which the calibration text needs");
  }
  LACUNA_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, tokenizer->Encode(options.calibration, false));
  for (int32_t id : ids) {
    if (id >= config.vocab_size) {
      return InvalidInput(source + ": the tokenizer gives the calibration text token " + std::to_string(id) +
                          ", and the model knows " + std::to_string(config.vocab_size));
    }
  }
  LACUNA_ASSIGN_OR_RETURN(const auto begin, BeginToken(*tokenizer));
  const int64_t context = config.max_position_embeddings;
  if (options.sequence_tokens > context) {
    return InvalidInput("sequences of " + std::to_string(options.sequence_tokens) +
                        " tokens are longer than the model's context, " + std::to_string(context));
  }
  const int64_t length = options.sequence_tokens > 0 ? options.sequence_tokens : std::min(context, kLongestSequence);
  const int64_t widest = std::max(
      {int64_t{config.hidden_size}, int64_t{config.num_heads} * config.head_dim, int64_t{config.intermediate_size}});
  LACUNA_ASSIGN_OR_RETURN(
      plan.sequences,
      CalibrationSequences(ids, begin, {.sequences = options.sequences, .length = length, .widest = widest}));
  return plan;
}

nlohmann::ordered_json PlanJson(const CompressPlan& plan, const CompressOptions& options) {
  Checksum tokens;
  for (const auto& sequence : plan.sequences) tokens.Add(std::as_bytes(std::span(sequence)));
  nlohmann::ordered_json codecs = ToJson(plan.codecs);
  nlohmann::ordered_json plan_json = {
      {"version", std::to_string(kAlgorithmVersion) + " of lacuna " + LACUNA_VERSION_STRING},
      {"model", Hex(FilesChecksum(plan.files))},
      {"codecs", std::move(codecs)},
      {"prune", PruneName(options.prune)},
      {"sparsity", {{"fraction", plan.rule.fraction}, {"n", plan.rule.n}, {"m", plan.rule.m}}},
      {"method", RoundName(options.round)},
      {"order", options.order},
      {"damping", options.damping},
      {"sequences", plan.sequences.size()},
      {"calibration text", Hex(tokens.value())}};
  if (options.allocate != AllocateMethod::kNone) {
    nlohmann::ordered_json levels = nlohmann::ordered_json::array();
    for (const Level& level : plan.levels) levels.push_back(level.name);
    plan_json["allocate"] = std::move(levels);  // method and budget do not matter before the choice
  }
  if (options.dense_inputs) plan_json["inputs"] = "dense";
  return plan_json;
}

}  // namespace lacuna
