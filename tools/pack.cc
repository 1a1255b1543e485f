// lacuna pack: a model in fewer bytes, or a GGUF file as a directory, as quickly as rounding goes: no calibration.
#include <filesystem>
#include <iostream>

#include "base/memory.h"
#include "base/status_macros.h"
#include "io/gguf.h"
#include "model/config.h"
#include "model/pack_model.h"
#include "tools/codec_flags.h"
#include "tools/command.h"
#include "tools/output_folder.h"

namespace lacuna::tools {
namespace {

struct Flags {
  std::string model, output;
  CodecFlags codec;
  int threads = 0;
};

Status RunPack(const Flags& flags) {
  PackModelOptions options;
  if (!flags.codec.codec.empty()) {
    LACUNA_ASSIGN_OR_RETURN(options.codec, flags.codec.Parse());
  } else {
    if (!IsGguf(flags.model)) {
      LACUNA_ASSIGN_OR_RETURN(const ModelConfig config, LoadConfig(flags.model));
      if (!config.foreign) {
        return InvalidInput(
            "--codec is missing; only of models that are quantized already (GGUF, compressed-tensors, "
            "gptq, awq) pack keeps the codec that each tensor has");
      }
    }
    LACUNA_RETURN_IF_ERROR(flags.codec.OnlyKeep());
    options.as_stored = true;
  }
  LACUNA_ASSIGN_OR_RETURN(options.keep, flags.codec.Rules());
  options.threads = flags.threads;
  options.progress = [&](double fraction) { ShowProgress(fraction, flags.model); };
  options.cancelled = [] { return cancelled(); };
  const CancelScope cancel;
  LACUNA_RETURN_IF_ERROR(
      WriteFolder(flags.output, [&](const std::string& folder) { return PackModel(flags.model, folder, options); }));
  std::error_code error;
  const auto size = std::filesystem::file_size(std::filesystem::path(flags.output) / "model.safetensors", error);
  std::cerr << "wrote " << flags.output << (error ? "" : ", " + FormatBytes(size)) << "\n";
  return {};
}

}  // namespace

void AddPack(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  Add(app, "-m,--model", flags->model, "Model to pack: a Hugging Face directory or a GGUF file")
      ->required()
      ->type_name("MODEL");
  Add(app, "-o,--output", flags->output, "Folder to write; it must not exist yet, or be empty")
      ->required()
      ->type_name("DIR");
  flags->codec.AddTo(app);
  Add(app, "-t,--threads", flags->threads, "Threads; 0: what suits the machine")
      ->check(CLI::Range(0, 1024))
      ->type_name("N")
      ->capture_default_str();
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunPack(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
