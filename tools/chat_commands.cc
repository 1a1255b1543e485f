#include "tools/chat_commands.h"

#include <glob.h>

#include <algorithm>
#include <iostream>

#include "base/status_macros.h"
#include "io/file.h"
#include "tools/command.h"

namespace lacuna::tools {
namespace {

constexpr size_t kMaxAttached = size_t{16} << 20;

struct Command {
  const char* name;
  const char* argument;  // "" for none
  const char* help;
};
constexpr Command kCommands[] = {
    {"/exit", "", "leave (so does Ctrl-D)"},
    {"/regen", "", "answer the last message again"},
    {"/clear", "", "forget the conversation, but for the system prompt"},
    {"/read", "FILE", "send a text file with the next message"},
    {"/glob", "PATTERN", "the same with all files that match, as in src/*.h"},
    {"/system", "TEXT", "set the system prompt; without a text, take it away"},
    {"/save", "FILE", "write the conversation as JSON"},
    {"/load", "FILE", "go on with a conversation that was saved"},
    {"/stats", "", "tokens in the context, speed"},
    {"/help", "", "this list"},
};

std::string Home(std::string path) {
  const char* home = std::getenv("HOME");
  return path.starts_with("~/") && home != nullptr ? home + path.substr(1) : path;
}

// Paths that match a pattern of the shell.
std::vector<std::string> Glob(const std::string& pattern, int flags) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), flags, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return paths;
}

Status Attach(const std::string& path, ChatState& state) {
  LACUNA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxAttached));
  if (text.find('\0') != text.npos) return InvalidInput(path + ": is no text file, it has NUL bytes");
  if (state.attached.size() + text.size() > kMaxAttached)
    return InvalidInput(path + ": the files have more than 16 MiB together");
  state.attached += "File " + path + ":\n```\n" + text + (text.ends_with('\n') ? "" : "\n") + "```\n\n";
  std::cerr << "[" << path << ": " << text.size() << " bytes go with the next message]\n";
  return {};
}

Status Save(const std::string& path, const ChatState& state) {
  LACUNA_RETURN_IF_ERROR(AtomicWrite(path, MessagesToJson(state.conversation.messages())));
  std::cerr << "[" << state.conversation.messages().size() << " messages in " << path << "]\n";
  return {};
}

Status Load(const std::string& path, ChatState& state) {
  LACUNA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, size_t{64} << 20));
  LACUNA_ASSIGN_OR_RETURN(std::vector<ChatMessage> messages, MessagesFromJson(text, path));
  std::cerr << "[" << messages.size() << " messages from " << path << "]\n";
  for (const ChatMessage& message : messages) {
    if (message.role == "user" || message.role == "assistant") {
      std::cerr << (message.role == "user" ? "> " : "") << message.content << "\n";
    }
  }
  const bool open = !messages.empty() && messages.back().role == "user";
  state.conversation.set_messages(std::move(messages));
  if (open) std::cerr << "[/regen answers the last message]\n";
  return {};
}

void Stats(const ChatState& state) {
  const Conversation& c = state.conversation;
  std::cerr << "[" << c.messages().size() << " messages"
            << (c.dropped() > 0 ? ", " + std::to_string(c.dropped()) + " left out" : "") << "; " << c.context_used()
            << " of " << c.context_length() << " tokens of context; " << state.answers << " answers, " << state.tokens
            << " tokens";
  if (state.decode_ms > 0)
    std::cerr << ", " << static_cast<int64_t>(state.tokens * 1e4 / state.decode_ms) / 10.0 << " tokens/s";
  std::cerr << "]\n";
}

}  // namespace

bool IsChatCommand(const std::string& line) {
  // A path or a comment is no command: letters up to the first space.
  if (line.size() < 2 || line[0] != '/') return false;
  const size_t end = std::min(line.find(' '), line.size());
  return std::all_of(line.begin() + 1, line.begin() + static_cast<std::ptrdiff_t>(end),
                     [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string ChatHelp() {
  std::string help;
  for (const Command& command : kCommands) {
    std::string name = std::string("  ") + command.name + " " + command.argument;
    name.resize(std::max<size_t>(name.size() + 1, 18), ' ');
    help += name + command.help + "\n";
  }
  return help + "  A backslash at the end of a line goes on in the next one. Ctrl-C stops an answer.\n";
}

Status RunChatCommand(const std::string& line, ChatState& state) {
  const size_t space = std::min(line.find(' '), line.size());
  const std::string name = line.substr(0, space);
  std::string argument = line.substr(std::min(line.find_first_not_of(' ', space), line.size()));
  while (argument.ends_with(' ')) argument.pop_back();
  const auto* command =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& c) { return name == c.name; });
  if (command == std::end(kCommands)) return InvalidInput(name + " is no command; /help lists them");
  if (argument.empty() && *command->argument != 0 && name != "/system")
    return InvalidInput(name + " needs a " + command->argument);
  if (!argument.empty() && *command->argument == 0) return InvalidInput(name + " takes nothing behind it");

  if (name == "/exit") {
    state.leave = true;
  } else if (name == "/regen") {
    state.regenerate = true;
  } else if (name == "/clear") {
    state.conversation.Clear();
    state.attached.clear();
    std::cerr << "[the conversation is empty]\n";
  } else if (name == "/read") {
    return Attach(Home(argument), state);
  } else if (name == "/glob") {
    const std::vector<std::string> paths = Glob(Home(argument), 0);
    if (paths.empty()) return InvalidInput("/glob: no file matches " + argument);
    for (const std::string& path : paths) {
      if (KindOf(path) == FileKind::kRegular) LACUNA_RETURN_IF_ERROR(Attach(path, state));
    }
  } else if (name == "/system") {
    if (!state.conversation.has_template()) return InvalidInput("/system: the model has no chat template");
    state.conversation.set_system(argument);
    std::cerr << (argument.empty() ? "[no system prompt]\n" : "[the system prompt is set]\n");
  } else if (name == "/save") {
    return Save(Home(argument), state);
  } else if (name == "/load") {
    return Load(Home(argument), state);
  } else if (name == "/stats") {
    Stats(state);
  } else {
    std::cerr << ChatHelp();
  }
  return {};
}

std::vector<std::string> CompleteChat(const std::string& before) {
  std::vector<std::string> words;
  const size_t space = before.find(' ');
  if (space == before.npos) {
    for (const Command& command : kCommands) {
      if (!before.empty() && std::string_view(command.name).starts_with(before)) words.emplace_back(command.name);
    }
    return words;
  }
  const std::string name = before.substr(0, space);
  if (name != "/read" && name != "/glob" && name != "/save" && name != "/load") return words;
  std::string pattern;
  for (const char c : before.substr(before.find_last_of(' ') + 1)) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return Glob(pattern + "*", GLOB_MARK);
}

}  // namespace lacuna::tools
