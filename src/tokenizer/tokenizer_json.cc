// Reading tokenizer.json. The long tables of "model" are pulled straight from the text; the small parts become a DOM.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "lacuna/tokenizer.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/json_reader.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

constexpr long kMaxFile = 512L << 20;  // the largest published has about 35 MB

struct Sections {
  std::string_view added_tokens, normalizer, pre_tokenizer, post_processor, decoder;
  bool have_model = false;
};

Result<std::string> ReadWholeFile(const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> f(std::fopen(file.c_str(), "rb"), &std::fclose);
  if (!f) return InvalidInput(file + ": cannot be opened: " + std::strerror(errno));
  if (std::fseek(f.get(), 0, SEEK_END) != 0) return IoError(file + ": cannot be read: " + std::strerror(errno));
  const long size = std::ftell(f.get());
  if (size < 0 || size > kMaxFile) return InvalidInput(file + ": is not a tokenizer.json: over 512 MiB");
  std::rewind(f.get());
  std::string text(static_cast<size_t>(size), '\0');
  if (std::fread(text.data(), 1, text.size(), f.get()) != text.size()) {
    return IoError(file + ": cannot be read: " + std::strerror(errno));
  }
  return text;
}

// A section as a DOM; null when the file has none. Its syntax and depth are known to be good.
nlohmann::json Dom(std::string_view raw) {
  if (raw.empty()) return nullptr;
  return nlohmann::json::parse(raw.begin(), raw.end(), nullptr, /*allow_exceptions=*/false);
}

Status ReadTopLevel(JsonReader& reader, const std::string& name, Sections& sections, TokenizerParts& parts) {
  std::string_view key, raw, version;
  std::string scratch;
  reader.BeginObject();
  while (reader.NextKey(key, scratch)) {
    std::string_view* section = key == "added_tokens"     ? &sections.added_tokens
                                : key == "normalizer"     ? &sections.normalizer
                                : key == "pre_tokenizer"  ? &sections.pre_tokenizer
                                : key == "post_processor" ? &sections.post_processor
                                : key == "decoder"        ? &sections.decoder
                                                          : nullptr;
    if (section) {
      if (!section->empty()) return InvalidInput(name + ": " + std::string(key) + ": is there twice");
      reader.SkipValue(*section);
    } else if (key == "model") {
      if (sections.have_model) return InvalidInput(name + ": model: is there twice");
      sections.have_model = true;
      LACUNA_ASSIGN_OR_RETURN(parts.bpe, Bpe::Read(reader, name));
    } else if (key == "version") {
      if (reader.ReadString(version, scratch) && version != "1.0") {
        return InvalidInput(name + ": version: is \"" + std::string(version) + "\"; it should be \"1.0\"");
      }
    } else {
      // "truncation" and "padding" are a caller's business (transformers resets them too); others mean nothing.
      reader.SkipValue(raw);
    }
  }
  if (reader.ok() && !reader.AtEnd()) reader.Fail("the JSON should end here");
  LACUNA_RETURN_IF_ERROR(reader.status());
  if (!sections.have_model) return InvalidInput(name + ": model: is missing");
  return {};
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const std::string& file) {
  LACUNA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(file));
  return Parse(text, file);
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Parse(std::string_view json, const std::string& name) {
  if (!unicode::IsValidUtf8(json)) return InvalidInput(name + ": is not UTF-8, which JSON should be");
  JsonReader reader(json, name);
  Sections sections;
  TokenizerParts parts;
  LACUNA_RETURN_IF_ERROR(ReadTopLevel(reader, name, sections, parts));
  LACUNA_RETURN_IF_ERROR(ParseNormalizer(Dom(sections.normalizer), name + ": normalizer", parts.normalizers));
  LACUNA_RETURN_IF_ERROR(
      ParsePreTokenizer(Dom(sections.pre_tokenizer), name + ": pre_tokenizer", parts.pre_tokenizers, parts.byte_level));
  LACUNA_RETURN_IF_ERROR(ParseDecoder(Dom(sections.decoder), name + ": decoder", parts.decoder, parts.byte_level));
  LACUNA_ASSIGN_OR_RETURN(parts.added, AddedTokens::Parse(Dom(sections.added_tokens), name + ": added_tokens",
                                                          parts.bpe.vocab(), parts.normalizers));
  const auto has = [&](int32_t id) { return parts.bpe.vocab().Has(id) || !parts.added.Content(id).empty(); };
  LACUNA_RETURN_IF_ERROR(
      ParsePostProcessor(Dom(sections.post_processor), name + ": post_processor", has, parts.templates));
  return std::shared_ptr<const Tokenizer>(std::make_shared<BpeTokenizer>(std::move(parts)));
}

}  // namespace lacuna
