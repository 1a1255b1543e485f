#include "tools/inspect_packed.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>

#include "base/fp_scope.h"
#include "base/status_macros.h"
#include "kernels/ref/ref.h"
#include "model/source_tensor.h"
#include "model/tensor_list.h"
#include "weights/convert.h"
#include "weights/import.h"
#include "weights/packed_file.h"
#include "weights/source_rows.h"
#include "weights/validate_packed.h"

namespace lacuna::tools {
namespace {

Result<double> Error(const PackedWeight& weight, const PackSource& from, const ModelTensor& parameter) {
  LACUNA_ASSIGN_OR_RETURN(const SourceMatrix source, FindMatrix(from.config, from.files, parameter));
  const auto k = static_cast<std::size_t>(weight.k);
  // By channel, added up in order: the same figure each time.
  std::vector<double> wrong(static_cast<std::size_t>(weight.n)), all(wrong.size());
  tbb::parallel_for(0, weight.n, [&](int n) {
    const FpScope fp;
    std::vector<float> packed(k), exact(k);
    kernels::RefExpandChannel(&weight.view, n, weight.k, packed.data());
    RowFloats(source, n, exact.data());
    const auto perm = weight.in_perm();
    for (std::size_t j = 0; j < k; ++j) {
      const double want = exact[perm.empty() ? j : static_cast<std::size_t>(perm[j])], difference = packed[j] - want;
      wrong[static_cast<std::size_t>(n)] += difference * difference;
      all[static_cast<std::size_t>(n)] += want * want;
    }
  });
  double wrong_sum = 0, all_sum = 0;
  for (std::size_t n = 0; n < all.size(); ++n) {
    wrong_sum += wrong[n];
    all_sum += all[n];
  }
  return all_sum > 0 ? std::sqrt(wrong_sum / all_sum) : 0.0;
}

}  // namespace

std::string CodecText(const Codec& codec) {
  std::string text = CodecName(codec);
  if (codec.pattern_m > 0) text += " " + std::to_string(codec.pattern_n) + ":" + std::to_string(codec.pattern_m);
  if (codec.group > 0) text += " g" + std::to_string(codec.group);
  if (codec.integer() && codec.activations == Activations::kBf16) text += " (bf16 activations)";
  return text;
}

ImportedRow InspectImported(const SourceMatrix& source) {
  const int64_t n = source.n, k = source.k;
  const std::optional<Codec> codec = ImportCodec(source);
  ImportedRow row{.codec = CodecText(codec.value_or(Codec::kBf16))};
  struct Sums {
    int64_t zeros = 0;
    double wrong = 0, all = 0;
  };
  std::vector<Sums> sums(static_cast<std::size_t>(n));  // added up in order: the same figure each time
  tbb::parallel_for(int64_t{0}, n, [&](int64_t i) {
    std::vector<float> values(static_cast<std::size_t>(k));
    RowFloats(source, i, values.data());
    Sums& sum = sums[static_cast<std::size_t>(i)];
    for (const float x : values) {
      sum.zeros += x == 0;
      const double difference = codec ? 0.0 : double{ToFloat(ToBf16(x))} - x;
      sum.wrong += difference * difference;
      sum.all += double{x} * x;
    }
  });
  double wrong = 0, all = 0;
  for (const Sums& sum : sums) {
    row.zeros += sum.zeros;
    wrong += sum.wrong;
    all += sum.all;
  }
  row.loss = all > 0 ? std::sqrt(wrong / all) : 0.0;
  return row;
}

Result<std::vector<PackedRow>> InspectPacked(const ModelConfig& config, const ModelFiles& files,
                                             const PackSource* source) {
  std::vector<PackedRow> rows;
  for (const ModelTensor& tensor : ListTensors(config, true)) {
    if (!tensor.matrix() || !HasPacked(files, tensor.name)) continue;
    std::vector<std::string> streams;
    LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, OpenPacked(files, tensor.name, tensor.shape[0], tensor.shape[1],
                                                            config.quantization->Of(tensor.name), &streams));
    LACUNA_RETURN_IF_ERROR(ValidatePacked(files.dir() + ": parameter `" + tensor.name + "`", &weight));
    PackedRow row{.name = tensor.name, .n = weight.n, .k = weight.k, .codec = CodecText(weight.codec)};
    for (const std::string& stream : streams) row.bytes += static_cast<int64_t>(files.Find(stream)->data.size());
    row.stored = std::min(weight.StoredWeights(), row.n * row.k);  // a pattern stores padding too
    if (source != nullptr) {
      LACUNA_ASSIGN_OR_RETURN(row.error, Error(weight, *source, tensor));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace lacuna::tools
