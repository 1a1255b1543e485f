#include "tokenizer/chat/json_value.h"

#include <algorithm>
#include <iterator>

#include "tokenizer/json_reader.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

Value Read(JsonReader& reader, bool role) {
  std::string_view text;
  std::string scratch;
  switch (reader.Peek()) {
    case JsonReader::Kind::kObject: {
      Dict dict;
      reader.BeginObject();
      std::string_view key;
      while (reader.NextKey(key, scratch)) {
        const Value name(Text(key, true));
        const bool is_role = key == "role";
        dict.Set(name, Read(reader, is_role));
      }
      return MakeDict(std::move(dict));
    }
    case JsonReader::Kind::kArray: {
      std::vector<Value> items;
      reader.BeginArray();
      while (reader.NextElement()) items.push_back(Read(reader, false));
      return MakeList(std::move(items));
    }
    case JsonReader::Kind::kString:
      if (!reader.ReadString(text, scratch)) return Value(None{});
      return Value(Text(text, !role || !IsRole(text)));
    case JsonReader::Kind::kNumber: {
      const size_t begin = reader.position();
      std::string_view raw;
      reader.SkipValue(raw);
      reader.set_position(begin);
      if (raw.find_first_of(".eE") == raw.npos) {
        int64_t whole = 0;
        return reader.ReadInt(whole) ? Value(whole) : Value(None{});
      }
      double number = 0;
      return reader.ReadDouble(number) ? Value(number) : Value(None{});
    }
    case JsonReader::Kind::kBool: {
      bool flag = false;
      reader.ReadBool(flag);
      return Value(flag);
    }
    default:
      reader.ReadNull();
      return Value(None{});
  }
}

}  // namespace

bool IsRole(std::string_view role) {
  static constexpr std::string_view kRoles[] = {"system",   "developer", "user",  "assistant",  "tool",
                                                "function", "ipython",   "model", "observation"};
  return std::find(std::begin(kRoles), std::end(kRoles), role) != std::end(kRoles);
}

Result<Value> ParseJsonValue(std::string_view text, const std::string& name) {
  if (!unicode::IsValidUtf8(text)) return InvalidInput(name + ": is not UTF-8, which JSON should be");
  JsonReader reader(text, name);
  Value value = Read(reader, false);
  if (reader.ok() && !reader.AtEnd()) reader.Fail("the JSON should end here");
  if (!reader.ok()) return reader.status();
  return value;
}

}  // namespace lacuna::jinja
