// Bytes over HTTP: uploads of all kinds, ranges, reports and the ZIP.
#include "base/units.hpp"
#include "edge.hpp"

#include "http/uploads.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace darkroom;
using namespace darkroom::tests;

namespace {

std::string at(const std::string& id, const std::string& rest) {
  return "/v1/batches/" + id + rest;
}

std::string digest_header(const std::string& bytes) {
  persistence::sha256 sum;
  sum.add({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return http::repr_digest(sum.finish());
}

std::string hex_of(const std::string& bytes) {
  persistence::sha256 sum;
  sum.add({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return persistence::to_hex(sum.finish());
}

std::string completed_batch(edge& server, int files) {
  const auto id = server.batch("ann");
  for (int i = 0; i < files; ++i)
    REQUIRE(server
                .put("ann", id, "d/f" + std::to_string(i) + ".jpg",
                     picture(std::string(static_cast<std::size_t>(i) * 1'000, 'x')))
                .status == 201);
  REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
  server.await_state("ann", id, "completed");
  return id;
}

} // namespace

TEST_CASE("an upload says what was stored, and once more that it was") {
  edge server;
  const auto id = server.batch("ann");
  const auto bytes = picture("hello");
  const auto first = server.put("ann", id, "a%20b/%C3%A9.jpg", bytes);
  REQUIRE(first.status == 201);
  CHECK(first.json().at("path").as_string() == "a b/\xc3\xa9.jpg");
  CHECK(first.json().at("sha256").as_string() == hex_of(bytes));
  CHECK(first.header("repr-digest") == digest_header(bytes));
  CHECK(first.header("location") == at(id, "/files/0"));
  CHECK(server.put("ann", id, "a%20b/%C3%A9.jpg", bytes).status == 200);
  CHECK(server.put("ann", id, "a%20b/%C3%A9.jpg", picture("other")).code() == "name_collision");
  CHECK(server.blobs_on_disk() == 1); // what was refused is not kept
  CHECK(server.put("ann", id, "text.txt", "no picture").code() == "unsupported_format");
  CHECK(server.call("ann", "PUT", at(id, "/files/x.jpg")).status == 411);
  CHECK(server.blobs_on_disk() == 1);
}

TEST_CASE("a digest that was announced is checked") {
  edge server;
  const auto id = server.batch("ann");
  const auto put = [&](const std::string& path, const std::string& bytes,
                       const std::string& digest) {
    return server.call("ann", "PUT", at(id, "/files/" + path), bytes,
                       {{"Content-Type", "image/jpeg"}, {"Repr-Digest", digest}});
  };
  CHECK(put("a", picture("a"), digest_header(picture("a"))).status == 201);
  CHECK(put("b", picture("b"), digest_header(picture("a"))).code() == "digest_mismatch");
  CHECK(put("c", picture("c"), "sha-256=:x:").status == 400);
  CHECK(put("d", picture("d"), "md5=:AAAA:").status == 201); // not one that we know
}

TEST_CASE("a client that expects to be told may be refused before it sends") {
  edge server([](config::settings& s) { s.work.input_bytes_max = 1'000; });
  const auto id = server.batch("ann");
  const auto head = [&](std::size_t length) {
    return "PUT " + at(id, "/files/a.jpg") + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
           server.token("ann") +
           "\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  };
  wire refused(server.port());
  refused.send(head(2'000));
  CHECK(refused.read().status == 413);
  CHECK(refused.closes());
  wire taken(server.port());
  const auto bytes = picture("a");
  taken.send(head(bytes.size()));
  CHECK(taken.read().status == 100);
  taken.send(bytes);
  CHECK(taken.read().status == 201);
  // In chunks, it is found out on the way.
  wire chunked(server.port());
  chunked.send("PUT " + at(id, "/files/b.jpg") + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
               server.token("ann") + "\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" +
               std::string(2'048, 'x') + "\r\n0\r\n\r\n");
  CHECK(chunked.read().status == 413);
}

TEST_CASE("two uploads of one path at a time: one wins, the other hears of it") {
  edge server;
  const auto id = server.batch("ann");
  const auto bytes = picture("a");
  wire first(server.port());
  first.send("PUT " + at(id, "/files/a.jpg") + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
             server.token("ann") + "\r\nExpect: 100-continue\r\nContent-Length: " +
             std::to_string(bytes.size()) + "\r\n\r\n");
  REQUIRE(first.read().status == 100); // it is under way
  CHECK(server.put("ann", id, "a.jpg", bytes).code() == "upload_in_progress");
  first.send(bytes);
  CHECK(first.read().status == 201);
  CHECK(server.put("ann", id, "a.jpg", bytes).status == 200);
}

TEST_CASE("an upload that breaks off leaves nothing") {
  edge server;
  const auto id = server.batch("ann");
  {
    wire broken(server.port());
    broken.send("PUT " + at(id, "/files/a.jpg") + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
                server.token("ann") + "\r\nContent-Length: 100000\r\n\r\n" + picture("a"));
  }
  // Its room is given back, and its path.
  reply again;
  for (int i = 0; i < 2'000 && again.status != 201; ++i)
    again = server.put("ann", id, "a.jpg", picture("b"));
  CHECK(again.status == 201);
  CHECK(server.blobs_on_disk() == 1);
}

TEST_CASE("a form brings many files; one that is bad harms no other") {
  edge server;
  const auto id = server.batch("ann");
  const auto part = [](const std::string& name, const std::string& bytes,
                       const std::string& more = "") {
    return "--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"" + name + "\"\r\n" +
           more + "Content-Type: image/jpeg\r\n\r\n" + bytes + "\r\n";
  };
  std::string form = "preamble\r\n";
  for (int i = 0; i < 70; ++i)
    form += part("dir/f" + std::to_string(i) + ".jpg", picture(std::to_string(i)));
  form += part("note.txt", "no picture");
  form += part("empty.jpg", "");
  form += part("dir/f1.jpg", picture("again, and different"));
  form += part("ok.jpg", picture("ok"), "Repr-Digest: " + digest_header(picture("ok")) + "\r\n");
  form += part("bad.jpg", picture("bad"), "Repr-Digest: " + digest_header("else") + "\r\n");
  form += "--B\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n";
  form += "--B--\r\nepilogue";
  const auto r = server.call("ann", "POST", at(id, "/files"), form,
                             {{"Content-Type", "multipart/form-data; boundary=\"B\""}});
  INFO(r.body);
  REQUIRE(r.status == 201);
  CHECK(r.json().at("files").as_array().size() == 71);
  std::map<std::string, std::string> rejected;
  const auto value = r.json();
  for (const auto& one : value.at("rejected").as_array())
    rejected[std::string{one.at("path").as_string()}] = std::string{one.at("code").as_string()};
  CHECK(rejected == std::map<std::string, std::string>{{"note.txt", "unsupported_format"},
                                                       {"empty.jpg", "unsupported_format"},
                                                       {"dir/f1.jpg", "name_collision"},
                                                       {"bad.jpg", "digest_mismatch"},
                                                       {"field", "invalid_multipart"}});
  const auto cut = server.call("ann", "POST", at(id, "/files"), part("late.jpg", picture("late")),
                               {{"Content-Type", "multipart/form-data; boundary=B"}});
  CHECK(cut.code() == "invalid_multipart");
  CHECK(
      server.call("ann", "POST", at(id, "/files"), "x", {{"Content-Type", "text/plain"}}).status ==
      415);
}

TEST_CASE("a manifest adds what its owner has uploaded before, and nobody else's") {
  edge server;
  const auto first = server.batch("ann");
  REQUIRE(server.put("ann", first, "a.jpg", picture("a")).status == 201);
  const auto row = [](const std::string& path, const std::string& bytes, std::size_t size) {
    return R"({"path":")" + path + R"(","size":)" + std::to_string(size) + R"(,"sha256":")" +
           hex_of(bytes) + "\"}";
  };
  const auto a = picture("a"), b = picture("b");
  const std::string manifest = "[" + row("x/a.jpg", a, a.size()) + "," + row("b.jpg", b, b.size()) +
                               "," + row("wrong.jpg", a, 1) + "]";
  const auto second = server.batch("ann");
  const auto r = server.call("ann", "POST", at(second, "/manifest"), manifest).json();
  CHECK(boost::json::serialize(r.at("have")) == R"(["x/a.jpg"])");
  CHECK(boost::json::serialize(r.at("missing")) == R"(["b.jpg","wrong.jpg"])");
  const auto others = server.batch("ben");
  const auto of_ben = server.call("ben", "POST", at(others, "/manifest"), manifest).json();
  CHECK(of_ben.at("have").as_array().empty());
  CHECK(server.call("ann", "GET", at(second, "/files/0/input")).body == a);
  // Stored bytes count for each batch.
  CHECK(server.call("ann", "GET", "/v1/me/usage").json().at("stored_bytes").as_int64() ==
        static_cast<std::int64_t>(2 * a.size()));
}

TEST_CASE("files leave a draft, and only that") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a/b.jpg", picture("a")).status == 201);
  REQUIRE(server.put("ann", id, "c.jpg", picture("c")).status == 201);
  CHECK(server.call("ann", "DELETE", at(id, "/files/a/b.jpg")).status == 204);
  CHECK(server.call("ann", "DELETE", at(id, "/files/a/b.jpg")).status == 404);
  CHECK(server.blobs_on_disk() == 1);
  CHECK(server.put("ann", id, "a/b.jpg", picture("new")).status == 201);
  server.call("ann", "POST", at(id, "/start"));
  CHECK(server.call("ann", "DELETE", at(id, "/files/c.jpg")).status == 409);
}

TEST_CASE("ranges of an output, in every form") {
  edge server;
  const auto id = completed_batch(server, 1);
  const auto path = at(id, "/files/0/outputs/0");
  const auto whole = server.call("ann", "GET", path);
  const auto size = whole.body.size();
  const auto get = [&](const std::string& range, const edge::headers& more = {}) {
    auto headers = more;
    headers.emplace_back("Range", range);
    return server.call("ann", "GET", path, {}, headers);
  };
  const auto first = get("bytes=0-3");
  CHECK(first.status == 206);
  CHECK(first.body == whole.body.substr(0, 4));
  CHECK(first.header("content-range") == "bytes 0-3/" + std::to_string(size));
  CHECK(get("bytes=4-").body == whole.body.substr(4));
  CHECK(get("bytes=-3").body == whole.body.substr(size - 3));
  CHECK(get("bytes=2-99999999999999999999").body == whole.body.substr(2));
  for (const auto* none : {"bytes=99999-", "bytes=-0", "bytes=99999999999999999999-"}) {
    INFO(none);
    CHECK(get(none).status == 416);
    CHECK(get(none).header("content-range") == "bytes */" + std::to_string(size));
  }
  for (const auto* ignored :
       {"bytes=0-1,3-4", "bytes=5-2", "lines=0-3", "bytes=a-b", "bytes=--1"}) {
    INFO(ignored);
    CHECK(get(ignored).status == 200);
    CHECK(get(ignored).body == whole.body);
  }
  CHECK(get("bytes=0-3", {{"If-Range", whole.header("etag")}}).status == 206);
  CHECK(get("bytes=0-3", {{"If-Range", "\"other\""}}).status == 200);
  CHECK(server.call("ann", "GET", path, {}, {{"If-None-Match", whole.header("etag")}}).status ==
        304);
  const auto head = server.call("ann", "HEAD", path);
  CHECK(head.header("content-length") == std::to_string(size));
}

TEST_CASE("the ZIP has an exact length, and any part of it is the same part") {
  edge server;
  const auto id = completed_batch(server, 5);
  for (const auto* form : {"", "?zip64=always"}) {
    const auto path = at(id, "/results.zip") + form;
    const auto whole = server.call("ann", "GET", path);
    REQUIRE(whole.status == 200);
    CHECK(whole.header("content-length") == std::to_string(whole.body.size()));
    const auto head = server.call("ann", "HEAD", path);
    CHECK(head.header("content-length") == std::to_string(whole.body.size()));
    CHECK(head.header("etag") == whole.header("etag"));
    CHECK(head.header("accept-ranges") == "bytes");
    for (std::size_t from = 0; from < whole.body.size(); from += 97) {
      const auto part = server.call(
          "ann", "GET", path, {},
          {{"Range", "bytes=" + std::to_string(from) + "-" + std::to_string(from + 150)},
           {"If-Range", whole.header("etag")}});
      REQUIRE(part.status == 206);
      REQUIRE(part.body == whole.body.substr(from, 151));
    }
    scratch dir;
    const auto file = dir.write("r.zip", whole.body);
    CHECK(std::system(("unzip -tqq " + file).c_str()) == 0);
    CHECK(std::system(("cd " + dir.path() + " && unzip -qq r.zip").c_str()) == 0);
    CHECK(content_of(dir / "d/f0.webp") == "webp:" + picture(""));
    CHECK(content_of(dir / "d/f4.webp") == "webp:" + picture(std::string(4'000, 'x')));
  }
}

TEST_CASE("a ZIP with outputs that are lost or damaged has all others") {
  edge server;
  const auto id = completed_batch(server, 5);
  const auto path = at(id, "/results.zip");
  const auto whole = server.call("ann", "GET", path).body;
  server.restart(); // nothing of it is known to be whole any more
  const auto blob = [&](int file) {
    const auto output = server.call("ann", "GET", at(id, "/files/" + std::to_string(file)))
                            .json()
                            .at("outputs")
                            .at(0);
    return server.services().blobs.path_of(
        *persistence::parse_hex(std::string{output.at("sha256").as_string()}));
  };
  std::filesystem::remove(blob(0));
  const auto damaged = blob(4);
  std::ofstream(damaged, std::ios::in | std::ios::binary).put('?');
  scratch dir;
  for (const auto* name : {"first.zip", "second.zip"}) {
    const auto zip = server.call("ann", "GET", path).body;
    CHECK(zip.size() == whole.size());
    CHECK(std::system(("unzip -tqq " + dir.write(name, zip) + " > /dev/null 2>&1").c_str()) != 0);
  }
  CHECK_FALSE(std::filesystem::exists(damaged)); // set aside
  CHECK(server.services().blobs.damaged_found() == 1);
  CHECK(std::system(("cd " + dir.path() + " && unzip -qqo second.zip > /dev/null 2>&1").c_str()) !=
        0);
  for (const auto* other : {"d/f1.webp", "d/f2.webp", "d/f3.webp"})
    CHECK(content_of(dir / other).starts_with("webp:"));
}

TEST_CASE("a ZIP of a batch that works is of what has completed, and stays so") {
  edge server;
  const auto id = server.batch("ann", R"(,"start":"on_first_file")");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  for (int i = 0; i < 1'000; ++i)
    if (server.call("ann", "GET", at(id, "/files/0")).json().at("state").as_string() == "completed")
      break;
  const auto redirect = server.call("ann", "GET", at(id, "/results.zip"));
  REQUIRE(redirect.status == 307);
  const auto frozen = redirect.header("location");
  const auto before = server.call("ann", "GET", frozen);
  REQUIRE(before.status == 200);
  REQUIRE(server.put("ann", id, "b.jpg", picture("b")).status == 201);
  server.call("ann", "POST", at(id, "/seal"));
  server.await_state("ann", id, "completed");
  const auto after = server.call("ann", "GET", frozen);
  CHECK(after.body == before.body);
  CHECK(after.header("etag") == before.header("etag"));
  CHECK(server.call("ann", "GET", at(id, "/results.zip")).body.size() > before.body.size());
  CHECK(server.call("ann", "GET", at(id, "/results.zip?as_of=999999")).status == 400);
}

TEST_CASE("reports and lists agree, whole and in pages") {
  edge server;
  const auto id = completed_batch(server, 7);
  const auto report = server.call("ann", "GET", at(id, "/report.json")).json();
  REQUIRE(report.as_array().size() == 7);
  const auto lines = server.call("ann", "GET", at(id, "/report.ndjson")).body;
  CHECK(std::ranges::count(lines, '\n') == 7);
  const auto stream =
      server.call("ann", "GET", at(id, "/files"), {}, {{"Accept", "application/x-ndjson"}});
  CHECK(stream.header("transfer-encoding") == "chunked");
  CHECK(stream.body == lines);
  const auto csv = server.call("ann", "GET", at(id, "/report.csv"));
  CHECK(csv.header("content-type") == "text/csv; charset=utf-8");
  CHECK(std::ranges::count(csv.body, '\n') == 8);
  std::vector<std::string> seen;
  std::string path = at(id, "/files?limit=3&path_prefix=d/");
  while (!path.empty()) {
    const auto page = server.call("ann", "GET", path);
    const auto value = page.json();
    for (const auto& file : value.at("files").as_array())
      seen.emplace_back(file.at("path").as_string());
    const auto link = page.header("link");
    path = link.empty() ? "" : link.substr(1, link.find('>') - 1);
  }
  REQUIRE(seen.size() == 7);
  CHECK(seen[6] == report.at(6).at("path").as_string());
  const auto third = std::string{report.at(2).at("path").as_string()};
  const auto some = server.call("ann", "GET", at(id, "/files?q=" + third.substr(1))).json();
  REQUIRE(some.at("files").as_array().size() == 1);
  CHECK(some.at("files").at(0).at("path").as_string() == third);
  const auto rest =
      server.call("ann", "GET", at(id, "/files?from=5"), {}, {{"Accept", "application/x-ndjson"}});
  CHECK(std::ranges::count(rest.body, '\n') == 2);
  CHECK(lines.ends_with(rest.body));
  CHECK(server.call("ann", "GET", at(id, "/files?from=5")).json().at("files").as_array().size() ==
        2);
  CHECK(server.call("ann", "GET", at(id, "/files?from=-1")).code() == "invalid_parameter");
  CHECK(server.call("ann", "GET", at(id, "/files?q=D%2F")).json().at("files").as_array().size() ==
        7);
  CHECK(server.call("ann", "GET", at(id, "/files?path_prefix=nothing"))
            .json()
            .at("files")
            .as_array()
            .empty());
  CHECK(server.call("ann", "GET", at(id, "/files"), {}, {{"Accept", "text/html"}}).status == 406);
  CHECK(server.call("ann", "GET", at(id, "/files?state=x")).status == 400);
  CHECK(server.call("ann", "GET", at(id, "/files?cursor=zzzzzzzz")).code() == "invalid_cursor");
}

TEST_CASE("a thumbnail is a small picture, stored with no blob") {
  edge server;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const auto small = server.call("ann", "GET", at(id, "/files/0/thumbnail?w=64"));
  REQUIRE(small.status == 200);
  CHECK(small.body == "webp:" + picture("a"));
  CHECK(small.header("content-type") == "image/webp");
  CHECK(server.blobs_on_disk() == 1);
  CHECK(server
            .call("ann", "GET", at(id, "/files/0/thumbnail?w=64"), {},
                  {{"If-None-Match", small.header("etag")}})
            .status == 304);
  CHECK(server.call("ann", "GET", at(id, "/files/0/thumbnail?w=5000")).status == 400);
}

TEST_CASE("a thumbnail is made once, and only those who may see the batch get it") {
  edge server;
  const scratch data;
  const auto folder = data / "thumbnails";
  server.services().thumbnails = std::make_shared<persistence::thumbnail_cache>(
      persistence::thumbnail_cache::options{.folder = folder, .bytes_max = 1'000'000});
  auto& cache = *server.services().thumbnails;
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const auto path = at(id, "/files/0/thumbnail?w=64");
  const auto made = server.call("ann", "GET", path);
  REQUIRE(made.status == 200);
  CHECK(cache.entries() == 1);
  server.previews.close(); // what is answered now was made before
  const auto again = server.call("ann", "GET", path);
  CHECK(again.status == 200);
  CHECK(again.body == made.body);
  CHECK(again.header("content-type") == made.header("content-type"));
  CHECK(again.header("etag") == made.header("etag"));
  CHECK(again.header("content-security-policy") == "default-src 'none'; sandbox");
  CHECK(server.call("ben", "GET", path).code() == "not_owner");
  CHECK(server.call("", "GET", path).status == 401);
  CHECK(server.call("admin", "GET", path).status == 200);
  server.previews.open();

  SECTION("another owner of the same bytes does not learn that they are known") {
    const auto other = server.batch("ben");
    REQUIRE(server.put("ben", other, "b.jpg", picture("a")).status == 201);
    CHECK(server.call("ben", "GET", at(other, "/files/0/thumbnail?w=64")).status == 200);
    CHECK(cache.entries() == 2);
  }
  SECTION("another width is another picture") {
    CHECK(server.call("ann", "GET", at(id, "/files/0/thumbnail?w=65")).status == 200);
    CHECK(cache.entries() == 2);
  }
  SECTION("a damaged entry is made again") {
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      std::filesystem::resize_file(entry.path(), 20);
    CHECK(server.call("ann", "GET", path).body == made.body);
    CHECK(cache.entries() == 1);
  }
  SECTION("without the folder it is made again") {
    std::filesystem::remove_all(folder);
    CHECK(server.call("ann", "GET", path).body == made.body);
    CHECK(server.call("ann", "GET", path).body == made.body);
  }
  SECTION("with the batch it is gone, for everybody") {
    REQUIRE(server.call("ann", "DELETE", at(id, "?cancel=true")).status < 300);
    CHECK(server.call("ann", "GET", path).status == 404);
  }
}

TEST_CASE("with too many pictures on their way to slow clients, none is made") {
  edge server;
  const scratch data;
  server.services().thumbnails = std::make_shared<persistence::thumbnail_cache>(
      persistence::thumbnail_cache::options{.folder = data / "thumbnails", .bytes_max = 1'000'000});
  const auto id = server.batch("ann");
  REQUIRE(server.put("ann", id, "a.jpg", picture("a")).status == 201);
  const auto thumbnail = [&](int width) {
    return server.call("ann", "GET", at(id, "/files/0/thumbnail?w=" + std::to_string(width)));
  };
  const auto preview = [&] {
    return server.call("ann", "POST", at(id, "/files/0/preview"),
                       R"({"output":{"format":"webp"}})");
  };
  REQUIRE(thumbnail(64).status == 200);
  CHECK(preview().status == 200);
  auto& sending = server.services().pictures;
  CHECK(comes_true([&] { return sending.now() == 0; })); // what was sent no longer counts
  auto slow = sending.add(limits::pictures_sending_bytes_max);
  for (const auto& refused : {preview(), thumbnail(65)}) {
    CHECK(refused.status == 503);
    CHECK(refused.code() == "overloaded");
    CHECK(refused.header("retry-after") == "1");
  }
  CHECK(thumbnail(64).status == 200); // it lies on the disk
  slow.reset();
  CHECK(preview().status == 200);
  CHECK(thumbnail(65).status == 200);
}

TEST_CASE("a download goes on to its end although the batch is deleted meanwhile") {
  edge server;
  const auto id = server.batch("ann");
  for (int i = 0; i < 6; ++i) // more than a socket holds
    REQUIRE(
        server
            .put("ann", id, "f" + std::to_string(i), picture(std::string(3'000'000, char('a' + i))))
            .status == 201);
  server.call("ann", "POST", at(id, "/start"));
  server.await_state("ann", id, "completed");
  const auto size = server.call("ann", "HEAD", at(id, "/results.zip")).header("content-length");
  wire slow(server.port());
  slow.send("GET " + at(id, "/results.zip") + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
            server.token("ann") + "\r\n\r\n");
  slow.await_bytes();
  CHECK(server.call("ann", "DELETE", at(id, "")).status == 202);
  CHECK(server.call("ann", "GET", at(id, "/results.zip")).status == 404);
  const auto zip = slow.read();
  CHECK(zip.status == 200);
  CHECK(std::to_string(zip.body.size()) == size);
  CHECK(zip.body.ends_with(std::string(2, '\0'))); // the record at its end, with no comment
  // It is cleared away when nobody reads it any more.
  CHECK(comes_true([&] { return server.blobs_on_disk() == 0; }));
}

TEST_CASE("files that come while others are converted are all converted") {
  edge server;
  const auto id = server.batch("ann", R"(,"start":"on_first_file")");
  server.token("ann");
  constexpr int threads = 6, each = 60;
  std::atomic<int> taken = 0;
  std::vector<std::thread> clients;
  for (int t = 0; t < threads; ++t)
    clients.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        const auto name = std::to_string(t) + "-" + std::to_string(i);
        taken += server.put("ann", id, name, picture(name)).status == 201;
      }
    });
  for (auto& client : clients)
    client.join();
  CHECK(taken == threads * each);
  CHECK(server.call("ann", "POST", at(id, "/seal")).status == 200);
  server.await_state("ann", id, "completed");
  CHECK(server.call("ann", "GET", "/v1/batches/" + id)
            .json()
            .at("files")
            .at("completed")
            .as_int64() == threads * each);
  CHECK(server.announced().empty()); // the journal has not failed
}

TEST_CASE("the ZIP is called after its batch, as every system can write that") {
  edge server;
  const auto named = [&](const std::string& name) {
    const auto id = server.batch("ann", name.empty() ? "" : R"(,"name":")" + name + '"');
    REQUIRE(server.put("ann", id, "a.jpg", picture(name)).status == 201);
    REQUIRE(server.call("ann", "POST", at(id, "/start")).status == 202);
    server.await_state("ann", id, "completed");
    return std::pair{
        id, server.call("ann", "GET", at(id, "/results.zip")).header("content-disposition")};
  };
  CHECK(named("Norway 2026").second ==
        "attachment; filename=\"Norway 2026.zip\"; filename*=UTF-8''Norway%202026.zip");
  CHECK(named("a/b: \u00e4").second ==
        "attachment; filename=\"a-b_ __.zip\"; filename*=UTF-8''a-b_%20%C3%A4.zip");
  const auto [id, header] = named("");
  CHECK(header == "attachment; filename=\"" + id + ".zip\"; filename*=UTF-8''" + id + ".zip");
}

namespace {

std::string form_part(const std::string& name, const std::string& bytes,
                      const std::string& more = "") {
  return "--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"" + name + "\"\r\n" +
         more + "\r\n" + bytes + "\r\n";
}

reply send_parts(edge& server, const std::string& id, const std::string& parts) {
  auto r = server.call("ann", "POST", at(id, "/files"), parts + "--B--",
                       {{"Content-Type", "multipart/form-data; boundary=B"}});
  INFO(r.body);
  REQUIRE(r.status == 201);
  return r;
}

std::size_t count_of(const reply& r, const char* what) {
  const auto value = r.json();
  return value.at(what).as_array().size();
}

// A picture of so many bytes about.
std::string large(std::size_t bytes, int number) {
  return picture(std::to_string(100'000 + number) + std::string(bytes, 'x'));
}

} // namespace

TEST_CASE("a form is counted once while it is received, and takes all of the quota") {
  constexpr std::uint64_t most = 4 * limits::MiB;
  edge server([](config::settings& s) { s.quota.stored_bytes = most; });
  const auto id = server.batch("ann");
  const auto size = large(32 * 1'024, 0).size();
  const auto fit = most / size;
  constexpr int first = 96; // three quarters of it
  std::string parts;
  for (int i = 0; i < first; ++i)
    parts += form_part("f" + std::to_string(i) + ".jpg", large(32 * 1'024, i));
  const auto whole = send_parts(server, id, parts);
  CHECK(count_of(whole, "files") == first);
  CHECK(server.services().quotas.reserved("ann").bytes == 0);
  parts.clear();
  for (int i = first; i < 2 * first; ++i)
    parts += form_part("f" + std::to_string(i) + ".jpg", large(32 * 1'024, i));
  const auto beyond = send_parts(server, id, parts);
  CHECK(count_of(beyond, "files") == fit - first);
  const auto value = beyond.json();
  for (const auto& one : value.at("rejected").as_array())
    CHECK(one.at("code").as_string() == "storage_exceeded");
  CHECK(server.services().quotas.reserved("ann").bytes == 0);
}

TEST_CASE("a refused part of a form gives back its room") {
  edge server([](config::settings& s) {
    s.quota.stored_bytes = limits::MiB;
    s.quota.queued_files = 32;
  });
  const auto id = server.batch("ann");
  std::string parts;
  for (int i = 0; i < 4; ++i) // each half of the quota, by itself
    parts += form_part("wrong" + std::to_string(i) + ".jpg", large(limits::MiB / 2, i),
                       "Repr-Digest: " + digest_header("else") + "\r\n");
  for (int i = 0; i < 40; ++i)
    parts += form_part("empty" + std::to_string(i) + ".jpg", "");
  for (int i = 0; i < 40; ++i)
    parts += form_part("note" + std::to_string(i) + ".txt", "no picture");
  parts += form_part("good.jpg", large(limits::MiB * 3 / 4, 9));
  const auto r = send_parts(server, id, parts);
  CHECK(count_of(r, "files") == 1);
  const auto value = r.json();
  for (const auto& one : value.at("rejected").as_array())
    CHECK(one.at("code").as_string() != "quota_exceeded");
}
