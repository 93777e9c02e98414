#include "http/field_json.hpp"

#include "domain/failure_reason.hpp"

namespace darkroom::http {

namespace json = boost::json;
using domain::field;

void field_reader::operator()(const field& f, domain::loss_set& to) {
  const auto* on_loss = from_.object(f.name);
  if (on_loss == nullptr) return;
  for (const auto& [key, value] : *on_loss) {
    const std::string_view name(key.data(), key.size());
    const auto known = base::parse_enum<domain::loss>(name);
    const bool fails = value.is_string() && value.get_string() == "fail";
    if (!known || !(fails || (value.is_string() && value.get_string() == "allow")))
      errors_.push_back({from_.pointer_to(f.name) + '/' + std::string{name},
                         known ? problem_code::invalid_value : problem_code::unknown_field,
                         known ? "is \"fail\" or \"allow\"" : "there is no such loss"});
    else if (fails)
      to.add(*known);
  }
}

void field_writer::operator()(const field& f, const domain::loss_set& losses) {
  auto& on_loss = to_[f.name].emplace_object();
  for (const auto l : losses.list())
    on_loss[to_string(l)] = "fail";
}

namespace {

template<base::named_enum Enum>
json::array names_array() {
  return json::array(base::enum_names<Enum>.begin(), base::enum_names<Enum>.end());
}

// Describes one structure after the other; `in` says which: `spec`, `output` or `resize`.
class describer {
public:
  describer(json::array& to, std::string_view in) : to_(to), in_(in) {}

  void operator()(const field& f, bool fallback) {
    add(f, {{"type", "boolean"}, {"default", fallback}});
  }
  template<std::unsigned_integral Number>
  void operator()(const field& f, const Number& fallback) {
    add(f, {{"type", "number"}, {"least", f.least}, {"most", f.most}, {"default", fallback}});
  }
  template<base::named_enum Enum>
  void operator()(const field& f, const Enum& fallback) {
    add(f, {{"type", "choice"}, {"values", names_array<Enum>()}, {"default", to_string(fallback)}});
  }
  void operator()(const field& f, const std::string& fallback) {
    add(f, {{"type", "text"}, {"bytes_max", f.most}, {"default", fallback}});
  }
  void operator()(const field& f, const domain::rgb_colour& fallback) {
    add(f, {{"type", "colour"}, {"default", to_string(fallback)}});
  }
  void operator()(const field& f, const domain::loss_set&) {
    add(f, {{"type", "losses"}, {"values", names_array<domain::loss>()}});
  }
  template<class Structure>
  void operator()(const field& f, const std::vector<Structure>&) {
    add(f, {{"type", "list"}, {"least", f.least}, {"most", f.most}});
    for_each_field(domain::defaults_of<Structure>(), describer(to_, "output"));
  }
  template<class Structure>
  void operator()(const field& f, const std::optional<Structure>&) {
    add(f, {{"type", "object"}});
    for_each_field(domain::defaults_of<Structure>(), describer(to_, "resize"));
  }

private:
  void add(const field& f, json::object facts) {
    json::object row{{"in", in_}, {"name", f.name}};
    for (auto& fact : facts)
      row.emplace(fact.key(), std::move(fact.value()));
    row["help"] = f.help;
    to_.emplace_back(std::move(row));
  }

  json::array& to_;
  std::string_view in_;
};

} // namespace

json::array spec_fields() {
  json::array rows;
  for_each_field(domain::defaults_of<domain::conversion_spec>(), describer(rows, "spec"));
  return rows;
}

json::object spec_options() {
  json::object options;
  for (const auto& value : spec_fields()) {
    const auto& row = value.get_object();
    const auto& type = row.at("type").get_string();
    std::string name{row.at("name").get_string()};
    if (name == "mode") name = "resize_mode";
    if (type == "choice") options[name] = row.at("values");
    if (type == "number")
      options[name] = {
          {"least", row.at("least")}, {"most", row.at("most")}, {"default", row.at("default")}};
  }
  options["losses"] = names_array<domain::loss>();
  options["failure_reasons"] = names_array<domain::failure_reason>();
  return options;
}

} // namespace darkroom::http
