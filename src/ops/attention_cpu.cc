// Rows of a pass that follow each other in one lane share its pages: a piece of them times a KV head is one call of the
// kernel. Where that leaves threads without work (a decode step far into a long context), the history is cut at chunks:
// calls store each chunk's result, and a second step merges them in ascending order, as the kernel itself would.
#include <algorithm>
#include <array>

#include "backend/cpu/cpu_backend.h"
#include "kernels/ref/ref.h"
#include "ops/attention.h"

namespace lacuna {
namespace {

// Rows [begin, begin + count) at consecutive positions of one lane.
struct Piece {
  int64_t begin;
  int count;
};

// Planned on the stack, so that a step allocates nothing; a pass with more pieces takes several rounds.
constexpr int kMaxPieces = 256;

float* Aligned(float* p) { return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(p) + 63) / 64 * 64); }

int Plan(std::span<const AttentionRow> rows, int64_t* next, int max_rows, std::array<Piece, kMaxPieces>* pieces) {
  int n = 0;
  while (n < kMaxPieces && *next < static_cast<int64_t>(rows.size())) {
    Piece piece{*next, 1};
    const AttentionRow& first = rows[static_cast<std::size_t>(*next)];
    while (piece.count < max_rows && *next + piece.count < static_cast<int64_t>(rows.size())) {
      const AttentionRow& row = rows[static_cast<std::size_t>(*next + piece.count)];
      if (row.pages != first.pages || row.position != first.position + piece.count) break;
      ++piece.count;
    }
    *next += piece.count;
    (*pieces)[static_cast<std::size_t>(n++)] = piece;
  }
  return n;
}

kernels::AttentionArgs KernelArgs(const AttentionArgs& args, const Piece& piece, int64_t kv_head) {
  const KvLayout& layout = args.layout;
  const int group = args.heads / layout.kv_heads;
  const AttentionRow& row = args.rows[static_cast<std::size_t>(piece.begin)];
  kernels::AttentionArgs a{};
  a.pages = row.pages;
  a.page_offset = static_cast<ptrdiff_t>(kv_head * static_cast<int64_t>(layout.HeadBytes()));
  a.q = args.q.Row(piece.begin) + kv_head * group * layout.head_dim;
  a.q_stride = layout.head_dim;
  a.q_row_stride = args.q.stride;
  a.out = args.y.Row(piece.begin) + kv_head * group * layout.head_dim;
  a.out_stride = layout.head_dim;
  a.out_row_stride = args.y.stride;
  a.heads = group;
  a.rows = piece.count;
  a.head_dim = layout.head_dim;
  a.scale = args.scale;
  a.position = row.position;
  a.window = args.window;
  return a;
}

int64_t FirstChunk(const kernels::AttentionArgs& a) {
  return a.window > 0 && a.position >= a.window ? (a.position - a.window + 1) / kernels::kChunkTokens : 0;
}
int64_t Chunks(const kernels::AttentionArgs& a) {
  return (a.position + a.rows - 1) / kernels::kChunkTokens + 1 - FirstChunk(a);
}

// Bytes of the pages that a call reads, each once for all of its queries.
uint64_t BytesRead(const kernels::AttentionArgs& a, const KvLayout& layout) {
  const int64_t first = a.window > 0 && a.position >= a.window ? a.position - a.window + 1 : 0;
  int64_t begin = first / kernels::kPageTokens, end = (a.position + a.rows - 1) / kernels::kPageTokens + 1;
  if (a.partial != nullptr) {
    constexpr int64_t kBlocks = int{kernels::kChunkTokens} / int{kernels::kPageTokens};
    begin = std::max(begin, a.chunk_begin * kBlocks);
    end = std::min(end, a.chunk_end * kBlocks);
  }
  return static_cast<uint64_t>(std::max<int64_t>(0, end - begin)) * layout.HeadBytes();
}

}  // namespace

void CpuBackend::Attention(const AttentionArgs& args) {
  const KvLayout& layout = args.layout;
  const int group = args.heads / layout.kv_heads;
  const int workers = team_.workers();
  if (layout.type == ElementType::kF32) {
    const int64_t scores = static_cast<int64_t>(args.workspace.size()) / workers;
    team_.ParallelFor(args.q.rows * layout.kv_heads, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t unit = begin; unit < end; ++unit) {
        kernels::RefAttentionF32(KernelArgs(args, {unit / layout.kv_heads, 1}, unit % layout.kv_heads),
                                 args.workspace.data() + worker * scores);
      }
    });
    return;
  }

  const AttentionBf16Kernel& kernel = Select(AttentionBf16Kernels(), group, target_);
  const int64_t scratch_floats = kernels::AttentionScratchBytes(layout.head_dim) / int64_t{sizeof(float)};
  float* scratch = Aligned(args.workspace.data());
  float* partials = scratch + scratch_floats * workers;
  const int64_t partial_room = args.workspace.data() + args.workspace.size() - partials;
  // Few enough rows a piece that every worker gets several units.
  const int64_t units_wanted = int64_t{4} * workers;
  const int64_t even = (args.q.rows * layout.kv_heads + units_wanted - 1) / units_wanted;
  const int max_rows =
      static_cast<int>(std::clamp<int64_t>(even, std::max(1, 16 / group), std::max(1, kernels::kMaxQueries / group)));
  std::array<Piece, kMaxPieces> pieces;
  for (int64_t next = 0; next < static_cast<int64_t>(args.rows.size());) {
    const int count = Plan(args.rows, &next, max_rows, &pieces);
    const int64_t units = int64_t{count} * layout.kv_heads;
    int64_t chunks = 1;  // of the longest history; each unit is cut alike
    int queries = 1;
    for (int i = 0; i < count; ++i) {
      const kernels::AttentionArgs a = KernelArgs(args, pieces[static_cast<std::size_t>(i)], 0);
      chunks = std::max(chunks, Chunks(a));
      queries = std::max(queries, a.heads * a.rows);
    }
    const int64_t chunk_floats = queries * kernels::PartialFloats(layout.head_dim);
    int64_t parts = units >= units_wanted ? 1 : std::min(chunks, (units_wanted + units - 1) / units);
    if (units * chunks * chunk_floats > partial_room) parts = 1;

    team_.ParallelFor(
        units * parts,
        [&](int64_t begin, int64_t end, int worker) {
          for (int64_t job = begin; job < end; ++job) {
            const int64_t unit = job / parts, part = job % parts;
            kernels::AttentionArgs a =
                KernelArgs(args, pieces[static_cast<std::size_t>(unit / layout.kv_heads)], unit % layout.kv_heads);
            a.scratch = scratch + worker * scratch_floats;
            if (parts > 1) {
              const int64_t own = Chunks(a), from = own * part / parts;
              a.chunk_begin = FirstChunk(a) + from;
              a.chunk_end = FirstChunk(a) + own * (part + 1) / parts;
              a.partial = partials + (unit * chunks + from) * chunk_floats;
              a.partial_stride = chunk_floats;
              if (a.chunk_begin == a.chunk_end) continue;
            }
            kernel.run(a);
            kernel.counter->Add(BytesRead(a, layout));
          }
        },
        1);
    if (parts == 1) continue;
    team_.ParallelFor(units, [&](int64_t begin, int64_t end, int) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const kernels::AttentionArgs a =
            KernelArgs(args, pieces[static_cast<std::size_t>(unit / layout.kv_heads)], unit % layout.kv_heads);
        for (int query = 0; query < a.heads * a.rows; ++query) {
          const float* from = partials + unit * chunks * chunk_floats + query * kernels::PartialFloats(a.head_dim);
          float* to = a.out + (query / a.heads) * a.out_row_stride + (query % a.heads) * a.out_stride;
          kernel.merge(from, chunk_floats, Chunks(a), a.head_dim, to);
        }
      }
    });
  }
}

}  // namespace lacuna
