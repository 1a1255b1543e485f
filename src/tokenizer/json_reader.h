// A strict pull parser (RFC 8259) for the long tables of tokenizer.json, which a DOM parser takes a second for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna {

// Reads a text of valid UTF-8 from front to back. The first error sticks: from then on every call returns false (or
// kError) and status() says what and where, so callers may check once per table.
class JsonReader {
 public:
  enum class Kind { kObject, kArray, kString, kNumber, kBool, kNull, kError };

  // Both must outlive the reader. `name` begins error messages.
  JsonReader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  // What comes next; consumes white space only.
  Kind Peek();

  // while (reader.NextKey(key, scratch)) { read or skip one value }, after BeginObject(). `key` points into the text
  // or, when it had escapes, into `scratch`. The end of the object is consumed.
  bool BeginObject();
  bool NextKey(std::string_view& key, std::string& scratch);
  bool BeginArray();
  bool NextElement();

  bool ReadString(std::string_view& value, std::string& scratch);
  // An integer that an int64_t holds.
  bool ReadInt(int64_t& value);
  bool ReadDouble(double& value);
  bool ReadBool(bool& value);
  bool ReadNull();
  // Skips a value, checking its syntax; `raw` is its text.
  bool SkipValue(std::string_view& raw);
  // Whether only white space is left.
  bool AtEnd();

  size_t position() const { return pos_; }
  void set_position(size_t pos) { pos_ = pos; }

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  // Stops with `what` at the current place.
  bool Fail(const std::string& what);

 private:
  void SkipSpace();
  bool Enter(char open, const char* what);
  bool Expect(std::string_view word);
  bool ScanNumber(std::string_view& digits, bool& integer);
  bool Escape(std::string& scratch);
  bool Hex4(uint32_t& value);

  static constexpr int kMaxDepth = 64;

  std::string_view text_;
  const std::string& name_;
  size_t pos_ = 0;
  int depth_ = 0;
  bool fresh_ = false;  // just behind a [ or {
  Status status_;
};

}  // namespace lacuna
