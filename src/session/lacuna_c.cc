// The C interface: each call goes to its C++ counterpart, and nothing throws across.
#include "lacuna/lacuna_c.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <new>
#include <optional>

#include "base/status_macros.h"
#include "lacuna/lacuna.h"

using lacuna::InvalidInput;
using lacuna::Status;
using lacuna::StatusCode;

struct lacuna_model {
  std::shared_ptr<const lacuna::Model> model;
};

struct lacuna_session {
  std::shared_ptr<const lacuna::Model> model;
  std::unique_ptr<lacuna::Session> session;
  lacuna::LaneId lane = 0;
  std::optional<int32_t> last;  // generated, but not run yet
  std::atomic<bool> cancel{false};
};

struct lacuna_generation {
  lacuna::Generation result;
};

namespace {

lacuna_status Report(const Status& status, lacuna_error* error) {
  static_assert(static_cast<int>(StatusCode::kInternal) == LACUNA_INTERNAL);
  const auto code = static_cast<lacuna_status>(status.code());
  if (error != nullptr) {
    error->code = code;
    const size_t n = std::min(status.message().size(), sizeof error->message - 1);
    std::memcpy(error->message, status.message().data(), n);
    error->message[n] = '\0';
  }
  return code;
}

// Standard containers throw when memory is out.
template <typename F>
lacuna_status Guard(lacuna_error* error, F&& body) {
  try {
    return Report(body(), error);
  } catch (const std::bad_alloc&) {
    return Report(lacuna::OutOfMemory("memory is out"), error);
  } catch (const std::exception& e) {
    return Report(lacuna::InternalError(e.what()), error);
  } catch (...) {
    return Report(lacuna::InternalError("an unknown exception"), error);
  }
}

Status Needs(bool there, const char* what) { return there ? Status() : InvalidInput(std::string(what) + " is NULL"); }

// What the caller's struct has, over the defaults for what a later version of the struct added.
template <typename T>
Status Read(const T* from, void (*init)(T*), T* to) {
  init(to);
  if (from == nullptr) return {};
  if (from->size < sizeof(size_t) || from->size > sizeof(T)) {
    return InvalidInput("the options' size is " + std::to_string(from->size) + ", expected at most " +
                        std::to_string(sizeof(T)) + ": fill them by their _init function");
  }
  std::memcpy(static_cast<void*>(to), from, from->size);
  return {};
}

Status NewLane(lacuna_session& s) {
  LACUNA_ASSIGN_OR_RETURN(s.lane, s.session->NewLane());
  s.last.reset();
  return {};
}

lacuna::Result<lacuna::GenerateOptions> Options(const lacuna_generate_options& c) {
  lacuna::GenerateOptions o;
  o.max_tokens = c.max_tokens;
  o.ignore_eos = c.ignore_eos != 0;
  o.request = c.request;
  lacuna::SamplingParams& p = o.sampling;
  p.temperature = c.temperature;
  p.top_k = c.top_k;
  p.top_p = c.top_p;
  p.min_p = c.min_p;
  p.typical_p = c.typical_p;
  p.repeat_penalty = c.repeat_penalty;
  p.frequency_penalty = c.frequency_penalty;
  p.presence_penalty = c.presence_penalty;
  p.repeat_last_n = c.repeat_last_n;
  p.seed = c.seed;
  for (size_t i = 0; i < c.stop_count; ++i) {
    LACUNA_RETURN_IF_ERROR(Needs(c.stop != nullptr && c.stop[i] != nullptr, "a stop string"));
    o.stop.emplace_back(c.stop[i]);
  }
  if (c.grammar != nullptr && c.json_schema != nullptr) {
    return InvalidInput("there are a grammar and a json_schema, expected one of them");
  }
  if (c.grammar != nullptr) {
    LACUNA_ASSIGN_OR_RETURN(o.grammar, lacuna::Grammar::Parse(c.grammar));
  }
  if (c.json_schema != nullptr) {
    LACUNA_ASSIGN_OR_RETURN(o.grammar, lacuna::Grammar::FromJsonSchema(c.json_schema));
  }
  if (c.on_text != nullptr) {
    o.on_text = [on_text = c.on_text, user = c.user](std::string_view text) {
      return on_text(text.data(), text.size(), user) != 0;
    };
  }
  return o;
}

}  // namespace

const char* lacuna_version(void) { return LACUNA_VERSION_STRING; }

void lacuna_model_options_init(lacuna_model_options* options) {
  *options = lacuna_model_options{};
  options->size = sizeof *options;
}

void lacuna_generate_options_init(lacuna_generate_options* options) {
  const lacuna::SamplingParams p;
  *options = lacuna_generate_options{};
  options->size = sizeof *options;
  options->max_tokens = -1;
  options->temperature = p.temperature;
  options->top_k = p.top_k;
  options->top_p = p.top_p;
  options->min_p = p.min_p;
  options->typical_p = p.typical_p;
  options->repeat_penalty = p.repeat_penalty;
  options->frequency_penalty = p.frequency_penalty;
  options->presence_penalty = p.presence_penalty;
  options->repeat_last_n = p.repeat_last_n;
}

lacuna_status lacuna_model_load(const char* directory, const lacuna_model_options* options, lacuna_model** model,
                                lacuna_error* error) {
  if (model != nullptr) *model = nullptr;
  return Guard(error, [&]() -> Status {
    LACUNA_RETURN_IF_ERROR(Needs(directory != nullptr, "directory"));
    LACUNA_RETURN_IF_ERROR(Needs(model != nullptr, "model"));
    lacuna_model_options c;
    LACUNA_RETURN_IF_ERROR(Read(options, lacuna_model_options_init, &c));
    lacuna::ModelOptions o;
    std::atomic<bool> cancel{false};
    o.threads = c.threads;
    o.numerics = c.f32 != 0 ? lacuna::Numerics::kF32 : lacuna::Numerics::kDefault;
    o.cancel = &cancel;
    if (c.progress != nullptr) {
      o.progress = [&](double fraction) {
        if (c.progress(fraction, c.user) == 0) cancel = true;
      };
    }
    LACUNA_ASSIGN_OR_RETURN(auto loaded, lacuna::Model::Load(directory, o));
    if (cancel) return lacuna::Cancelled();
    *model = new lacuna_model{std::move(loaded)};
    return {};
  });
}

void lacuna_model_free(lacuna_model* model) { delete model; }
int64_t lacuna_model_context_length(const lacuna_model* model) { return model->model->info().context_length; }
int32_t lacuna_model_vocab_size(const lacuna_model* model) { return model->model->info().vocab_size; }

lacuna_status lacuna_tokenize(const lacuna_model* model, const char* text, int32_t add_special, int32_t* ids,
                              size_t capacity, size_t* count, lacuna_error* error) {
  if (count != nullptr) *count = 0;
  return Guard(error, [&]() -> Status {
    LACUNA_RETURN_IF_ERROR(Needs(model != nullptr, "model"));
    LACUNA_RETURN_IF_ERROR(Needs(text != nullptr, "text"));
    LACUNA_RETURN_IF_ERROR(Needs(ids != nullptr || capacity == 0, "ids"));
    const auto tokenizer = model->model->tokenizer();
    if (tokenizer == nullptr) return InvalidInput(model->model->info().directory + " has no tokenizer.json");
    LACUNA_ASSIGN_OR_RETURN(const auto all, tokenizer->Encode(text, add_special != 0));
    std::copy_n(all.begin(), std::min(all.size(), capacity), ids);
    if (count != nullptr) *count = all.size();
    return {};
  });
}

lacuna_status lacuna_session_create(const lacuna_model* model, int64_t context_length, lacuna_session** session,
                                    lacuna_error* error) {
  if (session != nullptr) *session = nullptr;
  return Guard(error, [&]() -> Status {
    LACUNA_RETURN_IF_ERROR(Needs(model != nullptr, "model"));
    LACUNA_RETURN_IF_ERROR(Needs(session != nullptr, "session"));
    auto s = std::make_unique<lacuna_session>();
    s->model = model->model;
    LACUNA_ASSIGN_OR_RETURN(s->session, lacuna::Session::Create(model->model, {.context_length = context_length}));
    LACUNA_RETURN_IF_ERROR(NewLane(*s));
    *session = s.release();
    return {};
  });
}

void lacuna_session_free(lacuna_session* session) { delete session; }

lacuna_status lacuna_session_reset(lacuna_session* session, lacuna_error* error) {
  return Guard(error, [&]() -> Status {
    LACUNA_RETURN_IF_ERROR(Needs(session != nullptr, "session"));
    session->last.reset();
    return session->session->Rollback(session->lane, 0);
  });
}

int64_t lacuna_session_length(const lacuna_session* session) {
  const auto length = session->session->Length(session->lane);
  return length.ok() ? *length : 0;
}

void lacuna_session_cancel(lacuna_session* session) { session->cancel = true; }

lacuna_status lacuna_session_save(lacuna_session* session, const char* path, lacuna_error* error) {
  return Guard(error, [&]() -> Status {
    LACUNA_RETURN_IF_ERROR(Needs(session != nullptr, "session"));
    LACUNA_RETURN_IF_ERROR(Needs(path != nullptr, "path"));
    if (session->last) {
      // The file holds what the model has seen; the last token would be lost.
      const int32_t last[] = {*session->last};
      LACUNA_RETURN_IF_ERROR(session->session->Append(session->lane, last).status());
      session->last.reset();
    }
    return session->session->Save(session->lane, path);
  });
}

lacuna_status lacuna_session_restore(lacuna_session* session, const char* path, lacuna_error* error) {
  return Guard(error, [&]() -> Status {
    LACUNA_RETURN_IF_ERROR(Needs(session != nullptr, "session"));
    LACUNA_RETURN_IF_ERROR(Needs(path != nullptr, "path"));
    // The one lane makes room; a file that is refused leaves an empty session.
    LACUNA_RETURN_IF_ERROR(session->session->CloseLane(session->lane));
    auto lane = session->session->Restore(path);
    session->last.reset();
    if (!lane.ok()) {
      LACUNA_RETURN_IF_ERROR(NewLane(*session));
      return lane.status();
    }
    session->lane = *lane;
    return {};
  });
}

lacuna_status lacuna_generate(lacuna_session* session, const char* prompt, const lacuna_generate_options* options,
                              lacuna_generation** generation, lacuna_error* error) {
  if (generation != nullptr) *generation = nullptr;
  return Guard(error, [&]() -> Status {
    LACUNA_RETURN_IF_ERROR(Needs(session != nullptr, "session"));
    LACUNA_RETURN_IF_ERROR(Needs(prompt != nullptr, "prompt"));
    lacuna_session& s = *session;
    lacuna_generate_options c;
    LACUNA_RETURN_IF_ERROR(Read(options, lacuna_generate_options_init, &c));
    LACUNA_ASSIGN_OR_RETURN(lacuna::GenerateOptions o, Options(c));
    const auto tokenizer = s.model->tokenizer();
    if (tokenizer == nullptr) return InvalidInput(s.model->info().directory + " has no tokenizer.json");
    const int64_t before = lacuna_session_length(session);
    LACUNA_ASSIGN_OR_RETURN(auto ids, tokenizer->Encode(prompt, before == 0));
    if (s.last) ids.insert(ids.begin(), *s.last);
    o.cancel = &s.cancel;
    auto result = lacuna::Generate(*s.session, s.lane, ids, o);
    s.cancel = false;
    const int64_t run = lacuna_session_length(session) - before;
    if (run > 0) s.last.reset();
    if (!result.ok()) return result.status();
    const auto all = static_cast<int64_t>(ids.size() + result->ids.size());
    if (!result->ids.empty() && run < all) s.last = result->ids.back();
    if (generation != nullptr) *generation = new lacuna_generation{std::move(result).value()};
    return {};
  });
}

void lacuna_generation_free(lacuna_generation* generation) { delete generation; }
const char* lacuna_generation_text(const lacuna_generation* generation) { return generation->result.text.c_str(); }

const int32_t* lacuna_generation_ids(const lacuna_generation* generation, size_t* count) {
  if (count != nullptr) *count = generation->result.ids.size();
  return generation->result.ids.data();
}

lacuna_finish_reason lacuna_generation_finish_reason(const lacuna_generation* generation) {
  static_assert(static_cast<int>(lacuna::FinishReason::kCancelled) == LACUNA_FINISH_CANCELLED);
  return static_cast<lacuna_finish_reason>(generation->result.finish_reason);
}
