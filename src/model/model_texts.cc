#include "model/model_texts.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/gguf.h"
#include "model/gguf_config.h"
#include "tokenizer/gguf_tokenizer.h"

namespace lacuna {

Status CheckModelPath(const std::string& model) {
  if (model.empty()) return InvalidInput("the model's name is empty; it should be a folder or a GGUF file");
  const FileKind kind = KindOf(model);
  if (kind == FileKind::kMissing)
    return InvalidInput(model + (model.ends_with(".gguf") ? ": no such file" : ": no such folder"));
  if (kind == FileKind::kDirectory || IsGguf(model)) return {};
  if (access(model.c_str(), F_OK) != 0)
    return InvalidInput(model + ": cannot be opened (" + std::generic_category().message(errno) + ")");
  return InvalidInput(model + ": is not a folder; a model is a folder with config.json and model.safetensors, or a " +
                      "GGUF file");
}

Result<std::optional<std::string>> ReadModelText(const std::string& model, std::string_view name,
                                                 std::size_t max_bytes) {
  if (!IsGguf(model)) {
    const std::string path = JoinPath(model, name);
    if (KindOf(path) == FileKind::kMissing) return std::optional<std::string>();
    LACUNA_ASSIGN_OR_RETURN(std::string text, ReadFile(path, max_bytes));
    return std::optional<std::string>(std::move(text));
  }
  if (name == "tokenizer_config.json") return TokenizerConfigText(model);
  LACUNA_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::Open(model));
  if (name == "tokenizer.json") return GgufTokenizerJson(file.metadata());
  std::optional<std::string> text;
  if (name == "config.json") {
    LACUNA_ASSIGN_OR_RETURN(text, GgufConfigJson(file.metadata(), file.tensors()));
  }
  return text;
}

std::string ModelTextPath(const std::string& model, std::string_view name) {
  return IsGguf(model) ? model : JoinPath(model, name);
}

std::string GgufInside(const std::string& folder) {
  std::string first;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), last; !error && it != last; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".gguf") && (first.empty() || name < first)) first = name;
  }
  return first.empty() ? "" : "; a GGUF file is a model by itself: " + JoinPath(folder, first);
}

Result<std::shared_ptr<const Tokenizer>> LoadModelTokenizer(const std::string& model) {
  LACUNA_ASSIGN_OR_RETURN(const std::optional<std::string> text, ReadModelText(model, "tokenizer.json"));
  if (!text) return std::shared_ptr<const Tokenizer>();
  return Tokenizer::Parse(*text, ModelTextPath(model, "tokenizer.json"));
}

}  // namespace lacuna
