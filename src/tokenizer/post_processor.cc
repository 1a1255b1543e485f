#include "tokenizer/post_processor.h"

#include <utility>

#include "base/status_macros.h"
#include "tokenizer/json_fields.h"

namespace lacuna {
namespace {

using nlohmann::json;

Status CheckId(const json& value, const std::string& where, const HasToken& has, int32_t& id) {
  const bool fits = value.is_number_integer() &&
                    (value.is_number_unsigned() ? value.get<uint64_t>() <= INT32_MAX : value.get<int64_t>() >= 0);
  if (fits && has(value.get<int32_t>())) {
    id = value.get<int32_t>();
    return {};
  }
  return InvalidInput(where + ": " + value.dump() + " should be the id of a token");
}

// TemplateProcessing: "single" lists {"SpecialToken": {"id": NAME}} and {"Sequence": {"id": "A"}}, and
// "special_tokens" gives each NAME its ids. "pair" is not used: lacuna encodes single texts.
Status ParseTemplate(JsonFields& fields, const HasToken& has, Template& out) {
  const json* single = fields.Array("single");
  const json* specials = fields.Object("special_tokens");
  fields.Ignore({"pair"});
  LACUNA_RETURN_IF_ERROR(fields.Finish());
  for (size_t i = 0; i < single->size(); ++i) {
    const json& item = (*single)[i];
    const std::string where = fields.Path("single[" + std::to_string(i) + "]");
    if (!item.is_object() || item.size() != 1 || (!item.contains("SpecialToken") && !item.contains("Sequence"))) {
      return InvalidInput(where + ": should be {\"SpecialToken\": ...} or {\"Sequence\": ...}");
    }
    JsonFields inner(item.begin().value(), where + "." + item.begin().key());
    const std::string name = inner.String("id");
    inner.Ignore({"type_id"});
    LACUNA_RETURN_IF_ERROR(inner.Finish());
    if (item.contains("Sequence")) {
      if (name != "A") return InvalidInput(inner.Path("id") + ": is \"" + name + "\"; in single it should be \"A\"");
      out.items.push_back(Template::kText);
      continue;
    }
    const auto special = specials->find(name);
    if (special == specials->end()) {
      return InvalidInput(inner.Path("id") + ": \"" + name + "\" is not in special_tokens");
    }
    JsonFields token(*special, fields.Path("special_tokens." + name));
    const json* ids = token.Array("ids");
    token.Ignore({"id", "tokens"});
    LACUNA_RETURN_IF_ERROR(token.Finish());
    for (const json& value : *ids) {
      int32_t id = 0;
      LACUNA_RETURN_IF_ERROR(CheckId(value, token.Path("ids"), has, id));
      out.items.push_back(id);
    }
  }
  return {};
}

// RobertaProcessing and BertProcessing: "cls" and "sep" are [token, id].
Status ParseClsSep(JsonFields& fields, const HasToken& has, Template& out) {
  fields.Ignore({"trim_offsets", "add_prefix_space"});  // offsets only
  for (const char* key : {"cls", "sep"}) {
    const json* pair = fields.Array(key);
    int32_t id = 0;
    if (pair && pair->size() != 2) {
      return InvalidInput(fields.Path(key) + ": should be a token and its id");
    }
    if (pair) LACUNA_RETURN_IF_ERROR(CheckId((*pair)[1], fields.Path(key), has, id));
    if (!out.items.empty()) out.items.push_back(Template::kText);
    out.items.push_back(id);
  }
  return fields.Finish();
}

}  // namespace

Status ParsePostProcessor(const json& node, const std::string& where, const HasToken& has,
                          std::vector<Template>& templates) {
  if (node.is_null()) return {};
  JsonFields fields(node, where);
  const std::string type = fields.Type();
  if (type == "Sequence") {
    if (const json* list = fields.Array("processors")) {
      for (size_t i = 0; i < list->size(); ++i) {
        const std::string path = fields.Path("processors[" + std::to_string(i) + "]");
        LACUNA_RETURN_IF_ERROR(ParsePostProcessor((*list)[i], path, has, templates));
      }
    }
  } else if (type == "TemplateProcessing") {
    Template t;
    LACUNA_RETURN_IF_ERROR(ParseTemplate(fields, has, t));
    templates.push_back(std::move(t));
    return {};
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    Template t;
    LACUNA_RETURN_IF_ERROR(ParseClsSep(fields, has, t));
    templates.push_back(std::move(t));
    return {};
  } else if (type == "ByteLevel") {
    fields.Ignore({"add_prefix_space", "trim_offsets", "use_regex"});  // offsets only
  } else {
    LACUNA_RETURN_IF_ERROR(type.empty() ? fields.Finish() : Status());
    return InvalidInput(where + ": the post-processor \"" + type +
                        "\" is not supported; lacuna has Sequence, TemplateProcessing, ByteLevel, RobertaProcessing "
                        "and BertProcessing");
  }
  return fields.Finish();
}

std::vector<int32_t> ApplyTemplates(const std::vector<Template>& templates, bool add_special,
                                    std::vector<int32_t> ids) {
  for (const Template& t : templates) {
    std::vector<int32_t> out;
    out.reserve(ids.size() + t.items.size());
    for (const int32_t item : t.items) {
      if (item == Template::kText) {
        out.insert(out.end(), ids.begin(), ids.end());
      } else if (add_special) {
        out.push_back(item);
      }
    }
    ids = std::move(out);
  }
  return ids;
}

}  // namespace lacuna
