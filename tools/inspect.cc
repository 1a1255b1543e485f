// lacuna inspect: what is in a model, without loading it.
#include <algorithm>
#include <cstring>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/memory.h"
#include "base/status_macros.h"
#include "io/model_files.h"
#include "model/config.h"
#include "model/source_tensor.h"
#include "model/tensor_list.h"
#include "tools/command.h"
#include "tools/inspect_packed.h"
#include "weights/foreign_matrix.h"
#include "weights/source_rows.h"

namespace lacuna::tools {
namespace {

struct Flags {
  ModelFlags model;
  std::string source;
  bool json = false;
};

// Share of elements that are zero (either sign), for the types weights are read from; -1 for others.
double ZeroShare(const Tensor& tensor) {
  const int64_t n = tensor.elements();
  if (!IsWeightType(tensor.dtype) || n == 0) return -1;
  int64_t zeros = 0;
  const std::byte* at = tensor.data.data();
  if (tensor.dtype == DType::kF32) {
    for (int64_t i = 0; i < n; ++i) {
      uint32_t bits;
      std::memcpy(&bits, at + i * 4, 4);
      zeros += (bits << 1) == 0;
    }
  } else {
    for (int64_t i = 0; i < n; ++i) {
      uint16_t bits;
      std::memcpy(&bits, at + i * 2, 2);
      zeros += static_cast<uint16_t>(bits << 1) == 0;
    }
  }
  return static_cast<double>(zeros) / static_cast<double>(n);
}

struct Totals {
  int64_t tensors = 0, elements = 0, bytes = 0, zeros = 0, weights = 0;
  int64_t exact = 0, lossy = 0;  // matrices that were quantized already
  double worst = 0;
};

struct StoredTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::string type;
  int64_t bytes;
};

// zero_share: -1 where the type says nothing of it; an imported row knows.
void AddStored(const StoredTensor& tensor, double zero_share, const std::optional<ImportedRow>& imported, int width,
               nlohmann::ordered_json* tensors, std::ostringstream& table, Totals* totals) {
  int64_t elements = 1;
  for (int64_t size : tensor.shape) elements *= size;
  if (imported) {
    zero_share = static_cast<double>(imported->zeros) / static_cast<double>(elements);
    (imported->loss > 0 ? totals->lossy : totals->exact) += 1;
    totals->worst = std::max(totals->worst, imported->loss);
  }
  ++totals->tensors;
  totals->elements += elements;
  totals->bytes += tensor.bytes;
  if (zero_share >= 0) {
    totals->weights += elements;
    totals->zeros += static_cast<int64_t>(zero_share * static_cast<double>(elements) + 0.5);
  }
  nlohmann::ordered_json row = {
      {"name", tensor.name}, {"shape", tensor.shape}, {"dtype", tensor.type}, {"bytes", tensor.bytes}};
  row["zero_share"] = zero_share >= 0 ? nlohmann::json(zero_share) : nlohmann::json();
  if (imported) {
    row["runs_as"] = imported->codec;
    row["loss"] = imported->loss;
  }
  tensors->push_back(std::move(row));
  table << std::left << std::setw(56) << tensor.name << std::setw(18) << ShapeText(tensor.shape) << std::setw(width)
        << tensor.type << std::right << std::setw(12) << FormatBytes(static_cast<uint64_t>(tensor.bytes));
  if (zero_share >= 0) table << std::setw(8) << std::fixed << std::setprecision(1) << zero_share * 100 << " %";
  if (imported) table << std::setw(12) << imported->codec << std::setprecision(6) << std::setw(12) << imported->loss;
  table << "\n";
}

void AddPacked(const PackedRow& row, int width, nlohmann::ordered_json* tensors, std::ostringstream& table,
               Totals* totals) {
  ++totals->tensors;
  totals->elements += row.n * row.k;
  totals->weights += row.n * row.k;
  totals->zeros += row.n * row.k - row.stored;
  totals->bytes += row.bytes;
  nlohmann::ordered_json json = {{"name", row.name},   {"shape", {row.n, row.k}},  {"dtype", row.codec},
                                 {"bytes", row.bytes}, {"density", row.density()}, {"bits_per_weight", row.bits()}};
  json["error"] = row.error ? nlohmann::json(*row.error) : nlohmann::json();
  tensors->push_back(std::move(json));
  table << std::left << std::setw(56) << row.name << std::setw(18) << ShapeText(std::vector<int64_t>{row.n, row.k})
        << std::setw(width) << row.codec << std::right << std::setw(12) << FormatBytes(static_cast<uint64_t>(row.bytes))
        << std::fixed << std::setprecision(1) << std::setw(8) << row.density() * 100 << " % stored"
        << std::setprecision(2) << std::setw(8) << row.bits() << " bits";
  if (row.error) table << std::setprecision(4) << std::setw(10) << *row.error << " error";
  table << "\n";
}

nlohmann::ordered_json Architecture(const ModelConfig& c) {
  nlohmann::ordered_json windows = nlohmann::json::array();
  for (const LayerConfig& layer : c.layers) windows.push_back(layer.window);
  const bool sliding = std::any_of(c.layers.begin(), c.layers.end(), [](const LayerConfig& l) { return l.window > 0; });
  nlohmann::ordered_json out = {{"model_type", c.model_type},
                                {"architecture", c.architecture},
                                {"num_layers", c.num_layers},
                                {"hidden_size", c.hidden_size},
                                {"intermediate_size", c.intermediate_size},
                                {"num_heads", c.num_heads},
                                {"num_kv_heads", c.num_kv_heads},
                                {"head_dim", c.head_dim},
                                {"vocab_size", c.vocab_size},
                                {"context_length", c.max_position_embeddings},
                                {"tied_embeddings", c.tie_word_embeddings},
                                {"qkv_bias", c.qkv_bias},
                                {"o_bias", c.o_bias},
                                {"mlp_bias", c.mlp_bias},
                                {"qk_norm", c.qk_norm != QkNorm::kNone},
                                {"eos_token_ids", c.eos_token_ids}};
  out["bos_token_id"] = c.bos_token_id ? nlohmann::json(*c.bos_token_id) : nlohmann::json();
  if (sliding) out["windows"] = windows;
  return out;
}

Status RunInspect(const Flags& flags) {
  LACUNA_ASSIGN_OR_RETURN(const ModelConfig config, LoadConfig(flags.model.directory));
  LACUNA_ASSIGN_OR_RETURN(const ModelFiles files, ModelFiles::Open(flags.model.directory));
  const auto tokenizer = LoadTokenizer(flags.model.directory);

  nlohmann::ordered_json tensors = nlohmann::json::array();
  std::ostringstream table;
  Totals totals;
  int width = config.quantization || config.foreign ? 22 : 6;  // of the column of types
  const bool imports = files.gguf() || config.foreign;
  std::set<std::string, std::less<>> shown;  // tensors that are parts of a row
  if (config.quantization) {
    std::optional<PackSource> source;
    if (!flags.source.empty()) {
      LACUNA_ASSIGN_OR_RETURN(ModelConfig source_config, LoadConfig(flags.source));
      LACUNA_ASSIGN_OR_RETURN(ModelFiles source_files, ModelFiles::Open(flags.source));
      source = {std::move(source_config), std::move(source_files)};
    }
    LACUNA_ASSIGN_OR_RETURN(const std::vector<PackedRow> rows,
                            InspectPacked(config, files, source ? &*source : nullptr));
    for (const PackedRow& row : rows) width = std::max(width, static_cast<int>(row.codec.size()) + 2);
    for (const PackedRow& row : rows) AddPacked(row, width, &tensors, table, &totals);
  } else if (!flags.source.empty()) {
    return InvalidInput(flags.model.directory + ": is not packed; --source is for packed models");
  }
  if (config.foreign) {
    for (const ModelTensor& parameter : ListTensors(config, !config.tie_word_embeddings)) {
      if (!parameter.matrix()) continue;
      LACUNA_ASSIGN_OR_RETURN(const SourceMatrix matrix, FindMatrix(config, files, parameter));
      if (!matrix.foreign) continue;
      shown.insert(matrix.foreign->names().begin(), matrix.foreign->names().end());
      int64_t bytes = 0;
      for (const Tensor* tensor : matrix.foreign->tensors()) bytes += static_cast<int64_t>(tensor->data.size());
      AddStored({parameter.name, parameter.shape, config.foreign->name, bytes * matrix.n / matrix.foreign->n()}, -1,
                InspectImported(matrix), width, &tensors, table, &totals);
    }
  }
  for (const auto& [name, tensor] : files.tensors()) {
    if (config.quantization && name.find(".lacuna.") != name.npos) continue;  // a stream
    if (shown.count(name) > 0) continue;
    std::optional<ImportedRow> imported;
    if (files.gguf() && tensor.shape.size() == 2) {
      LACUNA_ASSIGN_OR_RETURN(const SourceMatrix matrix, SourceOf(files, tensor, tensor.shape[0], tensor.shape[1]));
      imported = InspectImported(matrix);
    }
    AddStored({name, tensor.shape, std::string(DTypeName(tensor.dtype)), static_cast<int64_t>(tensor.data.size())},
              ZeroShare(tensor), imported, width, &tensors, table, &totals);
  }
  const double zeros = totals.weights > 0 ? static_cast<double>(totals.zeros) / static_cast<double>(totals.weights) : 0;
  if (flags.json) {
    nlohmann::ordered_json out = Architecture(config);
    out["tensors"] = std::move(tensors);
    out["totals"] = {
        {"tensors", totals.tensors}, {"parameters", totals.elements}, {"bytes", totals.bytes}, {"zero_share", zeros}};
    out["tokenizer"] = tokenizer.ok() ? nlohmann::ordered_json{{"kind", (*tokenizer)->kind()},
                                                               {"vocab_size", (*tokenizer)->vocab_size()}}
                                      : nlohmann::ordered_json();
    Print(out.dump() + "\n");
    return {};
  }
  std::ostringstream head;
  const nlohmann::ordered_json architecture = Architecture(config);
  for (const auto& [key, value] : architecture.items()) {
    head << std::left << std::setw(20) << key << (value.is_string() ? value.get<std::string>() : value.dump()) << "\n";
  }
  head << std::setw(20) << "tokenizer";
  if (tokenizer.ok()) {
    head << (*tokenizer)->kind() << ", " << (*tokenizer)->vocab_size() << " tokens\n";
  } else {
    head << "none that can be used: " << tokenizer.status().message() << "\n";
  }
  if (config.quantization && !flags.source.empty())
    head << "\nerror: the root mean square of packed minus source, over that of source\n";
  head << "\n"
       << std::setw(56) << "tensor" << std::setw(18) << "shape" << std::setw(width) << "type" << std::right
       << std::setw(12) << "size" << (config.quantization ? "" : "     zeros")
       << (imports ? "     runs as        loss" : "") << "\n";
  std::ostringstream foot;
  foot << "\n"
       << totals.tensors << " tensors, " << totals.elements << " parameters, "
       << FormatBytes(static_cast<uint64_t>(totals.bytes)) << ", " << std::fixed << std::setprecision(1) << zeros * 100
       << " % zeros\n";
  if (config.quantization) {
    foot << std::setprecision(2) << 8.0 * static_cast<double>(totals.bytes) / static_cast<double>(totals.elements)
         << " bits a parameter\n";
  }
  if (imports) {
    foot << totals.exact << " matrices run with the file's values, " << totals.lossy << " are rounded to bf16: by "
         << std::setprecision(6) << totals.worst << " of their root mean square at most (loss)\n";
  }
  if (!config.quantization && zeros >= 0.3) {
    foot << "The weights are mostly zeros or close to it: this model was pruned. lacuna reads it as a dense one;\n"
         << "lacuna pack --codec bitmap-int8 or bitmap-int4 leaves the zeros out.\n";
  }
  Print(head.str() + table.str() + foot.str());
  return {};
}

}  // namespace

void AddInspect(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.AddTo(app, false);
  Add(app, "--source", flags->source, "The model that a packed one was made from: how far its weights are from it")
      ->type_name("DIR");
  AddSwitch(app, "--json", flags->json, "Print one JSON object");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunInspect(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
