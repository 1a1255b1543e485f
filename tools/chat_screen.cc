#include "tools/chat_screen.h"

#include <cstdio>
#include <iostream>

#include "tools/command.h"

namespace lacuna::tools {
namespace {

double PerSecond(int64_t tokens, double ms) { return ms > 0 ? static_cast<double>(tokens) * 1e3 / ms : 0; }

}  // namespace

void ChatScreen::Dim(bool dim) {
  if (dim == dim_) return;
  dim_ = dim;
  if (!options_.color) return;
  TerminalIsColored(dim);
  Print(dim ? "\033[2m" : "\033[0m");
}

void ChatScreen::Begin(bool thinking) {
  begun_ = true;
  thought_ = false;
  splitter_.reset();
  if (options_.split_thinking) {
    splitter_.emplace(thinking, [this](std::string_view text, bool inside) { Show(text, inside); });
  }
}

void ChatScreen::Add(std::string_view piece) {
  if (splitter_) {
    splitter_->Push(piece);
  } else {
    Show(piece, false);
  }
}

void ChatScreen::Show(std::string_view text, bool thinking) {
  if (thinking && options_.hide_thinking) return;
  if (!thinking && thought_) {
    Dim(false);
    Print("\n\n");
    thought_ = false;
  }
  Dim(thinking);
  thought_ = thought_ || thinking;
  line_open_ = !text.ends_with('\n');
  Print(text);
}

void ChatScreen::End() {
  if (!begun_) return;
  if (splitter_) splitter_->Finish();
  Dim(false);
  Print("\n");
  begun_ = false;
  line_open_ = false;
}

void ChatScreen::Notice(const std::string& what) {
  if (begun_ && line_open_) Print("\n");
  line_open_ = false;
  std::cerr << "[" << what << "]\n";
}

void ChatScreen::Timings(const ReplyStats& s) {
  if (!options_.interactive) return;
  char line[200];
  std::snprintf(line, sizeof(line), "[ prompt: %lld tokens, %.1f t/s%s | answer: %lld tokens, %.1f t/s ]",
                static_cast<long long>(s.computed), PerSecond(s.computed, s.prompt_ms),
                s.kept > 0 ? (" (" + std::to_string(s.kept) + " kept)").c_str() : "", static_cast<long long>(s.decoded),
                PerSecond(s.decoded, s.decode_ms));
  const bool dim = options_.color && StderrIsTerminal();
  std::cerr << (dim ? "\033[2m" : "") << line << (dim ? "\033[0m" : "") << "\n";
}

}  // namespace lacuna::tools
