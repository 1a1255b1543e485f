// Any safetensors file as a matrix of 16 x 64 that another tool quantized: an error, or rows that the reference reads
// as the same numbers from the codec that holds them.
//   input: method and bits | group | file
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "weights/import_foreign.h"
#include "weights/source_rows.h"
#include "weights/validate_packed.h"

namespace {

using namespace lacuna;

constexpr int kN = 16, kK = 64;

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("foreign-fuzz-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

// What the codec holds is what the file means, column by column.
void CheckImport(const std::shared_ptr<const ForeignMatrix>& matrix) {
  const SourceMatrix source = SourceOf(matrix, "fuzz", 0, kN);
  Result<PackedWeight> weight = ImportForeign(source);
  if (!weight.ok()) {  // a scale that is not finite
    Require(!weight.status().message().empty());
    return;
  }
  Require(ValidatePacked("fuzz", &*weight).ok());
  std::vector<float> want(kK), got(kK);
  for (int row = 0; row < kN; ++row) {
    RowFloats(source, row, want.data());
    kernels::RefExpandChannel(&weight->view, row, kK, got.data());
    for (int j = 0; j < kK; ++j) {
      const auto from = static_cast<std::size_t>(weight->in_perm().empty() ? j : weight->in_perm()[j]);
      Require(got[static_cast<std::size_t>(j)] == want[from]);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  static const Folder folder;
  const FpScope fp;
  using Method = ForeignScheme::Method;
  ForeignScheme scheme{
      .method = static_cast<Method>(data[0] % 3), .bits = data[0] & 4 ? 8 : 4, .group = data[1] % 5 * 16};
  if (scheme.method == Method::kAwq) scheme.bits = 4;
  scheme.zeros_less_one = (data[0] & 8) != 0;
  std::ofstream(folder.path / "model.safetensors", std::ios::binary)
      .write(reinterpret_cast<const char*>(data + 2), static_cast<std::streamsize>(size - 2));
  const Result<ModelFiles> files = ModelFiles::Open(folder.path);
  if (!files.ok()) return 0;
  const auto found = ForeignMatrix::Find(*files, scheme, "x.weight", kN, kK);
  if (!found.ok()) {
    Require(!found.status().message().empty());
    return 0;
  }
  if (*found == nullptr) return 0;
  std::vector<float> row(kK);
  for (int i = 0; i < kN; ++i) (*found)->RowFloats(i, row.data());
  if (ForeignCodec(**found)) CheckImport(*found);
  return 0;
}
