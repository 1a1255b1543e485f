#include "weights/export_tensors.h"

#include <cmath>
#include <cstring>

#include "base/f16.h"
#include "base/small_float.h"

namespace lacuna {
namespace {

using nlohmann::ordered_json;

template <class T>
std::vector<std::byte> Bytes(const std::vector<T>& values) {
  std::vector<std::byte> out(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

// Several weights one below the other.
class Rows {
 public:
  explicit Rows(const std::vector<UnpackedWeight>& parts) : parts_(parts) {
    for (const UnpackedWeight& part : parts) n_ += part.n;
  }
  int64_t n() const { return n_; }
  int64_t k() const { return parts_[0].k; }
  int64_t groups() const { return parts_[0].groups; }

  // f(row, values of the row, scales of the row, zero points of the row or null), in order.
  template <class F>
  void ForEach(F f) const {
    int64_t row = 0;
    for (const UnpackedWeight& part : parts_) {
      for (int64_t i = 0; i < part.n; ++i) {
        f(row++, part.values.data() + i * part.k, part.scales.data() + i * part.groups,
          part.zeros.empty() ? nullptr : part.zeros.data() + i * part.groups);
      }
    }
  }

 private:
  const std::vector<UnpackedWeight>& parts_;
  int64_t n_ = 0;
};

ExportedTensor Scales(const Rows& rows, bool half) {
  std::vector<float> all;
  rows.ForEach([&](int64_t, const uint16_t*, const float* scales, const uint8_t*) {
    all.insert(all.end(), scales, scales + rows.groups());
  });
  ExportedTensor out{"weight_scale", half ? DType::kF16 : DType::kF32, {rows.n(), rows.groups()}, {}};
  if (half) {
    std::vector<uint16_t> halves;
    halves.reserve(all.size());
    for (float s : all) halves.push_back(FloatToF16(s));
    out.data = Bytes(halves);
  } else {
    out.data = Bytes(all);
  }
  return out;
}

std::vector<ExportedTensor> Dense(const Rows& rows) {
  std::vector<uint16_t> all;
  rows.ForEach([&](int64_t, const uint16_t* values, const float*, const uint8_t*) {
    all.insert(all.end(), values, values + rows.k());
  });
  return {{"weight", DType::kBF16, {rows.n(), rows.k()}, Bytes(all)}};
}

std::vector<ExportedTensor> IntQuantized(const Rows& rows) {
  std::vector<int8_t> all;
  rows.ForEach([&](int64_t, const uint16_t* values, const float*, const uint8_t*) {
    for (int64_t k = 0; k < rows.k(); ++k) all.push_back(static_cast<int8_t>(int{values[k]} - 128));
  });
  return {{"weight", DType::kI8, {rows.n(), rows.k()}, Bytes(all)}, Scales(rows, false)};
}

std::vector<ExportedTensor> PackQuantized(const Rows& rows, int bits, bool half) {
  const int per_word = 32 / bits;
  const int64_t words = (rows.k() + per_word - 1) / per_word, groups = rows.groups();
  std::vector<uint32_t> packed(static_cast<std::size_t>(rows.n() * words));
  std::vector<uint32_t> zeros;
  rows.ForEach([&](int64_t row, const uint16_t* values, const float*, const uint8_t* z) {
    for (int64_t k = 0; k < rows.k(); ++k) {
      packed[static_cast<std::size_t>(row * words + k / per_word)] |= uint32_t{values[k]} << (k % per_word * bits);
    }
    if (z == nullptr) return;
    zeros.resize(static_cast<std::size_t>((rows.n() + per_word - 1) / per_word * groups));
    for (int64_t g = 0; g < groups; ++g) {
      zeros[static_cast<std::size_t>(row / per_word * groups + g)] |= uint32_t{z[g]} << (row % per_word * bits);
    }
  });
  std::vector<ExportedTensor> out = {
      {"weight_packed", DType::kI32, {rows.n(), words}, Bytes(packed)},
      Scales(rows, half),
      {"weight_shape", DType::kI64, {2}, Bytes(std::vector<int64_t>{rows.n(), rows.k()})}};
  if (!zeros.empty()) {
    out.push_back(
        {"weight_zero_point", DType::kI32, {static_cast<int64_t>(zeros.size()) / groups, groups}, Bytes(zeros)});
  }
  return out;
}

// E2M1, two codes a byte. Scales: E8M0 of mxfp4, whose stored ones are for doubled values; of nvfp4 as they are.
std::vector<ExportedTensor> SmallFloats(const Rows& rows, bool nvfp4, float unit) {
  std::vector<uint8_t> packed(static_cast<std::size_t>(rows.n() * rows.k() / 2)), scale_bytes;
  rows.ForEach([&](int64_t row, const uint16_t* values, const float* scales, const uint8_t*) {
    for (int64_t k = 0; k < rows.k(); ++k) {
      packed[static_cast<std::size_t>((row * rows.k() + k) / 2)] |= static_cast<uint8_t>(values[k] << (k % 2 * 4));
    }
    for (int64_t g = 0; g < rows.groups(); ++g) {
      // A group of zeros has any scale: 1 is one that F16 holds again.
      scale_bytes.push_back(nvfp4            ? FloatToE4M3(scales[g])
                            : scales[g] == 0 ? uint8_t{127}
                                             : static_cast<uint8_t>(std::ilogb(scales[g]) + 1 + 127));
    }
  });
  std::vector<ExportedTensor> out = {
      {"weight_packed", DType::kU8, {rows.n(), rows.k() / 2}, Bytes(packed)},
      {"weight_scale", nvfp4 ? DType::kF8E4M3 : DType::kU8, {rows.n(), rows.groups()}, Bytes(scale_bytes)}};
  if (nvfp4) out.push_back({"weight_global_scale", DType::kF32, {1}, Bytes(std::vector<float>{1 / unit})});
  return out;
}

// With int8 activations by row, as compressed-tensors' W8A8.
bool IsW8A8(const Codec& codec) {
  return codec.values == ValueKind::kInt8 && codec.group == 0 && codec.activations == Activations::kInt8 &&
         codec.activation_group == 0;
}

}  // namespace

Result<ordered_json> ExportScheme(const std::string& where, const PackedWeight& weight) {
  const Codec& codec = weight.codec;
  const auto refuse = [&](const std::string& what) {
    return InvalidInput(where + " is " + CodecName(codec) + ", " + what);
  };
  ordered_json weights = {{"num_bits", codec.bits()}, {"type", "int"}};
  std::string format = "pack-quantized";
  switch (codec.values) {
    case ValueKind::kBf16:
      return ordered_json();
    case ValueKind::kInt8:
    case ValueKind::kInt4:
    case ValueKind::kInt4Zero:
      if (IsW8A8(codec)) format = "int-quantized";
      break;
    case ValueKind::kMxfp4:
    case ValueKind::kNvfp4:
      weights["type"] = "float";
      format = codec.values == ValueKind::kMxfp4 ? "mxfp4-pack-quantized" : "nvfp4-pack-quantized";
      break;
    default:
      return refuse(
          "which compressed-tensors has no layout for: int8, int4, int4z, mxfp4, nvfp4 and bf16 are exported");
  }
  for (int i = 0; codec.values == ValueKind::kInt4 && i < 16; ++i) {
    if (weight.view.code_values[i].bits != ToBf16(static_cast<float>(i - 8)).bits) {
      return refuse("with other values than -8 to 7, which compressed-tensors has no layout for");
    }
  }
  const bool whole = codec.group == 0 || (codec.integer() && !codec.e2m1() && codec.group > weight.k);
  weights["strategy"] = whole ? "channel" : codec.values == ValueKind::kNvfp4 ? "tensor_group" : "group";
  weights["symmetric"] = !codec.zero_points();
  if (!whole) {
    weights["group_size"] = codec.group;
    if (weight.k % codec.group != 0) {
      return refuse("in groups of " + std::to_string(codec.group) + " that do not divide its " +
                    std::to_string(weight.k) + " inputs, which compressed-tensors cannot hold: take another --group");
    }
    if (!weight.in_perm().empty() && weight.k > codec.group) {
      return refuse(
          "with its columns in another order, which compressed-tensors cannot hold with groups: compress with "
          "--natural-order");
    }
  }
  weights["dynamic"] = false;
  ordered_json activations;
  if (format == "int-quantized") {
    activations = {{"num_bits", 8}, {"type", "int"}, {"strategy", "token"}, {"symmetric", true}, {"dynamic", true}};
  }
  return ordered_json{{"weights", std::move(weights)},
                      {"input_activations", std::move(activations)},
                      {"output_activations", nullptr},
                      {"format", format}};
}

float ExportUnit(const PackedWeight& weight) {
  return weight.codec.values == ValueKind::kNvfp4 ? ToFloat(weight.view.code_values[2]) : 1.0f;
}

std::vector<ExportedTensor> ExportTensors(const std::vector<UnpackedWeight>& parts, float unit) {
  const Codec& codec = parts[0].codec;
  const Rows rows(parts);
  switch (codec.values) {
    case ValueKind::kBf16:
      return Dense(rows);
    case ValueKind::kMxfp4:
    case ValueKind::kNvfp4:
      return SmallFloats(rows, codec.values == ValueKind::kNvfp4, unit);
    default:
      if (IsW8A8(codec)) return IntQuantized(rows);
      return PackQuantized(rows, codec.bits(), codec.scales_f16);
  }
}

}  // namespace lacuna
