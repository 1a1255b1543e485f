#include "tools/demo_calibration.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/status_macros.h"
#include "io/json.h"
#include "lacuna/chat.h"

namespace lacuna::tools {

Result<std::string> DemoCalibration(const std::string& model) {
  LACUNA_ASSIGN_OR_RETURN(const auto chat, ChatTemplate::Load(model));
  std::string out;
  const std::string_view lines = DemoCalibrationLines();
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    LACUNA_ASSIGN_OR_RETURN(const Json line, ParseJson(lines.substr(at, end - at), "the demo's calibration text"));
    at = end + 1;
    if (line.contains("text")) {
      out += line["text"].get<std::string>() + "\n";
      continue;
    }
    std::vector<ChatMessage> messages;
    for (const Json& m : line["messages"]) {
      messages.push_back({m["role"].get<std::string>(), m["content"].get<std::string>()});
    }
    if (chat == nullptr) {
      for (const ChatMessage& m : messages) out += m.content + "\n";
      continue;
    }
    // At a fixed time, so that a template that tells the date gives the same text every day.
    const ChatOptions options{.add_generation_prompt = false, .now = 1735689600};
    LACUNA_ASSIGN_OR_RETURN(const RenderedChat rendered, chat->Render(std::span<const ChatMessage>(messages), options));
    out += rendered.text;
  }
  return out;
}

}  // namespace lacuna::tools
