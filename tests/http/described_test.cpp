// The OpenAPI document says of specs and batch attributes what their descriptions say.
#include "domain/batch_attributes.hpp"
#include "domain/batch_state.hpp"
#include "domain/conversion_spec.hpp"
#include "http/field_json.hpp"
#include "http/openapi.hpp"
#include "http/spec_json.hpp"
#include "persistence/access_records.hpp"
#include "tests/support/every_choice.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace darkroom;

namespace json = boost::json;

namespace {

const json::object& schema(std::string_view name) {
  static const auto document = json::parse(http::openapi_json());
  return document.at("components").at("schemas").at(name).as_object();
}

template<base::named_enum Enum>
std::vector<std::string> names_of() {
  return {base::enum_names<Enum>.begin(), base::enum_names<Enum>.end()};
}

// Compares each field with the property of its name; notes the names that it has met.
class comparison {
public:
  explicit comparison(std::string_view schema_name)
      : properties_(schema(schema_name).at("properties").as_object()), where_(schema_name) {}
  std::set<std::string> met;

  void operator()(const domain::field& f, bool fallback) {
    with(f, [&](const json::object& p) {
      CHECK(p.at("type") == "boolean");
      CHECK(p.at("default") == fallback);
    });
  }
  template<std::unsigned_integral Number>
  void operator()(const domain::field& f, const Number& fallback) {
    with(f, [&](const json::object& p) {
      CHECK(p.at("type") == "integer");
      CHECK(p.at("minimum").to_number<std::uint64_t>() == f.least);
      CHECK(p.at("maximum").to_number<std::uint64_t>() == f.most);
      CHECK(p.at("default").to_number<std::uint64_t>() == fallback);
    });
  }
  template<base::named_enum Enum>
  void operator()(const domain::field& f, const Enum& fallback) {
    with(f, [&](const json::object& p) {
      CHECK(json::value_to<std::vector<std::string>>(p.at("enum")) == names_of<Enum>());
      CHECK(p.at("default").as_string() == std::string{to_string(fallback)});
    });
  }
  void operator()(const domain::field& f, const std::string&) {
    with(f, [&](const json::object& p) {
      CHECK(p.at("type") == "string");
      if (!p.contains("enum")) CHECK(p.at("maxLength").to_number<std::uint64_t>() == f.most);
    });
  }
  void operator()(const domain::field& f, const domain::rgb_colour& fallback) {
    with(f, [&](const json::object& p) {
      CHECK(p.at("default").as_string() == std::string{to_string(fallback)});
    });
  }
  void operator()(const domain::field& f, const domain::loss_set&) {
    with(f, [&](const json::object& p) { CHECK(p.at("type") == "object"); });
  }
  void operator()(const domain::field& f, const std::vector<std::string>&) {
    with(f, [&](const json::object& p) {
      CHECK(p.at("maxItems").to_number<std::uint64_t>() == f.most);
      CHECK(p.at("items").at("maxLength").to_number<std::uint64_t>() == f.element_bytes_max);
    });
  }
  void operator()(const domain::field& f, const std::vector<domain::output_spec>&) {
    with(f, [&](const json::object& p) {
      CHECK(p.at("minItems").to_number<std::uint64_t>() == f.least);
      CHECK(p.at("maxItems").to_number<std::uint64_t>() == f.most);
    });
  }
  void operator()(const domain::field& f, const std::vector<domain::companion>&) {
    with(f, [&](const json::object& p) {
      CHECK(p.at("maxItems").to_number<std::uint64_t>() == f.most);
    });
  }
  void operator()(const domain::field& f, const std::optional<domain::resize_spec>&) {
    with(f, [&](const json::object& p) { CHECK(p.contains("$ref")); });
  }

  // Properties that no field has.
  std::set<std::string> others() const {
    std::set<std::string> names;
    for (const auto& property : properties_)
      if (!met.contains(std::string{property.key()})) names.emplace(property.key());
    return names;
  }

private:
  void with(const domain::field& f, auto check) {
    INFO(where_ << '.' << f.name);
    met.emplace(f.name);
    CHECK_FALSE(f.help.empty());
    const auto* property = properties_.if_contains(f.name);
    REQUIRE(property != nullptr);
    check(property->as_object());
  }

  const json::object& properties_;
  std::string where_;
};

template<class Structure>
std::set<std::string> undescribed(std::string_view schema_name) {
  comparison c(schema_name);
  for_each_field(domain::defaults_of<Structure>(), c);
  return c.others();
}

} // namespace

TEST_CASE("the document describes each field of a spec as the code does, and no other") {
  CHECK(undescribed<domain::conversion_spec>("Spec").empty());
  CHECK(undescribed<domain::output_spec>("Output").empty());
  CHECK(undescribed<domain::resize_spec>("Resize").empty());
}

TEST_CASE("the document describes each attribute of a batch as the code does") {
  CHECK(undescribed<domain::batch_attributes>("NewBatch") == std::set<std::string>{"spec"});
  CHECK(undescribed<domain::companion>("Companion").empty());
}

TEST_CASE("the list of formats describes each field of a spec once") {
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& row : http::spec_fields()) {
    CHECK(seen.emplace(row.at("in").as_string(), row.at("name").as_string()).second);
    CHECK_FALSE(row.at("help").as_string().empty());
  }
  CHECK(seen.contains({"spec", "metadata"}));
  CHECK(seen.contains({"output", "quality"}));
  CHECK(seen.contains({"resize", "mode"}));
}

TEST_CASE("the document lists the values of each enum that it shows") {
  const auto listed = [](std::string_view name) {
    return json::value_to<std::vector<std::string>>(schema(name).at("enum"));
  };
  auto phases = names_of<domain::batch_phase>();
  phases.erase(phases.begin()); // nobody sees a batch that is absent
  CHECK(listed("BatchState") == phases);
  CHECK(listed("FileState") == names_of<domain::file_status>());
  CHECK(listed("FailureReason") == names_of<domain::failure_reason>());
  CHECK(listed("Role") == names_of<persistence::role>());
}

TEST_CASE("every choice of a spec comes back from JSON") {
  tests::with_every_choice([](const domain::conversion_spec& spec) {
    std::vector<http::field_error> errors;
    std::vector<domain::output_format> formats{{.name = spec.outputs[0].format}};
    formats[0].options.lossless = domain::lossless_support::optional;
    CHECK(http::read_spec(http::spec_view(spec), "", formats, errors) == spec);
    CHECK(errors.empty());
  });
}
