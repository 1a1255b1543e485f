// The weights of a model: of a Hugging Face directory (model.safetensors, or the shards that
// model.safetensors.index.json names) or of a GGUF file, whose tensors get Hugging Face's names.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors.h"
#include "lacuna/status.h"

namespace lacuna {

// Tensor to shard, as model.safetensors.index.json says.
using ShardIndex = std::map<std::string, std::string, std::less<>>;

// Never empty; shards are names without a path, so that they stay in the model's folder. `path` starts every message.
Result<ShardIndex> ParseShardIndex(std::string_view text, const std::string& path);

// One file of weights.
class WeightFile {
 public:
  WeightFile(std::shared_ptr<const MappedFile> mapping, std::map<std::string, std::string> metadata)
      : mapping_(std::move(mapping)), metadata_(std::move(metadata)) {}
  const std::string& path() const { return mapping_->path(); }
  const MappedFile& mapping() const { return *mapping_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }  // of safetensors

 private:
  std::shared_ptr<const MappedFile> mapping_;
  std::map<std::string, std::string> metadata_;
};

// Directories as Hugging Face loads them: model.safetensors goes before an index; every tensor of every named shard
// counts, listed in the index or not; of a name in several shards the last file's (by file name) is taken.
class ModelFiles {
 public:
  // A directory or a GGUF file.
  static Result<ModelFiles> Open(const std::string& path);

  const std::string& dir() const { return dir_; }  // or the GGUF file
  bool gguf() const { return gguf_; }
  const std::vector<WeightFile>& files() const { return files_; }
  // All tensors, ascending by name.
  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }

  const Tensor* Find(std::string_view name) const;  // null if there is none
  // The same, with an error that says where the tensor should have been.
  Result<const Tensor*> Get(std::string_view name) const;
  // "DIR/model-00001-of-00002.safetensors: tensor `name`", to start messages with. The name is the file's own.
  std::string Where(const Tensor& tensor) const;

 private:
  static Result<ModelFiles> OpenGguf(const std::string& path);

  std::string dir_;
  bool gguf_ = false;
  std::vector<WeightFile> files_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  ShardIndex weight_map_;  // empty without an index
};

}  // namespace lacuna
