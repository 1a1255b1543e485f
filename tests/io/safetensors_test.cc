#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "io/safetensors_writer.h"
#include "tests/support/safetensors_text.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using testing::SafetensorsBytes;
using testing::TempDir;

struct Parsed {
  Status status;
  std::vector<Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

Parsed Parse(const std::string& bytes) {
  Parsed p;
  p.status = ParseSafetensors(std::as_bytes(std::span(bytes)), "f", &p.tensors, &p.metadata);
  return p;
}

// The message for a header and so many bytes of data.
std::string Failure(std::string_view header, size_t data_size) {
  const Parsed p = Parse(SafetensorsBytes(header, std::string(data_size, 'd')));
  EXPECT_EQ(p.status.code(), StatusCode::kInvalidInput) << header;
  return p.status.message();
}

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirData) {
  const std::string bytes = SafetensorsBytes(
      R"({"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},"__metadata__":{"format":"pt"},)"
      R"("a":{"data_offsets":[0,4],"shape":[1,2],"dtype":"BF16"},"c":{"dtype":"F64","shape":[],"data_offsets":[7,15]}}   )",
      "0123456789abcde");
  const Parsed p = Parse(bytes);
  ASSERT_TRUE(p.status.ok()) << p.status.message();
  ASSERT_EQ(p.tensors.size(), 3u);
  EXPECT_EQ(p.tensors[0].name, "a");
  EXPECT_EQ(p.tensors[0].dtype, DType::kBF16);
  EXPECT_EQ(p.tensors[0].shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(Text(p.tensors[0].data), "0123");
  EXPECT_EQ(p.tensors[1].name, "b");
  EXPECT_EQ(Text(p.tensors[1].data), "456");
  EXPECT_EQ(Text(p.tensors[2].data), "789abcde");  // a double at an odd address is fine
  EXPECT_EQ(p.tensors[2].elements(), 1);
  EXPECT_EQ(p.metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
}

TEST(Safetensors, EmptyTensorsAndEmptyFiles) {
  EXPECT_TRUE(Parse(SafetensorsBytes("{}", "")).status.ok());
  const Parsed p = Parse(SafetensorsBytes(
      R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[0,9223372036854775807,4],"data_offsets":[4,4]},)"
      R"("z":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
      "0123"));
  ASSERT_TRUE(p.status.ok()) << p.status.message();
  ASSERT_EQ(p.tensors.size(), 3u);
  EXPECT_EQ(p.tensors[0].name, "z");
  EXPECT_EQ(p.tensors[2].elements(), 0);
}

TEST(Safetensors, EveryType) {
  const std::vector<std::pair<const char*, int>> types = {
      {"F64", 64},    {"F32", 32},    {"F16", 16},    {"BF16", 16}, {"I64", 64}, {"I32", 32}, {"I16", 16},
      {"I8", 8},      {"U64", 64},    {"U32", 32},    {"U16", 16},  {"U8", 8},   {"BOOL", 8}, {"F8_E4M3", 8},
      {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F4", 4},    {"C64", 64}};
  for (const auto& [name, bits] : types) {
    const auto type = ParseDType(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(DTypeName(*type), name);
    EXPECT_EQ(DTypeBits(*type), bits);
    const Parsed p =
        Parse(SafetensorsBytes(std::string(R"({"a":{"dtype":")") + name + R"(","shape":[4],"data_offsets":[0,)" +
                                   std::to_string(bits / 2) + "]}}",
                               std::string(bits / 2, 'x')));
    EXPECT_TRUE(p.status.ok()) << p.status.message();
  }
  EXPECT_TRUE(IsWeightType(DType::kF16) && !IsWeightType(DType::kF64) && !IsWeightType(DType::kI8));
  EXPECT_EQ(
      Failure(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2),
      "f: tensor `a` of shape [3] and type F4 needs an impossible number of bytes, but its data_offsets [0, 2] hold 2");
}

TEST(Safetensors, TruncatedFiles) {
  EXPECT_EQ(Parse("").status.message(), "f: truncated: 0 bytes; a safetensors file has 8 and more");
  EXPECT_EQ(Parse(std::string("\x02\0\0", 3)).status.message(),
            "f: truncated: 3 bytes; a safetensors file has 8 and more");
  EXPECT_EQ(Parse(std::string("\x09\0\0\0\0\0\0\0{}", 10)).status.message(),
            "f: truncated: the header is 9 bytes, but only 2 follow its length");
  EXPECT_EQ(Parse(std::string("\0\0\0\0\0\0\0\x80{}", 10)).status.message(),
            "f: not a safetensors file: its header would be 9223372036854775808 bytes; at most 100000000 are allowed");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7),
            "f: tensor `w` has data_offsets [0, 8], but the file has only 7 bytes of data: truncated or damaged");
  // No prefix of a good file is one.
  const std::string whole = SafetensorsBytes(R"({"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", "abc");
  ASSERT_TRUE(Parse(whole).status.ok());
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(Parse(whole.substr(0, n)).status.ok()) << n;
}

TEST(Safetensors, OffsetsOutOfRange) {
  EXPECT_EQ(
      Failure(R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[18446744073709551610,18446744073709551614]}})", 4),
      "f: tensor `w` has data_offsets [18446744073709551610, 18446744073709551614], but the file has only 4 bytes of "
      "data: truncated or damaged");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[3,2]}})", 4),
            "f: tensor `w` has data_offsets [3, 2], which end before they begin");
}

TEST(Safetensors, SizesThatDoNotMatch) {
  EXPECT_EQ(Failure(R"({"w":{"dtype":"F32","shape":[3,2],"data_offsets":[0,12]}})", 12),
            "f: tensor `w` of shape [3, 2] and type F32 needs 24 bytes, but its data_offsets [0, 12] hold 12");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0),
            "f: tensor `w` of shape [4611686018427387904, 4] and type F32 needs an impossible number of bytes, but its "
            "data_offsets [0, 0] hold 0");
}

TEST(Safetensors, DataMustBeCoveredExactly) {
  const auto two = [](const char* a, const char* b) {
    return std::string(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)") + a +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
  };
  EXPECT_EQ(Failure(two("[0,2]", "[1,3]"), 3), "f: tensors `a` [0, 2] and `b` [1, 3] overlap");
  EXPECT_EQ(Failure(two("[0,2]", "[0,2]"), 2), "f: tensors `a` [0, 2] and `b` [0, 2] overlap");
  EXPECT_EQ(Failure(two("[0,2]", "[3,5]"), 5), "f: bytes [2, 3] of the data, before tensor `b`, belong to no tensor");
  EXPECT_EQ(Failure(two("[1,3]", "[3,5]"), 5), "f: bytes [0, 1] of the data, before tensor `a`, belong to no tensor");
  EXPECT_EQ(Failure(two("[0,2]", "[2,4]"), 6), "f: the last 2 of 6 bytes of data belong to no tensor");
  EXPECT_EQ(Failure("{}", 1), "f: the last 1 of 1 bytes of data belong to no tensor");
  EXPECT_EQ(
      Failure(
          R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"e":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}})",
          3),
      "f: tensors `a` [0, 3] and `e` [1, 1] overlap");
}

TEST(Safetensors, HeadersOfAnotherForm) {
  EXPECT_EQ(Failure("[]", 0), "f: not a safetensors file: the header must begin with {");
  EXPECT_EQ(Failure(" {}", 0), "f: not a safetensors file: the header must begin with {");
  EXPECT_EQ(Failure("", 0), "f: not a safetensors file: the header must begin with {");
  EXPECT_EQ(Failure("{} x", 0), "f: the header is broken JSON at byte 12 of the file");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})", 1).substr(0, 33),
            "f: the header is broken JSON at b");
  EXPECT_EQ(Failure(R"({"w":3})", 0), "f: `w` in the header is 3; it must be an object");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4),
            "f: tensor `w` has the unknown dtype \"F31\"");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[1]}})", 0), "f: tensor `w` has no `data_offsets`");
  EXPECT_EQ(Failure(R"({"w":{"shape":[1],"data_offsets":[0,1]}})", 1), "f: tensor `w` has no `dtype`");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","data_offsets":[0,1]}})", 1), "f: tensor `w` has no `shape`");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1),
            "f: tensor `w` has -1 in `shape`; it must be a whole number, 0 or above");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})", 1),
            "f: tensor `w` has 1.5 in `shape`; it must be a whole number, 0 or above");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})", 1),
            "f: tensor `w` has a dimension of 18446744073709551615, beyond every memory");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1),
            "f: tensor `w` must have two numbers in `data_offsets`");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})", 1),
            "f: tensor `w` has more than two numbers in `data_offsets`");
  EXPECT_EQ(Failure(R"({"w":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})", 1),
            "f: tensor `w` has two `shape`");
  EXPECT_NE(Failure(R"({"w":{"dtype":"U8","shape":3,"data_offsets":[0,1]}})", 1).find("has `shape` 3;"),
            std::string::npos);
  EXPECT_NE(Failure(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":[]}})", 1).find("has `more` a list;"),
            std::string::npos);
  EXPECT_EQ(Failure(R"({"__metadata__":{"a":1}})", 0), "f: `__metadata__.a` is 1; it must be a string");
  EXPECT_EQ(
      Failure(
          R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          2),
      "f: tensor `w` is there twice");
}

TEST(Safetensors, DeepNestingEndsAtOnce) {
  const std::string deep(5'000'000, '[');
  EXPECT_NE(Failure("{\"w\":" + deep, 0).find("it must be an object"), std::string::npos);
  EXPECT_NE(Failure("{\"w\":{\"shape\":" + deep, 0).find("has a list in `shape`"), std::string::npos);
}

TEST(SafetensorsFile, OpensAndFinds) {
  TempDir dir;
  const std::string path = dir.Write(
      "f.safetensors",
      SafetensorsBytes(
          R"({"z":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          "za"));
  Result<SafetensorsFile> file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_NE(file->Find("a"), nullptr);
  EXPECT_EQ(Text(file->Find("a")->data), "a");
  EXPECT_EQ(Text(file->Find("z")->data), "z");
  EXPECT_EQ(file->Find("b"), nullptr);
  EXPECT_EQ(file->Find("zz"), nullptr);
  const Status missing = SafetensorsFile::Open(dir.File("none")).status();
  EXPECT_EQ(missing.message(), dir.File("none") + ": no such file");
}

TEST(SafetensorsWriter, WritesWhatTheReaderReads) {
  TempDir dir;
  const std::string path = dir.File("out.safetensors");
  const std::vector<TensorSpec> specs = {
      {"one \"\u00e9\"", DType::kF32, {2, 1}}, {"none", DType::kBF16, {0, 7}}, {"two", DType::kU8, {3}}};
  Result<SafetensorsWriter> writer = SafetensorsWriter::Create(path, specs, {{"k", "v\n"}, {"l", "w"}});
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  EXPECT_EQ(writer->data_bytes(), 11u);
  const std::string data = "abcdefghxyz";
  ASSERT_TRUE(writer->Append(std::as_bytes(std::span(data)).first(5)).ok());
  EXPECT_EQ(writer->Finish().code(), StatusCode::kInternal);  // bytes are missing
  ASSERT_TRUE(writer->Append(std::as_bytes(std::span(data)).subspan(5)).ok());
  EXPECT_EQ(writer->Append(std::as_bytes(std::span(data)).first(1)).code(), StatusCode::kInternal);
  EXPECT_EQ(KindOf(path), FileKind::kMissing);
  ASSERT_TRUE(writer->Finish().ok());

  Result<SafetensorsFile> file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tensors().size(), 3u);
  const Tensor* one = file->Find("one \"\u00e9\"");
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(Text(one->data), "abcdefgh");
  EXPECT_EQ(one->shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ((one->data.data() - file->mapping().bytes().data()) % 64, 0);
  EXPECT_EQ(Text(file->Find("two")->data), "xyz");
  EXPECT_EQ(file->metadata().at("k"), "v\n");
}

TEST(SafetensorsWriter, DataStartAlignedWhateverTheHeaderSize) {
  TempDir dir;
  for (int n = 0; n < 70; ++n) {
    Result<SafetensorsWriter> writer =
        SafetensorsWriter::Create(dir.File("f"), {{std::string(n, 'n'), DType::kU8, {1}}});
    ASSERT_TRUE(writer.ok());
    const std::byte b{7};
    ASSERT_TRUE(writer->Append({&b, 1}).ok());
    ASSERT_TRUE(writer->Finish().ok());
    Result<SafetensorsFile> file = SafetensorsFile::Open(dir.File("f"));
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ((file->tensors()[0].data.data() - file->mapping().bytes().data()) % 64, 0);
  }
}

TEST(SafetensorsWriter, GrowsTensorByTensor) {
  TempDir dir;
  const std::string path = dir.File("f");
  const std::vector<std::string> names = {"a", "quote\" and \n", std::string(200, 'n')};
  uint64_t room = 0;
  for (const std::string& name : names) room += SafetensorsWriter::HeaderBytes(name);
  Result<SafetensorsWriter> writer = SafetensorsWriter::CreateGrowing(path, room, {{"k", "v"}});
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::vector<std::byte> data(10 * i + 1, static_cast<std::byte>(i));
    ASSERT_TRUE(writer->Declare({names[i], DType::kU8, {static_cast<int64_t>(data.size())}}).ok());
    EXPECT_FALSE(writer->Declare({names[i], DType::kU8, {1}}).ok()) << "twice";
    ASSERT_TRUE(writer->Append(data).ok());
    EXPECT_FALSE(writer->Append(data).ok()) << "more than declared";
  }
  ASSERT_TRUE(writer->Finish().ok());
  const auto file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->metadata().at("k"), "v");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Tensor* tensor = file->Find(names[i]);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->data.size(), 10 * i + 1);
    EXPECT_EQ(tensor->data.back(), static_cast<std::byte>(i));
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->Find("a")->data.data()) % 64, 0u);

  {
    Result<SafetensorsWriter> tight = SafetensorsWriter::CreateGrowing(dir.File("g"), 1);
    ASSERT_TRUE(tight.ok());
    ASSERT_TRUE(tight->Declare({std::string(100, 'n'), DType::kU8, {0}}).ok());
    EXPECT_EQ(tight->Finish().code(), StatusCode::kInternal) << "no room for the header";
  }
  EXPECT_EQ(dir.List(), std::vector<std::string>{"f"});
}

TEST(SafetensorsWriter, RefusesWhatCannotBeDeclared) {
  TempDir dir;
  const auto code = [&](std::vector<TensorSpec> specs) {
    return SafetensorsWriter::Create(dir.File("f"), specs).status().code();
  };
  EXPECT_EQ(code({{"a", DType::kU8, {1}}, {"a", DType::kU8, {1}}}), StatusCode::kInvalidInput);
  EXPECT_EQ(code({{"\xff", DType::kU8, {1}}}), StatusCode::kInvalidInput);
  EXPECT_EQ(code({{"__metadata__", DType::kU8, {1}}}), StatusCode::kInvalidInput);
  EXPECT_EQ(code({{"a", DType::kU8, {-1}}}), StatusCode::kInvalidInput);
  EXPECT_EQ(code({{"a", DType::kF32, {int64_t{1} << 40, int64_t{1} << 40}}}), StatusCode::kInvalidInput);
  EXPECT_EQ(code({{"a", DType::kF4, {3}}}), StatusCode::kInvalidInput);
  EXPECT_TRUE(dir.List().empty());
}

}  // namespace
}  // namespace lacuna
