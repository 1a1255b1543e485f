// Errors as values. The library never throws, prints or exits on bad input: functions that can fail return
// Status, or Result<T> with the value. A message says what was wrong, where (file, field), and what would be right.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace lacuna {

enum class StatusCode {
  kOk = 0,
  kInvalidInput,  // a file, setting or argument is wrong, missing or unsupported; the command exits with 2
  kIo,            // the system failed to read or write; exit 1
  kOutOfMemory,   // an allocation failed; exit 1
  kCancelled,     // the caller's cancel token was set
  kInternal,      // a bug in lacuna
};

// A code and, unless kOk, a message of one sentence. Copyable; an OK status allocates nothing.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

inline Status InvalidInput(std::string message) { return {StatusCode::kInvalidInput, std::move(message)}; }
inline Status IoError(std::string message) { return {StatusCode::kIo, std::move(message)}; }
inline Status OutOfMemory(std::string message) { return {StatusCode::kOutOfMemory, std::move(message)}; }
inline Status Cancelled() { return {StatusCode::kCancelled, "cancelled"}; }
inline Status InternalError(std::string message) { return {StatusCode::kInternal, std::move(message)}; }

// A value or the Status that says why there is none. value() on an error aborts: check ok() first.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}         // NOLINT: implicit by design
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  Status status() const { return ok() ? Status() : std::get<1>(state_); }

  T& value() & { return Checked(), std::get<0>(state_); }
  const T& value() const& { return Checked(), std::get<0>(state_); }
  T&& value() && { return Checked(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void Checked() const {
    if (!ok()) std::abort();
  }
  std::variant<T, Status> state_;
};

}  // namespace lacuna
