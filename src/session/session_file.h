// A lane in a file: its tokens, and its K and V as they stand in pages, so that it goes on with the same bits.
//
//   bytes   0  "LACUNASN", u32 file version, u32 version of the numeric contract
//          16  u64 fingerprint of the model, u32 element type, u32 streams, u32 KV heads, u32 head dimension
//          40  u64 bytes a page, u64 tokens, u64 checksum of the 56 bytes before
//          64  the tokens, i32 each, with zeros up to a multiple of 8
//              of each stream its pages by position; slots behind the last token are zero
//              u64 checksum of everything from byte 64 on
//
// Little-endian. Nothing follows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lacuna/status.h"
#include "ops/kv_page.h"

namespace lacuna {

inline constexpr uint32_t kSessionFileVersion = 1;

// What the file must agree with.
struct SessionFileShape {
  uint64_t fingerprint = 0;
  KvLayout layout;
  int streams = 0;
  int vocab_size = 0;
  int64_t context = 0;  // tokens a lane of this session holds

  size_t PagesPerStream(int64_t tokens) const { return (static_cast<size_t>(tokens) + 63) / 64; }
};

// The 64 bytes before the tokens.
std::string SessionFileHeader(const SessionFileShape& shape, int64_t tokens);

struct SessionFileView {
  std::span<const int32_t> tokens;
  std::span<const std::byte> pages;  // [streams][blocks][page bytes]
};
// Checks everything: version, model, sizes, checksums, ids, and that all K and V are finite, so that no file can make a
// pass read or compute nonsense. `data` is 8-byte aligned. `name` begins every message.
Result<SessionFileView> ReadSessionFile(std::span<const std::byte> data, const SessionFileShape& shape,
                                        const std::string& name);

}  // namespace lacuna
