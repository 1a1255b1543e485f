// The "decoder" of tokenizer.json, as a chain of stages that tokens flow through: decoding a list and decoding one
// token at a time are the same code, so they cannot differ.
//
// A stage gets tokens in parts: Push(text, ends), `ends` with a token's last part (tokens have many parts behind Fuse
// and ByteLevel, which make one token of all). It hands on what no later input can change, and the rest at Finish().
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"

namespace lacuna {

class DecodeStage {
 public:
  virtual ~DecodeStage() = default;
  virtual void Push(std::string_view text, bool ends) = 0;
  // The input is over; afterwards the stage is as new.
  virtual void Finish() = 0;
  void set_next(DecodeStage* next) { next_ = next; }

 protected:
  DecodeStage* next_ = nullptr;
};

// The settings of a stage; const and shared by all decodings.
class DecodeStep {
 public:
  virtual ~DecodeStep() = default;
  virtual std::unique_ptr<DecodeStage> Start() const = 0;
};

using Decoder = std::vector<std::unique_ptr<const DecodeStep>>;

// Appends the steps that `node` describes; null is the step that puts spaces between tokens.
Status ParseDecoder(const nlohmann::json& node, const std::string& where, Decoder& steps, bool& byte_level);

// One decoding in progress.
class DecodeChain {
 public:
  explicit DecodeChain(const Decoder& steps);
  // Appends to `out` what the token completes.
  void Push(std::string_view token, std::string& out);
  void Finish(std::string& out);

 private:
  class Sink;
  std::vector<std::unique_ptr<DecodeStage>> stages_;  // the last one is the sink
  Sink* sink_;
};

}  // namespace lacuna
