#include "model/load_packed.h"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "base/memory.h"
#include "base/status_macros.h"
#include "threading/arena.h"
#include "weights/validate_packed.h"

namespace lacuna {
namespace {

constexpr std::size_t kPiece = std::size_t{4} << 20;  // copied at a time, so that threads share large streams

std::size_t Room(std::size_t bytes) { return (bytes + 63) / 64 * 64 + kStreamTail; }

struct Piece {
  const MappedFile* file;
  std::span<const std::byte> from;
  std::byte* to;
};

}  // namespace

Status LoadPacked(const std::vector<PackedParameter>& parameters, const ModelOptions& options, int threads,
                  AlignedBuffer* memory) {
  if (parameters.empty()) return {};
  std::size_t total = 0;
  for (const PackedParameter& p : parameters) {
    for (const auto& stream : p.weight->streams) total += stream.empty() ? 0 : Room(stream.size());
  }
  const bool copy = options.load == LoadMode::kCopy || (options.load == LoadMode::kAuto && BytesAvailable() > total);
  std::vector<Piece> pieces;
  if (copy) {
    LACUNA_RETURN_IF_ERROR(
        CheckMemoryFor(total, BytesWithSwap(), "copy of the packed weights (--load mmap needs none)"));
    LACUNA_ASSIGN_OR_RETURN(*memory, AlignedBuffer::Create(total, "packed weights"));
    std::byte* at = memory->data();
    for (const PackedParameter& p : parameters) {
      for (auto& stream : p.weight->streams) {
        if (stream.empty()) continue;
        for (std::size_t i = 0; i < stream.size(); i += kPiece) {
          pieces.push_back({p.file, stream.subspan(i, std::min(kPiece, stream.size() - i)), at + i});
        }
        stream = {at, stream.size()};
        at += Room(stream.size());
      }
    }
  }
  tbb::task_arena arena(ArenaThreadCount(threads));
  const auto caller = std::this_thread::get_id();
  std::atomic<std::size_t> done{0};
  return arena.execute([&]() -> Status {
    tbb::parallel_for(std::size_t{0}, pieces.size(), [&](std::size_t i) {
      if (IsCancelled(options)) return;
      std::memcpy(pieces[i].to, pieces[i].from.data(), pieces[i].from.size());
      pieces[i].file->DontNeed(pieces[i].from);
      const std::size_t n = done.fetch_add(1) + 1;
      if (options.progress && std::this_thread::get_id() == caller) {
        options.progress(static_cast<double>(n) / static_cast<double>(pieces.size() + 1));
      }
    });
    if (IsCancelled(options)) return Cancelled();
    for (const PackedParameter& p : parameters) LACUNA_RETURN_IF_ERROR(ValidatePacked(p.where, p.weight));
    if (options.progress) options.progress(1.0);
    return {};
  });
}

}  // namespace lacuna
