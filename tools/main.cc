// The lacuna command: one subcommand a file.
#include <iostream>
#include <map>
#include <sstream>

#include "lacuna/version.h"
#include "tools/command.h"

namespace {

// llama.cpp's short flags of several letters, which CLI11 would read as clusters of one-letter flags.
void RewriteShortFlags(std::vector<std::string>& args) {
  static const std::map<std::string, std::string> kLong = {
      {"-sys", "--system-prompt"}, {"-sysf", "--system-prompt-file"},
      {"-st", "--single-turn"},    {"-jf", "--json-schema-file"},
      {"-ngl", "--gpu-layers"},    {"-pg", "--pg"},
      {"-ub", "--ubatch-size"},    {"-np", "--parallel"}};
  for (std::string& arg : args) {
    if (auto it = kLong.find(arg); it != kLong.end()) arg = it->second;
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lacuna::tools;
  InstallSignals();
  CLI::App app{"lacuna: compressed language models, fast on CPUs", "lacuna"};
  app.set_version_flag("--version", std::string("lacuna ") + LACUNA_VERSION_STRING);
  app.require_subcommand(1);
  app.footer(
      "Every long flag can also be set in the environment: --top-k as LACUNA_TOP_K.\n"
      "lacuna COMMAND --help tells more.");

  Run run;
  const auto add = [&](const char* name, const char* help, void (*adder)(CLI::App&, Run*)) {
    adder(*app.add_subcommand(name, help), &run);
  };
  add("chat", "Talk to a model", AddChat);
  add("run", "Continue a prompt", AddRun);
  add("score", "Log-probabilities of a text", AddScore);
  add("eval", "Quality: perplexity, answers, divergence from a reference model", AddEval);
  add("tokenize", "Text to token ids", AddTokenize);
  add("detokenize", "Token ids to text", AddDetokenize);
  add("render", "A conversation as the model's chat template writes it", AddRender);
  add("inspect", "What is in a model directory", AddInspect);
  add("bench", "How fast a model runs, beside what the machine allows", AddBench);
  add("doctor", "What this machine has, what is chosen on it and why", AddDoctor);
  add("pack", "Write a model in fewer bytes: 8 or 4 bits a weight, zeros left out", AddPack);
  add("compress", "Prune and quantize a model by what its layers do with a text", AddCompress);
  add("export", "Write a packed model for transformers and vLLM", AddExport);
  add("synth", "Write a model of a known shape with random weights", AddSynth);

  std::vector<std::string> args(argv + 1, argv + argc);
  RewriteShortFlags(args);
  std::reverse(args.begin(), args.end());  // as CLI11 takes them
  try {
    app.parse(args);
  } catch (const CLI::ParseError& e) {
    // 0 for --help and --version; every other reason is bad input.
    std::ostringstream out, errors;
    if (app.exit(e, out, errors) == 0) {
      Print(out.str());
      return 0;
    }
    if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-') {
      std::string names;
      for (const CLI::App* each : app.get_subcommands([](CLI::App*) { return true; }))
        names += (names.empty() ? "" : ", ") + each->get_name();
      return Fail(lacuna::InvalidInput("'" + std::string(argv[1]) + "' is no command; there are " + names));
    }
    const auto commands = app.get_subcommands();
    const std::string command = commands.empty() ? "" : " " + commands.front()->get_name();
    return Fail(lacuna::InvalidInput(std::string(e.what()) + " (lacuna" + command + " --help tells more)"));
  }
  return run();
}
