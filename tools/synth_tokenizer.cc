#include <deque>

#include "tools/synth_shapes.h"

namespace lacuna::tools {
namespace {

std::string Utf8(int code) {
  std::string s;
  if (code < 0x80) {
    s += static_cast<char>(code);
  } else {
    s += static_cast<char>(0xC0 | code >> 6);
    s += static_cast<char>(0x80 | (code & 0x3F));
  }
  return s;
}

// GPT-2's printable spelling of a byte: printable Latin-1 stands for itself, the rest is moved up from U+0100.
std::string ByteSpelling(int byte) {
  const auto printable = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
  if (printable(byte)) return Utf8(byte);
  int moved = 256;
  for (int b = 0; b < byte; ++b) moved += !printable(b);
  return Utf8(moved);
}

constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

}  // namespace

std::string MakeTokenizer(int vocab_size, int bos, int eos) {
  using nlohmann::ordered_json;
  ordered_json vocab = ordered_json::object();
  ordered_json merges = ordered_json::array();
  int id = 0;
  const auto next_id = [&] {
    while (id == bos || id == eos) ++id;
    return id++;
  };
  std::vector<std::pair<std::string, int>> words;  // kept apart: ordered_json looks keys up one by one
  for (int byte = 0; byte < 256; ++byte) words.emplace_back(ByteSpelling(byte), next_id());

  words.emplace_back("<|begin_of_text|>", bos);
  words.emplace_back("<|end_of_text|>", eos);

  // Words of a-z with and without a space before them, each one letter longer than another.
  std::deque<std::string> stems;
  stems.push_back(ByteSpelling(' '));
  for (char c = 'a'; c <= 'z'; ++c) stems.push_back(std::string(1, c));
  while (id < vocab_size) {
    const std::string stem = stems.front();
    stems.pop_front();
    for (char c = 'a'; c <= 'z'; ++c) {
      const int next = next_id();
      if (next >= vocab_size) break;
      words.emplace_back(stem + c, next);
      merges.push_back({stem, std::string(1, c)});
      stems.push_back(stem + c);
    }
  }
  std::string vocab_text = "{";
  for (const auto& [word, word_id] : words) {
    if (vocab_text.size() > 1) vocab_text += ",";
    vocab_text += ordered_json(word).dump() + ":" + std::to_string(word_id);
  }
  vocab_text += "}";

  const auto special = [](int special_id, const char* content) {
    return ordered_json{{"id", special_id}, {"content", content},  {"single_word", false}, {"lstrip", false},
                        {"rstrip", false},  {"normalized", false}, {"special", true}};
  };
  const ordered_json sequence = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const ordered_json begin = {{"SpecialToken", {{"id", "<|begin_of_text|>"}, {"type_id", 0}}}};
  ordered_json file = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", {special(bos, "<|begin_of_text|>"), special(eos, "<|end_of_text|>")}},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", {{"Regex", kLlama3Pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
          {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}}}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", {begin, sequence}},
        {"pair", {begin, sequence}},
        {"special_tokens",
         {{"<|begin_of_text|>", {{"id", "<|begin_of_text|>"}, {"ids", {bos}}, {"tokens", {"<|begin_of_text|>"}}}}}}}},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", true},
        {"vocab", "@VOCAB@"},
        {"merges", merges}}}};
  std::string text = file.dump(1);
  const std::string mark = "\"@VOCAB@\"";
  text.replace(text.find(mark), mark.size(), vocab_text);
  return text;
}

}  // namespace lacuna::tools
