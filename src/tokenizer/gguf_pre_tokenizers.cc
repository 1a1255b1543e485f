// Pre-tokenizers that GGUF files name. The patterns are those of the models' own tokenizer.json; where these normalize
// (Qwen: NFC) we do as well, which llama.cpp does not.
#include "tokenizer/gguf_tokenizer.h"

namespace lacuna {
namespace {

constexpr char kByteLevelWithPattern[] =
    R"([{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}])";
constexpr char kDigits[] = R"([{"type":"Digits","individual_digits":true},)"
                           R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}])";

#define LACUNA_SPLIT(pattern) \
  R"({"type":"Split","behavior":"Isolated","invert":false,"pattern":{"Regex":")" pattern R"("}},)"
#define LACUNA_BYTES R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false})"

constexpr char kLlama3[] = "[" LACUNA_SPLIT(
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|)"
    R"(\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)") LACUNA_BYTES "]";
constexpr char kQwen2[] = "[" LACUNA_SPLIT(
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|)"
    R"(\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)") LACUNA_BYTES "]";
constexpr char kO200k[] = "[" LACUNA_SPLIT(
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+)"
    R"([\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|)"
    R"(\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)") LACUNA_BYTES "]";
constexpr char kTekken[] = "[" LACUNA_SPLIT(
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|)"
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}|)"
    R"( ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)") LACUNA_BYTES "]";
constexpr char kDeepseek3[] =
    "[" LACUNA_SPLIT(R"(\\p{N}{1,3})") LACUNA_SPLIT(R"([\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7a3]+)") LACUNA_SPLIT(
        R"([!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|)"
        R"( ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)") LACUNA_BYTES "]";

#undef LACUNA_SPLIT
#undef LACUNA_BYTES

constexpr char kNfc[] = R"({"type":"NFC"})";
constexpr char kNone[] = "null";

constexpr GgufPreTokenizer kPreTokenizers[] = {
    {"gpt-2 phi-2 olmo", kNone, kByteLevelWithPattern, false, false},
    {"llama-bpe llama3 llama-v3 falcon3", kNone, kLlama3, true, true},
    {"smaug-bpe dbrx", kNone, kLlama3, false, false},
    {"qwen2 deepseek-r1-qwen", kNfc, kQwen2, false, false},
    {"tekken", kNone, kTekken, true, true},
    {"gpt-4o llama4", kNone, kO200k, false, false},
    {"starcoder refact smollm codeshell", kNone, kDigits, false, false},
    {"deepseek-v3", kNone, kDeepseek3, false, false},
};

}  // namespace

const GgufPreTokenizer* FindGgufPreTokenizer(std::string_view name) {
  if (name.empty() || name.find(' ') != name.npos) return nullptr;
  for (const GgufPreTokenizer& row : kPreTokenizers) {
    std::string names = " ";
    names.append(row.names).append(" ");
    std::string wanted = " ";
    wanted.append(name).append(" ");
    if (names.find(wanted) != names.npos) return &row;
  }
  return nullptr;
}

std::string GgufPreTokenizerList() {
  std::string list;
  for (const GgufPreTokenizer& row : kPreTokenizers) {
    for (const char* c = row.names; *c != 0; ++c) list += *c == ' ' ? std::string(", ") : std::string(1, *c);
    list += ", ";
  }
  return list.substr(0, list.size() - 2);
}

}  // namespace lacuna
