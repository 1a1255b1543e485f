// Session::Save and Restore.
#include <cstring>

#include "base/aligned_buffer.h"
#include "base/checksum.h"
#include "base/status_macros.h"
#include "io/file.h"
#include "model/fingerprint.h"
#include "session/session_file.h"
#include "session/session_impl.h"

namespace lacuna {
namespace {

// The model's, and which of LongRoPE's frequencies turned K: those of another context may be others.
uint64_t Fingerprint(const Session::Impl& s) {
  uint64_t fingerprint = s.m().fingerprint();
  for (const RopeTable& rope : s.m().weights.ropes) {
    if (&rope.Frequencies(s.shape.context) != &rope.inv_freq) fingerprint = ~fingerprint;
  }
  return fingerprint;
}

SessionFileShape ShapeOf(const Session::Impl& s) {
  return {.fingerprint = Fingerprint(s),
          .layout = s.shape.layout,
          .streams = s.shape.streams,
          .vocab_size = s.m().config.vocab_size,
          .context = s.shape.context};
}

}  // namespace

Status Session::Save(LaneId lane_id, const std::string& path) const {
  LACUNA_RETURN_IF_ERROR(impl_->CheckLane(lane_id));
  const Impl::Lane& lane = impl_->lanes[static_cast<std::size_t>(lane_id)];
  const SessionFileShape shape = ShapeOf(*impl_);
  const int64_t tokens = lane.state->length();
  LACUNA_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  LACUNA_RETURN_IF_ERROR(file.Append(SessionFileHeader(shape, tokens)));
  Checksum sum;
  const auto append = [&](std::span<const std::byte> data) {
    sum.Add(data);
    return file.Append(data);
  };
  std::vector<int32_t> ids = lane.tokens;
  ids.resize(ids.size() + ids.size() % 2);
  LACUNA_RETURN_IF_ERROR(append(std::as_bytes(std::span(ids))));
  const std::size_t page_bytes = shape.layout.PageBytes();
  LACUNA_ASSIGN_OR_RETURN(AlignedBuffer last, AlignedBuffer::Create(page_bytes, "saving a session"));
  const std::size_t blocks = shape.PagesPerStream(tokens);
  for (int stream = 0; stream < shape.streams; ++stream) {
    for (std::size_t b = 0; b < blocks; ++b) {
      const auto* page = static_cast<const std::byte*>(lane.state->pages(stream)[b]);
      if (b + 1 == blocks && tokens % 64 != 0) {
        // What was rolled back is nobody's business.
        std::memcpy(last.data(), page, page_bytes);
        for (int slot = static_cast<int>(tokens % 64); slot < 64; ++slot) ClearToken(shape.layout, last.data(), slot);
        page = last.data();
      }
      LACUNA_RETURN_IF_ERROR(append({page, page_bytes}));
    }
  }
  const uint64_t checksum = sum.value();
  LACUNA_RETURN_IF_ERROR(file.Append(std::as_bytes(std::span(&checksum, 1))));
  return file.Commit();
}

Result<LaneId> Session::Restore(const std::string& path) {
  LACUNA_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  const SessionFileShape shape = ShapeOf(*impl_);
  LACUNA_ASSIGN_OR_RETURN(const SessionFileView view, ReadSessionFile(file.bytes(), shape, path));
  LACUNA_ASSIGN_OR_RETURN(const LaneId lane_id, NewLane());
  Impl::Lane& lane = impl_->lanes[static_cast<std::size_t>(lane_id)];
  const auto tokens = static_cast<int64_t>(view.tokens.size());
  if (tokens == 0) return lane_id;
  lane.state->MakeWritable(tokens);
  const std::size_t page_bytes = shape.layout.PageBytes(), blocks = shape.PagesPerStream(tokens);
  const std::byte* from = view.pages.data();
  for (int stream = 0; stream < shape.streams; ++stream) {
    for (std::size_t b = 0; b < blocks; ++b, from += page_bytes) {
      std::memcpy(lane.state->pages(stream)[b], from, page_bytes);
    }
  }
  lane.state->Commit(tokens);
  lane.tokens.assign(view.tokens.begin(), view.tokens.end());
  return lane_id;
}

}  // namespace lacuna
