#include "lacuna/model.h"

#include "backend/cpu/cost_file.h"
#include "base/cpu_features.h"
#include "base/status_macros.h"
#include "model/load_packed.h"
#include "model/load_weights.h"
#include "model/model_impl.h"
#include "model/model_texts.h"
#include "ops/attention.h"

namespace lacuna {
namespace {

ModelInfo Describe(const std::string& directory, const ModelConfig& c, const LoadedWeights& loaded,
                   const KvLayout& layout) {
  ModelInfo info;
  info.directory = directory;
  info.model_type = c.model_type;
  info.architecture = c.architecture;
  info.dtype = loaded.dtype;
  info.num_layers = c.num_layers;
  info.hidden_size = c.hidden_size;
  info.intermediate_size = c.intermediate_size;
  info.num_heads = c.num_heads;
  info.num_kv_heads = c.num_kv_heads;
  info.head_dim = c.head_dim;
  info.vocab_size = c.vocab_size;
  info.context_length = c.max_position_embeddings;
  info.tied_embeddings = c.tie_word_embeddings;
  info.parameters = loaded.parameters;
  info.weight_bytes = loaded.weight_bytes;
  info.kv_bytes_per_token = static_cast<int64_t>(layout.PageBytes() / 64) * loaded.weights.kv_streams;
  info.eos_token_ids = c.eos_token_ids;
  return info;
}

}  // namespace

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;
const ModelInfo& Model::info() const { return impl_->info; }
Numerics Model::numerics() const { return impl_->numerics; }
std::shared_ptr<const Tokenizer> Model::tokenizer() const { return impl_->tokenizer; }
int Model::threads() const { return impl_->team->workers(); }

Result<std::shared_ptr<const Model>> Model::Load(const std::string& directory, const ModelOptions& options) {
  auto impl = std::make_unique<Impl>();
  LACUNA_ASSIGN_OR_RETURN(impl->tier, HostTier());
  impl->numerics = options.numerics;
  LACUNA_ASSIGN_OR_RETURN(impl->config, LoadConfig(directory));
  if (impl->config.head_dim > kMaxHeadDim) {
    return InvalidInput(ModelTextPath(directory, "config.json") + ": head_dim is " +
                        std::to_string(impl->config.head_dim) + ", supported up to " + std::to_string(kMaxHeadDim));
  }
  LACUNA_ASSIGN_OR_RETURN(impl->files, ModelFiles::Open(directory));
  LACUNA_ASSIGN_OR_RETURN(impl->tokenizer, LoadModelTokenizer(directory));
  LACUNA_ASSIGN_OR_RETURN(impl->team, ThreadTeam::Create(options.threads));
  if (IsCancelled(options)) return Cancelled();
  LACUNA_ASSIGN_OR_RETURN(LoadedWeights loaded, LoadWeights(impl->config, impl->files, options, impl->team->workers()));
  impl->kv_layout = {.type = options.numerics == Numerics::kF32 ? ElementType::kF32 : ElementType::kBf16,
                     .kv_heads = impl->config.num_kv_heads,
                     .head_dim = impl->config.head_dim};
  impl->info = Describe(directory, impl->config, loaded, impl->kv_layout);
  impl->weights = std::move(loaded.weights);
  impl->backend = std::make_unique<CpuBackend>(
      *impl->team, KernelTarget{HostCpuFeatures(), impl->tier, HostCosts(HostCpuFeatures())});
  impl->pages = std::make_unique<PagePool>(impl->kv_layout.PageBytes());
  return std::shared_ptr<const Model>(new Model(std::move(impl)));
}

}  // namespace lacuna
