// lacuna export: a packed model as a directory that transformers and vLLM read.
#include <filesystem>
#include <iostream>

#include "base/memory.h"
#include "base/status_macros.h"
#include "model/export_model.h"
#include "tools/command.h"
#include "tools/output_folder.h"

namespace lacuna::tools {
namespace {

struct Flags {
  std::string model, output, format = "compressed-tensors";
  int threads = 0;
};

Status RunExport(const Flags& flags) {
  ExportModelOptions options{.threads = flags.threads};
  options.progress = [&](double fraction) { ShowProgress(fraction, flags.model); };
  options.cancelled = [] { return cancelled(); };
  const CancelScope cancel;
  LACUNA_RETURN_IF_ERROR(
      WriteFolder(flags.output, [&](const std::string& folder) { return ExportModel(flags.model, folder, options); }));
  std::error_code error;
  const auto size = std::filesystem::file_size(std::filesystem::path(flags.output) / "model.safetensors", error);
  std::cerr << "wrote " << flags.output << (error ? "" : ", " + FormatBytes(size)) << "\n";
  return {};
}

}  // namespace

void AddExport(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  Add(app, "-m,--model", flags->model, "Model to export: a directory that lacuna pack or lacuna compress wrote")
      ->required()
      ->type_name("DIR");
  Add(app, "-o,--output", flags->output, "Folder to write; it must not exist yet, or be empty")
      ->required()
      ->type_name("DIR");
  Add(app, "--format", flags->format, "compressed-tensors: what transformers and vLLM read")
      ->check(CLI::IsMember({"compressed-tensors"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  Add(app, "-t,--threads", flags->threads, "Threads; 0: what suits the machine")
      ->check(CLI::Range(0, 1024))
      ->type_name("N")
      ->capture_default_str();
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunExport(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
