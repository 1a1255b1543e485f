// A decode step allocates nothing: new, malloc and mmap are interposed while one runs.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "model/pack_model.h"
#include "tests/support/parity.h"
#include "tests/support/sanitizers.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0};

[[maybe_unused]] void Count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

#if !LACUNA_SANITIZED
// operator new ends in malloc, so malloc counts for both.
extern "C" void* __libc_malloc(size_t);
extern "C" void* __libc_calloc(size_t, size_t);
extern "C" void* __libc_realloc(void*, size_t);
extern "C" void* __libc_memalign(size_t, size_t);
extern "C" void* malloc(size_t n) {
  Count();
  return __libc_malloc(n);
}
extern "C" void* calloc(size_t n, size_t size) {
  Count();
  return __libc_calloc(n, size);
}
extern "C" void* realloc(void* p, size_t n) {
  Count();
  return __libc_realloc(p, n);
}
extern "C" void* aligned_alloc(size_t alignment, size_t n) {
  Count();
  return __libc_memalign(alignment, n);
}
extern "C" int posix_memalign(void** p, size_t alignment, size_t n) {
  Count();
  *p = __libc_memalign(alignment, n);
  return *p == nullptr ? 12 : 0;
}
extern "C" void* mmap(void* address, size_t n, int protection, int flags, int fd, off_t offset) {
  Count();
  static const auto real = reinterpret_cast<void* (*)(void*, size_t, int, int, int, off_t)>(dlsym(RTLD_NEXT, "mmap"));
  return real(address, n, protection, flags, fd, offset);
}
#endif

namespace lacuna {
namespace {

using namespace testing;

TEST(Allocation, TheCountersSeeWhatIsAllocated) {
  if (LACUNA_SANITIZED) GTEST_SKIP() << "malloc is the sanitizer's";
  counting = true;
  allocations = 0;
  void* volatile from_new = ::operator new(100);
  void* volatile from_malloc = std::malloc(100);
  void* m = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  counting = false;
  munmap(m, 4096);
  ::operator delete(from_new);
  std::free(from_malloc);
  EXPECT_EQ(allocations.load(), 3);
}

TEST(Allocation, ADecodeStepAllocatesNothing) {
  if (LACUNA_SANITIZED) GTEST_SKIP() << "malloc is the sanitizer's";
  const TempDir root;
  const ParityCase c = LoadParityCase("mistral_window", root);
  const std::string packed = root.path() + "/packed";
  std::filesystem::create_directory(packed);
  ASSERT_TRUE(PackModel(c.folder, packed,
                        {.codec = *ParseCodec("bitmap-int4"), .keep = {{"up_proj", Codec::kBf16}}, .threads = 2})
                  .ok());
  const std::pair<std::string, Numerics> models[] = {
      {c.folder, Numerics::kDefault}, {c.folder, Numerics::kF32}, {packed, Numerics::kDefault}};
  for (const auto& [folder, numerics] : models) {
    const auto session = MustCreate(MustLoad(folder, numerics, 2), {.context_length = 600, .max_tree_rows = 4});
    const LaneId lane = *session->NewLane();
    ASSERT_TRUE(session->Append(lane, std::span(c.ids).first(10)).ok());
    counting = true;
    allocations = 0;
    // Over page borders, and with a tree pass among them.
    for (int i = 10; i < 140; ++i) {
      const PassRow row{.token = c.ids[static_cast<std::size_t>(i)], .lane = lane, .want_logits = true};
      const bool ok = session->Run({&row, 1}).ok() && session->Commit(lane).ok();
      if (!ok) break;
    }
    PassRow tree[3] = {{.token = 1, .lane = lane, .parent = PassRow::kRoot},
                       {.token = 2, .lane = lane, .parent = PassRow::kRoot},
                       {.token = 3, .lane = lane, .parent = 1, .want_logits = true}};
    const bool ran = session->Run(tree).ok();
    const int path[] = {1, 2};
    const bool committed = session->Commit(lane, path).ok();
    counting = false;
    EXPECT_TRUE(ran && committed);
    EXPECT_EQ(*session->Length(lane), 142);
    EXPECT_EQ(allocations.load(), 0);
  }
}

}  // namespace
}  // namespace lacuna
