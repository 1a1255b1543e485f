/** @file
 * Lacuna in C: load a model, open a session, generate text.
 *
 * Functions that can fail return LACUNA_OK or another code, and fill *error if that is not NULL: the code again, and a
 * message of one sentence that says what was wrong and what would be right. No C++ exception crosses. Text is UTF-8.
 *
 * Threads: a model may be used by several at once, a session by one at a time, but for lacuna_session_cancel.
 *
 * Structs of options begin with their size: fill them by their _init function, then change what you want, so that a
 * program built against this header works with later versions of the library.
 */
#ifndef LACUNA_LACUNA_C_H_
#define LACUNA_LACUNA_C_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What went wrong. */
typedef enum lacuna_status {
  LACUNA_OK = 0,
  LACUNA_INVALID_INPUT = 1, /**< a file, setting or argument is wrong, missing or unsupported */
  LACUNA_IO = 2,            /**< the system failed to read or write */
  LACUNA_OUT_OF_MEMORY = 3, /**< an allocation failed */
  LACUNA_CANCELLED = 4,     /**< the caller asked to stop */
  LACUNA_INTERNAL = 5       /**< a bug in lacuna */
} lacuna_status;

/** Code and message of a failure; the message is cut where it does not fit. */
typedef struct lacuna_error {
  lacuna_status code;
  char message[1020];
} lacuna_error;

/** Why a text ended. */
typedef enum lacuna_finish_reason {
  LACUNA_FINISH_STOP = 0,     /**< an end token, a stop string or the end of the grammar */
  LACUNA_FINISH_LENGTH = 1,   /**< max_tokens */
  LACUNA_FINISH_CONTEXT = 2,  /**< the context is full */
  LACUNA_FINISH_CANCELLED = 3 /**< the caller asked to stop */
} lacuna_finish_reason;

typedef struct lacuna_model lacuna_model;           /**< a loaded model; const after loading */
typedef struct lacuna_session lacuna_session;       /**< one conversation: a lane with its KV cache */
typedef struct lacuna_generation lacuna_generation; /**< a generated text */

/** How to load; see ModelOptions in lacuna/model.h. */
typedef struct lacuna_model_options {
  size_t size;
  int32_t threads; /**< 0: what suits the machine */
  int32_t f32;     /**< 1: float32 reference arithmetic, slow */
  /** Called from the loading thread with 0 to 1; return 0 to stop with LACUNA_CANCELLED. May be NULL. */
  int (*progress)(double fraction, void* user);
  void* user; /**< handed to progress */
} lacuna_model_options;

/** How to generate; see GenerateOptions and SamplingParams in the C++ headers, whose defaults these are. */
typedef struct lacuna_generate_options {
  size_t size;
  int64_t max_tokens; /**< -1: until the text ends */
  int32_t ignore_eos; /**< 1: end tokens are never drawn */
  float temperature;  /**< 0: greedy */
  int32_t top_k;
  float top_p;
  float min_p;
  float typical_p;
  float repeat_penalty;
  float frequency_penalty;
  float presence_penalty;
  int32_t repeat_last_n;
  uint64_t seed;           /**< one seed and request give one text */
  uint64_t request;        /**< tells apart requests of one seed */
  const char* const* stop; /**< stop_count texts before which the text ends; may be NULL */
  size_t stop_count;
  const char* grammar;     /**< GBNF that the text follows; NULL: none */
  const char* json_schema; /**< JSON schema that it fits; NULL: none; not both */
  /** Called with each piece of text, which is not terminated by a zero; return 0 to stop. May be NULL. */
  int (*on_text)(const char* text, size_t length, void* user);
  void* user; /**< handed to on_text */
} lacuna_generate_options;

/** "0.1.0". */
const char* lacuna_version(void);

/** The defaults. */
void lacuna_model_options_init(lacuna_model_options* options);
/** The defaults. */
void lacuna_generate_options_init(lacuna_generate_options* options);

/** Loads a Hugging Face directory. NULL options are the defaults. Free the model when no session needs it; sessions
 * keep what they use of it. */
lacuna_status lacuna_model_load(const char* directory, const lacuna_model_options* options, lacuna_model** model,
                                lacuna_error* error);
void lacuna_model_free(lacuna_model* model); /**< NULL is fine */

/** Tokens that the model's context holds. */
int64_t lacuna_model_context_length(const lacuna_model* model);
/** Ids that logits are for. */
int32_t lacuna_model_vocab_size(const lacuna_model* model);

/** Ids of `text`. Writes the first `capacity` of them to `ids` and their number to *count, which may be larger. */
lacuna_status lacuna_tokenize(const lacuna_model* model, const char* text, int32_t add_special, int32_t* ids,
                              size_t capacity, size_t* count, lacuna_error* error);

/** A session that holds `context_length` tokens; 0: the model's maximum. */
lacuna_status lacuna_session_create(const lacuna_model* model, int64_t context_length, lacuna_session** session,
                                    lacuna_error* error);
void lacuna_session_free(lacuna_session* session); /**< NULL is fine */

/** Forgets all tokens. */
lacuna_status lacuna_session_reset(lacuna_session* session, lacuna_error* error);
/** Tokens that the session holds. */
int64_t lacuna_session_length(const lacuna_session* session);
/** Stops the generation in progress, or the next one before its first token. From any thread. */
void lacuna_session_cancel(lacuna_session* session);
/** Writes the session to a file, and reads one that this model wrote: it then goes on with the same bits. */
lacuna_status lacuna_session_save(lacuna_session* session, const char* path, lacuna_error* error);
lacuna_status lacuna_session_restore(lacuna_session* session, const char* path, lacuna_error* error);

/** Appends `prompt` to the session and generates from there. The special tokens of a prompt (BOS) are added when the
 *  session is empty. All but the last generated token stay in the session; that one goes before the next prompt.
 *  *generation may be had even when the text was cancelled: the finish reason says so. Free it. NULL if not wanted. */
lacuna_status lacuna_generate(lacuna_session* session, const char* prompt, const lacuna_generate_options* options,
                              lacuna_generation** generation, lacuna_error* error);
void lacuna_generation_free(lacuna_generation* generation); /**< NULL is fine */

/** The text, terminated by a zero; valid as long as the generation. */
const char* lacuna_generation_text(const lacuna_generation* generation);
/** The ids; *count is their number. */
const int32_t* lacuna_generation_ids(const lacuna_generation* generation, size_t* count);
lacuna_finish_reason lacuna_generation_finish_reason(const lacuna_generation* generation); /**< why it ended */

#ifdef __cplusplus
}
#endif

#endif /* LACUNA_LACUNA_C_H_ */
