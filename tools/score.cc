// lacuna score: log-probabilities of a text.
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "tools/command.h"

namespace lacuna::tools {
namespace {

struct Flags {
  ModelFlags model;
  TextFlags text;
  int top = 0;
  bool json = false;
};

nlohmann::ordered_json ToJson(const std::vector<int32_t>& ids, const Score& score, bool with_top) {
  nlohmann::ordered_json out = {{"ids", ids}, {"logprobs", nlohmann::ordered_json::array()}};
  for (double lp : score.logprobs)
    out["logprobs"].push_back(std::isfinite(lp) ? nlohmann::ordered_json(lp) : nlohmann::ordered_json());
  if (with_top) {
    out["top"] = nlohmann::ordered_json::array();
    for (const auto& row : score.top) {
      nlohmann::ordered_json best = nlohmann::ordered_json::array();
      for (const auto& [id, lp] : row) best.push_back({id, lp});
      out["top"].push_back(std::move(best));
    }
  }
  return out;
}

Status RunScore(const Flags& flags) {
  std::vector<int32_t> ids;
  std::string text;
  if (*flags.text.ids_option) {
    LACUNA_ASSIGN_OR_RETURN(ids, ParseIds(flags.text.ids));
  } else {
    LACUNA_ASSIGN_OR_RETURN(text, flags.text.Text());
  }
  LACUNA_ASSIGN_OR_RETURN(const auto model, flags.model.Load());
  if (!*flags.text.ids_option) {
    LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, TokenizerOf(*model));
    LACUNA_ASSIGN_OR_RETURN(ids, tokenizer->Encode(text));
  }
  // The whole text is one context: as large as the text, but no larger than the model's (or -c).
  const int64_t most = flags.model.Context(model->info());
  if (static_cast<int64_t>(ids.size()) > most) {
    return InvalidInput("the text has " + std::to_string(ids.size()) + " tokens, more than the context of " +
                        std::to_string(most));
  }
  SessionOptions options;
  options.context_length = std::max<int64_t>(1, static_cast<int64_t>(ids.size()));
  LACUNA_ASSIGN_OR_RETURN(const auto session, Session::Create(model, options));
  LACUNA_ASSIGN_OR_RETURN(const LaneId lane, session->NewLane());
  std::function<void(double)> progress;
  if (StderrIsTerminal()) {
    progress = [](double f) {
      std::cerr << (f < 1 ? "\rscoring " + std::to_string(static_cast<int>(f * 100)) + " %" : std::string("\r\033[K"))
                << std::flush;
    };
  }
  LACUNA_ASSIGN_OR_RETURN(const Score score, ScoreTokens(*session, lane, ids, flags.top, progress));
  if (flags.json) {
    Print(ToJson(ids, score, flags.top > 0).dump() + "\n");
    return {};
  }
  double sum = 0;
  for (std::size_t i = 1; i < score.logprobs.size(); ++i) sum += score.logprobs[i];
  const auto n = static_cast<double>(score.logprobs.size() - 1);
  Print("tokens " + std::to_string(ids.size()) + "\n");
  if (n > 0) {
    Print("log-probability " + std::to_string(sum) + "\nperplexity " + std::to_string(std::exp(-sum / n)) + "\n");
  }
  return {};
}

}  // namespace

void AddScore(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.context = 0;
  flags->model.AddTo(app, true);
  TextFlags& text = flags->text;
  auto* input = app.add_option_group("Text", "one of");
  text.prompt_option = Add(*input, "-p,--prompt", text.prompt, "Text to score")->type_name("TEXT");
  text.file_option = Add(*input, "-f,--file", text.file, "File with the text, - for standard input")->type_name("FILE");
  text.ids_option = Add(*input, "--ids", text.ids, "Token ids, taken literally: no BOS is added")->type_name("1,2,3");
  input->require_option(1);
  Add(app, "--top", flags->top, "Also the K most probable continuations at each place")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("K");
  AddSwitch(app, "--json", flags->json, "Print one JSON object");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunScore(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
