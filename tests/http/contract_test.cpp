// The document that describes the interface is true: every route is in it, nothing else is, its
// examples are valid, and so is what the server really answers.
#include "edge.hpp"

#include "http/openapi.hpp"
#include "http/router.hpp"
#include "tests/support/socket_client.hpp"

#include <catch2/catch_test_macros.hpp>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include <functional>
#include <set>

using namespace darkroom;
using namespace darkroom::tests;

namespace json = boost::json;

namespace {

const json::value& document() {
  static const auto value = json::parse(http::openapi_json());
  return value;
}

// References stand for what they name.
json::value resolved(const json::value& value, int depth = 0) {
  REQUIRE(depth < 40);
  if (const auto* object = value.if_object()) {
    if (const auto* ref = object->if_contains("$ref")) {
      const auto pointer = std::string{ref->as_string()}.substr(1);
      INFO(pointer);
      boost::system::error_code error;
      const auto* target = document().find_pointer(pointer, error);
      REQUIRE(target != nullptr);
      return resolved(*target, depth + 1);
    }
    json::object out;
    for (const auto& entry : *object)
      out[entry.key()] = resolved(entry.value(), depth + 1);
    return out;
  }
  if (const auto* list = value.if_array()) {
    json::array out;
    for (const auto& entry : *list)
      out.push_back(resolved(entry, depth + 1));
    return out;
  }
  return value;
}

std::string faults(const json::value& schema, const json::value& value) {
  const auto plain = resolved(schema);
  valijson::Schema compiled;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::BoostJsonAdapter(plain), compiled);
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(compiled, valijson::adapters::BoostJsonAdapter(value), &results))
    return "";
  std::string text;
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const auto& part : error.context)
      text += part;
    text += ": " + error.description + '\n';
  }
  return text;
}

// The schema of an answer, by path, method, status and type.
json::value schema_of(const std::string& path, const std::string& method, const std::string& status,
                      const std::string& type) {
  const auto operation = resolved(document().at("paths").at(path).at(method));
  const auto& responses = operation.at("responses").as_object();
  const auto& answer = responses.contains(status) ? responses.at(status) : responses.at("default");
  return answer.at("content").at(type).at("schema");
}

void each_example(const json::value& value, const std::string& at, int& count) {
  if (const auto* object = value.if_object()) {
    const auto* example = object->if_contains("example");
    const auto* schema = object->if_contains("schema");
    if (example != nullptr && schema != nullptr) {
      INFO(at);
      CHECK(faults(*schema, *example) == "");
      ++count;
    }
    for (const auto& entry : *object)
      each_example(entry.value(), at + '/' + std::string(entry.key()), count);
  }
  if (const auto* list = value.if_array())
    for (const auto& entry : *list)
      each_example(entry, at + "/-", count);
}

// What is said on a WebSocket is what the document says, event by event.
void check_feed(edge& server, const std::string& id) {
  const auto schema = document().at("components").at("schemas").at("FeedMessage");
  socket_client socket(server.port(), "/v1/events",
                       {{"Authorization", "Bearer " + server.token("ann")}});
  const auto read = [&] {
    const auto text = socket.read_text();
    REQUIRE(text);
    INFO(*text);
    const auto message = json::parse(*text);
    CHECK(faults(schema, message) == "");
    return std::string{message.at("op").as_string()};
  };
  CHECK(read() == "hello");
  socket.say(R"({"op":"subscribe","id":1,"batch":")" + id + R"(","after":0})");
  CHECK(read() == "events");
  CHECK(read() == "ok");
  socket.say(R"({"op":"unsubscribe","id":1})");
  CHECK(read() == "unsubscribed");
  socket.say(R"({"op":"subscribe","id":2,"batch":")" + id + R"("})");
  CHECK(read() == "snapshot");
  socket.say(R"({"op":"shout"})");
  CHECK(read() == "error");
}

} // namespace

TEST_CASE("every route is in the document, and nothing else") {
  std::set<std::string> served, described;
  for (const auto& route : http::routes()) {
    std::string path{route.pattern}, method{route.method};
    if (const auto rest = path.find("...}"); rest != std::string::npos) path.erase(rest, 3);
    for (auto& c : method)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    served.insert(method + ' ' + path);
  }
  for (const auto& path : document().at("paths").as_object())
    for (const auto& operation : path.value().as_object())
      if (operation.key() != "parameters")
        described.insert(std::string(operation.key()) + ' ' + std::string(path.key()));
  CHECK(served == described);
}

TEST_CASE("the document lists the parameters of each query, and no other") {
  for (const auto& route : http::routes()) {
    std::string path{route.pattern}, method{route.method};
    if (const auto rest = path.find("...}"); rest != std::string::npos) path.erase(rest, 3);
    for (auto& c : method)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    INFO(method << ' ' << path);
    const auto item = resolved(document().at("paths").at(path));
    std::set<std::string> described;
    for (const auto* place : {&item, &item.at(method)})
      if (const auto* list = place->as_object().if_contains("parameters"))
        for (const auto& parameter : list->as_array())
          if (parameter.at("in") == "query") described.emplace(parameter.at("name").as_string());
    std::set<std::string> served(route.query.begin(), route.query.end());
    if (route.in_browser != http::route::browser_use::none) served.emplace("ticket");
    CHECK(served == described);
  }
}

TEST_CASE("no two templates of paths are the same but for the names of their parameters") {
  std::set<std::string> shapes;
  for (const auto& path : document().at("paths").as_object()) {
    std::string shape;
    bool inside = false;
    for (const char c : std::string_view(path.key())) {
      if (c == '{') inside = true;
      if (!inside) shape += c;
      if (c == '}') {
        inside = false;
        shape += "{}";
      }
    }
    INFO(path.key());
    CHECK(shapes.insert(shape).second);
  }
}

// In YAML, a comma ends a text without quotes within braces; what follows is a member without a
// value.
TEST_CASE("no text of the document is cut off by a comma") {
  std::string cut;
  const std::function<void(const json::value&, const std::string&)> visit =
      [&](const json::value& value, const std::string& at) {
        if (const auto* list = value.if_array())
          for (const auto& one : *list)
            visit(one, at + "/-");
        const auto* object = value.if_object();
        if (object == nullptr) return;
        for (const auto& [name, member] : *object) {
          if (member.is_null()) cut += at + '/' + std::string{name} + '\n';
          visit(member, at + '/' + std::string{name});
        }
      };
  visit(document(), "");
  CHECK(cut == "");
}

TEST_CASE("every example is valid") {
  int count = 0;
  each_example(document(), "", count);
  CHECK(count > 8);
}

TEST_CASE("what the server answers is what the document says") {
  edge server;
  server.conversions.close();
  const auto check = [](const reply& r, const std::string& path, const std::string& method) {
    INFO(method << ' ' << path << ' ' << r.status << ' ' << r.body);
    const auto type = r.header("content-type");
    CHECK(faults(schema_of(path, method, std::to_string(r.status), type), r.json()) == "");
  };
  const auto made = server.call("ann", "POST", "/v1/batches",
                                R"({"spec":{"outputs":[{"format":"webp","resize":{"width":10}}],)"
                                R"("on_loss":{"alpha_flattened":"fail"}},"tags":["a"]})");
  check(made, "/v1/batches", "post");
  const auto id = std::string{made.json().at("id").as_string()};
  const auto at = [&](const std::string& rest) { return "/v1/batches/" + id + rest; };
  check(server.put("ann", id, "a.jpg", picture("a")), "/v1/batches/{id}/files/{file}", "put");
  check(server.put("ann", id, "b.jpg", picture("BROKEN")), "/v1/batches/{id}/files/{file}", "put");
  check(server.put("ann", id, "../x", "x"), "/v1/batches/{id}/files/{file}", "put");
  check(server.call(
            "ann", "POST", at("/files"),
            "--B\r\nContent-Disposition: form-data; name=f; filename=c.jpg\r\n\r\nno\r\n--B--",
            {{"Content-Type", "multipart/form-data; boundary=B"}}),
        "/v1/batches/{id}/files", "post");
  check(server.call("ann", "POST", at("/manifest"),
                    R"([{"path":"d","size":1,"sha256":")" + std::string(64, 'a') + R"("}])"),
        "/v1/batches/{id}/manifest", "post");
  check(server.call("ann", "PATCH", at(""), R"({"priority":1})"), "/v1/batches/{id}", "patch");
  check(server.call("ann", "POST", at("/start")), "/v1/batches/{id}/start", "post");
  check(server.call("ann", "POST", at("/pause")), "/v1/batches/{id}/pause", "post");
  check(server.call("ann", "POST", at("/resume")), "/v1/batches/{id}/resume", "post");
  server.conversions.open();
  server.await_state("ann", id, "completed_with_errors");
  check(server.call("ann", "POST", at("/pause")), "/v1/batches/{id}/pause", "post");
  check(server.call("ann", "GET", at("")), "/v1/batches/{id}", "get");
  check(server.call("ann", "GET", "/v1/batches"), "/v1/batches", "get");
  check(server.call("ann", "GET", at("/files")), "/v1/batches/{id}/files", "get");
  check(server.call("ann", "GET", at("/files/0")), "/v1/batches/{id}/files/{file}", "get");
  check(server.call("ann", "GET", at("/files/1")), "/v1/batches/{id}/files/{file}", "get");
  check(server.call("ann", "GET", at("/report.json")), "/v1/batches/{id}/report.json", "get");
  check(server.call("ann", "GET", at("/files/7/input")), "/v1/batches/{id}/files/{file}/input",
        "get");
  check(server.call("ann", "GET", at("/events?limit=1000")), "/v1/batches/{id}/events", "get");
  check(server.call("ann", "POST", "/v1/tickets"), "/v1/tickets", "post");
  check(server.call("ann", "GET", "/v1/events"), "/v1/events", "get");
  check(server.call("admin", "GET", "/v1/admin/audit"), "/v1/admin/audit", "get");
  check_feed(server, id);
  check(server.call("ann", "GET", "/v1/me"), "/v1/me", "get");
  check(server.call("ann", "GET", "/v1/me/usage"), "/v1/me/usage", "get");
  check(server.call("admin", "GET", "/v1/admin/users"), "/v1/admin/users", "get");
  check(server.call("admin", "GET", "/v1/admin/tokens"), "/v1/admin/tokens", "get");
  check(server.call("admin", "POST", "/v1/admin/tokens", R"({"user":"x"})"), "/v1/admin/tokens",
        "post");
  check(server.call("", "GET", "/livez?verbose"), "/livez", "get");
  check(server.call("", "GET", "/readyz?verbose"), "/readyz", "get");
  check(server.call("", "GET", "/v1/formats"), "/v1/formats", "get");
  CHECK(json::parse(server.call("", "GET", "/v1/openapi.json").body) == document());
  const auto metrics = server.call("admin", "GET", "/metrics").body;
  for (const auto* name :
       {"darkroom_http_requests_total{", "darkroom_batches{state=\"draft\"}",
        "darkroom_files{state=\"completed\"} 1", "darkroom_queue_wait_seconds_count",
        "darkroom_journal_sync_seconds_sum", "darkroom_memory_granted_bytes",
        "darkroom_disk_free_bytes", "darkroom_slots 2"}) {
    INFO(name);
    CHECK(metrics.find(name) != std::string::npos);
  }
}
