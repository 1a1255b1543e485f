#include "compress/layer_runner.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/cost_file.h"
#include "base/fp_scope.h"
#include "base/status_macros.h"

namespace lacuna {
namespace {

std::size_t At(int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

LayerRunner::LayerRunner(const ModelConfig& config, ModelWeights frame, std::vector<std::vector<int32_t>> sequences,
                         ThreadTeam& team, Tier tier)
    : config_(config),
      frame_(std::move(frame)),
      sequences_(std::move(sequences)),
      team_(team),
      backend_(std::make_unique<CpuBackend>(team, KernelTarget{HostCpuFeatures(), tier, HostCosts(HostCpuFeatures())})),
      decoder_(config_, frame_, *backend_) {}

LayerRunner::~LayerRunner() { lane_.reset(); }

Result<std::unique_ptr<LayerRunner>> LayerRunner::Create(const ModelConfig& config, ModelWeights frame,
                                                         std::vector<std::vector<int32_t>> sequences, ThreadTeam& team,
                                                         Tier tier) {
  std::unique_ptr<LayerRunner> runner(new LayerRunner(config, std::move(frame), std::move(sequences), team, tier));
  LACUNA_RETURN_IF_ERROR(runner->Allocate());
  return runner;
}

Status LayerRunner::Allocate() {
  int64_t tokens = 0, longest = 0;
  end_ = sequences();
  for (const auto& sequence : sequences_) {
    first_.push_back(tokens);
    tokens += static_cast<int64_t>(sequence.size());
    longest = std::max(longest, static_cast<int64_t>(sequence.size()));
  }
  // Layers run one at a time and share the one stream of K and V.
  for (LayerWeights& layer : frame_.layers) layer.attention.kv_stream = 0;
  shape_ = {.layout = {.type = ElementType::kBf16, .kv_heads = config_.num_kv_heads, .head_dim = config_.head_dim},
            .streams = 1,
            .context = longest};
  pages_ = std::make_unique<PagePool>(shape_.layout.PageBytes());
  LACUNA_RETURN_IF_ERROR(pages_->Reserve(shape_.PagesPerLane()));
  lane_ = std::make_unique<LaneState>(*pages_, shape_);
  LACUNA_ASSIGN_OR_RETURN(scratch_,
                          DecoderScratch::Create(config_, shape_, static_cast<int>(longest), 1, team_.workers()));
  LACUNA_ASSIGN_OR_RETURN(x_, AlignedBuffer::Create(At(tokens * config_.hidden_size) * sizeof(float),
                                                    "activations of the calibration text"));
  LACUNA_ASSIGN_OR_RETURN(attention_,
                          AlignedBuffer::Create(At(tokens * config_.num_heads * config_.head_dim) * sizeof(float),
                                                "activations of the calibration text"));
  return {};
}

float* LayerRunner::X(int64_t sequence) {
  return reinterpret_cast<float*>(x_.data()) + first_[At(sequence)] * config_.hidden_size;
}
float* LayerRunner::Attention(int64_t sequence) {
  return reinterpret_cast<float*>(attention_.data()) + first_[At(sequence)] * config_.num_heads * config_.head_dim;
}

void LayerRunner::CopyStream(int64_t from, int64_t to) {
  std::memcpy(X(to), X(from), sequences_[At(from)].size() * At(config_.hidden_size) * sizeof(float));
}

Status LayerRunner::Embed(const EmbeddingTable& table) {
  const TeamLock lock(team_);
  const FpScope fp;
  for (int64_t s = begin_; s < end_; ++s) {
    const auto rows = static_cast<int64_t>(sequences_[At(s)].size());
    LACUNA_RETURN_IF_ERROR(Embedding(*backend_, {.table = &table,
                                                 .ids = sequences_[At(s)],
                                                 .scale = frame_.embedding_scale,
                                                 .y = F32View(X(s), rows, config_.hidden_size)}));
  }
  return {};
}

Status LayerRunner::ForSequences(bool keep, FunctionRef<Status(int64_t sequence, int64_t rows)> step) {
  const TeamLock lock(team_);
  for (int64_t s = begin_; s < end_; ++s) {
    const auto rows = static_cast<int64_t>(sequences_[At(s)].size());
    const std::size_t bytes = At(rows * config_.hidden_size) * sizeof(float);
    std::memcpy(scratch_.x.Row(0), X(s), bytes);
    const FpScope fp;
    LACUNA_RETURN_IF_ERROR(step(s, rows));
    if (keep) std::memcpy(X(s), scratch_.x.Row(0), bytes);
  }
  return {};
}

Status LayerRunner::Heads(const LayerWeights& layer, int64_t sequence, int64_t rows, const View& in) {
  pass_.Clear();
  lane_->MakeWritable(rows);
  for (int64_t i = 0; i < rows; ++i) {
    pass_.tokens.push_back(sequences_[At(sequence)][At(i)]);
    pass_.rows.push_back({.position = i, .lane = lane_.get()});
  }
  decoder_.SetRope(pass_, scratch_);
  const Status status = decoder_.Heads(layer, in, pass_, shape_.layout, scratch_);
  lane_->Rollback(0);
  return status;
}

Status LayerRunner::Inputs(int i, LayerStep step, FunctionRef<Status(const View& input)> take) {
  const LayerWeights& l = layer(i);
  const int64_t width = int64_t{config_.num_heads} * config_.head_dim;
  return ForSequences(step == LayerStep::kGateUp, [&](int64_t s, int64_t rows) -> Status {
    const View attention = scratch_.attention.Rows(0, rows);
    const std::size_t bytes = At(rows * width) * sizeof(float);
    switch (step) {
      case LayerStep::kQkv: {
        LACUNA_ASSIGN_OR_RETURN(const View in, decoder_.QkvInput(l, rows, scratch_));
        return take(in);
      }
      case LayerStep::kO: {
        LACUNA_ASSIGN_OR_RETURN(const View in, decoder_.QkvInput(l, rows, scratch_));
        LACUNA_RETURN_IF_ERROR(Heads(l, s, rows, in));
        std::memcpy(Attention(s), attention.Row(0), bytes);
        return take(attention);
      }
      case LayerStep::kGateUp: {
        std::memcpy(attention.Row(0), Attention(s), bytes);
        LACUNA_RETURN_IF_ERROR(decoder_.AttentionOut(l, rows, scratch_));
        LACUNA_ASSIGN_OR_RETURN(const View in, decoder_.MlpInput(l, rows, scratch_));
        return take(in);
      }
      case LayerStep::kDown: {
        // Computed here and again in Finish: the MLP's inner activations of all tokens are the largest of all.
        LACUNA_ASSIGN_OR_RETURN(const View in, decoder_.MlpInput(l, rows, scratch_));
        LACUNA_RETURN_IF_ERROR(decoder_.Gated(l, in, rows, scratch_));
        return take(scratch_.mlp.Rows(0, rows));
      }
    }
    return {};
  });
}

Status LayerRunner::Finish(int i, FunctionRef<Status()> between) {
  const LayerWeights& l = layer(i);
  return ForSequences(true, [&](int64_t, int64_t rows) -> Status {
    LACUNA_ASSIGN_OR_RETURN(const View in, decoder_.MlpInput(l, rows, scratch_));
    LACUNA_RETURN_IF_ERROR(decoder_.Gated(l, in, rows, scratch_));
    LACUNA_RETURN_IF_ERROR(decoder_.MlpOut(l, rows, scratch_));
    return between();
  });
}

Status LayerRunner::Run(int i, FunctionRef<Status()> between) {
  const LayerWeights& l = layer(i);
  return ForSequences(true, [&](int64_t s, int64_t rows) -> Status {
    LACUNA_ASSIGN_OR_RETURN(const View qkv, decoder_.QkvInput(l, rows, scratch_));
    LACUNA_RETURN_IF_ERROR(Heads(l, s, rows, qkv));
    LACUNA_RETURN_IF_ERROR(decoder_.AttentionOut(l, rows, scratch_));
    LACUNA_ASSIGN_OR_RETURN(const View mlp, decoder_.MlpInput(l, rows, scratch_));
    LACUNA_RETURN_IF_ERROR(decoder_.Gated(l, mlp, rows, scratch_));
    LACUNA_RETURN_IF_ERROR(decoder_.MlpOut(l, rows, scratch_));
    return between();
  });
}

}  // namespace lacuna
