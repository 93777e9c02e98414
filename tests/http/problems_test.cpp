// What is refused, and how: the table of problems, the mapping of the domain's refusals, and the
// tables that routes are made from.
#include "base/enum_names.hpp"
#include "domain/batch_state.hpp"
#include "domain/limits.hpp"
#include "http/batch_commands.hpp"
#include "http/problem.hpp"
#include "http/router.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <set>

using namespace darkroom;
using namespace darkroom::http;

namespace {

template<class Enum, std::size_t Value = 0, class Visit>
void each_value(const Visit& visit) {
  if constexpr (base::is_enumerator<static_cast<Enum>(Value)>()) {
    visit(static_cast<Enum>(Value));
    each_value<Enum, Value + 1>(visit);
  }
}

std::string json_of(const problem& p) {
  return problem_json(p, "r1", "/v1/x");
}

response answer_to(problem p) {
  return to_response(std::unexpected(std::move(p)), request{});
}

std::string header_of(const response& r, std::string_view name) {
  const auto at = std::ranges::find(r.headers, name, &header_list::value_type::first);
  return at == r.headers.end() ? "" : at->second;
}

} // namespace

TEST_CASE("every problem code has a row with a text, a status, a title and help") {
  std::set<std::string_view> texts;
  each_value<problem_code>([&](problem_code code) {
    const auto& kind = kind_of(code);
    INFO(kind.text);
    CHECK(kind.code == code);
    CHECK_FALSE(kind.text.empty());
    CHECK(kind.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(texts.insert(kind.text).second);
    CHECK(kind.status >= 400);
    CHECK(kind.status < 600);
    CHECK_FALSE(kind.title.empty());
    CHECK_FALSE(kind.help.empty());
    CHECK(find_problem(kind.text) == &kind);
    CHECK(to_string(code) == kind.text);
    const auto page = problem_page(kind);
    CHECK(page.find(kind.title) != std::string::npos);
    CHECK(page.find(kind.help) != std::string::npos);
  });
  CHECK(texts.size() == problem_kinds().size());
  CHECK(find_problem("nothing of the kind") == nullptr);
}

TEST_CASE("the code, status and help of a problem are those of its row") {
  problem p{problem_code::too_large};
  const auto plain = boost::json::parse(json_of(p));
  CHECK(plain.at("type").as_string() == "/problems/too_large");
  CHECK(plain.at("code").as_string() == "too_large");
  CHECK(plain.at("status").as_int64() == 413);
  CHECK(plain.at("detail").as_string() == "The detail says what the limit is.");
  p.errors.push_back({"/a", problem_code::unknown_field, "there is no such member"});
  const auto with_errors = boost::json::parse(json_of(p));
  CHECK(with_errors.at("errors").at(0).at("code").as_string() == "unknown_field");
}

TEST_CASE("a problem's own headers are in its response") {
  problem p{problem_code::range_not_satisfiable};
  p.headers = {{"Content-Range", "bytes */7"}};
  p.retry_after_s = 3;
  p.closes = true;
  const auto r = answer_to(p);
  CHECK(r.status == 416);
  CHECK(r.refused == problem_code::range_not_satisfiable);
  CHECK(r.closes);
  CHECK(header_of(r, "Content-Type") == "application/problem+json");
  CHECK(header_of(r, "Content-Range") == "bytes */7");
  CHECK(header_of(r, "Retry-After") == "3");
  CHECK(header_of(answer_to({problem_code::unauthorized}), "WWW-Authenticate") ==
        "Bearer realm=\"darkroom\"");
  CHECK(header_of(answer_to({problem_code::method_not_allowed, "", {}, "", {"GET", "PUT"}}),
                  "Allow") == "GET, PUT");
}

TEST_CASE("every refusal of the domain is a problem of the same name") {
  std::size_t count = 0;
  each_value<domain::refusal_code>([&](domain::refusal_code code) {
    const auto name = to_string(code);
    INFO(name);
    ++count;
    // A worker's late result is never the answer to a request.
    const bool internal = code == domain::refusal_code::stale_result;
    CHECK(to_string(problem_code_of(code)) == (internal ? "internal" : name));
  });
  CHECK(count == 8);
}

namespace {

// What a command's row reads from a body; the pointers of what is wrong with it.
std::pair<domain::command, std::vector<std::string>> read_row(std::string_view command,
                                                              std::string_view body) {
  const auto row = std::ranges::find(batch_commands(), command, &batch_command::name);
  REQUIRE(row != batch_commands().end());
  const auto value = boost::json::parse(body);
  std::vector<field_error> errors;
  object_reader r(value.as_object(), "", errors);
  auto wish = row->read(r);
  r.finish();
  std::vector<std::string> wrong;
  for (const auto& error : errors)
    wrong.push_back(error.pointer);
  return {std::move(wish), std::move(wrong)};
}

} // namespace

TEST_CASE("each row of the table of commands is a route") {
  const std::string id = "00000000-0000-0000-0000-000000000000";
  std::set<std::string_view> names;
  for (const auto& row : batch_commands()) {
    INFO(row.name);
    CHECK(names.insert(row.name).second);
    const auto found = find_route("POST", {"v1", "batches", id, std::string{row.name}});
    REQUIRE(found.target != nullptr);
    CHECK(found.target->action == "batch." + std::string{row.name});
    CHECK(found.target->needs == access::user);
    CHECK(std::holds_alternative<batch_route>(found.target->handle));
    CHECK(found.params == std::vector{id});
  }
  CHECK(names == std::set<std::string_view>{"start", "seal", "pause", "resume", "cancel", "retry"});
  CHECK(find_route("POST", {"v1", "batches", id, "shout"}).target == nullptr);
}

TEST_CASE("what a command's body says is in the command, and nothing else may be in it") {
  using words = std::vector<std::string>;
  CHECK(std::get<domain::start_batch>(read_row("start", R"({"keep_open":true})").first).keep_open);
  CHECK(std::get<domain::pause_batch>(read_row("pause", R"({"mode":"interrupt"})").first).mode ==
        domain::pause_mode::interrupt);
  CHECK(std::get<domain::cancel_batch>(read_row("cancel", R"({"reason":"late"})").first).reason ==
        "late");
  const auto retry = read_row("retry", R"({"scope":"files","files":[0,7],"reasons":["crashed"]})");
  CHECK(retry.second.empty());
  CHECK(std::get<domain::retry_batch>(retry.first).files == std::vector<domain::file_index>{0, 7});
  CHECK(std::get<domain::retry_batch>(retry.first).reasons ==
        std::vector{domain::failure_reason::crashed});
  CHECK(std::holds_alternative<domain::seal_batch>(read_row("seal", "{}").first));
  CHECK(std::holds_alternative<domain::resume_batch>(read_row("resume", "{}").first));
  CHECK(read_row("seal", R"({"keep_open":true})").second == words{"/keep_open"});
  CHECK(read_row("pause", R"({"mode":"later"})").second == words{"/mode"});
  CHECK(read_row("retry", R"({"files":[0]})").second == words{"/files"});
  CHECK(read_row("retry", R"({"scope":"files","files":[-1],"reasons":[]})").second ==
        words{"/files"});
  CHECK(read_row("retry", R"({"reasons":["mood"]})").second == words{"/reasons"});
}

TEST_CASE("a route that takes the batch it names has the batch's id first in its pattern") {
  for (const auto& route : routes()) {
    INFO(route.pattern);
    const bool names_batch = route.pattern.starts_with("/v1/batches/{id}");
    CHECK(std::holds_alternative<batch_route>(route.handle) == names_batch);
  }
}
