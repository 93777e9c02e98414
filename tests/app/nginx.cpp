#include "nginx.hpp"

#include "base/unique_fd.hpp"
#include "process.hpp"

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>
#include <cstdlib>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>

namespace darkroom::tests {

namespace {

sockaddr_in loopback(int port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  return at;
}

// One that nobody listens at; the kernel does not give it away again soon.
int free_port() {
  const base::unique_fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto at = loopback(0);
  socklen_t size = sizeof at;
  REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
  REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  return ntohs(at.sin_port);
}

bool listens(int port) {
  const base::unique_fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto at = loopback(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  INFO(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

} // namespace

nginx::nginx(const scratch& folder, const std::string& upstream)
    : folder_(folder.path()), port_(free_port()) {
  const auto in = [this](const char* name) { return folder_ + '/' + name; };
  REQUIRE(std::system(
              ("openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout " +
               in("key") + " -out " + in("pem") + " 2> /dev/null")
                  .c_str()) == 0);
  REQUIRE(std::system(("echo \"ann:$(openssl passwd -apr1 secret)\" > " + in("users")).c_str()) ==
          0);
  auto site = content_of(DARKROOM_SOURCE_DIR "/docs/proxies/nginx-password.conf");
  const auto listen = "listen 127.0.0.1:" + std::to_string(port_);
  site = replaced(site, "listen 443", listen);
  site = replaced(site, "/etc/darkroom/tls.pem", in("pem"));
  site = replaced(site, "/etc/darkroom/tls.key", in("key"));
  site = replaced(site, "/etc/darkroom/users", in("users"));
  site = replaced(site, "proxy_pass http://127.0.0.1:8080", "proxy_pass " + upstream);
  std::ofstream(in("site.conf")) << site;
  std::ofstream conf(in("nginx.conf"));
  conf << "pid " << in("pid") << ";\nerror_log " << in("error.log")
       << ";\nworker_processes 1;\nevents {}\nhttp {\n  access_log off;\n";
  for (const auto* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    conf << "  " << kind << "_temp_path " << in(kind) << ";\n";
  conf << "  include " << in("site.conf") << ";\n}\n";
  conf.close();
  // Its workers read what a test's folder keeps from others.
  const std::string user =
      "user " + std::string{::getenv("USER") ? ::getenv("USER") : "root"} + ";";
  REQUIRE(std::system(command("-g '" + user + "'").c_str()) == 0);
  REQUIRE(comes_true([this] { return listens(port_); }));
}

nginx::~nginx() {
  (void)!std::system(command("-s stop").c_str());
}

std::string nginx::address() const {
  return "https://127.0.0.1:" + std::to_string(port_);
}

std::string nginx::command(const std::string& more) const {
  return DARKROOM_SOURCE_DIR "/build/nginx/usr/sbin/nginx -p " + folder_ + " -c " + folder_ +
         "/nginx.conf " + more + " > " + folder_ + "/nginx.out 2>&1";
}

} // namespace darkroom::tests
