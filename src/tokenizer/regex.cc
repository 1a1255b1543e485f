// PCRE2 with the JIT compiler where there is one. Three bounds keep a hostile pattern from hanging: the match limit
// bounds the backtracking from one start, a search advances over kWindow starts at a time, and between such steps the
// thread's CPU time is compared with what the text may cost (not the wall clock: a busy machine must not fail).
#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <utility>

#include "base/status_macros.h"
#include "tokenizer/regex_syntax.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

constexpr size_t kMaxPattern = 64 << 10;  // bytes; the longest in use have about 3,000
constexpr size_t kWindow = 64;            // starts that one call may try
constexpr int kCallsPerClock = 32;        // while calls find something; each one that finds nothing looks at the clock
constexpr double kSecondsPerText = 1, kSecondsPerByte = 2e-6;  // PCRE2 needs about 2e-8 a byte for GPT-2's pattern
constexpr uint32_t kHeapLimitKiB = 256 << 10;

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::string Pcre2Message(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

// A match block and its limits, one per search.
class Matcher {
 public:
  Matcher(const pcre2_code* code, std::string_view text)
      : code_(code),
        text_(text),
        data_(pcre2_match_data_create(1, nullptr), pcre2_match_data_free),
        context_(pcre2_match_context_create(nullptr), pcre2_match_context_free) {
    if (!data_ || !context_) return;
    // A greedy run over the whole text backtracks once a character: that must fit.
    pcre2_set_match_limit(context_.get(), static_cast<uint32_t>(std::min<size_t>(4000000 + 8 * text.size(), 1u << 31)));
    pcre2_set_heap_limit(context_.get(), kHeapLimitKiB);
  }
  bool ok() const { return data_ && context_; }

  // PCRE2's result for the first match that starts in [from, last].
  int Run(size_t from, size_t last, size_t& begin, size_t& end) {
    pcre2_set_offset_limit(context_.get(), last);
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text_.data());
    int rc = pcre2_match(code_, subject, text_.size(), from, PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {  // the interpreter keeps its backtracking points on the heap
      rc = pcre2_match(code_, subject, text_.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data_.get(),
                       context_.get());
    }
    if (rc >= 0) {
      const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data_.get());
      begin = offsets[0], end = offsets[1];
    }
    return rc;
  }

 private:
  const pcre2_code* code_;
  std::string_view text_;
  std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> data_;
  std::unique_ptr<pcre2_match_context, void (*)(pcre2_match_context*)> context_;
};

}  // namespace

Result<Regex> Regex::Compile(std::string_view pattern, const std::string& where) {
  if (pattern.size() > kMaxPattern) {
    return InvalidInput(where + ": the regular expression has " + std::to_string(pattern.size()) +
                        " bytes; up to 65536 are supported");
  }
  LACUNA_ASSIGN_OR_RETURN(const std::string translated, OnigurumaToPcre2(pattern, where));
  const std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  if (!context) return OutOfMemory(where + ": no memory for a regular expression");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_bsr(context.get(), PCRE2_BSR_UNICODE);
  int code = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* compiled = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK,
      &code, &at, context.get());
  if (!compiled) {
    return InvalidInput(where + ": the regular expression \"" + std::string(pattern) +
                        "\" cannot be compiled: " + Pcre2Message(code) + " (offset " + std::to_string(at) + ")");
  }
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);  // without JIT pcre2_match interprets: slower, equal
  Regex regex;
  regex.code_ = std::shared_ptr<const pcre2_code>(
      compiled, [](const pcre2_code* c) { pcre2_code_free(const_cast<pcre2_code*>(c)); });
  regex.where_ = where;
  return regex;
}

Status Regex::Find(std::string_view text, std::vector<Segment>& segments) const {
  segments.clear();
  if (text.empty()) return {};
  Matcher matcher(code_.get(), text);
  if (!matcher.ok()) return OutOfMemory(where_ + ": no memory to match a regular expression");
  const auto limit_error = [&](size_t at) {
    return InvalidInput(where_ + ": the regular expression needs too much backtracking at byte " + std::to_string(at) +
                        " of the text");
  };
  const double budget = kSecondsPerText + kSecondsPerByte * static_cast<double>(text.size());
  double started = -1;
  int calls = 0;
  size_t done = 0;            // end of the last segment
  size_t from = 0;            // where the search goes on
  bool behind_match = false;  // a match ended at `from`
  while (from <= text.size()) {
    if ((from > 0 && !behind_match) || ++calls == kCallsPerClock) {
      calls = 0;
      const double now = CpuSeconds();
      if (started < 0) started = now;
      if (now - started > budget) return limit_error(from);
    }
    size_t last = std::min(from + kWindow, text.size());
    while (last < text.size() && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) ++last;
    size_t begin = 0, end = 0;
    const int rc = matcher.Run(from, last, begin, end);
    if (rc == PCRE2_ERROR_NOMATCH) {
      if (last == text.size()) break;
      from = last + unicode::CharLength(text[last]);
      behind_match = false;
      continue;
    }
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT) {
      return limit_error(from);
    }
    if (rc < 0) return InvalidInput(where_ + ": the regular expression failed: " + Pcre2Message(rc));
    if (begin > end || begin < done) {
      return InvalidInput(where_ + ": the regular expression matches a part that ends before it starts");
    }
    if (begin == end && behind_match && begin == from) {
      if (from == text.size()) break;
      from += unicode::CharLength(text[from]);
      behind_match = false;
      continue;
    }
    if (done != begin) segments.push_back({done, begin, false});
    segments.push_back({begin, end, true});
    done = from = end;
    behind_match = true;
  }
  if (done != text.size()) segments.push_back({done, text.size(), false});
  return {};
}

bool Regex::Matches(std::string_view text) const {
  Matcher matcher(code_.get(), text);
  size_t begin, end;
  return matcher.ok() && matcher.Run(0, text.size(), begin, end) >= 0;
}

}  // namespace lacuna
