#include "http/json_body.hpp"

#include "base/result.hpp"
#include "http/file_path.hpp"
#include "http/limits.hpp"

#include <boost/json/array.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

namespace darkroom::http {

namespace {

namespace json = boost::json;

// Sees that no member is there twice; the parser itself would keep the last.
struct member_check {
  static constexpr std::size_t max_object_size = -1, max_array_size = -1, max_key_size = -1,
                               max_string_size = -1;
  using error_code = boost::system::error_code;

  std::vector<std::set<std::string>> open;
  std::string key;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    open.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    open.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(json::string_view s, std::size_t, error_code&) {
    key.append(s.data(), s.size());
    return true;
  }
  bool on_key(json::string_view s, std::size_t, error_code& error) {
    key.append(s.data(), s.size());
    const bool is_new = open.back().insert(std::exchange(key, {})).second;
    if (!is_new) error = json::error::syntax;
    return is_new;
  }
  bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
  bool on_double(double, json::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

problem invalid_json(std::string detail) {
  return {problem_code::invalid_json, std::move(detail)};
}

} // namespace

base::result<json::value, problem> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = limits::json_depth_max;
  json::basic_parser<member_check> check(options);
  boost::system::error_code error;
  const auto used = check.write_some(false, text.data(), text.size(), error);
  if (!error && used != text.size()) error = json::error::extra_data;
  if (error == json::error::too_deep)
    return std::unexpected(invalid_json("The body is nested more than 32 levels deep."));
  if (error)
    return std::unexpected(invalid_json("The body is not JSON, or has a member twice, at byte " +
                                        std::to_string(used) + "."));
  auto value = json::parse(text, error, {}, options);
  if (error) return std::unexpected(invalid_json("The body is not JSON."));
  return value;
}

std::string object_reader::pointer_to(std::string_view name) const {
  std::string at = pointer_ + '/';
  for (const char c : name)
    at += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return at;
}

void object_reader::wrong(std::string_view name, problem_code code, std::string detail) {
  errors_.push_back({pointer_to(name), code, std::move(detail)});
}

const json::value* object_reader::member(std::string_view name) {
  asked_.emplace(name);
  return object_.if_contains(name);
}

bool object_reader::text_member(std::string_view name, std::string& to) {
  const auto* value = member(name);
  if (value == nullptr) return false;
  if (!value->is_string()) {
    wrong(name, problem_code::invalid_value, "must be a text");
    return false;
  }
  to = std::string{value->get_string()};
  return true;
}

void object_reader::text(std::string_view name, std::string& to, std::size_t bytes_max) {
  std::string value;
  if (!text_member(name, value)) return;
  if (value.size() > bytes_max)
    wrong(name, problem_code::invalid_value, "has at most " + std::to_string(bytes_max) + " bytes");
  else if (value.find('\0') != std::string::npos)
    wrong(name, problem_code::invalid_value, "has no NUL character");
  else
    to = std::move(value);
}

void object_reader::boolean(std::string_view name, bool& to) {
  const auto* value = member(name);
  if (value == nullptr) return;
  if (value->is_bool())
    to = value->get_bool();
  else
    wrong(name, problem_code::invalid_value, "must be true or false");
}

std::optional<std::uint64_t> object_reader::whole(std::string_view name, std::uint64_t least,
                                                  std::uint64_t most) {
  const auto* value = member(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::uint64_t> number;
  if (value->is_uint64()) number = value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0)
    number = static_cast<std::uint64_t>(value->get_int64());
  if (number && *number >= least && *number <= most) return number;
  wrong(name, problem_code::invalid_value,
        "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

void object_reader::texts(std::string_view name, std::vector<std::string>& to,
                          std::size_t count_max, std::size_t bytes_max) {
  const auto* list = array(name);
  if (list == nullptr) return;
  std::vector<std::string> read;
  for (const auto& item : *list) {
    if (!item.is_string() || item.get_string().empty() || item.get_string().size() > bytes_max)
      return wrong(name, problem_code::invalid_value,
                   "is a list of texts of 1 to " + std::to_string(bytes_max) + " bytes");
    read.emplace_back(item.get_string());
  }
  if (read.size() > count_max)
    return wrong(name, problem_code::invalid_value,
                 "has at most " + std::to_string(count_max) + " entries");
  to = std::move(read);
}

const json::object* object_reader::object(std::string_view name) {
  const auto* value = member(name);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) wrong(name, problem_code::invalid_value, "must be an object");
  return value->if_object();
}

const json::array* object_reader::array(std::string_view name) {
  const auto* value = member(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) wrong(name, problem_code::invalid_value, "must be a list");
  return value->if_array();
}

void object_reader::finish() {
  for (const auto& entry : object_)
    if (!asked_.contains(std::string_view(entry.key().data(), entry.key().size())))
      wrong(std::string_view(entry.key().data(), entry.key().size()), problem_code::unknown_field,
            "there is no such member");
}

problem invalid_body(std::vector<field_error> errors) {
  problem p{errors.front().code, errors.front().pointer + ": " + errors.front().detail};
  p.errors = std::move(errors);
  return p;
}

} // namespace darkroom::http
