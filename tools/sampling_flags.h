// Flags of generation that run and chat share: llama.cpp's names and defaults.
#pragma once

#include <string>
#include <vector>

#include "tools/command.h"

namespace lacuna::tools {

struct SamplingFlags {
  SamplingParams params;
  int64_t seed = -1;
  bool ignore_eos = false;
  int64_t max_tokens = -1;
  std::string samplers;
  std::vector<std::string> logit_bias;                               // "15043+1", "15043-inf"
  std::vector<std::string> breakers;                                 // "none", or texts with escapes
  std::vector<std::string> stop;                                     // texts with escapes
  std::string grammar, grammar_file, json_schema, json_schema_file;  // one of them at most

  void AddTo(CLI::App& app);
  // kInvalidInput names the flag that cannot be read, or the setting that is out of its range.
  Result<GenerateOptions> Options() const;

 private:
  Status ReadGrammar(GenerateOptions* options) const;
};

// \n, \r, \t, \\, \" and \' become what they stand for, anything else stays.
std::string Unescape(const std::string& text);
// "15043+1.5", "15043-inf".
Result<LogitBias> ParseLogitBias(const std::string& text);

}  // namespace lacuna::tools
