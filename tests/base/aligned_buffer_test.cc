#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <numeric>

namespace lacuna {
namespace {

TEST(AlignedBuffer, AlignedZeroedAndReadableAfterTheEnd) {
  const size_t huge = AlignedBuffer::kHugePage;
  for (size_t bytes : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{4096}, huge - 1, huge, huge + 1,
                       3 * huge - 64, 3 * huge + 12345}) {
    auto buffer = AlignedBuffer::Create(bytes, "test");
    ASSERT_TRUE(buffer.ok()) << buffer.status().message();
    EXPECT_EQ(buffer->size(), bytes);
    const uintptr_t address = reinterpret_cast<uintptr_t>(buffer->data());
    EXPECT_EQ(address % (bytes >= huge ? huge : 64), 0u) << bytes;
    const std::byte* data = buffer->data();
    size_t nonzero = 0;
    for (size_t i = 0; i < bytes + AlignedBuffer::kTail; ++i) nonzero += data[i] != std::byte{0};
    EXPECT_EQ(nonzero, 0u) << bytes;
    std::fill_n(buffer->data(), bytes, std::byte{0xff});  // all of it is writable
  }
}

TEST(AlignedBuffer, EmptyIsFine) {
  auto buffer = AlignedBuffer::Create(0, "test");
  ASSERT_TRUE(buffer.ok());
  EXPECT_TRUE(buffer->empty());
  EXPECT_EQ(AlignedBuffer().data(), nullptr);
}

TEST(AlignedBuffer, MoveLeavesNothingBehind) {
  for (size_t bytes : {size_t{100}, AlignedBuffer::kHugePage}) {
    auto made = AlignedBuffer::Create(bytes, "test");
    ASSERT_TRUE(made.ok());
    AlignedBuffer a = std::move(made).value();
    a.data()[7] = std::byte{42};
    std::byte* const data = a.data();
    AlignedBuffer b = std::move(a);
    EXPECT_EQ(b.data(), data);
    EXPECT_EQ(a.data(), nullptr);  // NOLINT: the moved-from state is what is tested
    EXPECT_EQ(a.size(), 0u);
    AlignedBuffer c = AlignedBuffer::Create(64, "test").value();
    c = std::move(b);
    EXPECT_EQ(c.data()[7], std::byte{42});
    EXPECT_EQ(c.size(), bytes);
    c = AlignedBuffer();
    EXPECT_EQ(c.data(), nullptr);
  }
}

TEST(AlignedBuffer, TypedSpans) {
  AlignedBuffer buffer = AlignedBuffer::Create(100, "test").value();
  EXPECT_EQ(buffer.As<float>().size(), 25u);
  auto floats = buffer.As<float>();
  std::iota(floats.begin(), floats.end(), 0.0f);
  EXPECT_EQ(buffer.Span<float>(40, 3)[2], 12.0f);
  const AlignedBuffer& view = buffer;
  EXPECT_EQ(view.Span<uint32_t>(4, 1)[0], 0x3f800000u);
  EXPECT_EQ(view.As<double>().size(), 12u);
}

TEST(AlignedBuffer, TooLargeIsAStatusWithTheSize) {
  // 2^56 bytes are beyond the address space of every machine with 4-level page tables, 2^63 beyond any.
  for (size_t bytes : {size_t{1} << 57, size_t{1} << 63, ~size_t{0}}) {
    const auto buffer = AlignedBuffer::Create(bytes, "KV cache");
    ASSERT_FALSE(buffer.ok());
    EXPECT_EQ(buffer.status().code(), StatusCode::kOutOfMemory);
    EXPECT_NE(buffer.status().message().find("KV cache"), std::string::npos);
    EXPECT_NE(buffer.status().message().find(bytes == size_t{1} << 57 ? "128 PiB" : "EiB"), std::string::npos)
        << buffer.status().message();
  }
}

}  // namespace
}  // namespace lacuna
