// Described structures (domain/field.hpp) as JSON: read, shown, and described for /v1/formats.
#pragma once

#include "domain/batch_attributes.hpp"
#include "domain/conversion_spec.hpp"
#include "domain/text.hpp"
#include "http/json_body.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <concepts>
#include <string>

namespace darkroom::http {

// Reads the members that are there; what is wrong is added to `errors`.
class field_reader {
public:
  field_reader(object_reader& from, std::vector<field_error>& errors)
      : from_(from), errors_(errors) {}

  void operator()(const domain::field& f, bool& to) { from_.boolean(f.name, to); }
  template<std::unsigned_integral Number>
  void operator()(const domain::field& f, Number& to) {
    from_.number(f.name, to, f.least, f.most);
  }
  template<base::named_enum Enum>
  void operator()(const domain::field& f, Enum& to) {
    from_.one_of(f.name, to);
  }
  void operator()(const domain::field& f, std::string& to) { from_.text(f.name, to, f.most); }
  void operator()(const domain::field& f, std::vector<std::string>& to) {
    from_.texts(f.name, to, f.most, f.element_bytes_max);
  }
  void operator()(const domain::field& f, domain::rgb_colour& to) {
    from_.one_of(f.name, to, domain::parse_colour);
  }
  void operator()(const domain::field& f, domain::loss_set& to);
  template<class Structure>
  void operator()(const domain::field& f, std::vector<Structure>& to) {
    const auto* list = from_.array(f.name);
    if (list == nullptr) return;
    for (std::size_t i = 0; i < list->size() && i < f.most; ++i) {
      const auto at = from_.pointer_to(f.name) + '/' + std::to_string(i);
      if (const auto* object = (*list)[i].if_object())
        inside(*object, at, to.emplace_back());
      else
        errors_.push_back({at, problem_code::invalid_value, "must be an object"});
    }
    if (list->size() > f.most)
      from_.wrong(f.name, problem_code::invalid_value,
                  "has at most " + std::to_string(f.most) + " elements");
  }
  template<class Structure>
  void operator()(const domain::field& f, std::optional<Structure>& to) {
    if (const auto* object = from_.object(f.name))
      inside(*object, from_.pointer_to(f.name), to.emplace());
  }

private:
  void inside(const boost::json::object& from, const std::string& at, auto& to) {
    object_reader reader(from, at, errors_);
    for_each_field(to, field_reader(reader, errors_));
    reader.finish();
  }

  object_reader& from_;
  std::vector<field_error>& errors_;
};

// Shows every field; an optional one that is absent is left out.
class field_writer {
public:
  explicit field_writer(boost::json::object& to) : to_(to) {}

  void operator()(const domain::field& f, bool value) { to_[f.name] = value; }
  template<std::unsigned_integral Number>
  void operator()(const domain::field& f, const Number& value) {
    to_[f.name] = value;
  }
  template<base::named_enum Enum>
  void operator()(const domain::field& f, const Enum& value) {
    to_[f.name] = to_string(value);
  }
  void operator()(const domain::field& f, const std::string& text) {
    to_[f.name] = domain::printable(text);
  }
  void operator()(const domain::field& f, const std::vector<std::string>& texts) {
    to_[f.name] = boost::json::array(texts.begin(), texts.end());
  }
  void operator()(const domain::field& f, const domain::rgb_colour& colour) {
    to_[f.name] = to_string(colour);
  }
  void operator()(const domain::field& f, const domain::loss_set& losses);
  template<class Structure>
  void operator()(const domain::field& f, const std::vector<Structure>& list) {
    boost::json::array shown;
    for (const auto& element : list)
      for_each_field(element, field_writer(shown.emplace_back(boost::json::object{}).get_object()));
    to_[f.name] = std::move(shown);
  }
  template<class Structure>
  void operator()(const domain::field& f, const std::optional<Structure>& structure) {
    if (structure) for_each_field(*structure, field_writer(to_[f.name].emplace_object()));
  }

private:
  boost::json::object& to_;
};

// Each field of a spec, of its outputs and of their resize: name, type, range or values, default,
// and one sentence.
boost::json::array spec_fields();
// The possible values of each option, by name, as clients have read them since the first version.
boost::json::object spec_options();

} // namespace darkroom::http
