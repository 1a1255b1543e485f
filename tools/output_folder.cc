#include "tools/output_folder.h"

#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "tools/command.h"

namespace lacuna::tools {

Status WriteFolder(const std::string& name, const std::function<Status(const std::string& folder)>& write) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path output = fs::path(name).lexically_normal();
  if (!output.has_filename()) output = output.parent_path();
  if (fs::exists(output, error) && !fs::is_empty(output, error)) {
    return InvalidInput(name + " exists and is not empty: choose another folder, or remove it");
  }
  // Folders above it that are made for it go with it.
  std::vector<fs::path> made;
  for (fs::path above = output.parent_path(); !above.empty() && !fs::exists(above, error); above = above.parent_path())
    made.push_back(above);
  const fs::path partial = output.string() + ".partial-" + std::to_string(getpid());
  fs::create_directories(partial, error);
  Status status;
  if (error) {
    status = IoError(partial.string() + ": cannot create the folder: " + error.message());
  } else {
    status = write(partial.string());
  }
  if (status.ok()) {
    fs::rename(partial, output, error);
    if (error) status = IoError(output.string() + ": cannot put the folder in place: " + error.message());
  }
  if (!status.ok()) {
    fs::remove_all(partial, error);
    for (const fs::path& above : made) fs::remove(above, error);  // those that are empty
  }
  return status;
}

void ShowProgress(double fraction, const std::string& what) {
  static int shown = -1;
  const int percent = static_cast<int>(fraction * 100);
  if (!StderrIsTerminal() || percent == shown) return;
  shown = percent;
  std::string bar(static_cast<std::size_t>(percent) * 3 / 10, '#');
  bar.resize(30, '.');
  std::cerr << "\r[" << bar << "] " << percent << " % of " << what << std::flush;
  if (percent == 100) std::cerr << "\n";
}

}  // namespace lacuna::tools
