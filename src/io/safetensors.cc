#include "io/safetensors.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "io/json.h"

namespace lacuna {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kLengthBytes = 8;

// One tensor's entry in the header, as written.
struct Entry {
  std::string name;
  std::optional<DType> dtype;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::array<uint64_t, 2>> offsets;
};

// Reads the header event by event into entries: it may be 100 MB, so no tree is built of it, and whatever is not of
// the header's form ends the parse where it stands.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(std::vector<Entry>* entries, std::map<std::string, std::string>* metadata)
      : entries_(entries), metadata_(metadata) {}
  const std::string& error() const { return error_; }

  bool null() override { return Scalar("null"); }
  bool boolean(bool value) override { return Scalar(value ? "true" : "false"); }
  bool number_integer(int64_t value) override { return Scalar(std::to_string(value)); }
  bool number_float(double, const std::string& text) override { return Scalar(text); }
  bool binary(binary_t&) override { return false; }

  bool number_unsigned(uint64_t value) override {
    if (state_ == State::kShape) {
      if (value > INT64_MAX) return Fail("has a dimension of " + std::to_string(value) + ", beyond every memory");
      entries_->back().shape->push_back(static_cast<int64_t>(value));
      return true;
    }
    if (state_ == State::kOffsets) {
      if (offset_count_ == 2) return Fail("has more than two numbers in `data_offsets`");
      (*entries_->back().offsets)[offset_count_++] = value;
      return true;
    }
    return Scalar(std::to_string(value));
  }

  bool string(std::string& value) override {
    if (state_ == State::kMetadata) {
      (*metadata_)[key_] = std::move(value);
      return true;
    }
    if (state_ == State::kTensor && key_ == "dtype") {
      if (entries_->back().dtype) return Fail("has two `dtype`");
      entries_->back().dtype = ParseDType(value);
      if (!entries_->back().dtype) return Fail("has the unknown dtype " + JsonQuote(value).substr(0, 80));
      return true;
    }
    return Scalar("a string");
  }

  bool start_object(std::size_t) override {
    if (state_ == State::kStart) return Enter(State::kTop);
    if (state_ == State::kTop && key_ == "__metadata__") return Enter(State::kMetadata);
    if (state_ == State::kTop) {
      entries_->emplace_back().name = key_;
      return Enter(State::kTensor);
    }
    return Scalar("an object");
  }

  bool key(std::string& key) override {
    key_ = std::move(key);
    return true;
  }

  bool end_object() override {
    if (state_ == State::kTensor) {
      const Entry& entry = entries_->back();
      const char* missing = !entry.dtype ? "dtype" : !entry.shape ? "shape" : !entry.offsets ? "data_offsets" : nullptr;
      if (missing) return Fail("has no `" + std::string(missing) + "`");
    }
    return Enter(state_ == State::kTop ? State::kEnd : State::kTop);
  }

  bool start_array(std::size_t) override {
    if (state_ == State::kTensor && key_ == "shape") {
      if (entries_->back().shape) return Fail("has two `shape`");
      entries_->back().shape.emplace();
      return Enter(State::kShape);
    }
    if (state_ == State::kTensor && key_ == "data_offsets") {
      if (entries_->back().offsets) return Fail("has two `data_offsets`");
      entries_->back().offsets.emplace();
      offset_count_ = 0;
      return Enter(State::kOffsets);
    }
    return Scalar("a list");
  }

  bool end_array() override {
    if (state_ == State::kOffsets && offset_count_ != 2) return Fail("must have two numbers in `data_offsets`");
    return Enter(State::kTensor);
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    error_ = "the header is broken JSON at byte " + std::to_string(position + kLengthBytes) + " of the file";
    return false;
  }

 private:
  enum class State { kStart, kTop, kMetadata, kTensor, kShape, kOffsets, kEnd };

  bool Enter(State state) {
    state_ = state;
    return true;
  }

  bool Fail(const std::string& message) {
    error_ = "tensor `" + entries_->back().name + "` " + message;
    return false;
  }

  // A value where the header has none of its kind.
  bool Scalar(const std::string& value) {
    switch (state_) {
      case State::kStart:
      case State::kEnd:
        error_ = "the header is " + value + "; it must be a JSON object";
        return false;
      case State::kTop:
        error_ = "`" + key_ + "` in the header is " + value + "; it must be an object";
        return false;
      case State::kMetadata:
        error_ = "`__metadata__." + key_ + "` is " + value + "; it must be a string";
        return false;
      case State::kTensor:
        return Fail("has `" + key_ + "` " + value + "; a tensor has a string `dtype` and the lists `shape` and " +
                    "`data_offsets`, nothing else");
      case State::kShape:
      case State::kOffsets:
        return Fail("has " + value + " in `" + key_ + "`; it must be a whole number, 0 or above");
    }
    return false;
  }

  std::vector<Entry>* entries_;
  std::map<std::string, std::string>* metadata_;
  State state_ = State::kStart;
  std::string key_;
  size_t offset_count_ = 0;
  std::string error_;
};

// Bytes that shape and type ask for; nullopt if that is no whole number of bytes or beyond 2^63.
std::optional<uint64_t> NeededBytes(const std::vector<int64_t>& shape, DType type) {
  uint64_t elements = 1;
  // A zero makes the product zero even where the other factors alone would overflow.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  for (const int64_t n : shape)
    if (__builtin_mul_overflow(elements, static_cast<uint64_t>(n), &elements) || elements > INT64_MAX)
      return std::nullopt;
  uint64_t bits;
  if (__builtin_mul_overflow(elements, static_cast<uint64_t>(DTypeBits(type)), &bits) || bits % 8 != 0)
    return std::nullopt;
  return bits / 8;
}

std::string RangeText(const std::array<uint64_t, 2>& offsets) {
  std::string text = "[";
  text += std::to_string(offsets[0]);
  text += ", ";
  text += std::to_string(offsets[1]);
  return text += "]";
}

}  // namespace

int64_t Tensor::elements() const {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  int64_t count = 1;
  for (const int64_t n : shape) count *= n;
  return count;
}

std::string ShapeText(std::span<const int64_t> shape) {
  std::string text = "[";
  for (const int64_t n : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(n);
  }
  return text += "]";
}

Status ParseSafetensors(std::span<const std::byte> bytes, const std::string& name, std::vector<Tensor>* tensors,
                        std::map<std::string, std::string>* metadata) {
  const auto fail = [&](const std::string& message) { return InvalidInput(name + ": " + message); };
  if (bytes.size() < kLengthBytes)
    return fail("truncated: " + std::to_string(bytes.size()) + " bytes; a safetensors file has 8 and more");
  uint64_t header_size;  // little-endian, as this machine
  memcpy(&header_size, bytes.data(), kLengthBytes);
  if (header_size > kMaxHeaderBytes)
    return fail("not a safetensors file: its header would be " + std::to_string(header_size) + " bytes; at most " +
                std::to_string(kMaxHeaderBytes) + " are allowed");
  if (header_size > bytes.size() - kLengthBytes)
    return fail("truncated: the header is " + std::to_string(header_size) + " bytes, but only " +
                std::to_string(bytes.size() - kLengthBytes) + " follow its length");
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, header_size);
  if (header.empty() || header[0] != '{') return fail("not a safetensors file: the header must begin with {");

  std::vector<Entry> entries;
  HeaderReader reader(&entries, metadata);
  if (!Json::sax_parse(header.begin(), header.end(), &reader))
    return fail(reader.error().empty() ? "the header is broken JSON" : reader.error());

  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + header_size);
  for (const Entry& entry : entries) {
    const auto& [begin, end] = *entry.offsets;
    const std::string who = "tensor `" + entry.name + "`";
    if (begin > end)
      return fail(who + " has data_offsets " + RangeText(*entry.offsets) + ", which end before they begin");
    if (end > data.size())
      return fail(who + " has data_offsets " + RangeText(*entry.offsets) + ", but the file has only " +
                  std::to_string(data.size()) + " bytes of data: truncated or damaged");
    const std::optional<uint64_t> needed = NeededBytes(*entry.shape, *entry.dtype);
    if (!needed || *needed != end - begin)
      return fail(who + " of shape " + ShapeText(*entry.shape) + " and type " + std::string(DTypeName(*entry.dtype)) +
                  " needs " + (needed ? std::to_string(*needed) : "an impossible number of") +
                  " bytes, but its data_offsets " + RangeText(*entry.offsets) + " hold " + std::to_string(end - begin));
  }

  // Empty tensors go before the one that starts where they lie. Names break the last ties, so the order is one.
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::tie(*a.offsets, a.name) < std::tie(*b.offsets, b.name); });
  uint64_t covered = 0;
  const Entry* last = nullptr;
  for (const Entry& entry : entries) {
    const auto& [begin, end] = *entry.offsets;
    if (begin < covered)
      return fail("tensors `" + last->name + "` " + RangeText(*last->offsets) + " and `" + entry.name + "` " +
                  RangeText(*entry.offsets) + " overlap");
    if (begin > covered)
      return fail("bytes [" + std::to_string(covered) + ", " + std::to_string(begin) +
                  "] of the data, before tensor `" + entry.name + "`, belong to no tensor");
    covered = end;
    last = &entry;
  }
  if (covered != data.size())
    return fail("the last " + std::to_string(data.size() - covered) + " of " + std::to_string(data.size()) +
                " bytes of data belong to no tensor");

  // Two tensors of one name: the format forbids it, and readers differ on which one they take.
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const Entry& entry : entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    return fail("tensor `" + std::string(*twice) + "` is there twice");

  tensors->reserve(entries.size());
  for (Entry& entry : entries) {
    const auto [begin, end] = *entry.offsets;
    tensors->push_back(
        {std::move(entry.name), *entry.dtype, std::move(*entry.shape), data.subspan(begin, end - begin)});
  }
  return {};
}

Result<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  LACUNA_ASSIGN_OR_RETURN(MappedFile mapping, MappedFile::Open(path));
  SafetensorsFile file;
  file.file_ = std::make_shared<const MappedFile>(std::move(mapping));
  LACUNA_RETURN_IF_ERROR(ParseSafetensors(file.file_->bytes(), path, &file.tensors_, &file.metadata_));
  file.by_name_.resize(file.tensors_.size());
  for (uint32_t i = 0; i < file.by_name_.size(); ++i) file.by_name_[i] = i;
  std::sort(file.by_name_.begin(), file.by_name_.end(),
            [&](uint32_t a, uint32_t b) { return file.tensors_[a].name < file.tensors_[b].name; });
  return file;
}

const Tensor* SafetensorsFile::Find(std::string_view name) const {
  const auto it = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [&](uint32_t i, std::string_view n) { return tensors_[i].name < n; });
  return it == by_name_.end() || tensors_[*it].name != name ? nullptr : &tensors_[*it];
}

}  // namespace lacuna
