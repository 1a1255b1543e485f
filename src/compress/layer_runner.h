// Runs a model layer by layer over sequences of tokens, through the ops of its own passes: the same bits as they have.
// In memory are the residual stream and the attention's output of all tokens, and one layer's weights: whoever calls
// sets and clears them. Steps of a layer come in the order of LayerInputs; what enters a linear set is handed out
// before the set is needed, so that it can be made from it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "base/function_ref.h"
#include "model/decoder.h"
#include "model/kv/page_pool.h"

namespace lacuna {

enum class LayerStep { kQkv, kO, kGateUp, kDown };

class LayerRunner {
 public:
  // `frame` is of LoadVectors. Sequences are not empty. Kernels up to `tier` are used.
  static Result<std::unique_ptr<LayerRunner>> Create(const ModelConfig& config, ModelWeights frame,
                                                     std::vector<std::vector<int32_t>> sequences, ThreadTeam& team,
                                                     Tier tier);
  ~LayerRunner();

  int64_t sequences() const { return static_cast<int64_t>(sequences_.size()); }
  // From now on steps run on the sequences [first, last) alone; all of them at the beginning.
  void Only(int64_t first, int64_t last) {
    begin_ = first;
    end_ = last;
  }
  // Sequence `to`, of as many tokens, goes on from where `from` is.
  void CopyStream(int64_t from, int64_t to);
  LayerWeights& layer(int i) { return frame_.layers[static_cast<std::size_t>(i)]; }

  // The residual stream of every token, from the embedding.
  Status Embed(const EmbeddingTable& table);

  // Runs layer `i` up to `step` and hands the input of its linear set, [rows][K], to take, sequence by sequence. The
  // sets before it must have their weights.
  Status Inputs(int i, LayerStep step, FunctionRef<Status(const View& input)> take);
  // After kDown: the residual stream behind the layer.
  Status Finish(int i, FunctionRef<Status()> between);
  // The residual stream of a sequence as it is now, [tokens][hidden].
  View Stream(int64_t sequence) {
    return F32View(X(sequence), static_cast<int64_t>(sequences_[static_cast<std::size_t>(sequence)].size()),
                   config_.hidden_size);
  }
  // A whole layer whose weights are all there; `between` is called after each sequence.
  Status Run(int i, FunctionRef<Status()> between);

 private:
  LayerRunner(const ModelConfig& config, ModelWeights frame, std::vector<std::vector<int32_t>> sequences,
              ThreadTeam& team, Tier tier);
  Status Allocate();
  // step(sequence, rows) under the team's lock with the sequence's residual stream in scratch_.x; `keep`: it is stored
  // again.
  Status ForSequences(bool keep, FunctionRef<Status(int64_t sequence, int64_t rows)> step);
  Status Heads(const LayerWeights& layer, int64_t sequence, int64_t rows, const View& in);
  float* X(int64_t sequence);
  float* Attention(int64_t sequence);

  const ModelConfig& config_;
  ModelWeights frame_;
  std::vector<std::vector<int32_t>> sequences_;
  std::vector<int64_t> first_;   // token of each
  int64_t begin_ = 0, end_ = 0;  // that steps run on
  ThreadTeam& team_;
  std::unique_ptr<Backend> backend_;
  KvShape shape_;
  std::unique_ptr<PagePool> pages_;
  std::unique_ptr<LaneState> lane_;
  Pass pass_;
  DecoderScratch scratch_;
  Decoder decoder_;
  AlignedBuffer x_, attention_;  // [tokens][hidden], [tokens][heads * head_dim]
};

}  // namespace lacuna
