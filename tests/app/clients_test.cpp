// The API through what others wrote: generated clients, a linter of its document, requests made
// from that document, and the proxies of Debian with the configurations of docs/proxies.
#include "served.hpp"
#include "tests/codecs/pictures.hpp"
#include "tests/support/scratch.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cstdlib>
#include <filesystem>

using namespace darkroom;
using namespace darkroom::tests;
namespace fs = std::filesystem;

namespace {

const std::string npm = DARKROOM_SOURCE_DIR "/build/npm/node_modules/";
const std::string clients = DARKROOM_SOURCE_DIR "/tests/clients/";
const std::string python = "/usr/bin/python3 ";
const std::string node = "NODE_PATH=" + npm + " /usr/bin/node ";

bool has_npm(const char* package) {
  return has("/usr/bin/node") && fs::exists(npm + package);
}

bool has_python(const char* modules) {
  return std::system((python + "-c 'import " + modules + "' 2> /dev/null").c_str()) == 0;
}

// Runs shell commands in the folder to their end; what they printed.
std::string printed(const std::string& commands, const scratch& folder) {
  const auto script = folder.write("commands.sh", "set -eu\ncd " + folder.path() + '\n' + commands);
  const auto out = folder / "printed", errors = folder / "errors";
  const auto code =
      std::system(("timeout 250 sh " + script + " > " + out + " 2> " + errors).c_str());
  INFO(content_of(out));
  INFO(content_of(errors));
  REQUIRE(code == 0);
  return content_of(out);
}

// The document as a server gives it, in `openapi.json`.
std::string fetch_document(const served& server) {
  return "curl -sf " + server.address() + "/v1/openapi.json > openapi.json\n";
}

void make_photos(const scratch& folder) {
  for (unsigned i = 0; i < 4; ++i)
    folder.write(i == 0 ? "photos/a.png"
                        : "photos/sub dir/" +
                              std::string(i == 3 ? "d\xc3\xa9"
                                                   "eper/"
                                                 : "") +
                              std::to_string(i) + ".png",
                 encoded("png", gradient(codecs::pixel_layout::rgb, 700 + i, 30)));
}

constexpr auto quickstart = "ann is user\n"
                            "4 uploads, 3 in folders\n"
                            "completed, 4 files\n"
                            "4 listed as completed\n"
                            "the last event is batch_finished\n"
                            "an output begins with WEBP\n"
                            "refused with wrong_state, allowed: change_details, delete\n"
                            "refused with not_found\n";

} // namespace

TEST_CASE("a public linter finds nothing in the document of the API") {
  if (!has_npm("@redocly/cli")) SKIP("node or @redocly/cli is not installed");
  const scratch data, work;
  served server(data.path());
  const auto found = printed(
      fetch_document(server) + "REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true " + node +
          npm + "@redocly/cli/bin/cli.js lint openapi.json --extends=recommended" +
          " --format=json | jq -c '.totals, (.problems[] | [.ruleId, .message])'\n",
      work);
  CHECK(found == "{\"errors\":0,\"warnings\":0,\"ignored\":0}\n");
}

TEST_CASE("docs/requests.md has a row for every request, and no other") {
  const scratch data, work;
  served server(data.path());
  CHECK(printed(fetch_document(server) +
                    "jq -r '.paths | to_entries[] | .key as $path | .value | keys[]"
                    " | select(. != \"parameters\") | \"\\(ascii_upcase) \\($path)\"'"
                    " openapi.json | sort > served\n"
                    "sed -n 's/^| `\\([A-Z]* [^`]*\\)` .*/\\1/p' " DARKROOM_SOURCE_DIR
                    "/docs/requests.md | sort > told\ndiff served told\n",
                work)
            .empty());
}

TEST_CASE("a client in TypeScript, with types from the document, does the quickstart") {
  for (const auto* package : {"openapi-typescript", "openapi-fetch", "typescript", "@types/node"})
    if (!has_npm(package)) SKIP("node or " << package << " is not installed");
  const scratch data, work;
  served server(data.path());
  make_photos(work);
  CHECK(printed(fetch_document(server) + "ln -s " + npm + " node_modules\ncp " + clients +
                    "openapi_quickstart.ts .\necho '{\"type\": \"module\"}' > package.json\n" +
                    node + npm + "openapi-typescript/bin/cli.js openapi.json --output api.d.ts" +
                    " --default-non-nullable false > generated\n" + node + npm +
                    "typescript/bin/tsc --strict --target es2022 --module nodenext"
                    " --lib es2022,dom --types node openapi_quickstart.ts\n" +
                    node + "openapi_quickstart.js " + server.address() + ' ' + server.token() +
                    " photos .\nunzip -tqq results.zip\n",
                work) == quickstart);
}

TEST_CASE("a client in Python, generated from the document, does the quickstart") {
  const std::string generator =
      npm + "@openapitools/openapi-generator-cli/bin/openapi-generator.jar";
  if (!fs::exists(generator) || !has("java") || !has_python("urllib3, dateutil, six, certifi"))
    SKIP("openapi-generator, java or what generated clients need is not installed");
  const scratch data, work;
  served server(data.path());
  make_photos(work);
  CHECK(printed(fetch_document(server) + python + clients +
                    "openapi_30.py < openapi.json > openapi30.json\njava -jar " + generator +
                    " generate -g python -i openapi30.json -o client"
                    " --package-name darkroom_client > generated\nPYTHONPATH=client " +
                    python + clients + "openapi_quickstart.py " + server.address() + ' ' +
                    server.token() + " photos .\nunzip -tqq results.zip\n",
                work) == quickstart);
}

TEST_CASE("requests made from the document get answers that it describes") {
  if (!has_python("jsonschema")) SKIP("python3-jsonschema is not installed");
  const scratch data, work;
  served server(data.path());
  const auto out = printed(python + clients + "fuzz_openapi.py " + server.address() + ' ' +
                               server.token() + " 10000 1\n",
                           work);
  INFO(out);
  CHECK(out.ends_with("\n0 findings\n"));
  CHECK(out.find("never succeeded: -\n") != std::string::npos);
}

TEST_CASE("uploads, refusals, feeds and ZIPs go through the proxies of Debian") {
  const std::string proxy = GENERATE("direct", "nginx", "haproxy", "caddy");
  const std::string program = proxy == "caddy" ? "/usr/bin/caddy" : "/usr/sbin/" + proxy;
  if (!has_npm("undici") || !has_python("websockets") ||
      (proxy != "direct" && !fs::exists(DARKROOM_SOURCE_DIR "/build/" + proxy + program)))
    SKIP("node, undici, python3-websockets or " << proxy << " is not installed");
  const scratch data, work;
  served server(data.path(),
                {"--set", "work.input_bytes_max=54525952", "--set", "quota.queued_files=4"});
  const auto out = printed(python + clients + "proxies.py " + proxy + ' ' + server.address() + ' ' +
                               server.token() + ' ' + (data / "data") + " 3\n",
                           work);
  CHECK(out.find("upload of 50000000 bytes, with and without a length, and back\n") !=
        std::string::npos);
  CHECK(out.find("503, undici: {\"503 application/problem+json in_doubt\": 6}\n") !=
        std::string::npos);
}

TEST_CASE("nginx asks oauth2-proxy for the user, and Darkroom takes that name") {
  if (!has_python("websockets") || !fs::exists(DARKROOM_SOURCE_DIR "/build/nginx/usr/sbin/nginx"))
    SKIP("nginx or python3-websockets is not installed");
  const scratch data, work;
  served server(data.path(), {"--set", "auth.proxy_header=X-User", "--set",
                              "auth.trusted_proxies=127.0.0.1/32"});
  const auto out =
      printed(python + clients + "proxies.py oauth2-proxy " + server.address() + '\n', work);
  CHECK(out.starts_with("who signed in, and who did not\n"));
}
