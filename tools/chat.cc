// lacuna chat: a line in, its continuation out, as it is generated.
#include <unistd.h>

#include <iostream>

#include "base/status_macros.h"
#include "io/file.h"
#include "tools/command.h"
#include "tools/sampling_flags.h"

namespace lacuna::tools {
namespace {

constexpr const char* kBuiltInPrompt = "One day";

struct Flags {
  ModelFlags model;
  SamplingFlags sampling;
};

class Chat {
 public:
  Chat(std::shared_ptr<const Tokenizer> tokenizer, Session& session, GenerateOptions options)
      : tokenizer_(std::move(tokenizer)), session_(session), options_(std::move(options)) {}

  // Continues `text` on an empty lane: each line stands for itself.
  Status Answer(const std::string& text) {
    LACUNA_ASSIGN_OR_RETURN(const std::vector<int32_t> prompt, tokenizer_->Encode(text));
    LACUNA_ASSIGN_OR_RETURN(const LaneId lane, session_.NewLane());
    const CancelScope cancel;
    options_.cancel = cancel.flag();
    options_.on_text = [](std::string_view piece) {
      Print(piece);
      return true;
    };
    Print(text);
    const auto g = Generate(session_, lane, prompt, options_);
    Print("\n");
    LACUNA_RETURN_IF_ERROR(session_.CloseLane(lane));
    if (!g.ok()) return g.status();
    ++options_.request;  // the next line is another draw of the same seed
    if (g->finish_reason == FinishReason::kContext) std::cerr << "[the context is full]\n";
    return {};
  }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  Session& session_;
  GenerateOptions options_;
};

void Banner(const ModelInfo& info) {
  std::cerr << "lacuna " << LACUNA_VERSION_STRING << ", " << info.directory << ": " << info.model_type << ", "
            << info.parameters / 1000 << " thousand parameters, " << info.dtype << "\n";
  // A model directory that calls itself a placeholder in its card is announced as one.
  const auto card = ReadFile(info.directory + "/README.md", std::size_t{1} << 20);
  if (card.ok() && card->find("placeholder") != std::string::npos) {
    std::cerr << "This built-in model is a placeholder: it tells short stories of a small world and knows nothing else.\n";
  }
  std::cerr << "Type the beginning of a text and it goes on from there; an empty line lets it begin. "
               "Ctrl-C stops an answer, Ctrl-D leaves.\n";
}

Status RunChat(const Flags& flags) {
  LACUNA_ASSIGN_OR_RETURN(const GenerateOptions generate, flags.sampling.Options());
  LACUNA_ASSIGN_OR_RETURN(const auto model, flags.model.Load());
  LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, TokenizerOf(*model));
  SessionOptions options;
  options.context_length = flags.model.Context(model->info());
  LACUNA_ASSIGN_OR_RETURN(const auto session, Session::Create(model, options));
  Chat chat(tokenizer, *session, generate);

  if (isatty(STDIN_FILENO) == 0) {
    LACUNA_ASSIGN_OR_RETURN(std::string text, ReadText("-"));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    LACUNA_RETURN_IF_ERROR(chat.Answer(text.empty() ? kBuiltInPrompt : text));
    return cancelled() ? Cancelled() : Status();
  }
  Banner(model->info());
  std::string line;
  while (true) {
    Print("> ");
    if (!std::getline(std::cin, line)) break;
    const Status status = chat.Answer(line);
    // A line that is too long for the context is told; the next one may fit.
    if (!status.ok() && status.code() != StatusCode::kInvalidInput) return status;
    if (!status.ok()) Fail(status);
  }
  Print("\n");
  return {};
}

}  // namespace

void AddChat(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.AddTo(app, true);
  flags->sampling.AddTo(app);
  app.footer("Each line is continued as plain text; chat templates are not applied.\n"
             "Without a terminal, standard input is continued once.");
  app.callback([flags, run] { *run = [flags] {
    const Status status = RunChat(*flags);
    return status.ok() ? 0 : Fail(status);
  }; });
}

}  // namespace lacuna::tools
