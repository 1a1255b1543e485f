#include "model/fingerprint.h"

#include "base/checksum.h"

namespace lacuna {
namespace {

void AddFloats(std::span<const float> values, Checksum& sum) { sum.Add(std::as_bytes(values)); }

// 64 pieces of 64 bytes, evenly spread over each stream: fine-tuning changes weights everywhere.
void AddSamples(std::span<const std::byte> data, Checksum& sum) {
  constexpr size_t kPieces = 64, kBytes = 64;
  sum.AddValue(static_cast<uint64_t>(data.size()));
  if (data.size() <= kPieces * kBytes) return sum.Add(data);
  for (size_t i = 0; i < kPieces; ++i) sum.Add(data.subspan((data.size() - kBytes) / (kPieces - 1) * i, kBytes));
}

void AddWeight(const PackedWeight& w, Checksum& sum) {
  sum.AddValue(static_cast<int64_t>(w.n));
  sum.AddValue(static_cast<int64_t>(w.k));
  for (const auto& stream : w.streams) AddSamples(stream, sum);
}

void AddSet(const LinearSet& set, Checksum& sum) {
  for (const LinearMember& member : set.members) {
    AddWeight(member.weight, sum);
    AddFloats(member.bias, sum);
  }
}

}  // namespace

uint64_t Fingerprint(const Model::Impl& m) {
  Checksum sum;
  sum.AddValue(static_cast<int64_t>(m.config.hidden_size));
  sum.AddValue(static_cast<int64_t>(m.config.num_heads));
  sum.AddValue(m.config.rms_norm_eps);
  sum.AddValue(static_cast<int>(m.numerics));
  for (const RopeTable& rope : m.weights.ropes) {
    AddFloats(rope.inv_freq, sum);
    sum.AddValue(rope.scale);
  }
  for (const LayerWeights& layer : m.weights.layers) {
    AddFloats(layer.attention_norm, sum);
    AddFloats(layer.mlp_norm, sum);
    for (const LinearSet* set : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) AddSet(*set, sum);
    sum.AddValue(layer.attention.window);
    sum.AddValue(layer.attention.scale);
  }
  AddFloats(m.weights.final_norm, sum);
  AddSet(m.weights.lm_head, sum);
  return sum.value();
}

uint64_t Model::Impl::fingerprint() const {
  return fingerprint_.Get([this] { return std::make_unique<uint64_t>(Fingerprint(*this)); });
}

}  // namespace lacuna
