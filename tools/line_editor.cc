#include "tools/line_editor.h"

#include <histedit.h>
#include <langinfo.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstring>

#include "tools/command.h"
#include "tools/line_history.h"

namespace lacuna::tools {
namespace {

class LibeditEditor : public LineEditor {
 public:
  LibeditEditor(Complete complete, const std::string& history_file) : complete_(complete), history_(history_file) {
    // libedit takes bytes above 127 for letters in a UTF-8 locale only.
    if (std::setlocale(LC_CTYPE, "") == nullptr || std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
      std::setlocale(LC_CTYPE, "C.UTF-8");
    }
    edit_ = el_init("lacuna", stdin, stdout, stderr);
    el_set(edit_, EL_CLIENTDATA, this);
    el_set(edit_, EL_PROMPT, Prompt);
    el_set(edit_, EL_EDITOR, "emacs");
    el_set(edit_, EL_HIST, history, history_.get());
    el_set(edit_, EL_ADDFN, "lacuna-complete", "Completes commands and file names", OnTab);
    el_set(edit_, EL_BIND, "^I", "lacuna-complete", nullptr);
    el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(edit_, nullptr);  // the user's ~/.editrc
  }
  ~LibeditEditor() override { el_end(edit_); }

  std::optional<std::string> Read(const char* prompt, const char* continuation) override {
    std::string text;
    prompt_ = prompt;
    el_resize(edit_);
    while (true) {
      int count = 0;
      const TerminalGuard guard;
      const char* line = el_gets(edit_, &count);
      if (line == nullptr || count <= 0) {
        if (text.empty()) return std::nullopt;
        break;
      }
      std::string_view read(line, static_cast<size_t>(count));
      if (read.ends_with('\n')) read.remove_suffix(1);
      if (!read.ends_with('\\')) {
        text += read;
        break;
      }
      text += std::string(read.substr(0, read.size() - 1)) + "\n";
      prompt_ = continuation;
    }
    if (!text.empty()) history_.Add(text);
    return text;
  }

 private:
  static char* Prompt(EditLine* edit) {
    LibeditEditor* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return const_cast<char*>(self->prompt_);
  }

  static unsigned char OnTab(EditLine* edit, int) {
    LibeditEditor* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    const LineInfo* line = el_line(edit);
    const std::string before(line->buffer, line->cursor);
    std::vector<std::string> words = self->complete_(before);
    if (words.empty()) return CC_ERROR;
    const size_t space = before.find_last_of(" \t");
    const std::string word = before.substr(space == before.npos ? 0 : space + 1);
    std::string common = words[0];
    for (const std::string& other : words) {
      common.resize(static_cast<size_t>(std::mismatch(common.begin(), common.end(), other.begin(), other.end()).first -
                                        common.begin()));
    }
    std::string add = common.size() > word.size() ? common.substr(word.size()) : "";
    if (words.size() == 1 && !words[0].ends_with('/')) add += ' ';
    if (!add.empty()) return el_insertstr(edit, add.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    std::printf("\n");
    for (const std::string& other : words) std::printf("%s  ", other.c_str());
    std::printf("\n");
    return CC_REDISPLAY;
  }

  const Complete complete_;
  LineHistory history_;
  EditLine* edit_ = nullptr;
  const char* prompt_ = "";
};

}  // namespace

std::unique_ptr<LineEditor> LineEditor::Create(Complete complete, const std::string& history_file) {
  return std::make_unique<LibeditEditor>(complete, history_file);
}

}  // namespace lacuna::tools
