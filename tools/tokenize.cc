// lacuna tokenize and detokenize: text to token ids and back.
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "tools/command.h"

namespace lacuna::tools {
namespace {

struct Flags {
  ModelFlags model;
  TextFlags text;
  bool no_special = false;
  bool json = false;
};

Status RunTokenize(const Flags& flags) {
  LACUNA_ASSIGN_OR_RETURN(const std::string text, flags.text.Text());
  LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, LoadTokenizer(flags.model.directory));
  LACUNA_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, tokenizer->Encode(text, !flags.no_special));
  if (flags.json) {
    nlohmann::ordered_json out = {{"ids", ids}, {"pieces", nlohmann::json::array()}};
    for (int32_t id : ids) out["pieces"].push_back(tokenizer->Piece(id));
    Print(out.dump() + "\n");
    return {};
  }
  std::string lines;
  for (int32_t id : ids) lines += std::to_string(id) + "\t" + std::string(tokenizer->Piece(id)) + "\n";
  Print(lines);
  return {};
}

Status RunDetokenize(const Flags& flags) {
  LACUNA_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, ParseIds(flags.text.ids));
  LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, LoadTokenizer(flags.model.directory));
  LACUNA_ASSIGN_OR_RETURN(const std::string text, tokenizer->Decode(ids, flags.no_special));
  Print(text);
  return {};
}

}  // namespace

void AddTokenize(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.AddTo(app, false);
  TextFlags& text = flags->text;
  auto* input = app.add_option_group("Text", "one of");
  text.prompt_option = Add(*input, "-p,--prompt", text.prompt, "Text")->type_name("TEXT");
  text.file_option = Add(*input, "-f,--file", text.file, "File with the text, - for standard input")->type_name("FILE");
  input->require_option(1);
  AddSwitch(app, "--no-special", flags->no_special,
            "Leave out what the post-processor adds (BOS); special tokens inside the text are recognised either way");
  AddSwitch(app, "--json", flags->json, "Print {\"ids\": [..], \"pieces\": [..]}");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunTokenize(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

void AddDetokenize(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.AddTo(app, false);
  flags->text.ids_option = Add(app, "--ids", flags->text.ids, "Token ids")->required()->type_name("1,2,3");
  AddSwitch(app, "--no-special", flags->no_special, "Leave special tokens out of the text");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunDetokenize(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
