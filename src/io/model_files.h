// The weights of a Hugging Face directory: model.safetensors, or the shards that model.safetensors.index.json names.
#pragma once

#include <map>
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

// As Hugging Face loads them: model.safetensors goes before an index; every tensor of every named shard counts, listed
// in the index or not; of a name in several shards the last file's (by file name) is taken.
class ModelFiles {
 public:
  static Result<ModelFiles> Open(const std::string& dir);

  const std::string& dir() const { return dir_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }
  // All tensors, ascending by name.
  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }

  const Tensor* Find(std::string_view name) const;  // null if there is none
  // The same, with an error that says where the tensor should have been.
  Result<const Tensor*> Get(std::string_view name) const;
  // "DIR/model-00001-of-00002.safetensors: tensor `name`", to start messages with.
  std::string Where(const Tensor& tensor) const;

 private:
  std::string dir_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  ShardIndex weight_map_;  // empty without an index
};

}  // namespace lacuna
