// lacuna run: continue a prompt.
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "tools/command.h"

namespace lacuna::tools {
namespace {

struct Flags {
  ModelFlags model;
  SamplingFlags sampling;
  TextFlags text;
  bool json = false;
};

Status RunPrompt(const Flags& flags) {
  // Cheap mistakes are told before the model is loaded.
  std::vector<int32_t> prompt;
  std::string text;
  if (*flags.text.ids_option) {
    LACUNA_ASSIGN_OR_RETURN(prompt, ParseIds(flags.text.ids));
  } else {
    LACUNA_ASSIGN_OR_RETURN(text, flags.text.Text());
  }
  const auto start = std::chrono::steady_clock::now();
  LACUNA_ASSIGN_OR_RETURN(const auto model, flags.model.Load());
  const double load_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (!*flags.text.ids_option) {
    LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, TokenizerOf(*model));
    LACUNA_ASSIGN_OR_RETURN(prompt, tokenizer->Encode(text));
  }
  SessionOptions session_options;
  session_options.context_length = flags.model.Context(model->info());
  LACUNA_ASSIGN_OR_RETURN(const auto session, Session::Create(model, session_options));
  LACUNA_ASSIGN_OR_RETURN(const LaneId lane, session->NewLane());

  const CancelScope cancel;
  GenerateOptions options = flags.sampling.Options();
  options.cancel = cancel.flag();
  std::string answer;
  std::optional<DecodeStream> stream;
  if (model->tokenizer()) {
    stream.emplace(model->tokenizer());
    for (const int32_t id : prompt) stream->Next(id);  // so that the answer keeps its leading space
  }
  const bool print = !flags.json;
  if (print && stream) Print(text);
  options.on_token = [&](int32_t id) {
    if (stream) {
      const std::string piece = stream->Next(id);
      answer += piece;
      if (print) Print(piece);
    } else if (print) {
      Print(std::to_string(id) + " ");
    }
    return true;
  };
  LACUNA_ASSIGN_OR_RETURN(const Generation g, Generate(*session, lane, prompt, options));
  if (stream) {
    const std::string rest = stream->Finish();
    answer += rest;
    if (print) Print(rest);
  }
  if (print) Print("\n");
  if (flags.json) {
    const nlohmann::ordered_json out = {{"text", answer},
                                        {"prompt_ids", prompt},
                                        {"ids", g.ids},
                                        {"finish_reason", FinishReasonName(g.finish_reason)},
                                        {"timings",
                                         {{"prompt_tokens", g.prompt_tokens},
                                          {"prompt_ms", g.prompt_ms},
                                          {"decode_tokens", g.decode_tokens},
                                          {"decode_ms", g.decode_ms},
                                          {"load_ms", load_ms}}}};
    Print(out.dump() + "\n");
  }
  return cancelled() ? Cancelled() : Status();
}

}  // namespace

void AddRun(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.AddTo(app, true);
  TextFlags& text = flags->text;
  auto* input = app.add_option_group("Prompt", "one of");
  text.prompt_option = Add(*input, "-p,--prompt", text.prompt, "Text to continue")->type_name("TEXT");
  text.file_option = Add(*input, "-f,--file", text.file, "File with the text, - for standard input")->type_name("FILE");
  text.ids_option =
      Add(*input, "--ids", text.ids, "Token ids, taken literally: no BOS is added")->type_name("1,2,3");
  input->require_option(1);
  flags->sampling.AddTo(app);
  AddSwitch(app, "--json", flags->json, "Print one JSON object instead of the text");
  app.callback([flags, run] { *run = [flags] {
    const Status status = RunPrompt(*flags);
    return status.ok() ? 0 : Fail(status);
  }; });
}

}  // namespace lacuna::tools
