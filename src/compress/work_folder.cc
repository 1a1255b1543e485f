#include "compress/work_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/json.h"
#include "io/model_files.h"
#include "io/safetensors_writer.h"
#include "model/load_packed.h"
#include "weights/packed_file.h"

namespace lacuna {
namespace {

namespace fs = std::filesystem;

Status MakeFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? IoError(path + ": cannot create the folder: " + error.message()) : Status();
}

}  // namespace

WorkFolder::WorkFolder(WorkFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

WorkFolder::~WorkFolder() {
  if (lock_ >= 0) close(lock_);
}

Result<WorkFolder> WorkFolder::Open(const std::string& output, const nlohmann::ordered_json& plan) {
  fs::path name = fs::path(output).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  const std::string path = name.string() + ".work";
  LACUNA_RETURN_IF_ERROR(MakeFolder(path));
  const std::string lock = JoinPath(path, "lock");
  const int fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return IoError(lock + ": cannot be opened: " + std::strerror(errno));
  WorkFolder folder(path, fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return InvalidInput(path + ": another process is compressing to " + output +
                        "; wait for it, or choose another output");
  }
  const std::string file = JoinPath(path, "plan.json"), text = plan.dump(2) + "\n";
  if (KindOf(file) == FileKind::kMissing) {
    LACUNA_RETURN_IF_ERROR(AtomicWrite(file, text));
    return folder;
  }
  LACUNA_ASSIGN_OR_RETURN(const std::string there, ReadFile(file, std::size_t{1} << 20));
  if (there == text) return folder;
  // The first field that differs is what the user changed.
  const auto old = nlohmann::ordered_json::parse(there, nullptr, false);
  std::string what = "plan";
  for (const auto& [key, value] : plan.items()) {
    if (!old.is_object() || old.contains(key) == false || old[key] != value) {
      what = key;
      break;
    }
  }
  return InvalidInput(path + " has layers of an unfinished run whose " + what +
                      " was another: use the same options to go on with it, or remove that folder");
}

std::string WorkFolder::PartPath(const std::string& part) const { return JoinPath(path_, part); }

bool WorkFolder::Has(const std::string& part) const {
  return KindOf(JoinPath(PartPath(part), "model.safetensors")) == FileKind::kRegular;
}

Status WorkFolder::Save(const std::string& part, const std::vector<NamedWeight>& weights,
                        const nlohmann::ordered_json& report) const {
  LACUNA_RETURN_IF_ERROR(MakeFolder(PartPath(part)));
  LACUNA_RETURN_IF_ERROR(AtomicWrite(JoinPath(PartPath(part), "report.json"), report.dump(2) + "\n"));
  uint64_t header = 0;
  for (const NamedWeight& w : weights) header += PackedHeaderBytes(w.entry->name);
  LACUNA_ASSIGN_OR_RETURN(
      SafetensorsWriter writer,
      SafetensorsWriter::CreateGrowing(JoinPath(PartPath(part), "model.safetensors"), header, PackedMetadata()));
  for (const NamedWeight& w : weights) LACUNA_RETURN_IF_ERROR(AppendPacked(w.entry->name, *w.weight, &writer));
  return writer.Finish();
}

Result<nlohmann::ordered_json> WorkFolder::Report(const std::string& part) const {
  const std::string file = JoinPath(PartPath(part), "report.json");
  LACUNA_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, std::size_t{1} << 20));
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return InvalidInput(file + ": is no JSON object; remove " + path_ + " to start anew");
  return json;
}

Status WorkFolder::Load(const std::string& part, const std::vector<NamedWeight>& weights,
                        const QuantizationConfig& codecs, int threads, AlignedBuffer* memory) const {
  LACUNA_ASSIGN_OR_RETURN(const ModelFiles files, ModelFiles::Open(PartPath(part)));
  std::vector<PackedParameter> parameters;
  for (const NamedWeight& w : weights) {
    const ModelTensor& entry = *w.entry;
    LACUNA_ASSIGN_OR_RETURN(*w.weight,
                            OpenPacked(files, entry.name, entry.shape[0], entry.shape[1], codecs.Of(entry.name)));
    parameters.push_back({PartPath(part) + ": parameter `" + entry.name + "`", w.weight, &files.files()[0].mapping()});
  }
  ModelOptions options;
  options.load = LoadMode::kCopy;
  return LoadPacked(parameters, options, threads, memory);
}

Result<std::string> WorkFolder::NewResult() const {
  std::error_code error;
  const std::string result = JoinPath(path_, "result");
  fs::remove_all(result, error);
  if (error) return IoError(result + ": cannot be removed: " + error.message());
  LACUNA_RETURN_IF_ERROR(MakeFolder(result));
  return result;
}

Status WorkFolder::Finish(const std::string& output) {
  std::error_code error;
  fs::rename(JoinPath(path_, "result"), fs::path(output).lexically_normal(), error);
  if (error) return IoError(output + ": cannot put the folder in place: " + error.message());
  fs::remove_all(path_, error);  // what stays is in nobody's way
  return {};
}

}  // namespace lacuna
