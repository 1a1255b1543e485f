// Attention through the op that the decoder calls: decode steps, speculation-like passes and pieces of a prompt, at
// depths up to 32 k, beside the roofs of the same moment. oneDNN 2.x has no attention to compare with.
// Google Benchmark's flags apply, for example --benchmark_filter=llama-8b/.*/d32768; LACUNA_THREADS.
#include <string>
#include <vector>

#include "bench/harness.h"
#include "bench/linear_shapes.h"
#include "ops/attention.h"

namespace lacuna::bench {
namespace {

struct AttentionShape {
  const char* name;
  int heads, kv_heads, head_dim;
};
constexpr AttentionShape kShapes[] = {{"tinyllama", 32, 4, 64}, {"llama-1b", 32, 8, 64}, {"llama-8b", 32, 8, 128}};
constexpr int kRows[] = {1, 4, 16, 512};
constexpr int kDepths[] = {0, 512, 4096, 8192, 32768};

// Pages of more than any cache, as a deep model's layers have them: filled with ordinary values once for all shapes.
AlignedBuffer& Storage() {
  static AlignedBuffer buffer = [] {
    AlignedBuffer b = OrExit(AlignedBuffer::Create(static_cast<std::size_t>(kSetBytes), "KV pages"));
    auto values = b.As<uint16_t>();
    machine.team->ParallelFor(static_cast<int64_t>(values.size()) / 4096, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin * 4096; i < end * 4096; ++i) {
        values[static_cast<std::size_t>(i)] = ToBf16(ValueAt(static_cast<uint64_t>(i)));
      }
    });
    return b;
  }();
  return buffer;
}

void Attention(benchmark::State& state, const AttentionShape& shape, int rows, int depth) {
  const KvLayout layout{.type = ElementType::kBf16, .kv_heads = shape.kv_heads, .head_dim = shape.head_dim};
  const int64_t blocks = (depth + rows + 63) / 64;
  AlignedBuffer& storage = Storage();
  const auto page_bytes = static_cast<int64_t>(layout.PageBytes());
  const int64_t layers = std::max<int64_t>(1, static_cast<int64_t>(storage.size()) / (page_bytes * blocks));
  std::vector<const void*> pages(static_cast<std::size_t>(layers * blocks));
  for (std::size_t i = 0; i < pages.size(); ++i) {
    pages[i] =
        storage.data() + static_cast<int64_t>(i) * page_bytes % (static_cast<int64_t>(storage.size()) - page_bytes);
  }
  const int64_t width = int64_t{shape.heads} * shape.head_dim;
  std::vector<float> q(static_cast<std::size_t>(rows * width)), y(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = ValueAt(i);
  std::vector<float> workspace(
      static_cast<std::size_t>(AttentionWorkspace(layout, shape.heads, depth + rows, machine.team->workers())));
  std::vector<AttentionRow> positions(static_cast<std::size_t>(rows));

  const Measured measured;
  int64_t layer = 0;
  for (auto _ : state) {
    for (int row = 0; row < rows; ++row) {
      positions[static_cast<std::size_t>(row)] = {pages.data() + layer * blocks, depth + row};
    }
    layer = (layer + 1) % layers;
    const Status status = lacuna::Attention(*machine.backend, {.layout = layout,
                                                               .q = F32View(q.data(), rows, width),
                                                               .y = F32View(y.data(), rows, width),
                                                               .rows = positions,
                                                               .heads = shape.heads,
                                                               .scale = 0.125f,
                                                               .workspace = workspace});
    if (!status.ok()) state.SkipWithError(status.message().c_str());
  }
  measured.Report(state, OpKind::kAttention);
  state.counters["rows"] = rows;
  state.counters["depth"] = depth;
}

}  // namespace
}  // namespace lacuna::bench

int main(int argc, char** argv) {
  using namespace lacuna::bench;
  return Main(argc, argv, [] {
    for (const AttentionShape& shape : kShapes) {
      for (int rows : kRows) {
        for (int depth : kDepths) {
          Register(std::string(shape.name) + "/rows" + std::to_string(rows) + "/d" + std::to_string(depth),
                   [&shape, rows, depth](benchmark::State& state) { Attention(state, shape, rows, depth); });
        }
      }
    }
  });
}
