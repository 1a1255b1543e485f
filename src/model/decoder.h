// The forward pass of a decoder. Families differ in what its configuration and weights hold, not in code of their own.
#pragma once

#include "backend/backend.h"
#include "lacuna/status.h"
#include "model/config.h"
#include "model/model_weights.h"
#include "model/pass.h"

namespace lacuna {

// Activations of one pass, [rows][..] fp32 each, and the ops' workspaces: allocated once for the largest pass.
class DecoderScratch {
 public:
  static Result<DecoderScratch> Create(const ModelConfig& config, const KvShape& shape, int max_rows, int max_logits,
                                       int threads);
  View x, norm, q, k, v, attention, mlp;  // views of the largest pass; Rows(0, n) of them is a pass
  View logit_input, logits;               // [max_logits][..]
  std::vector<View> cos, sin;             // one a rope table
  int64_t context = 0;                    // tokens a lane can hold
  std::span<std::byte> linear_workspace;
  std::span<float> attention_workspace;

 private:
  AlignedBuffer memory_;
};

class Decoder {
 public:
  Decoder(const ModelConfig& config, const ModelWeights& weights, Backend& backend)
      : config_(config), weights_(weights), backend_(backend) {}

  // Runs `pass`; the logits of its i-th logit row are row i of scratch.logits. K and V of all rows are stored on the
  // way. kInvalidInput when an activation is not finite.
  Status Forward(Pass& pass, const KvLayout& layout, DecoderScratch& scratch) const;

  // A layer's steps in their order, for who looks at what goes into its linear sets, or runs one layer alone. Each
  // works on the first rows of the scratch; x, the residual stream, comes in and goes out in scratch.x.
  void SetRope(const Pass& pass, DecoderScratch& scratch) const;  // before the layers
  Result<View> QkvInput(const LayerWeights& layer, int64_t rows, DecoderScratch& scratch) const;
  // q, k, v and what the heads read with them, into scratch.attention, the input of o.
  Status Heads(const LayerWeights& layer, const View& in, Pass& pass, const KvLayout& layout,
               DecoderScratch& scratch) const;
  Status AttentionOut(const LayerWeights& layer, int64_t rows, DecoderScratch& scratch) const;
  Result<View> MlpInput(const LayerWeights& layer, int64_t rows, DecoderScratch& scratch) const;
  // Into scratch.mlp, the input of down.
  Status Gated(const LayerWeights& layer, const View& in, int64_t rows, DecoderScratch& scratch) const;
  Status MlpOut(const LayerWeights& layer, int64_t rows, DecoderScratch& scratch) const;

 private:
  Status Attend(const LayerWeights& layer, Pass& pass, const KvLayout& layout, DecoderScratch& scratch) const;
  Status Mlp(const LayerWeights& layer, int64_t rows, DecoderScratch& scratch) const;
  // norm(x) into h; x itself where the family has no norm in this place.
  Result<View> Normed(const std::vector<float>& norm, const View& x, const View& h) const;
  // x += norm(set(y)), or x += set(y) where the family has no norm there; h is scratch.
  Status AddBranch(const LinearSet& set, const View& y, const std::vector<float>& norm, const View& x, const View& h,
                   DecoderScratch& scratch) const;

  const ModelConfig& config_;
  const ModelWeights& weights_;
  Backend& backend_;
};

}  // namespace lacuna
