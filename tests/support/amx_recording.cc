#include "tests/support/amx_recording.h"

#include <cstring>
#include <fstream>
#include <iterator>

namespace lacuna::testing {
namespace {

constexpr char kMagic[8] = {'L', 'A', 'C', 'U', 'N', 'A', 'M', 'X'};
constexpr uint32_t kVersion = 1;

template <class T>
void Append(std::string* out, const T& value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void AppendRows(std::string* out, const void* tile, int rows, int dwords) {
  for (int r = 0; r < rows; ++r) out->append(static_cast<const char*>(tile) + 64 * r, 4 * dwords);
}

struct Reader {
  const std::string& bytes;
  size_t at = 0;
  bool ok = true;

  void Copy(void* to, size_t size) {
    ok = ok && size <= bytes.size() - at;
    if (!ok) return;
    memcpy(to, bytes.data() + at, size);
    at += size;
  }
  template <class T>
  T Get() {
    T value = {};
    Copy(&value, sizeof(T));
    return value;
  }
  void Rows(void* tile, int rows, int dwords) {
    for (int r = 0; r < rows; ++r) Copy(static_cast<char*>(tile) + 64 * r, 4 * dwords);
  }
};

}  // namespace

AmxCase MakeRecordedCase(AmxOp op, int kind, uint32_t seed) {
  if (seed % 2 == 0) return MakeAmxCase(op, kind, 16, 16, 16, seed);
  const uint32_t shape = seed / 2;
  return MakeAmxCase(op, kind, 1 + shape % 16, 1 + shape / 3 % 16, 1 + shape / 7 % 16, seed);
}

bool WriteAmxRecording(const std::string& path, const AmxRecording& recording) {
  std::string out(kMagic, sizeof(kMagic));
  Append(&out, kVersion);
  Append(&out, recording.processor);
  Append(&out, static_cast<uint32_t>(recording.cases.size()));
  Append(&out, static_cast<uint32_t>(recording.digests.size()));
  for (const auto& [t, result] : recording.cases) {
    for (int value : {static_cast<int>(t.op), t.kind, t.m, t.k, t.n, 0, 0, 0}) out.push_back(static_cast<char>(value));
    AppendRows(&out, t.a, t.m, t.k);
    AppendRows(&out, t.b, t.k, t.n);
    AppendRows(&out, t.c, t.m, t.n);
    AppendRows(&out, result.d, t.m, t.n);
  }
  for (const auto& d : recording.digests) {
    for (int value : {static_cast<int>(d.op), d.kind, 0, 0}) out.push_back(static_cast<char>(value));
    Append(&out, d.tiles);
    Append(&out, d.digest);
  }
  std::ofstream file(path, std::ios::binary);
  file.write(out.data(), static_cast<std::streamsize>(out.size()));
  file.close();
  return file.good();
}

bool ReadAmxRecording(const std::string& path, AmxRecording* recording) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Reader in{bytes};
  char magic[sizeof(kMagic)] = {};
  in.Copy(magic, sizeof(magic));
  if (memcmp(magic, kMagic, sizeof(magic)) != 0 || in.Get<uint32_t>() != kVersion) return false;
  *recording = {};
  recording->processor = in.Get<uint32_t>();
  const auto cases = in.Get<uint32_t>(), digests = in.Get<uint32_t>();
  for (uint32_t i = 0; i < cases && in.ok; ++i) {
    uint8_t head[8] = {};
    in.Copy(head, sizeof(head));
    auto& [t, result] = recording->cases.emplace_back();
    t = {};
    result = {};
    t.op = static_cast<AmxOp>(head[0]);
    t.kind = head[1];
    t.m = head[2];
    t.k = head[3];
    t.n = head[4];
    for (int extent : {t.m, t.k, t.n}) in.ok = in.ok && extent >= 1 && extent <= 16;
    in.ok = in.ok && head[0] < kAmxOps && t.kind < kAllKinds;
    if (!in.ok) break;
    in.Rows(t.a, t.m, t.k);
    in.Rows(t.b, t.k, t.n);
    in.Rows(t.c, t.m, t.n);
    in.Rows(result.d, t.m, t.n);
  }
  for (uint32_t i = 0; i < digests && in.ok; ++i) {
    AmxRecordedDigest d;
    const auto op = in.Get<uint8_t>(), kind = in.Get<uint8_t>();
    in.Get<uint16_t>();
    d.op = static_cast<AmxOp>(op);
    d.kind = kind;
    d.tiles = in.Get<uint32_t>();
    d.digest = in.Get<uint64_t>();
    in.ok = in.ok && op < kAmxOps && kind < kAllKinds;
    recording->digests.push_back(d);
  }
  return in.ok && in.at == bytes.size();
}

}  // namespace lacuna::testing
