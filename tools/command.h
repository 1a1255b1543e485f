// What the subcommands share: registration, common flags, errors and exit codes, signals.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lacuna/lacuna.h"

namespace lacuna::tools {

// Exit codes: 0, 1 failure at run time (I/O, memory), 2 bad input, 130 and 143 for SIGINT and SIGTERM.
int ExitCode(const Status& status);
// Prints "lacuna: error: ..." on one line and returns the exit code.
int Fail(const Status& status);

// A subcommand adds its flags to `app` and sets `*run`, which is called once they are parsed and returns the exit code.
using Run = std::function<int()>;
void AddRun(CLI::App& app, Run* run);
void AddChat(CLI::App& app, Run* run);
void AddScore(CLI::App& app, Run* run);
void AddEval(CLI::App& app, Run* run);
void AddTokenize(CLI::App& app, Run* run);
void AddDetokenize(CLI::App& app, Run* run);
void AddRender(CLI::App& app, Run* run);
void AddInspect(CLI::App& app, Run* run);
void AddSynth(CLI::App& app, Run* run);
void AddPack(CLI::App& app, Run* run);
void AddExport(CLI::App& app, Run* run);
void AddCompress(CLI::App& app, Run* run);
void AddBench(CLI::App& app, Run* run);
void AddDoctor(CLI::App& app, Run* run);

// CLI11 option with a LACUNA_ environment variable of the long flag's name ("--top-k": LACUNA_TOP_K). Of a flag that is
// given twice the last counts, so that a script's flags can be overridden behind them; lists take all.
template <typename T>
CLI::Option* Add(CLI::App& app, const std::string& flags, T& value, const std::string& help) {
  CLI::Option* option = app.add_option(flags, value, help);
  if constexpr (!CLI::detail::is_mutable_container<T>::value) option->take_last();
  std::string name = option->get_lnames().front();
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return option->envname("LACUNA_" + name);
}
CLI::Option* AddSwitch(CLI::App& app, const std::string& flags, bool& value, const std::string& help);

struct ModelFlags {
  std::string directory;
  std::string numerics = "default";
  std::string load = "auto";
  int threads = 0;
  int64_t context = 4096;

  // -m, and if `running` what decides how it runs; -c only with `with_context`.
  void AddTo(CLI::App& app, bool running, bool with_context = true);
  // Loads with warnings on stderr and, on a terminal, progress.
  Result<std::shared_ptr<const Model>> Load() const;
  // -c, 0 meaning the model's maximum; never more than that.
  int64_t Context(const ModelInfo& info) const;
};

// The text of -p or --file, whichever was given. Both or none is an error.
struct TextFlags {
  std::string prompt;
  std::string file;
  std::string ids;  // "1,2,3"
  CLI::Option* prompt_option = nullptr;
  CLI::Option* file_option = nullptr;
  CLI::Option* ids_option = nullptr;

  Result<std::string> Text() const;
};
Result<std::vector<int32_t>> ParseIds(const std::string& text);
Result<std::shared_ptr<const Tokenizer>> TokenizerOf(const Model& model);
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& directory);
Result<std::string> ReadText(const std::string& path);  // "-" is standard input

// Writes to stdout and flushes. A full disk ends the program with exit code 1 there, as no command could go on.
void Print(std::string_view text);
bool StderrIsTerminal();

// Signals. While a CancelScope lives, the first SIGINT or SIGTERM sets cancelled() and the second leaves at once;
// otherwise the first leaves at once. A closed pipe ends the program quietly with 0.
void InstallSignals();
// What is left to do when stdout could not be written: `error` is the errno.
[[noreturn]] void LeaveUnwritten(int error);
class CancelScope {
 public:
  CancelScope();
  ~CancelScope();
  const std::atomic<bool>* flag() const;
};
// While it lives, a signal that ends the program gives the terminal back as it was at its beginning.
class TerminalGuard {
 public:
  TerminalGuard();
  ~TerminalGuard();
};
void TerminalIsColored(bool colored);  // such a signal then resets the color first
bool cancelled();
int CancelledExitCode();  // 130 or 143

}  // namespace lacuna::tools
