// lacuna chat: a conversation through the model's chat template, or, without one, the continuation of what is typed.
#include <unistd.h>

#include <iostream>

#include "base/memory.h"
#include "base/status_macros.h"
#include "io/file.h"
#include "tools/chat_commands.h"
#include "tools/chat_screen.h"
#include "tools/command.h"
#include "tools/conversation.h"
#include "tools/line_editor.h"
#include "tools/line_history.h"
#include "tools/sampling_flags.h"

namespace lacuna::tools {
namespace {

// What is asked when standard input is empty.
constexpr const char* kBuiltInText = "One day";
constexpr const char* kBuiltInQuestion = "Tell me a short story.";

struct Flags {
  ModelFlags model;
  SamplingFlags sampling;
  std::string system, system_file, prompt;
  std::string reasoning = "auto";
  bool single_turn = false;
  bool no_history = false;
};

void Banner(const ModelInfo& info, const Conversation& conversation) {
  std::cerr << "lacuna " << LACUNA_VERSION_STRING << ", " << info.directory << ": " << info.model_type << ", "
            << info.parameters / 1000 << " thousand parameters, " << info.dtype << "\n";
  // A model directory that calls itself a placeholder in its card is announced as one.
  const auto card = ReadFile(info.directory + "/README.md", std::size_t{1} << 20);
  if (card.ok() && card->find("placeholder") != std::string::npos) {
    std::cerr
        << "This built-in model is a placeholder: it tells short stories of a small world and knows nothing else.\n";
  }
  if (conversation.has_template()) {
    std::cerr << "Ctrl-C stops an answer, Ctrl-D leaves, /help lists the commands.\n";
  } else {
    std::cerr << "Type the beginning of a text and it goes on from there; an empty line lets it begin. "
                 "Ctrl-C stops an answer, Ctrl-D leaves, /help lists the commands.\n";
  }
}

// -c 0: the model's maximum, or what three quarters of the memory hold.
int64_t ContextFor(const ModelFlags& flags, const ModelInfo& info) {
  const int64_t wanted = flags.Context(info);
  if (flags.context != 0 || info.kv_bytes_per_token <= 0) return wanted;
  const uint64_t available = BytesAvailable();
  const auto fits = static_cast<int64_t>(available / 4 * 3 / static_cast<uint64_t>(info.kv_bytes_per_token)) / 64 * 64;
  if (fits >= wanted || fits < 64) return wanted;
  std::cerr << "lacuna: the context is " << fits << " of the model's " << wanted << " tokens, which is what "
            << FormatBytes(available) << " of memory hold\n";
  return fits;
}

class Chat {
 public:
  Chat(Conversation& conversation, GenerateOptions options, ChatScreen& screen)
      : state_{.conversation = conversation}, options_(std::move(options)), screen_(screen) {}

  // One message and its answer.
  Status Answer(const std::string& text) {
    const std::string message = std::exchange(state_.attached, "") + text;
    return Run([&](const Conversation::Hooks& hooks) { return state_.conversation.Say(message, options_, hooks); });
  }

  // Until the user leaves; what goes wrong with one message is told, and the next may go better.
  Status Talk(LineEditor& editor) {
    while (!state_.leave) {
      const std::optional<std::string> line = editor.Read("> ", ". ");
      if (!line) {
        Print("\n");
        break;
      }
      Status status;
      if (IsChatCommand(*line)) {
        status = RunChatCommand(*line, state_);
        if (status.ok() && std::exchange(state_.regenerate, false)) {
          status =
              Run([&](const Conversation::Hooks& hooks) { return state_.conversation.Regenerate(options_, hooks); });
        }
      } else if (!line->empty() || !state_.attached.empty() || !state_.conversation.has_template()) {
        status = Answer(*line);
      }
      if (!status.ok() && status.code() != StatusCode::kInvalidInput && status.code() != StatusCode::kIo) return status;
      if (!status.ok()) Fail(status);
    }
    return {};
  }

 private:
  template <typename Reply>
  Status Run(Reply reply) {
    const CancelScope cancel;
    options_.cancel = cancel.flag();
    Conversation::Hooks hooks;
    hooks.on_start = [&](bool thinking) {
      if (!state_.conversation.has_template()) Print(state_.conversation.messages().back().content);
      screen_.Begin(thinking);
    };
    hooks.on_text = [&](std::string_view piece) {
      screen_.Add(piece);
      return true;
    };
    hooks.notice = [&](const std::string& what) { screen_.Notice(what); };
    const Status status = reply(hooks);
    screen_.End();
    ++options_.request;  // the next answer is another draw of the same seed
    if (!status.ok()) return status;
    const Conversation& c = state_.conversation;
    if (c.finish_reason() == FinishReason::kCancelled) screen_.Notice("stopped");
    screen_.Timings(c.stats());
    ++state_.answers;
    state_.tokens += c.stats().decoded;
    state_.decode_ms += c.stats().decode_ms;
    return {};
  }

  ChatState state_;
  GenerateOptions options_;
  ChatScreen& screen_;
};

Status RunChat(const Flags& flags) {
  LACUNA_ASSIGN_OR_RETURN(const GenerateOptions generate, flags.sampling.Options());
  std::string system = flags.system;
  if (!flags.system_file.empty()) {
    LACUNA_ASSIGN_OR_RETURN(system, ReadText(flags.system_file));
  }
  LACUNA_ASSIGN_OR_RETURN(const auto model, flags.model.Load());
  LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, TokenizerOf(*model));
  LACUNA_RETURN_IF_ERROR(CheckSampling(generate.sampling, model->info().vocab_size));
  LACUNA_ASSIGN_OR_RETURN(const auto chat_template, ChatTemplate::Load(flags.model.directory));
  if (!system.empty() && !chat_template) {
    return InvalidInput(flags.model.directory + " has no chat template, which a system prompt needs");
  }
  SessionOptions options;
  options.context_length = ContextFor(flags.model, model->info());
  LACUNA_ASSIGN_OR_RETURN(const auto session, Session::Create(model, options));
  const std::string variables = flags.reasoning == "auto" ? ""
                                : flags.reasoning == "on" ? R"({"enable_thinking": true})"
                                                          : R"({"enable_thinking": false})";
  LACUNA_ASSIGN_OR_RETURN(const auto conversation, Conversation::Create(*session, chat_template, variables));
  conversation->set_system(system);

  const bool terminal = isatty(STDIN_FILENO) != 0;
  ChatScreen screen({.color = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr,
                     .interactive = terminal,
                     .hide_thinking = flags.reasoning == "off",
                     .split_thinking = chat_template != nullptr});
  Chat chat(*conversation, generate, screen);
  if (terminal && !flags.single_turn) Banner(model->info(), *conversation);
  if (!flags.prompt.empty()) {
    const Status status = chat.Answer(flags.prompt);
    if (!status.ok() || flags.single_turn) return cancelled() ? Cancelled() : status;
  }
  if (!terminal) {
    if (!flags.prompt.empty()) return cancelled() ? Cancelled() : Status();
    LACUNA_ASSIGN_OR_RETURN(std::string text, ReadText("-"));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.empty()) text = chat_template ? kBuiltInQuestion : kBuiltInText;
    LACUNA_RETURN_IF_ERROR(chat.Answer(text));
    return cancelled() ? Cancelled() : Status();
  }
  const auto editor = LineEditor::Create(CompleteChat, flags.no_history ? "" : ChatHistoryFile());
  if (flags.single_turn) {
    const auto line = editor->Read("> ", ". ");
    if (!line) return {};
    LACUNA_RETURN_IF_ERROR(chat.Answer(*line));
    return cancelled() ? Cancelled() : Status();
  }
  return chat.Talk(*editor);
}

}  // namespace

void AddChat(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.AddTo(app, true);
  Add(app, "-p,--prompt", flags->prompt, "The first message")->type_name("TEXT");
  auto* system = Add(app, "--system-prompt", flags->system, "System prompt (-sys)")->type_name("TEXT");
  Add(app, "--system-prompt-file", flags->system_file, "The same from a file (-sysf)")
      ->type_name("FILE")
      ->excludes(system);
  AddSwitch(app, "--single-turn", flags->single_turn, "Leave after the first answer (-st)");
  AddSwitch(app, "--no-history", flags->no_history,
            "Keep no typed lines for the next time (they are in ~/.local/state/lacuna)");
  Add(app, "--reasoning", flags->reasoning,
      "Thinking: on or off asks the template for it or for none (off hides what comes anyway); auto leaves it to the "
      "template")
      ->check(CLI::IsMember({"on", "off", "auto"}))
      ->type_name("MODE")
      ->capture_default_str();
  flags->sampling.AddTo(app);
  app.footer(
      "With a chat template (chat_template.jinja, or in tokenizer_config.json) it is a conversation, whose history "
      "stays in\n"
      "the KV cache; when the context is full, the oldest turns are left out. Without one, each line is continued as "
      "text.\n"
      "Without a terminal, standard input is one message. Commands of a conversation:\n" +
      ChatHelp());
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunChat(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
