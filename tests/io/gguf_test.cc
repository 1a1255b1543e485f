#include "io/gguf.h"

#include <gtest/gtest.h>

#include "tests/support/gguf_text.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using testing::GgufBytes;
using testing::GgufText;
using testing::TempDir;

struct Parsed {
  Status status;
  GgufMetadata metadata;
  std::vector<Tensor> tensors;
};

Parsed Parse(const std::string& bytes) {
  Parsed p;
  p.status = ParseGguf(std::as_bytes(std::span(bytes)), "f", &p.metadata, &p.tensors);
  return p;
}

std::string Failure(const std::string& bytes) {
  const Parsed p = Parse(bytes);
  EXPECT_EQ(p.status.code(), StatusCode::kInvalidInput);
  EXPECT_TRUE(p.status.message().starts_with("f: ")) << p.status.message();
  return p.status.message();
}

GgufText Whole() {
  GgufText text;
  text.String("general.architecture", "llama")
      .U32("a.u32", 7)
      .F32("a.f32", 0.5f)
      .Bool("a.bool", true)
      .Raw("a.i8", 1, GgufBytes<int8_t>(-3))
      .Raw("a.u64", 10, GgufBytes<uint64_t>(UINT64_MAX))
      .Raw("a.f64", 12, GgufBytes(0.25))
      .Strings("a.strings", {"x", "", "yz"})
      .I32s("a.numbers", {1, -2, 3})
      .Tensor("one", {3, 2}, 0, std::string(24, 'a'))
      .Tensor("two", {64}, 8, std::string(68, 'b'));
  return text;
}

TEST(Gguf, ReadsMetadataAndTensors) {
  const std::string bytes = Whole().Text();
  const Parsed p = Parse(bytes);
  ASSERT_TRUE(p.status.ok()) << p.status.message();
  const GgufReader reader("f", p.metadata);
  EXPECT_EQ(**reader.String("general.architecture"), "llama");
  EXPECT_EQ(**reader.Int("a.u32", 0, 100), 7);
  EXPECT_EQ(**reader.Int("a.i8", -10, 100), -3);
  EXPECT_EQ(**reader.Number("a.f32", 0, 1), 0.5);
  EXPECT_EQ(**reader.Number("a.f64", 0, 1), 0.25);
  EXPECT_EQ(**reader.Number("a.u32", 0, 10), 7);
  EXPECT_TRUE(**reader.Bool("a.bool"));
  EXPECT_FALSE(reader.Int("absent", 0, 1)->has_value());
  EXPECT_EQ((*reader.Strings("a.strings"))->String(2), "yz");
  EXPECT_EQ((*reader.Numbers("a.numbers"))->Int(1), -2);
  ASSERT_EQ(p.tensors.size(), 2u);
  EXPECT_EQ(p.tensors[0].name, "one");
  EXPECT_EQ(p.tensors[0].dtype, DType::kF32);
  EXPECT_EQ(p.tensors[0].shape, (std::vector<int64_t>{2, 3}));  // outermost first
  EXPECT_EQ(p.tensors[0].data.size(), 24u);
  EXPECT_EQ(p.tensors[0].data[0], std::byte{'a'});
  EXPECT_EQ(p.tensors[1].dtype, DType::kQ8_0);
  EXPECT_EQ(p.tensors[1].data.size(), 68u);
  EXPECT_EQ(p.tensors[1].data[67], std::byte{'b'});
  EXPECT_TRUE(Parse(Whole().Text(2)).status.ok());
}

TEST(Gguf, TypedAccessNamesTheKeyAndWhatWouldBeRight) {
  const std::string bytes = Whole().Text();
  const Parsed p = Parse(bytes);
  ASSERT_TRUE(p.status.ok());
  const GgufReader reader("f", p.metadata);
  EXPECT_EQ(reader.Int("a.u32", 0, 6).status().message(), "f: `a.u32` is 7; it must be a whole number from 0 to 6");
  EXPECT_EQ(reader.Int("a.f32", 0, 6).status().message(), "f: `a.f32` is 0.5; it must be a whole number from 0 to 6");
  EXPECT_EQ(reader.Number("general.architecture", 0, 6).status().message(),
            "f: `general.architecture` is \"llama\"; it must be a number from 0 to 6");
  EXPECT_EQ(reader.Bool("a.u32").status().message(), "f: `a.u32` is 7; it must be true or false");
  EXPECT_EQ(reader.String("a.numbers").status().message(),
            "f: `a.numbers` is an array of 3; it must be a string in UTF-8");
  EXPECT_EQ(reader.Strings("a.numbers").status().message(),
            "f: `a.numbers` is an array of 3; it must be an array of strings");
  EXPECT_EQ(reader.Numbers("a.bool").status().message(), "f: `a.bool` is true; it must be an array of numbers");
  EXPECT_EQ(reader.IntForAllLayers("a.numbers", -5, 5).status().message(),
            "f: `a.numbers` differs between layers, which is not supported");
  EXPECT_FALSE(reader.Int("a.u64", 0, INT64_MAX).ok());  // beyond 63 bits
}

TEST(Gguf, EveryTruncationIsAnError) {
  const std::string bytes = Whole().Text();
  for (size_t size = 0; size < bytes.size(); ++size) {
    SCOPED_TRACE(size);
    Failure(bytes.substr(0, size));
  }
}

TEST(Gguf, RefusesWhatIsNoGguf) {
  EXPECT_EQ(Failure("GGML" + std::string(40, '\0')), "f: not a GGUF file: it must begin with \"GGUF\"");
  EXPECT_EQ(Failure(Whole().Text(1)), "f: has GGUF version 1; versions 2 and 3 are read");
  EXPECT_EQ(Failure(Whole().Text(0x03000000)), "f: is big-endian; only little-endian GGUF files are read");
}

TEST(Gguf, RefusesCountsBeyondTheFile) {
  const GgufText text;
  EXPECT_NE(Failure(text.Head(3, 0, UINT64_MAX)).find("metadata entries, more than its"), std::string::npos);
  EXPECT_NE(Failure(text.Head(3, uint64_t{1} << 60, 0)).find("tensors, more than its"), std::string::npos);
  GgufText array;
  array.Raw("k", 9, GgufBytes<uint32_t>(4) + GgufBytes<uint64_t>(uint64_t{1} << 62));
  EXPECT_NE(Failure(array.Text()).find("truncated: it ends in the metadata entry \"k\""), std::string::npos);
  GgufText strings;
  strings.Raw("k", 9, GgufBytes<uint32_t>(8) + GgufBytes<uint64_t>(uint64_t{1} << 61) + std::string(64, '\0'));
  EXPECT_NE(Failure(strings.Text()).find("truncated"), std::string::npos);
  GgufText string;
  string.Raw("k", 8, GgufBytes<uint64_t>(UINT64_MAX - 3));
  EXPECT_NE(Failure(string.Text()).find("truncated"), std::string::npos);
}

TEST(Gguf, RefusesWrongMetadata) {
  EXPECT_EQ(Failure(GgufText().U32("k", 1).U32("k", 2).Text()), "f: has the metadata entry \"k\" twice");
  EXPECT_EQ(Failure(GgufText().Raw("k", 99, std::string(8, '\0')).Text()),
            "f: the metadata entry \"k\" has the unknown type 99");
  EXPECT_EQ(Failure(GgufText().Raw("k", 9, GgufBytes<uint32_t>(9) + GgufBytes<uint64_t>(0)).Text()),
            "f: the metadata entry \"k\" is an array of arrays");
  EXPECT_NE(Failure(GgufText().U32("", 1).Text()).find("has a key of 0 bytes"), std::string::npos);
  EXPECT_EQ(Failure(GgufText().U32("general.alignment", 48).Text()),
            "f: `general.alignment` is 48; it must be a power of two");
  EXPECT_NE(Failure(GgufText().U32("general.alignment", 0).Text()).find("from 1 to"), std::string::npos);
}

TEST(Gguf, RefusesWrongTensors) {
  const std::string data(64, 'x');
  EXPECT_EQ(Failure(GgufText().Tensor("t", {4}, 0, data).Tensor("t", {4}, 0, data).Text()),
            "f: tensor `t` is there twice");
  EXPECT_EQ(Failure(GgufText().Tensor("t", {4}, 5, data).Text()), "f: tensor `t` has the unknown type 5");
  EXPECT_EQ(Failure(GgufText().Tensor("t", {}, 0, data).Text()), "f: tensor `t` has 0 dimensions; 1 to 4 are possible");
  EXPECT_NE(Failure(GgufText().Tensor("t", {0}, 0, data).Text()).find("has a dimension of 0"), std::string::npos);
  EXPECT_NE(Failure(GgufText().Tensor("t", {uint64_t{1} << 40, uint64_t{1} << 40}, 0, data).Text())
                .find("beyond every memory"),
            std::string::npos);
  EXPECT_EQ(Failure(GgufText().Tensor("t", {48, 2}, 8, data).Text()),
            "f: tensor `t` of type Q8_0 has rows of 48 elements; they must be a multiple of 32");
  EXPECT_EQ(Failure(GgufText().Tensor("t", {17}, 0, data).Text()),
            "f: tensor `t` of shape [17] and type F32 at offset 0 does not fit into the 64 bytes of data: truncated or "
            "damaged");
  std::string moved = GgufText().Tensor("t", {4}, 0, data).Text();
  moved[moved.find("t") + 1 + 4 + 8 + 4] = 8;  // the offset
  EXPECT_EQ(Failure(moved), "f: tensor `t` begins at offset 8, which is no multiple of the alignment, 32");
}

TEST(Gguf, AlignmentMovesTheData) {
  GgufText text;
  text.U32("general.alignment", 8).Tensor("t", {2}, 0, "abcdefgh");
  std::string bytes = text.Text();
  // The builder aligns to 32: move the data to the next multiple of 8 of what goes before.
  const size_t header = 24 + (8 + 17 + 4 + 4) + (8 + 1 + 4 + 8 + 4 + 8);
  bytes = bytes.substr(0, header) + std::string((8 - header % 8) % 8, '\0') + "abcdefgh";
  const Parsed p = Parse(bytes);
  ASSERT_TRUE(p.status.ok()) << p.status.message();
  EXPECT_EQ(p.tensors[0].data[0], std::byte{'a'});
  EXPECT_EQ(p.tensors[0].data[7], std::byte{'h'});
}

TEST(Gguf, OpensFilesAndKnowsThem) {
  const TempDir dir;
  const std::string path = dir.Write("model.gguf", Whole().Text());
  const auto file = GgufFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const GgufFile copy = *file;
  EXPECT_EQ(copy.metadata().file(), path);
  ASSERT_NE(copy.Find("two"), nullptr);
  EXPECT_EQ(copy.Find("three"), nullptr);
  EXPECT_TRUE(IsGguf(path));
  EXPECT_TRUE(IsGguf(dir.Write("other", Whole().Text())));
  EXPECT_FALSE(IsGguf(dir.Write("text", "GGU")));
  EXPECT_FALSE(IsGguf(dir.path()));
  EXPECT_EQ(GgufFile::Open(dir.File("none")).status().message(), dir.File("none") + ": no such file");
}

}  // namespace
}  // namespace lacuna
