// Reading JSON bodies strictly: every error is told with where it is, and what is not known is an
// error too, because a typing error must not be ignored.
#pragma once

#include "base/enum_names.hpp"
#include "base/result.hpp"
#include "http/limits.hpp"
#include "http/problem.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace darkroom::http {

// One value in UTF-8, no member twice, at most `limits::json_depth_max` levels.
base::result<boost::json::value, problem> parse_json(std::string_view text);

// Reads the members of one object and collects what is wrong with them.
class object_reader {
public:
  object_reader(const boost::json::object& object, std::string pointer,
                std::vector<field_error>& errors)
      : object_(object), pointer_(std::move(pointer)), errors_(errors) {}

  // Each leaves `to` alone when the member is absent.
  void text(std::string_view name, std::string& to, std::size_t bytes_max);
  void boolean(std::string_view name, bool& to);
  template<class Int>
  void number(std::string_view name, Int& to, std::uint64_t least, std::uint64_t most) {
    if (const auto value = whole(name, least, most)) to = static_cast<Int>(*value);
  }
  // One of the names that `parse` knows.
  template<class Enum>
  void one_of(std::string_view name, Enum& to, std::optional<Enum> (*parse)(std::string_view)) {
    std::string word;
    if (!text_member(name, word)) return;
    const auto value = parse(word);
    if (value)
      to = *value;
    else
      wrong(name, problem_code::invalid_value, "\"" + word + "\" is none of the possible values");
  }
  template<base::named_enum Enum>
  void one_of(std::string_view name, Enum& to) {
    one_of(name, to, &base::parse_enum<Enum>);
  }
  void texts(std::string_view name, std::vector<std::string>& to, std::size_t count_max,
             std::size_t bytes_max);

  bool has(std::string_view name) const { return object_.contains(name); }
  // The member, if it is there and of this kind.
  const boost::json::object* object(std::string_view name);
  const boost::json::array* array(std::string_view name);

  void wrong(std::string_view name, problem_code code, std::string detail);
  // What has not been asked for is unknown.
  void finish();
  std::string pointer_to(std::string_view name) const;

private:
  const boost::json::value* member(std::string_view name);
  bool text_member(std::string_view name, std::string& to);
  std::optional<std::uint64_t> whole(std::string_view name, std::uint64_t least,
                                     std::uint64_t most);

  const boost::json::object& object_;
  std::string pointer_;
  std::vector<field_error>& errors_;
  std::set<std::string, std::less<>> asked_;
};

// The problem of a body with these errors; its code is that of the first.
problem invalid_body(std::vector<field_error> errors);

} // namespace darkroom::http
