#include "backend/cpu/cost_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/json.h"

namespace lacuna {
namespace {

constexpr const char* kNames[kCrossovers] = {"always",
                                             "avx512_block",
                                             "avx512bf16_rows",
                                             "avx512bf16_block",
                                             "amx_few",
                                             "avx512_int8_stream",
                                             "avx512_int8_block",
                                             "amx_int8_few",
                                             "avx512_bitmap_int8_stream",
                                             "avx512_bitmap_int8_block",
                                             "amx_bitmap_int8_few",
                                             "avx512_code4_stream",
                                             "avx512_code4_block",
                                             "amx_code4_few",
                                             "avx512_bitmap_code4_stream",
                                             "avx512_bitmap_code4_block",
                                             "amx_bitmap_code4_few",
                                             "avx512_bitmap_bf16_block",
                                             "avx512bf16_bitmap_bf16_rows",
                                             "amx_bitmap_bf16_few"};
static_assert(kNames[kCrossovers - 1] != nullptr);

std::string CacheFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return JoinPath(cache, "lacuna");
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return JoinPath(JoinPath(home, ".cache"), "lacuna");
  return "";
}

// Letters and digits only: the name goes into a path.
std::string Plain(const std::string& text) {
  std::string plain;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) plain += c;
  }
  return plain;
}

}  // namespace

std::string CrossoverName(Crossover crossover) { return kNames[static_cast<std::size_t>(crossover)]; }

std::string CostFilePath(const CpuFeatures& f) {
  const std::string folder = CacheFolder();
  if (folder.empty()) return "";
  return JoinPath(folder, "costs-" + Plain(f.vendor) + "-" + std::to_string(f.family) + "-" +
                              std::to_string(f.model_number) + "-" + std::to_string(f.stepping) + ".json");
}

std::string CostsToJson(const CostTable& costs) {
  nlohmann::ordered_json from = nlohmann::ordered_json::object();
  for (int i = 0; i < kCrossovers; ++i) {
    const auto c = static_cast<Crossover>(i);
    if (c != Crossover::kAlways) from[CrossoverName(c)] = costs[c] == kNever ? -1 : costs[c];
  }
  return nlohmann::ordered_json{{"version", 1}, {"from", from}}.dump() + "\n";
}

Result<CostTable> CostsFromJson(std::string_view text, const CostTable& defaults) {
  LACUNA_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "cost table", {.max_depth = 4, .max_bytes = 1 << 16}));
  const auto version = json.is_object() ? json.find("version") : json.end();
  const auto from = json.is_object() ? json.find("from") : json.end();
  if (version == json.end() || *version != 1 || from == json.end() || !from->is_object()) {
    return InvalidInput("cost table: expected version 1 and an object 'from'");
  }
  CostTable costs = defaults;
  for (int i = 0; i < kCrossovers; ++i) {
    const auto c = static_cast<Crossover>(i);
    const auto value = from->find(CrossoverName(c));
    if (c == Crossover::kAlways || value == from->end()) continue;
    if (!value->is_number_integer() || *value < -1 || *value == 0 || *value > 1 << 20) {
      return InvalidInput("cost table: from." + CrossoverName(c) + " is " + JsonExcerpt(*value) +
                          ", expected -1 or a number of rows");
    }
    costs.from[i] = *value == -1 ? kNever : value->get<int>();
  }
  return costs;
}

CostTable HostCosts(const CpuFeatures& features, std::string* from) {
  if (from != nullptr) from->clear();
  const CostTable defaults = DefaultCosts(features);
  const char* choice = std::getenv("LACUNA_COSTS");
  const std::string path = CostFilePath(features);
  if ((choice != nullptr && std::string_view(choice) == "default") || path.empty() ||
      KindOf(path) != FileKind::kRegular) {
    return defaults;
  }
  const Result<std::string> text = ReadFile(path, 1 << 16);
  if (!text.ok()) return defaults;
  const Result<CostTable> costs = CostsFromJson(*text, defaults);
  if (!costs.ok()) return defaults;
  if (from != nullptr) *from = path;
  return *costs;
}

Status SaveCosts(const CpuFeatures& features, const CostTable& costs) {
  const std::string path = CostFilePath(features);
  if (path.empty()) return InvalidInput("neither XDG_CACHE_HOME nor HOME names a folder for the cost table");
  // Parents one by one; what is there already is fine, and what could not be made shows when the file is created.
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    ::mkdir(path.substr(0, slash).c_str(), 0700);
  }
  LACUNA_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  LACUNA_RETURN_IF_ERROR(file.Append(CostsToJson(costs)));
  return file.Commit();
}

}  // namespace lacuna
