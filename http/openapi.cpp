#include "http/openapi.hpp"

#include "config/version.hpp"
#include "http/openapi_text.hpp"

#include <boost/json.hpp>
#include <yaml-cpp/yaml.h>

#include <charconv>

namespace darkroom::http {

namespace {

namespace json = boost::json;

// A plain scalar of YAML as JSON has it; what is quoted is a text.
json::value scalar(const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (node.Tag() == "!") return json::string(text);
  if (text == "true") return true;
  if (text == "false") return false;
  if (text == "null" || text == "~") return nullptr;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number;
  return json::string(text);
}

json::value to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    json::object object;
    for (const auto& entry : node)
      object[entry.first.Scalar()] = to_json(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    json::array list;
    for (const auto& entry : node)
      list.push_back(to_json(entry));
    return list;
  }
  return node.IsScalar() ? scalar(node) : json::value(nullptr);
}

} // namespace

const std::string& openapi_json() {
  static const std::string text = [] {
    auto document = to_json(YAML::Load(std::string{openapi_yaml}));
    document.at("info").as_object()["version"] = version;
    return json::serialize(document);
  }();
  return text;
}

} // namespace darkroom::http
