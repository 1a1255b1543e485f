// lacuna render: a conversation as the model's chat template writes it.
#include "base/status_macros.h"
#include "io/gguf.h"
#include "lacuna/chat.h"
#include "model/model_texts.h"
#include "tools/command.h"

namespace lacuna::tools {
namespace {

struct Flags {
  ModelFlags model;
  std::string messages;
  bool no_generation_prompt = false;
};

Status RunRender(const Flags& flags) {
  LACUNA_ASSIGN_OR_RETURN(const std::string conversation, ReadText(flags.messages));
  LACUNA_RETURN_IF_ERROR(CheckModelPath(flags.model.directory));
  LACUNA_ASSIGN_OR_RETURN(const auto chat_template, ChatTemplate::Load(flags.model.directory));
  if (chat_template == nullptr) {
    return InvalidInput(flags.model.directory + " has no chat template: " +
                        (IsGguf(flags.model.directory)
                             ? "its metadata have no `tokenizer.chat_template`"
                             : "neither chat_template.jinja nor `chat_template` in tokenizer_config.json"));
  }
  ChatOptions options;
  options.add_generation_prompt = !flags.no_generation_prompt;
  const auto chat = chat_template->Render(conversation, options);
  if (!chat.ok()) return Status(chat.status().code(), flags.messages + ": " + chat.status().message());
  Print(chat->text);
  return {};
}

}  // namespace

void AddRender(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.AddTo(app, false);
  Add(app, "--messages", flags->messages,
      "The conversation, - for standard input: {\"messages\": [{\"role\", \"content\"} ..], \"tools\": [..]}")
      ->required()
      ->type_name("FILE");
  AddSwitch(app, "--no-generation-prompt", flags->no_generation_prompt, "Leave out what opens the assistant's answer");
  app.footer("Prints the text as it is, without a newline of its own.");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunRender(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
