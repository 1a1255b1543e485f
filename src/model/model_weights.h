// A model's weights as the decoder uses them: packed linear sets, fp32 norms, and what attention does in each layer.
#pragma once

#include <memory>
#include <vector>

#include "model/rope.h"
#include "ops/embedding.h"
#include "weights/linear_set.h"

namespace lacuna {

// How one layer attends.
struct AttentionSpec {
  int kv_stream = 0;   // where its K and V live; layers map many to one
  int rope = 0;        // index into ModelWeights::ropes; applied to q and k before they are stored; -1: none
  float scale = 1;     // of the scores: 1 / sqrt(head_dim) in most families
  int64_t window = 0;  // 0: all tokens; W: the token itself and the W - 1 before it
};

// Norms are factors of the normalized values, [hidden] if nothing else is said; those that a family lacks are empty.
struct LayerWeights {
  std::vector<float> attention_norm;
  LinearSet qkv;                      // hidden -> heads * head_dim, kv_heads * head_dim, kv_heads * head_dim
  std::vector<float> q_norm, k_norm;  // [head_dim], or [heads * head_dim] and [kv_heads * head_dim]
  LinearSet o;                        // heads * head_dim -> hidden
  std::vector<float> attention_out_norm;
  std::vector<float> mlp_norm;
  LinearSet gate_up;  // hidden -> intermediate, intermediate
  LinearSet down;     // intermediate -> hidden
  std::vector<float> mlp_out_norm;
  AttentionSpec attention;
};

struct ModelWeights {
  EmbeddingTable embedding;  // in the mapped file, embedding_rows, packed_embedding or lm_head's weight
  std::unique_ptr<PackedWeight> packed_embedding;
  AlignedBuffer embedding_rows;  // f32
  float embedding_scale = 1;
  AlignedBuffer packed;  // the streams of packed weights that were copied
  std::vector<LayerWeights> layers;
  std::vector<float> final_norm;
  LinearSet lm_head;  // hidden -> vocabulary
  std::vector<RopeTable> ropes;
  int kv_streams = 0;
};

}  // namespace lacuna
