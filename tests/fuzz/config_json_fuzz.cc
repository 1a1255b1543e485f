// Any text as config.json and, after a zero byte, as generation_config.json: an error with a message, or a
// configuration that the rest of the library can compute with.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/config.h"
#include "model/rope.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckConfig(const lacuna::ModelConfig& c) {
  Require(c.family != nullptr && c.hidden_size > 0 && c.intermediate_size > 0 && c.vocab_size > 0);
  Require(c.num_heads > 0 && c.num_kv_heads > 0 && c.num_heads % c.num_kv_heads == 0);
  Require(c.head_dim > 0 && c.head_dim % 2 == 0 && c.max_position_embeddings > 0);
  Require(c.rotary_dim >= 2 && c.rotary_dim % 2 == 0 && c.rotary_dim <= c.head_dim && c.score_divisor > 0);
  Require(c.layers.size() == static_cast<size_t>(c.num_layers) && !c.ropes.empty());
  Require(std::isfinite(c.rms_norm_eps) && c.rms_norm_eps >= 0);
  for (const lacuna::LayerConfig& layer : c.layers) {
    Require(layer.window >= 0);
    Require(layer.rope >= -1 && (layer.rope < 0 || static_cast<size_t>(layer.rope) < c.ropes.size()));
  }
  for (const int32_t id : c.eos_token_ids) Require(id >= 0 && id < c.vocab_size);
  Require(!c.bos_token_id || (*c.bos_token_id >= 0 && *c.bos_token_id < c.vocab_size));
  for (const lacuna::RopeConfig& rope : c.ropes) {
    const lacuna::RopeTable table = lacuna::MakeRopeTable(rope, c.rotary_dim);
    Require(std::isfinite(table.scale));
    for (const int64_t context : {int64_t{1}, int64_t{1} << 40}) {
      const std::vector<float>& inv_freq = table.Frequencies(context);
      Require(inv_freq.size() == static_cast<size_t>(c.rotary_dim / 2));
      for (const float f : inv_freq) Require(std::isfinite(f) && f >= 0);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t cut = text.find('\0');
  const std::string_view generation = cut == text.npos ? std::string_view() : text.substr(cut + 1);
  const auto config = lacuna::ParseConfig(text.substr(0, cut), "config", generation, "generation");
  if (config.ok()) {
    CheckConfig(*config);
  } else {
    const lacuna::Status status = config.status();
    Require(status.code() == lacuna::StatusCode::kInvalidInput);
    Require(status.message().starts_with("config: ") || status.message().starts_with("generation: "));
  }
  return 0;
}
