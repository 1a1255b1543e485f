/* generate_c MODEL PROMPT: continues PROMPT with the model in the folder MODEL, in C. */
#include <stdio.h>

#include "lacuna/lacuna_c.h"

static int Print(const char* text, size_t length, void* user) {
  (void)user;
  return fwrite(text, 1, length, stdout) == length; /* 0 stops */
}

static int Fail(const lacuna_error* error) {
  fprintf(stderr, "generate_c: %s\n", error->message);
  return error->code == LACUNA_INVALID_INPUT ? 2 : 1;
}

int main(int argc, char** argv) {
  lacuna_model* model = NULL;
  lacuna_session* session = NULL;
  lacuna_generate_options options;
  lacuna_error error;
  int failed = 0;

  if (argc != 3) {
    fputs("usage: generate_c MODEL PROMPT\n", stderr);
    return 2;
  }
  lacuna_generate_options_init(&options);
  options.max_tokens = 60;
  options.on_text = Print;
  if (lacuna_model_load(argv[1], NULL, &model, &error) != LACUNA_OK ||
      lacuna_session_create(model, 0, &session, &error) != LACUNA_OK) {
    failed = Fail(&error);
  } else {
    fputs(argv[2], stdout);
    if (lacuna_generate(session, argv[2], &options, NULL, &error) != LACUNA_OK) failed = Fail(&error);
    putchar('\n');
  }
  lacuna_session_free(session);
  lacuna_model_free(model);
  return failed;
}
