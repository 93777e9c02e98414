// Details of HTTP that clients and tools rely on, each as a small table.
#include "edge.hpp"

#include "base/clock.hpp"
#include "config/limits.hpp"
#include "domain/portable_names.hpp"
#include "http/identity.hpp"
#include "http/router.hpp"
#include "http/views.hpp"
#include "http/zip_names.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cstdlib>
#include <set>
#include <sstream>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

std::string at(const std::string& id, const std::string& rest = {}) {
  return "/v1/batches/" + id + rest;
}

std::string part(const std::string& headers, const std::string& content) {
  return "--B\r\n" + headers + "\r\n\r\n" + content + "\r\n";
}

std::string file_part(const std::string& name, const std::string& content,
                      const std::string& more = {}) {
  return part("Content-Disposition: form-data; name=f; filename=\"" + name + "\"" + more, content);
}

boost::json::value send_form(edge& server, const std::string& id, const std::string& body) {
  const auto r = server.call("ann", "POST", at(id, "/files"), body + "--B--",
                             {{"Content-Type", "multipart/form-data; boundary=B"}});
  INFO(r.body);
  REQUIRE(r.status == 201);
  return r.json();
}

std::string completed(edge& server, const std::vector<std::string>& paths) {
  const auto id = server.batch("ann");
  for (const auto& path : paths)
    REQUIRE(server.put("ann", id, path, picture(path)).status == 201);
  REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
  server.await_state("ann", id, "completed");
  return id;
}

} // namespace

TEST_CASE("a name in the query that no route knows is refused, and one that is there twice") {
  edge server;
  const auto id = server.batch("ann");
  for (const auto* path : {"/v1/batches?limt=3", "/v1/me?x=1", "/livez?verbos", "/?utm_source=x",
                           "/v1/formats?a", "/v1/openapi.json?v=1", "/v1/batches?ticket=x"}) {
    INFO(path);
    const auto r = server.call("ann", "GET", path);
    CHECK(r.status == 400);
    CHECK(r.code() == "invalid_parameter");
  }
  CHECK(server.call("ann", "POST", at(id, "/start?keep_open=true")).code() == "invalid_parameter");
  CHECK(server.call("ann", "GET", "/v1/batches?limit=1&limit=2").code() == "invalid_parameter");
  CHECK(server.call("ann", "DELETE", at(id, "?cancel=yes")).code() == "invalid_parameter");
  CHECK(server.call("ann", "GET", at(id, "/results.zip?zip64=never")).code() ==
        "invalid_parameter");
  CHECK(server.call("", "GET", "/livez?verbose").status == 200);
}

TEST_CASE("a path may have its slashes encoded, and an index is a number") {
  edge server;
  const auto id = server.batch("ann");
  CHECK(server.put("ann", id, "a%2Fb.jpg", picture("a")).status == 201);
  CHECK(server.put("ann", id, "a/b.jpg", picture("a")).status == 200); // the same file
  CHECK(server.put("ann", id, "c/d%2fe.jpg", picture("c")).status == 201);
  CHECK(server.call("ann", "GET", at(id, "/files/1")).json().at("path") == "c/d/e.jpg");
  for (const auto* none : {"%2Fetc", "a%2F%2Fb", "a%2F..%2Fb", "a%5Cb", "a%00b", "%2F"}) {
    INFO(none);
    CHECK(server.put("ann", id, none, picture("x")).code() == "invalid_path");
  }
  CHECK(server.call("ann", "GET", at(id, "/files/a%2Fb.jpg")).code() == "invalid_id");
  CHECK(server.call("ann", "GET", at(id, "/files/-1/input")).code() == "invalid_id");
  CHECK(server.call("ann", "GET", at(id, "/files/0/outputs/x")).code() == "invalid_id");
  CHECK(server.call("ann", "DELETE", at(id, "/files/a%2Fb.jpg")).status == 204);
}

TEST_CASE("the ETag of a batch is weak, and If-Match takes it as it was sent") {
  edge server;
  const auto id = server.batch("ann");
  const auto tag = server.call("ann", "GET", at(id)).header("etag");
  CHECK(tag.starts_with("W/\""));
  const auto patch = [&](const std::string& if_match) {
    return server.call("ann", "PATCH", at(id), R"({"priority":1})", {{"If-Match", if_match}})
        .status;
  };
  for (const auto* wrong : {"W/5", "5", "W/\"x\"", "\"\"", "w/\"5\""}) {
    INFO(wrong);
    CHECK(patch(wrong) == 412);
  }
  CHECK(patch("*") == 200);
  CHECK(patch(tag) == 412); // a command came after it
  const auto now = server.call("ann", "GET", at(id)).header("etag");
  CHECK(patch(now) == 200);
  CHECK(patch(server.call("ann", "GET", at(id)).header("etag").substr(2)) == 200);
  const auto newest = server.call("ann", "GET", at(id)).header("etag");
  for (const auto& known : {newest, newest.substr(2), "\"x\", " + newest})
    CHECK(server.call("ann", "GET", at(id), {}, {{"If-None-Match", known}}).status == 304);
}

TEST_CASE("If-Match applies to what is downloaded") {
  edge server;
  const auto id = completed(server, {"a.jpg"});
  for (const auto* rest :
       {"/files/0/input", "/files/0/outputs/0", "/files/0/thumbnail", "/results.zip"}) {
    INFO(rest);
    const auto tag = server.call("ann", "GET", at(id, rest)).header("etag");
    CHECK(tag.starts_with('"'));
    const auto with = [&](const std::string& if_match) {
      return server.call("ann", "GET", at(id, rest), {}, {{"If-Match", if_match}});
    };
    CHECK(with(tag).status == 200);
    CHECK(with("\"other\", " + tag).status == 200);
    CHECK(with("*").status == 200);
    CHECK(with("\"other\"").code() == "precondition_failed");
    CHECK(with("W/" + tag).status == 412); // weak: never equal here
  }
}

TEST_CASE("pages of listed origins may send every request, others none") {
  edge server([](config::settings& s) { s.http.allowed_origins = {"https://app.example"}; });
  const auto id = server.batch("ann");
  for (const auto& r : http::routes()) {
    std::string path = r.pattern;
    for (const auto& [from, to] : {std::pair<std::string, std::string>{"{id}", id},
                                   {"{file...}", "a/b.jpg"},
                                   {"{file}", "0"},
                                   {"{n}", "0"},
                                   {"{name}", "n"},
                                   {"{code}", "not_found"},
                                   {"{path...}", "x"}})
      if (const auto found = path.find(from); found != std::string::npos)
        path.replace(found, from.size(), to);
    INFO(r.method << ' ' << path);
    const auto preflight = [&](const std::string& origin) {
      return server.call("", "OPTIONS", path, {},
                         {{"Origin", origin}, {"Access-Control-Request-Method", r.method}});
    };
    const auto allowed = preflight("https://app.example");
    CHECK(allowed.status == 204);
    CHECK(allowed.header("access-control-allow-origin") == "https://app.example");
    CHECK(allowed.header("access-control-allow-methods").find(r.method) != std::string::npos);
    CHECK(allowed.header("access-control-allow-headers").find("Authorization") !=
          std::string::npos);
    const auto refused = preflight("https://evil.example");
    CHECK(refused.code() == "forbidden_origin");
    CHECK(refused.header("access-control-allow-origin").empty());
  }
  const edge::headers from_app{{"Origin", "https://app.example"}};
  for (const auto* path : {"/v1/me", "/v1/none", "/livez"}) // answers, problems, open routes
    for (const auto* who : {"ann", ""}) {
      INFO(path << ' ' << who);
      const auto r = server.call(who, "GET", path, {}, from_app);
      CHECK(r.header("access-control-allow-origin") == "https://app.example");
      CHECK(r.header("access-control-expose-headers").find("ETag") != std::string::npos);
      CHECK(r.header("access-control-allow-credentials").empty());
      CHECK(r.header("vary") == "Origin");
    }
  const auto other = server.call("ann", "GET", "/v1/me", {}, {{"Origin", "https://evil.example"}});
  CHECK(other.status == 200); // a browser keeps it from the page
  CHECK(other.header("access-control-allow-origin").empty());
  CHECK(other.header("vary") == "Origin");
  CHECK(server.call("ann", "OPTIONS", "/v1/me").status == 405); // no preflight
  CHECK(server
            .call("", "OPTIONS", "/v1/none", {},
                  {{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "GET"}})
            .status == 404);
}

TEST_CASE("without listed origins nothing is said of them") {
  edge server;
  const auto r = server.call("ann", "GET", "/v1/me", {}, {{"Origin", "https://app.example"}});
  CHECK(r.header("access-control-allow-origin").empty());
  CHECK(r.header("vary").empty());
}

TEST_CASE("the redirect of a ZIP keeps the rest of the query") {
  edge server;
  server.conversions.close();
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
  const auto r = server.call("ann", "GET", at(id, "/results.zip?zip64=always"));
  CHECK(r.status == 307);
  const auto to = r.header("location");
  CHECK(to.starts_with(at(id, "/results.zip?as_of=")));
  CHECK(to.ends_with("&zip64=always"));
  CHECK(server.call("ann", "GET", to).status == 200);
}

TEST_CASE("a second part of one name is a collision, whatever it holds") {
  edge server;
  const auto id = server.batch("ann");
  // The first handful of a form is stored before its later parts are read.
  std::string body = file_part("a.jpg", picture("a")) + file_part("a.jpg", picture("a")) +
                     file_part("a.jpg", picture("other"));
  for (int i = 0; i < 40; ++i)
    body += file_part("f" + std::to_string(i) + ".jpg", picture(std::to_string(i)));
  body += file_part("a.jpg", picture("a"));
  const auto answer = send_form(server, id, body);
  CHECK(answer.at("files").as_array().size() == 41);
  REQUIRE(answer.at("rejected").as_array().size() == 3);
  for (const auto& rejected : answer.at("rejected").as_array()) {
    CHECK(rejected.at("path") == "a.jpg");
    CHECK(rejected.at("code") == "name_collision");
  }
  // Another form may send the same bytes again.
  CHECK(send_form(server, id, file_part("a.jpg", picture("a"))).at("files").as_array().size() == 1);
}

TEST_CASE("headers of a part may be folded") {
  edge server;
  const auto id = server.batch("ann");
  const auto answer = send_form(
      server, id,
      part("Content-Type: image/jpeg\r\nContent-Disposition: form-data;\r\n name=f;\r\n\t "
           "filename=\"a b.jpg\"",
           picture("a")));
  REQUIRE(answer.at("files").as_array().size() == 1);
  CHECK(answer.at("files").at(0).at("path") == "a b.jpg");
  const auto bad =
      server.call("ann", "POST", at(id, "/files"), part(" folded: from nothing", "x") + "--B--",
                  {{"Content-Type", "multipart/form-data; boundary=B"}});
  CHECK(bad.code() == "invalid_multipart");
}

TEST_CASE("a body in a content coding is refused, wherever it is sent") {
  edge server;
  const auto id = server.batch("ann");
  const auto send = [&](const std::string& method, const std::string& path, const std::string& type,
                        const std::string& body, const std::string& coding) {
    return server.call("ann", method, path, body,
                       {{"Content-Type", type}, {"Content-Encoding", coding}});
  };
  const auto form = file_part("f.jpg", picture("f")) + "--B--";
  for (const auto* coding : {"gzip", "br", "zstd", "gzip, identity"}) {
    INFO(coding);
    const auto put = send("PUT", at(id, "/files/a.jpg"), "image/jpeg", picture("a"), coding);
    CHECK(put.code() == "unsupported_media_type");
    CHECK(put.header("accept-encoding") == "identity");
    CHECK(send("POST", at(id, "/files"), "multipart/form-data; boundary=B", form, coding).status ==
          415);
    CHECK(send("POST", at(id, "/manifest"), "application/json", "[]", coding).status == 415);
    CHECK(send("PATCH", at(id), "application/json", R"({"priority":1})", coding).status == 415);
  }
  CHECK(send("PUT", at(id, "/files/a.jpg"), "image/jpeg", picture("a"), "Identity").status == 201);
  const auto answer =
      send_form(server, id,
                file_part("g.jpg", "UElDVFVSRQ==", "\r\nContent-Transfer-Encoding: base64") +
                    file_part("h.jpg", picture("h"), "\r\nContent-Transfer-Encoding: BINARY"));
  CHECK(answer.at("rejected").at(0).at("code") == "unsupported_media_type");
  CHECK(answer.at("files").as_array().size() == 1);
}

TEST_CASE("the key of a request whose batch is deleted brings the first answer") {
  edge server;
  const edge::headers key{{"Idempotency-Key", "k"}};
  const std::string body =
      R"({"name":"n","spec":{"outputs":[{"format":"webp"}]},"tags":["t"],"slots_max":2,)"
      R"("requires":[{"role":"raw","pattern":"*.raw","count":2}]})";
  const auto first = server.call("ann", "POST", "/v1/batches", body, key);
  REQUIRE(first.status == 201);
  const auto id = std::string{first.json().at("id").as_string()};
  REQUIRE(server.call("ann", "DELETE", at(id)).status == 202);
  for (const bool restarted : {false, true}) {
    CAPTURE(restarted);
    const auto again = server.call("ann", "POST", "/v1/batches", body, key);
    CHECK(again.status == 201);
    CHECK(again.header("idempotent-replayed") == "true");
    CHECK(again.header("etag") == first.header("etag"));
    CHECK(again.header("location") == first.header("location"));
    CHECK(again.json() == first.json());
    CHECK(server.call("ann", "GET", at(id)).status == 404);
    server.restart();
  }
  CHECK(server.call("ann", "POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"png"}]}})", key)
            .code() == "idempotency_key_reused");
}

TEST_CASE("a sealed draft still gives files back, as it says") {
  edge server;
  const auto id = server.batch("ann", R"(,"keep_open":true)");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  REQUIRE(server.put("ann", id, "b.jpg", picture("b")).status == 201);
  const auto sealed = server.call("ann", "POST", at(id, "/seal"));
  REQUIRE(sealed.status == 200);
  const auto allowed = boost::json::serialize(sealed.json().at("allowed"));
  CHECK(allowed.find("remove_file") != std::string::npos);
  CHECK(allowed.find("add_files") == std::string::npos);
  CHECK(server.put("ann", id, "c.jpg", picture("c")).code() == "batch_sealed");
  server.restart(); // names are read from the journal
  CHECK(server.call("ann", "DELETE", at(id, "/files/a.jpg")).status == 204);
  CHECK(server.call("ann", "DELETE", at(id, "/files/a.jpg")).status == 404);
  // It stays sealed when it starts, and so comes to its end.
  const auto started = server.call("ann", "POST", at(id, "/start"), R"({"keep_open":true})");
  CHECK(started.status == 202);
  CHECK(started.json().at("sealed").as_bool());
  CHECK(server.put("ann", id, "d.jpg", picture("d")).code() == "batch_sealed");
  server.await_state("ann", id, "completed");
}

TEST_CASE("names of a file that was refused are free again") {
  edge server;
  const auto made = server.call("ann", "POST", "/v1/batches",
                                R"({"spec":{"collision":"fail","outputs":[{"format":"webp"},)"
                                R"({"format":"webp","suffix":"-s"}]}})");
  const auto id = std::string{made.json().at("id").as_string()};
  REQUIRE(server.put("ann", id, "y-s.jpg", picture("a")).status == 201); // y-s.webp, y-s-s.webp
  // Of its outputs y.webp and y-s.webp, only the second is taken.
  CHECK(server.put("ann", id, "y.jpg", picture("b")).code() == "name_collision");
  REQUIRE(server.call("ann", "DELETE", at(id, "/files/y-s.jpg")).status == 204);
  CHECK(server.put("ann", id, "y.jpg", picture("b")).status == 201);
}

TEST_CASE("no cell of a report is a formula") {
  persistence::file_record file;
  file.entry.outputs = {"=o.webp"};
  const std::pair<const char*, const char*> rows[] = {{"=1+1.jpg", "'=1+1.jpg"},
                                                      {"+a.jpg", "'+a.jpg"},
                                                      {"-a.jpg", "'-a.jpg"},
                                                      {"@SUM(A1).jpg", "'@SUM(A1).jpg"},
                                                      {"a=b.jpg", "a=b.jpg"},
                                                      {"=a,b.jpg", "\"'=a,b.jpg\""},
                                                      {"=\"x\".jpg", "\"'=\"\"x\"\".jpg\""},
                                                      {"a.jpg", "a.jpg"}};
  for (const auto& [path, cell] : rows) {
    INFO(path);
    file.entry.path = path;
    const auto line = http::file_csv(file, domain::file_status::queued);
    CHECK(line.starts_with("0," + std::string{cell} + ",queued,"));
  }
  // Control characters are shown as others before they can lead a cell.
  file.entry.path = "\t=1.jpg";
  CHECK(http::file_csv(file, domain::file_status::queued).find("\t") == std::string::npos);
  domain::file_completed done;
  done.outputs.resize(1);
  file.result = done;
  CHECK(http::file_csv(file, domain::file_status::completed).find(",'=o.webp,") !=
        std::string::npos);
  const auto omitted = http::omitted_csv(
      {.path = "=x", .state = "omitted", .reason = {}, .detail = "+y", .bytes = 1});
  CHECK(omitted.find(",'=x,") != std::string::npos);
  CHECK(omitted.find(",'+y,") != std::string::npos);
}

TEST_CASE("limits by address count a /64 of IPv6 as one client") {
  const std::pair<const char*, const char*> rows[] = {{"10.0.0.1", "10.0.0.1"},
                                                      {"::ffff:10.0.0.1", "10.0.0.1"},
                                                      {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
                                                      {"2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
                                                      {"2001:db8:1:3::1", "2001:db8:1:3::/64"},
                                                      {"::1", "::/64"},
                                                      {"no address", "no address"}};
  for (const auto& [address, network] : rows) {
    INFO(address);
    CHECK(http::client_network(address) == network);
  }
  CHECK(http::in_network("10.0.0.0/8", "::ffff:10.1.2.3") == true);
}

TEST_CASE("names in a ZIP are legal on Windows, and unique without regard to case") {
  http::zip_names names;
  const std::pair<const char*, const char*> rows[] = {{"a.webp", "a.webp"},
                                                      {"A.webp", "A-2.webp"},
                                                      {"a-2.webp", "a-2-2.webp"},
                                                      {"d/con.webp", "d/con_.webp"},
                                                      {"d/CON_.webp", "d/CON_-2.webp"},
                                                      {"aux.tar.webp", "aux_.tar.webp"},
                                                      {"com1.webp", "com1_.webp"},
                                                      {"a:b.webp", "a_b.webp"},
                                                      {"a_b.webp", "a_b-2.webp"},
                                                      {"e./f.webp", "e_/f.webp"},
                                                      {"e /g.webp", "e_/g.webp"},
                                                      {"what?.webp", "what_.webp"},
                                                      {"\xc3\x84.webp", "\xc3\x84.webp"},
                                                      {"\xc3\xa4.webp", "\xc3\xa4-2.webp"}};
  for (const auto& [output, name] : rows)
    CHECK(names.next(output) == name);
  CHECK(names.renamed());
  http::zip_names plain;
  CHECK(plain.next("a/b.webp") == "a/b.webp");
  CHECK_FALSE(plain.renamed());
}

TEST_CASE("a ZIP of awkward names is taken by unzip, 7-Zip and bsdtar") {
  edge server;
  const auto id =
      completed(server, {"con.jpg", "CON.png", "d/aux.jpg", "a%3Ab.jpg", "e./f.jpg", "g%20/h.jpg",
                         "x.jpg", "X.jpg", "x.png", "%C3%84.jpg", "%C3%A4.jpg", "lpt1.tar.jpg"});
  scratch dir;
  for (const auto* form : {"", "?zip64=always"}) {
    const auto file =
        dir.write("r.zip", server.call("ann", "GET", at(id, "/results.zip") + form).body);
    for (const std::string& command :
         {std::string{"unzip -tqq "}, std::string{"7z t -bd "}, std::string{"bsdtar -xOf "}}) {
      INFO(command);
      CHECK(std::system(("LC_ALL=C.UTF-8 " + command + file + " > /dev/null").c_str()) == 0);
    }
    const auto list = dir / "list.txt";
    REQUIRE(std::system(("LC_ALL=C.UTF-8 bsdtar -tf " + file + " > " + list).c_str()) == 0);
    std::istringstream names(content_of(list));
    std::set<std::string> folded;
    int count = 0;
    for (std::string name; std::getline(names, name); ++count) {
      INFO(name);
      CHECK(domain::portable_path(name) == name);
      CHECK(folded.insert(domain::folded_name(name)).second);
    }
    CHECK(count == 12);
  }
}

TEST_CASE("a batch waits for the files that it requires") {
  edge server;
  const auto id = server.batch(
      "ann",
      R"(,"requires":[{"role":"raw","pattern":"*.CR2"},{"role":"sidecar","pattern":"*.xmp.jpg","count":2}])");
  const auto start = [&] { return server.call("ann", "POST", at(id, "/start")); };
  CHECK(start().status == 400);
  CHECK(start().code() == "missing_companion");
  REQUIRE(server.put("ann", id, "d/a.cr2", picture("a")).status == 201);
  REQUIRE(server.put("ann", id, "b.xmp.jpg", picture("b")).status == 201);
  const auto refused = start();
  CHECK(refused.code() == "missing_companion");
  CHECK(refused.json().at("detail").as_string() == "sidecar: 1 of 2 files like *.xmp.jpg");
  REQUIRE(server.put("ann", id, "c.xmp.jpg", picture("c")).status == 201);
  REQUIRE(server.call("ann", "DELETE", at(id, "/files/d/a.cr2")).status == 204);
  server.restart();
  CHECK(start().code() == "missing_companion");
  REQUIRE(server.put("ann", id, "e.cr2", picture("e")).status == 201);
  CHECK(start().status == 202);
  server.await_state("ann", id, "completed");
  const auto wrong = server.call(
      "ann", "POST", "/v1/batches",
      R"({"spec":{"outputs":[{"format":"webp"}]},"requires":[{"role":"raw","count":0}]})");
  CHECK(wrong.status == 422);
}

TEST_CASE("a batch that starts with its first file starts with the last that it requires") {
  edge server;
  const auto id = server.batch(
      "ann", R"(,"start":"on_first_file","requires":[{"role":"raw","pattern":"*.raw"}])");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  CHECK(server.call("ann", "GET", at(id)).json().at("state") == "draft");
  REQUIRE(server.put("ann", id, "a.raw", picture("b")).status == 201);
  CHECK(server.call("ann", "GET", at(id)).json().at("state") == "running");
}

TEST_CASE("usage tells all that quotas count, and exceptions raise them for a role or a user") {
  edge server([](config::settings& s) {
    s.quota.files_per_batch_max = 2;
    s.quota.uploads = 7;
    s.quota.exceptions = {"role:admin uploads=99",
                          "ben files_per_batch_max=3 megapixels_per_day=0"};
  });
  const auto usage = [&](const char* who) {
    return server.call(who, "GET", "/v1/me/usage").json();
  };
  CHECK(usage("ann").at("files_per_batch_max") == 2);
  CHECK(usage("ann").at("uploads_max") == 7);
  CHECK(usage("admin").at("uploads_max") == 99);
  CHECK(usage("ben").at("files_per_batch_max") == 3);
  CHECK(usage("ben").at("megapixels_per_day_max") == 0);
  for (const auto& [who, most] : {std::pair{"ann", 2}, {"ben", 3}}) {
    CAPTURE(who);
    const auto id = server.batch(who);
    for (int i = 0; i < most; ++i)
      CHECK(server.put(who, id, std::to_string(i) + ".jpg", picture(who)).status == 201);
    const auto more = server.put(who, id, "more.jpg", picture(who));
    CHECK(more.status == 409);
    CHECK(more.code() == "too_many_files");
  }
  // Many at once: the batch itself counts.
  const auto id = server.batch("ann");
  const auto answer =
      send_form(server, id,
                file_part("a.jpg", picture("a")) + file_part("b.jpg", picture("b")) +
                    file_part("c.jpg", picture("c")));
  CHECK(answer.at("files").as_array().empty());
  CHECK(answer.at("rejected").at(0).at("code") == "too_many_files");
}

TEST_CASE(
    "what is converted in a day counts, also after the batch is deleted and after a restart") {
  edge server([](config::settings& s) { s.quota.cpu_s_per_day = 0; });
  const auto id = completed(server, {"a.jpg", "b.jpg"});
  const auto today = [&] {
    return server.services().gateway.actors().usage().today("ann", base::unix_now_us());
  };
  CHECK(today().pixels == 128); // two pictures of 8 by 8
  REQUIRE(server.call("ann", "DELETE", at(id)).status == 202);
  server.restart();
  CHECK(today().pixels == 128);
  const auto usage = server.call("ann", "GET", "/v1/me/usage").json();
  CHECK(usage.at("megapixels_today") == 0);
  CHECK(usage.at("megapixels_per_day_max") ==
        static_cast<std::int64_t>(limits::user_megapixels_per_day));
  CHECK(usage.at("day_ends_at").as_string().find("T00:00:00") != std::string_view::npos);
}

TEST_CASE("a batch whose owner has used up the day says that it waits for the quota") {
  edge server([](config::settings& s) { s.quota.megapixels_per_day = 1; });
  // As a conversion of 2 megapixels would leave it.
  persistence::day_use used{"ann", persistence::utc_day(base::unix_now_us()), 2'000'000, 1'600};
  std::vector<persistence::access_record> records{used};
  std::atomic<bool> kept = false;
  server.services().gateway.actors().keep(std::move(records),
                                          [&](bool durable) { kept = durable; });
  REQUIRE(comes_true([&] { return kept.load(); }));
  server.restart();
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  CHECK(server.call("ann", "POST", at(id, "/start")).status == 202);
  CHECK(server.call("ann", "GET", at(id)).json().at("waiting_for") == "quota");
  CHECK(server.call("ann", "GET", "/v1/batches").json().at("batches").at(0).at("waiting_for") ==
        "quota");
  const auto usage = server.call("ann", "GET", "/v1/me/usage").json();
  CHECK(usage.at("megapixels_today") == 2);
  CHECK(usage.at("cpu_s_today") == 2); // the nearest
  // Others are not held up.
  const auto other = server.batch("ben");
  REQUIRE(server.put("ben", other, "a.jpg", picture("a")).status == 201);
  CHECK(server.call("ben", "POST", at(other, "/start")).status == 202);
  server.await_state("ben", other, "completed");
  CHECK(server.call("ann", "GET", at(id)).json().at("files").at("completed") == 0);
}

TEST_CASE("at most slots_max files of a batch run at once") {
  edge server({}, 3);
  server.conversions.close();
  const auto id = server.batch("ann", R"(,"slots_max":1)");
  for (const auto* path : {"a.jpg", "b.jpg", "c.jpg"})
    REQUIRE(server.put("ann", id, path, picture(path)).status == 201);
  REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
  const auto free_one = server.batch("ann");
  for (const auto* path : {"a.jpg", "b.jpg"})
    REQUIRE(server.put("ann", free_one, path, picture(path)).status == 201);
  REQUIRE(server.call("ann", "POST", at(free_one, "/start")).status == 202);
  CHECK(comes_true([&] { return server.conversions.waiting() == 3; }));
  CHECK(server.call("ann", "GET", at(id)).json().at("files").at("running") == 1);
  CHECK(server.call("ann", "GET", at(free_one)).json().at("files").at("running") == 2);
  server.conversions.open();
  server.await_state("ann", id, "completed");
}
