#include "session/session_file.h"

#include <bit>
#include <cstring>

#include "base/bf16.h"
#include "base/checksum.h"
#include "lacuna/version.h"

namespace lacuna {
namespace {

static_assert(std::endian::native == std::endian::little);
constexpr char kMagic[] = "LACUNASN";

struct Header {
  char magic[8];
  uint32_t file_version;
  uint32_t contract_version;
  uint64_t fingerprint;
  uint32_t element_type;
  uint32_t streams;
  uint32_t kv_heads;
  uint32_t head_dim;
  uint64_t page_bytes;
  uint64_t tokens;
  uint64_t checksum;
};
static_assert(sizeof(Header) == 64);

uint64_t ChecksumOf(std::span<const std::byte> data) {
  Checksum sum;
  sum.Add(data);
  return sum.value();
}

Header Make(const SessionFileShape& shape, int64_t tokens) {
  Header h{};
  std::memcpy(h.magic, kMagic, 8);
  h.file_version = kSessionFileVersion;
  h.contract_version = kNumericContractVersion;
  h.fingerprint = shape.fingerprint;
  h.element_type = static_cast<uint32_t>(shape.layout.type);
  h.streams = static_cast<uint32_t>(shape.streams);
  h.kv_heads = static_cast<uint32_t>(shape.layout.kv_heads);
  h.head_dim = static_cast<uint32_t>(shape.layout.head_dim);
  h.page_bytes = shape.layout.PageBytes();
  h.tokens = static_cast<uint64_t>(tokens);
  h.checksum = ChecksumOf(std::as_bytes(std::span(&h, 1)).first(56));
  return h;
}

// An exponent of all ones is an infinity or a NaN.
bool AllFinite(std::span<const std::byte> pages, ElementType type) {
  const size_t step = ElementBytes(type);
  const uint32_t exponent = type == ElementType::kF32 ? 0x7F800000u : 0x7F80u;
  for (size_t i = 0; i + step <= pages.size(); i += step) {
    uint32_t bits = 0;
    std::memcpy(&bits, pages.data() + i, step);
    if ((bits & exponent) == exponent) return false;
  }
  return true;
}

}  // namespace

std::string SessionFileHeader(const SessionFileShape& shape, int64_t tokens) {
  const Header h = Make(shape, tokens);
  return std::string(reinterpret_cast<const char*>(&h), sizeof h);
}

Result<SessionFileView> ReadSessionFile(std::span<const std::byte> data, const SessionFileShape& shape,
                                        const std::string& name) {
  const auto wrong = [&](const std::string& what) { return InvalidInput(name + ": " + what); };
  Header h;
  if (data.size() < sizeof h || std::memcmp(data.data(), kMagic, 8) != 0) {
    return wrong("is no session file: expected one that begins with LACUNASN");
  }
  std::memcpy(&h, data.data(), sizeof h);
  if (h.file_version != kSessionFileVersion || h.contract_version != kNumericContractVersion) {
    return wrong("is a session file of version " + std::to_string(h.file_version) + " under numeric contract " +
                 std::to_string(h.contract_version) + ", expected " + std::to_string(kSessionFileVersion) + " and " +
                 std::to_string(kNumericContractVersion));
  }
  if (h.checksum != ChecksumOf(data.first(56))) return wrong("is damaged: the checksum of its header is not right");
  if (h.fingerprint != shape.fingerprint) {
    return wrong(
        "belongs to another model (or to this one in another codec or numerics): load it with the one that it "
        "was saved with");
  }
  const Header expected = Make(shape, static_cast<int64_t>(h.tokens));
  if (std::memcmp(&h, &expected, sizeof h) != 0) return wrong("has K and V of another shape than the model's");
  if (h.tokens > static_cast<uint64_t>(shape.context)) {
    return wrong("has " + std::to_string(h.tokens) + " tokens, more than the context of " +
                 std::to_string(shape.context));
  }
  const size_t token_bytes = (static_cast<size_t>(h.tokens) * 4 + 7) / 8 * 8;
  const size_t page_bytes = static_cast<size_t>(shape.streams) * shape.PagesPerStream(static_cast<int64_t>(h.tokens)) *
                            shape.layout.PageBytes();
  if (data.size() != sizeof h + token_bytes + page_bytes + 8) {
    return wrong("has " + std::to_string(data.size()) + " bytes, expected " +
                 std::to_string(sizeof h + token_bytes + page_bytes + 8) + " for its tokens");
  }
  const auto body = data.subspan(sizeof h, token_bytes + page_bytes);
  uint64_t checksum;
  std::memcpy(&checksum, data.data() + data.size() - 8, 8);
  if (checksum != ChecksumOf(body)) return wrong("is damaged: the checksum of its tokens, K and V is not right");
  const SessionFileView view = {{reinterpret_cast<const int32_t*>(body.data()), static_cast<size_t>(h.tokens)},
                                body.subspan(token_bytes)};
  for (const int32_t id : view.tokens) {
    if (id < 0 || id >= shape.vocab_size) {
      return wrong("has the token id " + std::to_string(id) + ", outside the vocabulary of " +
                   std::to_string(shape.vocab_size));
    }
  }
  if (!AllFinite(view.pages, shape.layout.type)) return wrong("has K or V that are not finite");
  return view;
}

}  // namespace lacuna
