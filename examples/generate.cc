// generate MODEL PROMPT: continues PROMPT with the model in the folder MODEL, token by token as they come.
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "lacuna/lacuna.h"

template <typename T>
T Must(lacuna::Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "generate: %s\n", result.status().message().c_str());
  std::exit(result.status().code() == lacuna::StatusCode::kInvalidInput ? 2 : 1);
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: generate MODEL PROMPT\n", stderr), 2;
  const auto model = Must(lacuna::Model::Load(argv[1]));
  const auto session = Must(lacuna::Session::Create(model));
  const auto prompt = Must(model->tokenizer()->Encode(argv[2]));
  lacuna::DecodeStream text(model->tokenizer());
  for (int32_t id : prompt) std::fputs(text.Next(id).c_str(), stdout);
  lacuna::GenerateOptions options;
  options.max_tokens = 60;
  options.on_token = [&](int32_t id) { return std::fputs(text.Next(id).c_str(), stdout) >= 0; };
  Must(lacuna::Generate(*session, Must(session->NewLane()), prompt, options));
  std::puts(text.Finish().c_str());
}
