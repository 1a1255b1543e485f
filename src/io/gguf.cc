#include "io/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include "base/status_macros.h"
#include "io/json.h"

namespace lacuna {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr uint64_t kMaxKey = 65535;              // the format's own limits
constexpr uint32_t kMaxDimensions = 4;           //
constexpr int64_t kMaxAlignment = 1 << 20;       // a page is the most that makes sense
constexpr uint64_t kMinEntry = 8 + 4 + 1;        // bytes of a metadata entry at least
constexpr uint64_t kMinTensor = 8 + 4 + 8 + 12;  // bytes of a tensor's entry at least

// Bytes of a number, 0 for what is none.
size_t NumberBytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    default:
      return 0;
  }
}

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& name, GgufMetadata* metadata,
         std::vector<Tensor>* tensors)
      : bytes_(bytes), name_(name), metadata_(metadata), tensors_(tensors) {}

  Status Run() {
    LACUNA_RETURN_IF_ERROR(Head());
    for (uint64_t i = 0; i < entries_; ++i) LACUNA_RETURN_IF_ERROR(Entry(i));
    LACUNA_RETURN_IF_ERROR(Alignment());
    offsets_.reserve(tensor_count_);
    for (uint64_t i = 0; i < tensor_count_; ++i) LACUNA_RETURN_IF_ERROR(TensorEntry(i));
    return Data();
  }

 private:
  Status Fail(const std::string& message) const { return InvalidInput(name_ + ": " + message); }
  Status Truncated(const std::string& where) const {
    return Fail("truncated: it ends in " + where + ", after " + std::to_string(bytes_.size()) + " bytes");
  }
  uint64_t Left() const { return bytes_.size() - at_; }

  template <typename T>
  bool Read(T* value) {
    if (Left() < sizeof(T)) return false;
    std::memcpy(value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }
  bool ReadString(std::string_view* value) {
    uint64_t size;
    if (!Read(&size) || size > Left()) return false;
    *value = {reinterpret_cast<const char*>(bytes_.data()) + at_, size};
    at_ += size;
    return true;
  }

  Status Head() {
    if (bytes_.size() < kMagic.size() || std::memcmp(bytes_.data(), kMagic.data(), kMagic.size()) != 0)
      return Fail("not a GGUF file: it must begin with \"GGUF\"");
    at_ = kMagic.size();
    uint32_t version;
    if (!Read(&version)) return Truncated("its head");
    if (version > 0 && (version & 0xffff) == 0) return Fail("is big-endian; only little-endian GGUF files are read");
    if (version != 2 && version != 3)
      return Fail("has GGUF version " + std::to_string(version) + "; versions 2 and 3 are read");
    if (!Read(&tensor_count_) || !Read(&entries_)) return Truncated("its head");
    if (entries_ > Left() / kMinEntry)
      return Fail("says that it has " + std::to_string(entries_) + " metadata entries, more than its " +
                  std::to_string(bytes_.size()) + " bytes can hold");
    if (tensor_count_ > Left() / kMinTensor)
      return Fail("says that it has " + std::to_string(tensor_count_) + " tensors, more than its " +
                  std::to_string(bytes_.size()) + " bytes can hold");
    return {};
  }

  Status Entry(uint64_t index) {
    const std::string place = "metadata entry " + std::to_string(index);
    std::string_view key;
    if (!ReadString(&key)) return Truncated(place);
    if (key.empty() || key.size() > kMaxKey || !IsValidUtf8(key))
      return Fail(place + " has a key of " + std::to_string(key.size()) + " bytes; it must be UTF-8 of 1 to 65535");
    const std::string who = JsonQuote(key.substr(0, 100));
    uint32_t type;
    if (!Read(&type)) return Truncated("the metadata entry " + who);
    GgufValue value;
    value.type = value.element = static_cast<GgufType>(type);
    if (value.array()) {
      uint32_t element;
      if (!Read(&element) || !Read(&value.count)) return Truncated("the metadata entry " + who);
      value.element = static_cast<GgufType>(element);
      if (value.element == GgufType::kArray) return Fail("the metadata entry " + who + " is an array of arrays");
    }
    const size_t size = NumberBytes(value.element);
    if (size == 0 && value.element != GgufType::kString)
      return Fail("the metadata entry " + who + " has the unknown type " +
                  std::to_string(static_cast<uint32_t>(value.element)));
    if (value.count > Left() / (size == 0 ? 8 : size)) return Truncated("the metadata entry " + who);
    if (size > 0) {
      value.bytes = bytes_.subspan(at_, value.count * size);
      at_ += value.bytes.size();
    } else {
      value.text.resize(value.count);
      for (std::string_view& text : value.text)
        if (!ReadString(&text)) return Truncated("the metadata entry " + who);
    }
    if (!metadata_->emplace(key, std::move(value)).second) return Fail("has the metadata entry " + who + " twice");
    return {};
  }

  Status Alignment() {
    LACUNA_ASSIGN_OR_RETURN(const std::optional<int64_t> alignment,
                            GgufReader(name_, *metadata_).Int("general.alignment", 1, kMaxAlignment));
    alignment_ = static_cast<uint64_t>(alignment.value_or(32));
    if (!std::has_single_bit(alignment_))
      return Fail("`general.alignment` is " + std::to_string(alignment_) + "; it must be a power of two");
    return {};
  }

  Status TensorEntry(uint64_t index) {
    const std::string place = "tensor " + std::to_string(index);
    std::string_view name;
    uint32_t dimensions;
    if (!ReadString(&name) || !Read(&dimensions)) return Truncated(place);
    if (name.empty() || name.size() > kMaxKey || !IsValidUtf8(name))
      return Fail(place + " has a name of " + std::to_string(name.size()) + " bytes; it must be UTF-8 of 1 to 65535");
    Tensor tensor;
    tensor.name = name;
    const std::string who = "tensor `" + tensor.name.substr(0, 100) + "`";
    if (!names_.insert(tensor.name).second) return Fail(who + " is there twice");
    if (dimensions < 1 || dimensions > kMaxDimensions)
      return Fail(who + " has " + std::to_string(dimensions) + " dimensions; 1 to 4 are possible");
    uint64_t elements = 1;
    for (uint32_t i = 0; i < dimensions; ++i) {
      uint64_t n;
      if (!Read(&n)) return Truncated(who);
      if (n == 0 || n > INT64_MAX || __builtin_mul_overflow(elements, n, &elements) || elements > INT64_MAX)
        return Fail(who + " has a dimension of " + std::to_string(n) + ", which is empty or beyond every memory");
      tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(n));
    }
    uint32_t type;
    uint64_t offset;
    if (!Read(&type) || !Read(&offset)) return Truncated(who);
    const std::optional<DType> known = GgmlType(type);
    if (!known) return Fail(who + " has the unknown type " + std::to_string(type));
    tensor.dtype = *known;
    const TypeBlock block = DTypeBlock(*known);
    if (tensor.shape.back() % block.elements != 0)
      return Fail(who + " of type " + std::string(DTypeName(*known)) + " has rows of " +
                  std::to_string(tensor.shape.back()) + " elements; they must be a multiple of " +
                  std::to_string(block.elements));
    if (offset % alignment_ != 0)
      return Fail(who + " begins at offset " + std::to_string(offset) + ", which is no multiple of the alignment, " +
                  std::to_string(alignment_));
    offsets_.push_back(offset);
    tensors_->push_back(std::move(tensor));
    return {};
  }

  Status Data() {
    if (tensors_->empty()) return {};
    const uint64_t padding = (alignment_ - at_ % alignment_) % alignment_;
    const uint64_t begin = std::min<uint64_t>(at_ + padding, bytes_.size());
    const std::span<const std::byte> data = bytes_.subspan(begin);
    for (size_t i = 0; i < tensors_->size(); ++i) {
      Tensor& tensor = (*tensors_)[i];
      const TypeBlock block = DTypeBlock(tensor.dtype);
      uint64_t size;
      if (__builtin_mul_overflow(static_cast<uint64_t>(tensor.elements() / block.elements),
                                 static_cast<uint64_t>(block.bytes), &size) ||
          offsets_[i] > data.size() || size > data.size() - offsets_[i])
        return Fail("tensor `" + tensor.name.substr(0, 100) + "` of shape " + ShapeText(tensor.shape) + " and type " +
                    std::string(DTypeName(tensor.dtype)) + " at offset " + std::to_string(offsets_[i]) +
                    " does not fit into the " + std::to_string(data.size()) + " bytes of data: truncated or damaged");
      tensor.data = data.subspan(offsets_[i], size);
    }
    return {};
  }

  const std::span<const std::byte> bytes_;
  const std::string& name_;
  GgufMetadata* metadata_;
  std::vector<Tensor>* tensors_;
  std::set<std::string> names_;
  std::vector<uint64_t> offsets_;
  uint64_t at_ = 0, tensor_count_ = 0, entries_ = 0, alignment_ = 32;
};

}  // namespace

Status ParseGguf(std::span<const std::byte> bytes, const std::string& name, GgufMetadata* metadata,
                 std::vector<Tensor>* tensors) {
  return Parser(bytes, name, metadata, tensors).Run();
}

Result<GgufFile> GgufFile::Open(const std::string& path) {
  LACUNA_ASSIGN_OR_RETURN(MappedFile mapping, MappedFile::Open(path));
  GgufFile file;
  file.file_ = std::make_shared<const MappedFile>(std::move(mapping));
  auto metadata = std::make_shared<GgufMetadata>();
  LACUNA_RETURN_IF_ERROR(ParseGguf(file.file_->bytes(), path, metadata.get(), &file.tensors_));
  file.metadata_ = std::move(metadata);
  return file;
}

const Tensor* GgufFile::Find(std::string_view name) const {
  const auto it = std::find_if(tensors_.begin(), tensors_.end(), [&](const Tensor& t) { return t.name == name; });
  return it == tensors_.end() ? nullptr : &*it;
}

bool IsGguf(const std::string& path) {
  if (KindOf(path) != FileKind::kRegular) return false;
  if (path.ends_with(".gguf")) return true;
  const auto file = MappedFile::Open(path);
  return file.ok() && file->size() >= kMagic.size() &&
         std::memcmp(file->bytes().data(), kMagic.data(), kMagic.size()) == 0;
}

}  // namespace lacuna
