#include "tools/command.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <iostream>

#include "base/status_macros.h"
#include "io/file.h"
#include "model/model_texts.h"

namespace lacuna::tools {

int ExitCode(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return 0;
    case StatusCode::kInvalidInput:
      return 2;
    case StatusCode::kCancelled:
      return CancelledExitCode();
    default:
      return 1;
  }
}

int Fail(const Status& status) {
  if (status.code() != StatusCode::kCancelled) std::cerr << "lacuna: error: " << status.message() << "\n";
  return ExitCode(status);
}

CLI::Option* AddSwitch(CLI::App& app, const std::string& flags, bool& value, const std::string& help) {
  CLI::Option* option = app.add_flag(flags, value, help);
  std::string name = option->get_lnames().front();
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return option->envname("LACUNA_" + name);
}

void ModelFlags::AddTo(CLI::App& app, bool running, bool with_context) {
  Add(app, "-m,--model", directory, "Model: a Hugging Face directory or a GGUF file")->required()->type_name("MODEL");
  if (!running) return;
  Add(app, "-t,--threads", threads, "Threads; 0: what suits the machine")
      ->check(CLI::Range(0, 1024))
      ->type_name("N")
      ->capture_default_str();
  if (with_context) {
    Add(app, "-c,--ctx-size", context, "Context in tokens, at most the model's; 0: the model's maximum")
        ->check(CLI::Range(int64_t{0}, int64_t{1} << 24))
        ->type_name("N")
        ->capture_default_str();
  }
  Add(app, "--numerics", numerics, "default: bf16, the same bits on every machine; f32: float32 reference, slow")
      ->check(CLI::IsMember({"default", "f32"}))
      ->type_name("MODE")
      ->capture_default_str();
  Add(app, "--load", load,
      "Packed weights: mmap reads them in the file's mapping, copy in huge pages, auto as memory allows")
      ->check(CLI::IsMember({"auto", "mmap", "copy"}))
      ->type_name("MODE")
      ->capture_default_str();
}

Result<std::shared_ptr<const Model>> ModelFlags::Load() const {
  ModelOptions options;
  options.numerics = numerics == "f32" ? Numerics::kF32 : Numerics::kDefault;
  options.load = load == "mmap" ? LoadMode::kMmap : load == "copy" ? LoadMode::kCopy : LoadMode::kAuto;
  options.threads = threads;
  options.log = [](LogLevel level, std::string_view message) {
    if (level == LogLevel::kWarning) std::cerr << "lacuna: warning: " << message << "\n";
  };
  int shown = -1;
  if (StderrIsTerminal()) {
    options.progress = [shown](double fraction) mutable {
      const int percent = static_cast<int>(fraction * 100);
      if (percent == shown) return;
      shown = percent;
      std::cerr << (percent < 100 ? "\rloading " + std::to_string(percent) + " %" : std::string("\r\033[K"))
                << std::flush;
    };
  }
  return Model::Load(directory, options);
}

int64_t ModelFlags::Context(const ModelInfo& info) const {
  return context == 0 ? info.context_length : std::min(context, info.context_length);
}

Result<std::string> TextFlags::Text() const {
  if (file_option != nullptr && *file_option) return ReadText(file);
  return prompt;
}

Result<std::vector<int32_t>> ParseIds(const std::string& text) {
  std::vector<int32_t> ids;
  const char* at = text.data();
  const char* end = at + text.size();
  while (true) {
    int32_t id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0 || (next != end && *next != ',')) {
      return InvalidInput("--ids: '" + text.substr(0, 60) + "' is not a list of token ids, expected for example 1,2,3");
    }
    ids.push_back(id);
    if (next == end) return ids;
    at = next + 1;
  }
}

Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& directory) {
  LACUNA_RETURN_IF_ERROR(CheckModelPath(directory));
  LACUNA_ASSIGN_OR_RETURN(auto tokenizer, LoadModelTokenizer(directory));
  if (!tokenizer)
    return InvalidInput(ModelTextPath(directory, "tokenizer.json") + ": no tokenizer is there" + GgufInside(directory));
  return tokenizer;
}

Result<std::shared_ptr<const Tokenizer>> TokenizerOf(const Model& model) {
  if (auto tokenizer = model.tokenizer()) return tokenizer;
  return InvalidInput(model.info().directory + " has no tokenizer, which text needs: give token ids (--ids)");
}

Result<std::string> ReadText(const std::string& path) {
  if (path != "-") return ReadFile(path, std::size_t{64} << 20);
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  return text;
}

void Print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (std::fflush(stdout) != 0 || !written) LeaveUnwritten(errno);
}

bool StderrIsTerminal() { return isatty(STDERR_FILENO) != 0; }

}  // namespace lacuna::tools
