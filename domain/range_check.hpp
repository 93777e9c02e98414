// Whether the values of a described structure are within the ranges of its fields.
#pragma once

#include "domain/conversion_spec.hpp"

#include <concepts>
#include <string>
#include <utility>

namespace darkroom::domain {

// What the descriptions of the fields say of their values.
class range_check {
public:
  explicit range_check(std::string at) : at_(std::move(at)) {}
  std::optional<spec_error> error; // the first

  template<std::unsigned_integral Number>
  void operator()(const field& f, const Number& value) {
    if (value < f.least || value > f.most)
      wrong(f, "must be from " + std::to_string(f.least) + " to " + std::to_string(f.most) + ": " +
                   std::string{f.help});
  }
  void operator()(const field& f, const std::string& text) {
    if (text.size() < f.least) wrong(f, "is missing");
    if (text.size() > f.most) wrong(f, "has at most " + std::to_string(f.most) + " bytes");
  }
  template<class Element>
  void operator()(const field& f, const std::vector<Element>& list) {
    if (list.size() < f.least) wrong(f, "is empty");
    if (list.size() > f.most) wrong(f, "has at most " + std::to_string(f.most) + " elements");
    for (std::size_t i = 0; i < list.size() && i < f.most; ++i)
      element(f, list[i], place(f) + '/' + std::to_string(i));
  }
  template<class Structure>
  void operator()(const field& f, const std::optional<Structure>& inner) {
    if (inner) inside(*inner, place(f));
  }
  // Every value of these types is possible.
  void operator()(const field&, bool) {}
  void operator()(const field&, const rgb_colour&) {}
  void operator()(const field&, const loss_set&) {}
  template<base::named_enum Enum>
  void operator()(const field& f, const Enum& value) {
    if (!base::in_range(value)) wrong(f, "is none of the possible values");
  }

private:
  std::string place(const field& f) const { return at_ + '/' + std::string{f.name}; }
  void wrong(const field& f, std::string detail) {
    if (!error) error = spec_error{place(f), std::move(detail)};
  }
  void element(const field& f, const std::string& text, std::string at) {
    if (text.size() > f.element_bytes_max && !error)
      error = spec_error{std::move(at),
                         "has at most " + std::to_string(f.element_bytes_max) + " bytes"};
  }
  void element(const field&, const auto& structure, std::string at) {
    inside(structure, std::move(at));
  }
  void inside(const auto& structure, std::string at) {
    range_check check(std::move(at));
    for_each_field(structure, check);
    if (!error) error = std::move(check.error);
  }

  std::string at_;
};

// The first value that is out of range, with its place in the structure.
base::result<void, spec_error> check_ranges(const auto& structure) {
  range_check check("");
  for_each_field(structure, check);
  if (check.error) return std::unexpected(*std::move(check.error));
  return {};
}

} // namespace darkroom::domain
