#include "io/model_files.h"

#include <nlohmann/json.hpp>

#include <set>
#include <utility>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/gguf.h"
#include "io/gguf_tensors.h"
#include "io/json.h"

namespace lacuna {
namespace {

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

// A shard is a file of the folder itself. (A symbolic link there may point anywhere: Hugging Face's cache is made of
// them, and whoever can place links in the folder could as well place the weights.)
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

}  // namespace

Result<ShardIndex> ParseShardIndex(std::string_view text, const std::string& path) {
  LACUNA_ASSIGN_OR_RETURN(const Json json, ParseJson(text, path));
  LACUNA_ASSIGN_OR_RETURN(const JsonReader reader, JsonReader::Create(path, json));
  const Json* map = reader.Find("weight_map");
  if (!map || !map->is_object() || map->empty())
    return reader.WrongValue("weight_map", "it must be an object of tensor names and the shards they are in");
  ShardIndex result;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string())
      return InvalidInput(path + ": the shard of tensor " + JsonQuote(tensor) + " is " + JsonExcerpt(shard) +
                          "; it must be a file name");
    const std::string& file = shard.get_ref<const std::string&>();
    if (!IsPlainFileName(file))
      return InvalidInput(path + ": the shard of tensor " + JsonQuote(tensor) + " is " + JsonExcerpt(shard) +
                          "; it must be a file in the same folder, named without a path");
    result.emplace(tensor, file);
  }
  return result;
}

Result<ModelFiles> ModelFiles::OpenGguf(const std::string& path) {
  LACUNA_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::Open(path));
  LACUNA_ASSIGN_OR_RETURN(std::vector<NamedTensor> tensors, GgufModelTensors(file));
  ModelFiles model;
  model.dir_ = path;
  model.gguf_ = true;
  model.files_.emplace_back(file.mapping(), std::map<std::string, std::string>());
  for (NamedTensor& named : tensors) model.tensors_.emplace(std::move(named.name), std::move(named.tensor));
  return model;
}

Result<ModelFiles> ModelFiles::Open(const std::string& dir) {
  if (IsGguf(dir)) return OpenGguf(dir);
  ModelFiles model;
  model.dir_ = dir;
  if (KindOf(dir) == FileKind::kMissing) return InvalidInput(dir + ": no such folder");
  if (KindOf(dir) != FileKind::kDirectory)
    return InvalidInput(dir + ": is not a folder; a model is a folder with config.json and " + kSingle +
                        ", or a GGUF file");
  const std::string index_path = JoinPath(dir, kIndex);
  std::set<std::string> names;
  if (KindOf(JoinPath(dir, kSingle)) != FileKind::kMissing) {
    names.insert(kSingle);
  } else if (KindOf(index_path) != FileKind::kMissing) {
    LACUNA_ASSIGN_OR_RETURN(const std::string text, ReadFile(index_path, JsonLimits{}.max_bytes));
    LACUNA_ASSIGN_OR_RETURN(model.weight_map_, ParseShardIndex(text, index_path));
    for (const auto& [tensor, file] : model.weight_map_) names.insert(file);
  } else {
    const bool pickled = KindOf(JoinPath(dir, "pytorch_model.bin")) != FileKind::kMissing ||
                         KindOf(JoinPath(dir, "pytorch_model.bin.index.json")) != FileKind::kMissing;
    return InvalidInput(dir + ": has neither " + kSingle + " nor " + kIndex +
                        (pickled ? "; pytorch_model.bin is not read: convert it to safetensors" : ""));
  }
  for (const std::string& name : names) {
    const std::string path = JoinPath(dir, name);
    if (!model.weight_map_.empty() && KindOf(path) == FileKind::kMissing)
      return InvalidInput(path + ": no such file; " + kIndex + " names it as a shard");
    LACUNA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(path));
    for (Tensor tensor : file.tensors()) {
      tensor.file = static_cast<uint32_t>(model.files_.size());
      const std::string key = tensor.name;
      model.tensors_.insert_or_assign(key, std::move(tensor));
    }
    model.files_.emplace_back(file.shared_mapping(), file.metadata());
  }
  return model;
}

const Tensor* ModelFiles::Find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

Result<const Tensor*> ModelFiles::Get(std::string_view name) const {
  if (const Tensor* tensor = Find(name)) return tensor;
  if (gguf_) {
    const bool sandwich = Find("model.layers.0.pre_feedforward_layernorm.weight") != nullptr;
    return InvalidInput(dir_ + ": tensor `" + HuggingFaceToGguf(name, sandwich) + "` is missing");
  }
  const auto listed = weight_map_.find(name);
  std::string message = dir_ + ": tensor `" + std::string(name) + "` is missing";
  if (listed != weight_map_.end())
    message += ": " + std::string(kIndex) + " says that it is in " + listed->second + ", which does not hold it";
  else if (weight_map_.empty())
    message += " from " + std::string(kSingle);
  else
    message += " from all " + std::to_string(files_.size()) + " shards";
  return InvalidInput(std::move(message));
}

std::string ModelFiles::Where(const Tensor& tensor) const {
  return files_[tensor.file].path() + ": tensor `" + tensor.name + "`";
}

}  // namespace lacuna
