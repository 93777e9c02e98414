// Specs in which every enum takes every value, every flag both, and every number its least and its
// most, one after the other.
#pragma once

#include "domain/conversion_spec.hpp"

#include <concepts>
#include <functional>

namespace darkroom::tests {

// A spec in which all that may be absent is there.
inline domain::conversion_spec whole_spec() {
  domain::conversion_spec spec;
  auto& output = spec.outputs.emplace_back();
  output.format = "webp";
  output.resize = domain::resize_spec{.width = 640, .height = 480};
  return spec;
}

// Sets the enums of one structure; `root` is what is given to `check`.
template<class Root>
class chooser {
public:
  chooser(Root& root, const std::function<void(const Root&)>& check) : root_(root), check_(check) {}

  template<base::named_enum Enum>
  void operator()(const domain::field&, Enum& member) {
    const auto before = member;
    for (const auto value : base::enum_values<Enum>()) {
      member = value;
      check_(root_);
    }
    member = before;
  }
  void operator()(const domain::field&, bool& member) {
    member = !member;
    check_(root_);
    member = !member;
  }
  template<std::unsigned_integral Number>
  void operator()(const domain::field& f, Number& member) {
    const auto before = member;
    for (const auto value : {f.least, f.most}) {
      member = static_cast<Number>(value);
      check_(root_);
    }
    member = before;
  }
  template<class Structure>
    requires requires(Structure& s, chooser& c) { for_each_field(s, c); }
  void operator()(const domain::field&, std::vector<Structure>& list) {
    for (auto& element : list)
      for_each_field(element, *this);
  }
  template<class Structure>
  void operator()(const domain::field&, std::optional<Structure>& structure) {
    if (structure) for_each_field(*structure, *this);
  }
  template<class Other>
    requires(!base::named_enum<Other> && !std::unsigned_integral<Other>)
  void operator()(const domain::field&, Other&) {}

private:
  Root& root_;
  const std::function<void(const Root&)>& check_;
};

inline void with_every_choice(const std::function<void(const domain::conversion_spec&)>& check) {
  auto spec = whole_spec();
  for_each_field(spec, chooser<domain::conversion_spec>(spec, check));
}

} // namespace darkroom::tests
