#include "model/load_weights.h"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <mutex>
#include <set>

#include "base/f16.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "io/gguf_tensors.h"
#include "model/load_packed.h"
#include "model/source_tensor.h"
#include "model/tensor_list.h"
#include "threading/arena.h"
#include "weights/convert.h"
#include "weights/foreign_matrix.h"
#include "weights/import.h"
#include "weights/packed_file.h"
#include "weights/source_rows.h"

namespace lacuna {
namespace {

class Loader {
 public:
  Loader(const ModelConfig& config, const ModelFiles& files, const ModelOptions& options)
      : config_(config),
        files_(files),
        options_(options),
        codec_(options.numerics == Numerics::kF32 ? Codec::kF32 : Codec::kBf16) {}

  Result<LoadedWeights> Load(int threads) {
    if (config_.quantization && codec_ == Codec::kF32) {
      return InvalidInput(files_.dir() + ": the weights are packed as " + CodecName(config_.quantization->codec) +
                          "; --numerics f32 needs a model in F32, F16 or BF16");
    }
    LACUNA_RETURN_IF_ERROR(Collect());
    LACUNA_RETURN_IF_ERROR(CheckMemory());
    LACUNA_RETURN_IF_ERROR(LoadPacked(packed_, options_, threads, &out_.weights.packed));
    LACUNA_RETURN_IF_ERROR(ImportAll(threads));
    LACUNA_RETURN_IF_ERROR(PackAll(threads));
    WarnAboutTheRest();
    if (!packed_.empty()) {
      out_.dtype = CodecName(config_.quantization->codec);
      return std::move(out_);
    }
    if (config_.foreign) {
      out_.dtype = config_.foreign->name;
      return std::move(out_);
    }
    out_.dtype = std::string(
        DTypeName(std::max_element(bytes_by_type_.begin(), bytes_by_type_.end(), [](const auto& a, const auto& b) {
                    return a.second < b.second;
                  })->first));
    return std::move(out_);
  }

  Result<ModelWeights> LoadOnlyVectors() {
    only_vectors_ = true;
    LACUNA_RETURN_IF_ERROR(Collect());
    return std::move(out_.weights);
  }

 private:
  struct Task {
    SourceMatrix source;
    PackedWeight* weight;
    const MappedFile* file;
  };

  Result<const Tensor*> Take(const std::string& name, std::initializer_list<int64_t> shape) {
    LACUNA_ASSIGN_OR_RETURN(const Tensor* tensor, files_.Get(name));
    if (!IsWeightType(tensor->dtype) && (shape.size() == 1 || !IsBlockWeightType(tensor->dtype))) {
      return InvalidInput(
          files_.Where(*tensor) + " has type " + std::string(DTypeName(tensor->dtype)) + ", expected F32, F16 or BF16" +
          (files_.gguf() && shape.size() > 1 ? ", Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K" : ""));
    }
    if (!std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end())) {
      return InvalidInput(files_.Where(*tensor) + " has shape " + ShapeText(tensor->shape) + ", expected " +
                          ShapeText(std::vector<int64_t>(shape)) +
                          (files_.gguf() ? " from its metadata" : " from config.json"));
    }
    if (used_.insert(name).second) {
      out_.parameters += tensor->elements();
      bytes_by_type_[tensor->dtype] += static_cast<int64_t>(tensor->data.size());
    }
    return tensor;
  }

  // A norm's factors.
  Status Norm(const std::string& name, int64_t n, std::vector<float>* to) {
    LACUNA_RETURN_IF_ERROR(Vector(name, n, to));
    if (config_.norm_plus_one)
      for (float& w : *to) w = 1.0f + w;
    return {};
  }

  Status Vector(const std::string& name, int64_t n, std::vector<float>* to) {
    LACUNA_ASSIGN_OR_RETURN(const Tensor* tensor, Take(name, {n}));
    to->resize(static_cast<std::size_t>(n));
    const ElementType type = ElementTypeOf(tensor->dtype);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t from = SourceRow(i, n, tensor->interleaved_heads) * static_cast<int64_t>(ElementBytes(type));
      ConvertToFloat(tensor->data.data() + from, type, 1, to->data() + i);
    }
    for (std::size_t i = 0; i < to->size(); ++i) {
      if (!std::isfinite((*to)[i])) {
        return InvalidInput(files_.Where(*tensor) + " is not finite at [" + std::to_string(i) + "]");
      }
    }
    out_.weight_bytes += n * 4;
    return {};
  }

  // Is this parameter stored packed?
  bool Packed(const std::string& name) const { return config_.quantization && HasPacked(files_, name); }

  Status TakePacked(const std::string& name, int64_t n, int64_t k, PackedWeight* weight) {
    std::vector<std::string> streams;
    LACUNA_ASSIGN_OR_RETURN(*weight, OpenPacked(files_, name, n, k, config_.quantization->Of(name), &streams));
    if (used_.insert(name).second) out_.parameters += n * k;
    for (const std::string& stream : streams) {
      if (used_.insert(stream).second) out_.weight_bytes += static_cast<int64_t>(files_.Find(stream)->data.size());
    }
    const Tensor& values = *files_.Find(StreamTensorName(name, Stream::kValues));
    packed_.push_back({files_.dir() + ": parameter `" + name + "`", weight, &files_.files()[values.file].mapping()});
    return {};
  }

  Status Matrix(const std::string& name, int64_t n, int64_t k, PackedWeight* weight, const FusedRows& fused = {}) {
    if (only_vectors_) return {};
    if (Packed(name)) return TakePacked(name, n, k, weight);
    const bool apart = fused.name.empty();
    if (config_.foreign) {
      const std::string& stored = apart ? name : fused.name;
      LACUNA_ASSIGN_OR_RETURN(auto foreign,
                              ForeignMatrix::Find(files_, *config_.foreign, stored, apart ? n : fused.rows, k));
      if (foreign) return TakeForeign(std::move(foreign), stored, fused.first, n, weight);
    }
    LACUNA_ASSIGN_OR_RETURN(const Tensor* tensor, Take(apart ? name : fused.name, {apart ? n : fused.rows, k}));
    LACUNA_ASSIGN_OR_RETURN(SourceMatrix source, SourceOf(files_, RowsOf(*tensor, fused, n), n, k));
    const MappedFile* file = &files_.files()[tensor->file].mapping();
    return Add(std::move(source), file, weight);
  }

  Status TakeForeign(std::shared_ptr<const ForeignMatrix> foreign, const std::string& name, int64_t first_row,
                     int64_t n, PackedWeight* weight) {
    out_.parameters += n * foreign->k();
    used_.insert(foreign->names().begin(), foreign->names().end());
    const MappedFile* file = &files_.files()[foreign->tensors().front()->file].mapping();
    return Add(SourceOf(std::move(foreign), files_.dir() + ": parameter `" + name + "`", first_row, n), file, weight);
  }

  // As it is where a codec holds it, else converted.
  Status Add(SourceMatrix source, const MappedFile* file, PackedWeight* weight) {
    if (codec_ == Codec::kBf16 && ImportCodec(source)) {
      imports_.push_back({std::move(source), weight, file});
      return {};
    }
    LACUNA_ASSIGN_OR_RETURN(*weight, AllocatePacked(source, codec_));
    out_.weight_bytes += static_cast<int64_t>(weight->data.size());
    tasks_.push_back({std::move(source), weight, file});
    return {};
  }

  Status Member(int layer, const char* module, int64_t n, int64_t k, bool bias, LinearMember* member) {
    const TensorNames& names = *config_.family->names;
    LACUNA_RETURN_IF_ERROR(
        Matrix(names.Layer(layer, module), n, k, &member->weight, FindFused(config_, layer, module)));
    return bias ? Vector(names.Layer(layer, module, "bias"), n, &member->bias) : Status();
  }

  Status Layer(int i, LayerWeights* layer) {
    const TensorNames& names = *config_.family->names;
    const int64_t hidden = config_.hidden_size;
    const int64_t q = int64_t{config_.num_heads} * config_.head_dim;
    const int64_t kv = int64_t{config_.num_kv_heads} * config_.head_dim;
    const int64_t mid = config_.intermediate_size;
    // All members exist before tasks point at them.
    layer->qkv.members.resize(3);
    layer->o.members.resize(1);
    layer->gate_up.members.resize(2);
    layer->down.members.resize(1);
    const auto norm = [&](const char* module, int64_t n, std::vector<float>* to) {
      return module == nullptr ? Status() : Norm(names.Layer(i, module), n, to);
    };
    LACUNA_RETURN_IF_ERROR(norm(names.attention_norm, hidden, &layer->attention_norm));
    LACUNA_RETURN_IF_ERROR(Member(i, names.q, q, hidden, config_.qkv_bias, &layer->qkv.members[0]));
    LACUNA_RETURN_IF_ERROR(Member(i, names.k, kv, hidden, config_.qkv_bias, &layer->qkv.members[1]));
    LACUNA_RETURN_IF_ERROR(Member(i, names.v, kv, hidden, config_.qkv_bias, &layer->qkv.members[2]));
    LACUNA_RETURN_IF_ERROR(Member(i, names.o, hidden, q, config_.o_bias, &layer->o.members[0]));
    if (config_.qk_norm != QkNorm::kNone) {
      const bool head = config_.qk_norm == QkNorm::kHead;
      LACUNA_RETURN_IF_ERROR(norm(names.q_norm, head ? config_.head_dim : q, &layer->q_norm));
      LACUNA_RETURN_IF_ERROR(norm(names.k_norm, head ? config_.head_dim : kv, &layer->k_norm));
    }
    LACUNA_RETURN_IF_ERROR(norm(names.attention_out_norm, hidden, &layer->attention_out_norm));
    LACUNA_RETURN_IF_ERROR(norm(names.mlp_norm, hidden, &layer->mlp_norm));
    LACUNA_RETURN_IF_ERROR(Member(i, names.gate, mid, hidden, config_.mlp_bias, &layer->gate_up.members[0]));
    LACUNA_RETURN_IF_ERROR(Member(i, names.up, mid, hidden, config_.mlp_bias, &layer->gate_up.members[1]));
    LACUNA_RETURN_IF_ERROR(Member(i, names.down, hidden, mid, config_.mlp_bias, &layer->down.members[0]));
    LACUNA_RETURN_IF_ERROR(norm(names.mlp_out_norm, hidden, &layer->mlp_out_norm));
    const LayerConfig& c = config_.layers[static_cast<std::size_t>(i)];
    layer->attention = {.kv_stream = i,
                        .rope = c.rope,
                        .scale = static_cast<float>(1.0 / std::sqrt(config_.score_divisor)),
                        .window = c.window};
    return {};
  }

  // sqrt(hidden_size) in the type that the model computes in: a bf16 model was trained with a factor of 8 bits.
  float EmbeddingScale() const {
    const float scale = static_cast<float>(std::sqrt(static_cast<double>(config_.hidden_size)));
    if (codec_ == Codec::kF32 || config_.dtype == "float32") return scale;
    return config_.dtype == "float16" ? F16ToFloat(FloatToF16(scale)) : ToFloat(ToBf16(scale));
  }

  Status Collect() {
    const TensorNames& names = *config_.family->names;
    ModelWeights& w = out_.weights;
    const int64_t vocab = config_.vocab_size;
    const int64_t hidden = config_.hidden_size;
    const std::string embedding_name = std::string(names.embedding) + ".weight";
    const Tensor* embedding = files_.Find(embedding_name);
    std::shared_ptr<const ForeignMatrix> foreign;
    if (config_.foreign) {
      LACUNA_ASSIGN_OR_RETURN(foreign, ForeignMatrix::Find(files_, *config_.foreign, embedding_name, vocab, hidden));
      if (foreign && !foreign->group_of().empty()) {
        return InvalidInput(files_.dir() + ": the embedding `" + embedding_name + "` has its columns in another order");
      }
    }
    // Quantized: read from a packed weight, where the reference mode has none from rows of its own.
    const bool quantized = foreign || (embedding != nullptr && IsBlockWeightType(embedding->dtype));
    if (only_vectors_) {
      // The caller has one.
    } else if (quantized && codec_ == Codec::kF32) {
      LACUNA_RETURN_IF_ERROR(EmbeddingRows(embedding_name, foreign, vocab, hidden));
    } else if (!Packed(embedding_name) && !quantized) {
      LACUNA_ASSIGN_OR_RETURN(embedding, Take(embedding_name, {vocab, hidden}));
      w.embedding = {embedding->data.data(), ElementTypeOf(embedding->dtype), vocab, hidden};
      out_.weight_bytes += static_cast<int64_t>(embedding->data.size());
    }

    if (config_.scaled_embedding) w.embedding_scale = EmbeddingScale();
    w.layers.resize(static_cast<std::size_t>(config_.num_layers));
    for (int i = 0; i < config_.num_layers; ++i) {
      LACUNA_RETURN_IF_ERROR(Layer(i, &w.layers[static_cast<std::size_t>(i)]));
    }
    w.kv_streams = config_.num_layers;
    LACUNA_RETURN_IF_ERROR(Norm(std::string(names.final_norm) + ".weight", hidden, &w.final_norm));

    // A stored head is used even where config.json ties it, as Hugging Face does when the two differ.
    const std::string head_name = std::string(names.head) + ".weight";
    w.lm_head.members.resize(1);
    bool stored = files_.Find(head_name) != nullptr || Packed(head_name);
    if (!stored && config_.foreign) {
      LACUNA_ASSIGN_OR_RETURN(const auto head, ForeignMatrix::Find(files_, *config_.foreign, head_name, vocab, hidden));
      stored = head != nullptr;
    }
    if (!stored && !config_.tie_word_embeddings) {
      return InvalidInput(files_.dir() + ": there is no tensor `" + head_name +
                          "`, and config.json does not say tie_word_embeddings");
    }
    LACUNA_RETURN_IF_ERROR(Matrix(stored ? head_name : embedding_name, vocab, hidden, &w.lm_head.members[0].weight));
    if (!only_vectors_ && (Packed(embedding_name) || (quantized && codec_ != Codec::kF32))) {
      w.embedding = {.rows = vocab, .cols = hidden, .packed = &w.lm_head.members[0].weight};
      if (stored) {
        w.packed_embedding = std::make_unique<PackedWeight>();
        LACUNA_RETURN_IF_ERROR(Matrix(embedding_name, vocab, hidden, w.packed_embedding.get()));
        w.embedding.packed = w.packed_embedding.get();
      }
      if (!w.embedding.packed->in_perm().empty()) {
        return InvalidInput(files_.dir() + ": the embedding `" + embedding_name + "` has permuted columns");
      }
    }
    for (const RopeConfig& rope : config_.ropes) w.ropes.push_back(MakeRopeTable(rope, config_.rotary_dim));
    return {};
  }

  Status EmbeddingRows(const std::string& name, std::shared_ptr<const ForeignMatrix> foreign, int64_t vocab,
                       int64_t hidden) {
    SourceMatrix source;
    if (foreign) {
      used_.insert(foreign->names().begin(), foreign->names().end());
      source = SourceOf(std::move(foreign), files_.dir() + ": parameter `" + name + "`", 0, vocab);
    } else {
      LACUNA_ASSIGN_OR_RETURN(const Tensor* tensor, Take(name, {vocab, hidden}));
      LACUNA_ASSIGN_OR_RETURN(source, SourceOf(files_, *tensor, vocab, hidden));
    }
    const auto bytes = static_cast<std::size_t>(vocab * hidden) * 4;
    LACUNA_ASSIGN_OR_RETURN(out_.weights.embedding_rows, AlignedBuffer::Create(bytes, "token embeddings"));
    auto* rows = reinterpret_cast<float*>(out_.weights.embedding_rows.data());
    for (int64_t i = 0; i < vocab; ++i) RowFloats(source, i, rows + i * hidden);
    out_.weights.embedding = {out_.weights.embedding_rows.data(), ElementType::kF32, vocab, hidden};
    out_.weight_bytes += static_cast<int64_t>(bytes);
    return {};
  }

  // Said here, before the kernel kills the process without a word.
  Status CheckMemory() const {
    uint64_t bytes = 0;
    for (const Task& task : tasks_) bytes += task.weight->data.size();
    for (const Task& task : imports_) bytes += static_cast<uint64_t>(task.source.n * task.source.k / 2);  // at least
    if (bytes < uint64_t{16} << 20) return {};
    return CheckMemoryFor(bytes, BytesWithSwap(), "model of " + files_.dir());
  }

  // Each matrix in parallel inside.
  Status ImportAll(int threads) {
    tbb::task_arena arena(ArenaThreadCount(threads));
    for (std::size_t i = 0; i < imports_.size(); ++i) {
      if (IsCancelled(options_)) return Cancelled();
      const Task& task = imports_[i];
      Result<PackedWeight> weight = arena.execute([&] { return ImportAsStored(task.source); });
      if (!weight.ok()) return weight.status();
      out_.weight_bytes += static_cast<int64_t>(weight->ReadBytes());
      *task.weight = *std::move(weight);
      // A fused matrix's rows may be in the same pages.
      if (!task.source.foreign) {
        task.file->DontNeed({task.source.data, static_cast<std::size_t>(task.source.n * RowBytes(task.source))});
      }
      if (options_.progress) options_.progress(static_cast<double>(i) / static_cast<double>(imports_.size()));
    }
    return {};
  }

  Status PackAll(int threads) {
    // Pieces of about a megabyte, so that threads share the work whatever the tensors' sizes.
    struct Piece {
      int task, begin, end;
    };
    std::vector<Piece> pieces;
    for (int t = 0; t < static_cast<int>(tasks_.size()); ++t) {
      const PackedWeight& w = *tasks_[static_cast<std::size_t>(t)].weight;
      const int step = std::max(1, static_cast<int>((std::size_t{1} << 20) / w.PanelBytes()));
      for (int p = 0; p < w.panels(); p += step) pieces.push_back({t, p, std::min(p + step, w.panels())});
    }
    // The first error in file order is reported, whichever thread met one first.
    std::mutex mutex;
    std::size_t failed = pieces.size();
    Status error;
    std::atomic<std::size_t> done{0};
    PackStats stats;
    const auto caller = std::this_thread::get_id();
    tbb::task_arena arena(ArenaThreadCount(threads));
    arena.execute([&] {
      tbb::parallel_for(std::size_t{0}, pieces.size(), [&](std::size_t i) {
        if (IsCancelled(options_)) return;
        const Piece& piece = pieces[i];
        const Task& task = tasks_[static_cast<std::size_t>(piece.task)];
        const Status status = PackPanels(task.source, piece.begin, piece.end, task.weight, &stats);
        if (!status.ok()) {
          const std::lock_guard lock(mutex);
          if (i < failed) {
            failed = i;
            error = status;
          }
        }
        // Packed once, read no more: the file's pages must not double the memory.
        const int64_t row_bytes = RowBytes(task.source);
        const int64_t end = std::min<int64_t>(int64_t{piece.end} * 16, task.source.n);
        if (!task.source.foreign)
          task.file->DontNeed({task.source.data + int64_t{piece.begin} * 16 * row_bytes,
                               static_cast<std::size_t>((end - int64_t{piece.begin} * 16) * row_bytes)});
        const std::size_t n = done.fetch_add(1) + 1;
        if (options_.progress && std::this_thread::get_id() == caller) {
          options_.progress(static_cast<double>(n) / static_cast<double>(pieces.size() + 1));
        }
      });
    });
    LACUNA_RETURN_IF_ERROR(error);
    if (IsCancelled(options_)) return Cancelled();
    if (options_.progress) options_.progress(1.0);
    if (stats.f16_rounded > 0) {
      Warn("the weights are F16 and were rounded to bf16, which has three bits less (" +
           std::to_string(stats.f16_rounded * 100 / std::max<int64_t>(1, stats.f16_values)) +
           " % of them changed); --numerics f32 keeps them exact");
    }
    return {};
  }

  void WarnAboutTheRest() {
    std::string first;
    int rest = 0;
    for (const auto& [name, tensor] : files_.tensors()) {
      // Saved by old versions, computed by everyone.
      const bool computed = name.size() > 9 && name.find("rotary_emb.inv_freq") != std::string::npos;
      if (used_.count(name) > 0 || computed) continue;
      if (rest++ == 0) first = name;
    }
    if (rest > 0) {
      Warn(std::to_string(rest) +
           " tensors of the files belong to nothing that config.json describes and were left out, `" + first +
           "` first");
    }
  }

  void Warn(const std::string& message) const {
    if (options_.log) options_.log(LogLevel::kWarning, message);
  }

  const ModelConfig& config_;
  const ModelFiles& files_;
  const ModelOptions& options_;
  const Codec codec_;
  bool only_vectors_ = false;
  LoadedWeights out_;
  std::vector<Task> tasks_, imports_;
  std::vector<PackedParameter> packed_;
  std::set<std::string, std::less<>> used_;
  std::map<DType, int64_t> bytes_by_type_;
};

}  // namespace

Result<LoadedWeights> LoadWeights(const ModelConfig& config, const ModelFiles& files, const ModelOptions& options,
                                  int threads) {
  return Loader(config, files, options).Load(threads);
}

Result<ModelWeights> LoadVectors(const ModelConfig& config, const ModelFiles& files) {
  const ModelOptions options;
  return Loader(config, files, options).LoadOnlyVectors();
}

}  // namespace lacuna
