#include "model/export_model.h"

#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/model_files.h"
#include "io/safetensors_writer.h"
#include "model/config.h"
#include "model/model_texts.h"
#include "model/tensor_list.h"
#include "model/write_packed.h"
#include "threading/arena.h"
#include "weights/export_tensors.h"
#include "weights/packed_file.h"
#include "weights/validate_packed.h"

namespace lacuna {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLargestText = std::size_t{256} << 20;

// A tensor as Hugging Face's files have it, and the parameters that are its rows: several of fused projections.
struct Module {
  std::string name;  // without ".weight"
  TensorRole role;
  std::vector<const ModelTensor*> parts;
};

std::vector<Module> Modules(const std::vector<ModelTensor>& tensors) {
  std::vector<Module> out;
  std::map<std::string, std::size_t> at;
  for (const ModelTensor& tensor : tensors) {
    if (!tensor.matrix()) continue;
    std::string name = tensor.fused.name.empty() ? tensor.name : tensor.fused.name;
    name.resize(name.size() - std::string_view(".weight").size());
    const auto [it, added] = at.emplace(name, out.size());
    if (added) out.push_back({name, tensor.role, {}});
    out[it->second].parts.push_back(&tensor);
  }
  return out;
}

class Exporter {
 public:
  Exporter(const std::string& source, const std::string& output, const ExportModelOptions& options, ModelConfig config,
           ModelFiles files)
      : source_(source),
        output_(output),
        options_(options),
        config_(std::move(config)),
        files_(std::move(files)),
        head_(std::string(config_.family->names->head)),
        own_head_(HasPacked(files_, head_ + ".weight")),
        tensors_(ListTensors(config_, own_head_)),
        modules_(Modules(tensors_)) {}

  Status Run() {
    LACUNA_RETURN_IF_ERROR(ReadTexts());
    LACUNA_RETURN_IF_ERROR(Describe());
    LACUNA_RETURN_IF_ERROR(CopySmallFiles(source_, output_));
    LACUNA_RETURN_IF_ERROR(AtomicWrite(JoinPath(output_, "config.json"), json_.dump(2) + "\n"));
    return WriteTensors();
  }

 private:
  // What only this library reads is refused before anything is written.
  Status ReadTexts() {
    LACUNA_ASSIGN_OR_RETURN(const auto text, ReadModelText(source_, "config.json", kLargestText));
    if (!text) return InvalidInput(source_ + ": config.json is gone");
    json_ = ordered_json::parse(*text, nullptr, false);  // LoadConfig has read it
    json_.erase("quantization_config");
    if (json_.contains("norm_plus_one")) {
      return InvalidInput(source_ +
                          "/config.json: norm_plus_one is of a model made from GGUF, which other programs do "
                          "not know: pack the model's Hugging Face directory instead");
    }
    LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, ReadModelText(source_, "tokenizer.json", kLargestText));
    if (tokenizer && tokenizer->find("\"ScoredBPE\"") != std::string::npos) {
      return InvalidInput(source_ +
                          "/tokenizer.json: ScoredBPE is of a model made from GGUF, which other programs do not "
                          "know: pack the model's Hugging Face directory instead");
    }
    return {};
  }

  Result<PackedWeight> Open(const ModelTensor& tensor) const {
    LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, OpenPacked(files_, tensor.name, tensor.shape[0], tensor.shape[1],
                                                            config_.quantization->Of(tensor.name)));
    LACUNA_RETURN_IF_ERROR(ValidatePacked(source_ + ": parameter `" + tensor.name + "`", &weight));
    return weight;
  }

  // Every module's scheme, and from them quantization_config.
  Status Describe() {
    std::map<std::string, std::vector<std::string>> modules_of;  // by the scheme's text
    std::map<std::string, std::size_t> linear;                   // of them those of layers and head
    std::vector<std::string> dense;
    for (const Module& module : modules_) {
      if (options_.cancelled && options_.cancelled()) return Cancelled();
      ordered_json scheme;
      for (const ModelTensor* part : module.parts) {
        LACUNA_ASSIGN_OR_RETURN(const PackedWeight weight, Open(*part));
        LACUNA_ASSIGN_OR_RETURN(ordered_json of_part, ExportScheme(source_ + ": " + part->name, weight));
        const bool first = part == module.parts[0];
        if (!first && (of_part != scheme || ExportUnit(weight) != unit_[module.name])) {
          return InvalidInput(source_ + ": " + part->name + " is stored in another way than " + module.parts[0]->name +
                              ", and other programs have both in one tensor, " + module.name);
        }
        scheme = std::move(of_part);
        unit_[module.name] = ExportUnit(weight);
      }
      if (scheme.is_null()) {
        if (module.role != TensorRole::kEmbedding) dense.push_back(module.name);
        continue;
      }
      const std::string text = scheme.dump();
      modules_of[text].push_back(module.name);
      if (module.role != TensorRole::kEmbedding) ++linear[text];
    }
    if (modules_of.empty()) return {};
    if (!own_head_) dense.push_back(head_);  // tied: it has no weights of its own
    const auto most = std::max_element(linear.begin(), linear.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    std::set<std::string> formats;
    ordered_json groups = ordered_json::object();
    for (const auto& [text, names] : modules_of) {
      ordered_json group = {{"targets", names}};
      // The scheme that most have is that of all linear layers; names go before it.
      if (most != linear.end() && text == most->first) {
        group["targets"] = {"Linear"};
        for (const Module& module : modules_) {
          const bool embedding = module.role == TensorRole::kEmbedding;
          if (embedding && std::find(names.begin(), names.end(), module.name) != names.end())
            group["targets"].push_back(module.name);
        }
      }
      group.update(ordered_json::parse(text));
      formats.insert(group["format"].get<std::string>());
      groups["group_" + std::to_string(groups.size())] = std::move(group);
    }
    json_["quantization_config"] = {
        {"quant_method", "compressed-tensors"}, {"format", formats.size() == 1 ? *formats.begin() : "mixed-precision"},
        {"quantization_status", "compressed"},  {"ignore", dense},
        {"kv_cache_scheme", nullptr},           {"config_groups", std::move(groups)}};
    return {};
  }

  Status WriteTensors() const {
    uint64_t header = 0;
    for (const ModelTensor& tensor : tensors_)
      header += 4 * SafetensorsWriter::HeaderBytes(tensor.name + "_zero_point");
    LACUNA_ASSIGN_OR_RETURN(
        SafetensorsWriter writer,
        SafetensorsWriter::CreateGrowing(JoinPath(output_, "model.safetensors"), header, {{"format", "pt"}}));
    tbb::task_arena arena(ArenaThreadCount(options_.threads > 0 ? options_.threads : DefaultThreadCount()));
    std::size_t done = 0;
    for (const Module& module : modules_) {
      if (options_.cancelled && options_.cancelled()) return Cancelled();
      std::vector<UnpackedWeight> parts;
      for (const ModelTensor* part : module.parts) {
        LACUNA_ASSIGN_OR_RETURN(const PackedWeight weight, Open(*part));
        parts.push_back(arena.execute([&] { return UnpackRows(weight); }));
      }
      for (const ExportedTensor& tensor : ExportTensors(parts, unit_.at(module.name))) {
        LACUNA_RETURN_IF_ERROR(writer.Declare({module.name + "." + tensor.name, tensor.dtype, tensor.shape}));
        LACUNA_RETURN_IF_ERROR(writer.Append(tensor.data));
      }
      ++done;
      if (options_.progress) options_.progress(static_cast<double>(done) / static_cast<double>(modules_.size()));
    }
    for (const ModelTensor& entry : tensors_) {
      if (entry.matrix()) continue;
      LACUNA_ASSIGN_OR_RETURN(const Tensor* tensor, files_.Get(entry.name));
      LACUNA_RETURN_IF_ERROR(writer.Declare({entry.name, tensor->dtype, tensor->shape}));
      LACUNA_RETURN_IF_ERROR(writer.Append(tensor->data));
    }
    return writer.Finish();
  }

  const std::string& source_;
  const std::string& output_;
  const ExportModelOptions& options_;
  const ModelConfig config_;
  const ModelFiles files_;
  const std::string head_;
  const bool own_head_;
  const std::vector<ModelTensor> tensors_;
  const std::vector<Module> modules_;
  std::map<std::string, float> unit_;  // by module
  ordered_json json_;
};

}  // namespace

Status ExportModel(const std::string& source, const std::string& output, const ExportModelOptions& options) {
  LACUNA_ASSIGN_OR_RETURN(ModelConfig config, LoadConfig(source));
  if (!config.quantization) {
    return InvalidInput(source + ": is no packed model; `lacuna pack` or `lacuna compress` makes one");
  }
  LACUNA_ASSIGN_OR_RETURN(ModelFiles files, ModelFiles::Open(source));
  return Exporter(source, output, options, std::move(config), std::move(files)).Run();
}

}  // namespace lacuna
