// lacuna run: continue a prompt.
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "tools/command.h"
#include "tools/sampling_flags.h"

namespace lacuna::tools {
namespace {

struct Flags {
  ModelFlags model;
  SamplingFlags sampling;
  TextFlags text;
  int logprobs = -1;
  bool json = false;
};

nlohmann::ordered_json ToJson(const std::vector<int32_t>& prompt, const Generation& g, const Flags& flags,
                              double load_ms) {
  nlohmann::ordered_json out = {{"text", g.text},
                                {"prompt_ids", prompt},
                                {"ids", g.ids},
                                {"finish_reason", FinishReasonName(g.finish_reason)},
                                {"timings",
                                 {{"prompt_tokens", g.prompt_tokens},
                                  {"prompt_ms", g.prompt_ms},
                                  {"decode_tokens", g.decode_tokens},
                                  {"decode_ms", g.decode_ms},
                                  {"load_ms", load_ms}}}};
  if (flags.logprobs < 0) return out;
  out["logprobs"] = out["top"] = nlohmann::ordered_json::array();
  for (const TokenLogprob& t : g.logprobs) {
    out["logprobs"].push_back(t.logprob);
    auto best = nlohmann::ordered_json::array();
    for (const auto& [id, lp] : t.top) best.push_back({id, lp});
    out["top"].push_back(std::move(best));
  }
  return out;
}

Status RunPrompt(const Flags& flags) {
  // Cheap mistakes are told before the model is loaded.
  LACUNA_ASSIGN_OR_RETURN(GenerateOptions options, flags.sampling.Options());
  if (flags.logprobs >= 0 && !flags.json) return InvalidInput("--logprobs prints JSON: expected --json with it");
  std::vector<int32_t> prompt;
  std::string text;
  if (*flags.text.ids_option) {
    LACUNA_ASSIGN_OR_RETURN(prompt, ParseIds(flags.text.ids));
  } else {
    LACUNA_ASSIGN_OR_RETURN(text, flags.text.Text());
  }
  const auto start = std::chrono::steady_clock::now();
  LACUNA_ASSIGN_OR_RETURN(const auto model, flags.model.Load());
  const double load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (!*flags.text.ids_option) {
    LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, TokenizerOf(*model));
    LACUNA_ASSIGN_OR_RETURN(prompt, tokenizer->Encode(text));
  }
  LACUNA_RETURN_IF_ERROR(CheckSampling(options.sampling, model->info().vocab_size));
  SessionOptions session_options;
  session_options.context_length = flags.model.Context(model->info());
  LACUNA_ASSIGN_OR_RETURN(const auto session, Session::Create(model, session_options));
  LACUNA_ASSIGN_OR_RETURN(const LaneId lane, session->NewLane());
  if (static_cast<int64_t>(prompt.size()) > session_options.context_length)  // before any of it is printed
    return InvalidInput("the prompt has " + std::to_string(prompt.size()) + " tokens, more than the context of " +
                        std::to_string(session_options.context_length));

  const CancelScope cancel;
  options.cancel = cancel.flag();
  options.logprobs = flags.logprobs;
  if (!flags.json && model->tokenizer()) {
    Print(text);
    options.on_text = [](std::string_view piece) {
      Print(piece);
      return true;
    };
  } else if (!flags.json) {
    options.on_token = [](int32_t id) {
      Print(std::to_string(id) + " ");
      return true;
    };
  }
  LACUNA_ASSIGN_OR_RETURN(const Generation g, Generate(*session, lane, prompt, options));
  Print(flags.json ? ToJson(prompt, g, flags, load_ms).dump() + "\n" : "\n");
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
  text.ids_option = Add(*input, "--ids", text.ids, "Token ids, taken literally: no BOS is added")->type_name("1,2,3");
  input->require_option(1);
  flags->sampling.AddTo(app);
  Add(app, "--logprobs", flags->logprobs,
      "With --json: log-probability of every token, and of the N most probable ones beside it")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("N");
  AddSwitch(app, "--json", flags->json, "Print one JSON object instead of the text");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunPrompt(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
