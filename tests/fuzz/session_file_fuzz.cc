// Any bytes as a session file: refused with a message, or tokens and pages that a lane may take. The first byte says
// whether the rest is the whole file, or a body that gets a header and a checksum which are right.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/bf16.h"
#include "base/checksum.h"
#include "session/session_file.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lacuna;
  if (size == 0) return 0;
  const SessionFileShape shape = {.fingerprint = 7,
                                  .layout = {.type = ElementType::kBf16, .kv_heads = 1, .head_dim = 2},
                                  .streams = 2,
                                  .vocab_size = 100,
                                  .context = 130};
  std::string file(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    // tokens from the second byte; the body repeats what is there until it has the right size.
    const int64_t tokens = size > 1 ? data[1] : 0;
    const size_t body =
        (static_cast<size_t>(tokens) * 4 + 7) / 8 * 8 + 2 * shape.PagesPerStream(tokens) * shape.layout.PageBytes();
    const std::string seed = file.empty() ? std::string(1, '\0') : file;
    file.clear();
    while (file.size() < body) file += seed;
    file.resize(body);
    Checksum sum;
    sum.Add(std::as_bytes(std::span(file)));
    const uint64_t checksum = sum.value();
    file = SessionFileHeader(shape, tokens) + file + std::string(reinterpret_cast<const char*>(&checksum), 8);
  }
  std::vector<uint64_t> aligned(file.size() / 8 + 1);
  std::memcpy(aligned.data(), file.data(), file.size());
  const auto view = ReadSessionFile(std::as_bytes(std::span(aligned)).first(file.size()), shape, "session");
  if (!view.ok()) {
    Require(view.status().code() == StatusCode::kInvalidInput && view.status().message().starts_with("session: "));
    return 0;
  }
  Require(view->tokens.size() <= 130);
  for (const int32_t id : view->tokens) Require(id >= 0 && id < 100);
  Require(view->pages.size() ==
          2 * shape.PagesPerStream(static_cast<int64_t>(view->tokens.size())) * shape.layout.PageBytes());
  return 0;
}
