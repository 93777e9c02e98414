#include "app/field_options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <span>

namespace darkroom::app {

namespace {

using domain::field;

// "--min-saving" of "-m,--min-saving": the option as messages name it.
std::string option_of(const field& f) {
  if (f.option.empty()) {
    std::string option = "--" + std::string{f.name};
    std::ranges::replace(option, '_', '-');
    return option;
  }
  return std::string{f.option.substr(f.option.rfind(',') + 1)};
}

std::string names_of(const field& f) {
  return f.option.empty() ? option_of(f) : std::string{f.option};
}

// "fit, fill, pad or stretch".
std::string alternatives(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text.append(i == 0 ? "" : i + 1 == names.size() ? " or " : ", ").append(names[i]);
  return text;
}

// Adds the option of each field.
class declarer {
public:
  declarer(CLI::App& command, given_words& given, const field_help& help)
      : command_(command), given_(given), help_(help) {}

  void operator()(const field& f, bool) { flag(f); }
  template<std::unsigned_integral Number>
  void operator()(const field& f, const Number& fallback) {
    one(f, help_of(f), "NUMBER", std::to_string(fallback));
  }
  template<base::named_enum Enum>
  void operator()(const field& f, const Enum& fallback) {
    if (f.is_flag) return flag(f);
    one(f, help_of(f) + " " + alternatives(base::enum_names<Enum>), "NAME",
        std::string{to_string(fallback)});
  }
  void operator()(const field& f, const std::string& fallback) {
    one(f, help_of(f), "TEXT", fallback);
  }
  void operator()(const field& f, const domain::rgb_colour& fallback) {
    one(f, help_of(f), "#RRGGBB", to_string(fallback));
  }
  void operator()(const field& f, const domain::loss_set&) { many(f); }
  void operator()(const field& f, const std::vector<std::string>&) { many(f); }
  void operator()(const field&, const std::vector<domain::companion>&) {} // not on a command line
  // `--to` makes the outputs; all of them get the same options.
  void operator()(const field&, const std::vector<domain::output_spec>&) {
    for_each_field(domain::defaults_of<domain::output_spec>(), *this);
  }
  void operator()(const field& f, const std::optional<domain::resize_spec>&) {
    one(f, "WIDTHxHEIGHT in pixels; one may be left out", "SIZE", "");
    for_each_field(domain::defaults_of<domain::resize_spec>(), *this);
  }

private:
  void one(const field& f, const std::string& help, const std::string& type,
           const std::string& fallback) {
    if (f.option == domain::no_option) return;
    auto* option = command_.add_option_function<std::string>(
        names_of(f), [to = slot(f)](const std::string& word) { to() = {word}; }, help);
    option->type_name(type);
    if (!fallback.empty()) option->default_str(fallback);
  }
  void many(const field& f) {
    if (f.option == domain::no_option) return;
    command_
        .add_option_function<std::vector<std::string>>(
            names_of(f), [to = slot(f)](const std::vector<std::string>& words) { to() = words; },
            help_of(f) + " May be repeated")
        ->type_name("NAME");
  }
  void flag(const field& f) {
    if (f.option == domain::no_option) return;
    command_.add_flag_callback(names_of(f), [to = slot(f)] { to() = {""}; }, help_of(f));
  }
  std::string help_of(const field& f) const {
    const auto more = help_.find(f.name);
    return more == help_.end() ? std::string{f.help} : more->second;
  }
  // Where the words of the field go, made when there are any.
  std::function<std::vector<std::string>&()> slot(const field& f) {
    return [&given = given_, name = std::string{f.name}]() -> std::vector<std::string>& {
      return given[name];
    };
  }

  CLI::App& command_;
  given_words& given_;
  const field_help& help_;
};

// Reads the words of each field; keeps the first error.
class reader {
public:
  explicit reader(const given_words& given) : given_(given) {}
  std::string error; // empty: all is well

  void operator()(const field& f, bool& to) { to = to || words(f) != nullptr; }
  template<std::unsigned_integral Number>
  void operator()(const field& f, Number& to) {
    const auto* word = words(f);
    if (word == nullptr) return;
    const auto& text = word->front();
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || value < f.least ||
        value > f.most)
      return wrong(f, "must be from " + std::to_string(f.least) + " to " + std::to_string(f.most) +
                          ": " + std::string{f.help});
    to = static_cast<Number>(value);
  }
  template<base::named_enum Enum>
  void operator()(const field& f, Enum& to) {
    const auto* word = words(f);
    if (word == nullptr) return;
    const auto value =
        f.is_flag ? base::enum_values<Enum>().back() : base::parse_enum<Enum>(word->front());
    if (!value) return wrong(f, "must be " + alternatives(base::enum_names<Enum>));
    to = *value;
  }
  void operator()(const field& f, std::string& to) {
    if (const auto* word = words(f)) to = word->front();
  }
  void operator()(const field& f, std::vector<std::string>& to) {
    if (const auto* word = words(f)) to = *word;
  }
  void operator()(const field&, std::vector<domain::companion>&) {}
  void operator()(const field& f, domain::rgb_colour& to) {
    const auto* word = words(f);
    if (word == nullptr) return;
    const auto colour = domain::parse_colour(word->front());
    if (!colour) return wrong(f, "must be a colour, as in #ffffff");
    to = *colour;
  }
  void operator()(const field& f, domain::loss_set& to) {
    const auto* names = words(f);
    if (names == nullptr) return;
    for (const auto& name : *names) {
      const auto loss = base::parse_enum<domain::loss>(name);
      if (!loss) return wrong(f, name + ": there is no such loss");
      to.add(*loss);
    }
  }
  // `--to` has made the outputs.
  void operator()(const field&, std::vector<domain::output_spec>& outputs) {
    for (auto& output : outputs)
      for_each_field(output, *this);
  }
  void operator()(const field& f, std::optional<domain::resize_spec>& to) {
    const auto* word = words(f);
    if (word == nullptr) return;
    to = domain::parse_resize(word->front());
    if (!to) return wrong(f, "must be WIDTHxHEIGHT in pixels, as in 1600x1600, 1600x or x900");
    for_each_field(*to, *this);
  }

private:
  const std::vector<std::string>* words(const field& f) const {
    const auto at = given_.find(f.name);
    return at == given_.end() || at->second.empty() ? nullptr : &at->second;
  }
  void wrong(const field& f, const std::string& detail) {
    if (error.empty()) error = option_of(f) + ' ' + detail;
  }

  const given_words& given_;
};

base::result<void, std::string> read_all(const given_words& given, auto& to) {
  reader r(given);
  for_each_field(to, r);
  if (!r.error.empty()) return std::unexpected(std::move(r.error));
  return {};
}

} // namespace

void declare_spec_fields(CLI::App& command, given_words& given, const field_help& help) {
  for_each_field(domain::defaults_of<domain::conversion_spec>(), declarer(command, given, help));
}

void declare_attributes(CLI::App& command, given_words& given) {
  for_each_field(domain::defaults_of<domain::batch_attributes>(), declarer(command, given, {}));
}

base::result<void, std::string> read_fields(const given_words& given, domain::conversion_spec& to) {
  return read_all(given, to);
}

base::result<void, std::string> read_fields(const given_words& given,
                                            domain::batch_attributes& to) {
  return read_all(given, to);
}

} // namespace darkroom::app
