// What a compression has finished, beside its output, so that it can go on after whatever ended it:
//
//   OUTPUT.work/plan.json                   what is done to which model: another plan is refused
//               lock                        held while a process works here
//               layer-0003/report.json      and model.safetensors, its packed matrices, written last: with it the part
//               counts result/                     the model being put together
//
// Every file appears whole or not at all.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lacuna/status.h"
#include "model/tensor_list.h"
#include "weights/packed_weight.h"
#include "weights/quantization_config.h"

namespace lacuna {

// A matrix and where its weight is, or goes to.
struct NamedWeight {
  const ModelTensor* entry = nullptr;
  PackedWeight* weight = nullptr;
};

class WorkFolder {
 public:
  // Makes the folder, or goes on in one of the same plan. kInvalidInput: of another plan, or at work in another
  // process.
  static Result<WorkFolder> Open(const std::string& output, const nlohmann::ordered_json& plan);
  WorkFolder(WorkFolder&& other) noexcept;
  ~WorkFolder();

  const std::string& path() const { return path_; }
  bool Has(const std::string& part) const;
  std::string PartPath(const std::string& part) const;

  Status Save(const std::string& part, const std::vector<NamedWeight>& weights,
              const nlohmann::ordered_json& report) const;
  Result<nlohmann::ordered_json> Report(const std::string& part) const;
  // Into memory that `memory` owns, validated, on `threads` threads.
  Status Load(const std::string& part, const std::vector<NamedWeight>& weights, const QuantizationConfig& codecs,
              int threads, AlignedBuffer* memory) const;

  // An empty folder; what an earlier run left there is gone.
  Result<std::string> NewResult() const;
  // The result becomes the output, and the work folder goes.
  Status Finish(const std::string& output);

 private:
  WorkFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_ = -1;
};

}  // namespace lacuna
