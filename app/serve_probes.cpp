#include "app/serve_probes.hpp"

#include "actors/orchestra.hpp"
#include "app/limits.hpp"
#include "codecs/host/codec_host.hpp"
#include "http/health_board.hpp"
#include "persistence/files.hpp"
#include "persistence/place_watch.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace darkroom::app {

namespace {

using board_clock = http::health_board::clock;

constexpr const char* store_check = "blobs";
constexpr const char* place_check = "folders";

// Probes at once and then again and again; says what changed in the log.
std::unique_ptr<background_thread> probe_often(const char* name,
                                               std::shared_ptr<http::health_board> board,
                                               std::uint32_t interval_ms,
                                               std::function<std::string()> probe) {
  auto last = probe();
  board->report(name, last, board_clock::now());
  if (!last.empty()) spdlog::error("{}: {}", name, last);
  return std::make_unique<background_thread>(
      std::string{name} + " probe",
      [=, probe = std::move(probe)](const background_thread::wait& wait) mutable {
        while (wait(std::chrono::milliseconds(interval_ms))) {
          auto fault = probe();
          board->report(name, fault, board_clock::now());
          if (!fault.empty() && fault != last) spdlog::error("{}: {}", name, fault);
          if (fault.empty() && !last.empty()) spdlog::info("{}: works again", name);
          last = std::move(fault);
        }
      });
}

} // namespace

std::string probe_directory(const std::string& directory) {
  const auto file = persistence::make_nameless_file(directory);
  if (!file) return file.error().text();
  std::array<std::uint8_t, 4096> written{}, read{};
  const auto now = board_clock::now().time_since_epoch().count();
  for (std::size_t i = 0; i < written.size(); ++i)
    written[i] = static_cast<std::uint8_t>(now >> (i % 8 * 8)) ^ static_cast<std::uint8_t>(i);
  if (auto ok = persistence::write_all(file->get(), written, "a file in " + directory); !ok)
    return ok.error().text();
  if (::fdatasync(file->get()) != 0)
    return persistence::last_error("syncing a file in " + directory).text();
  ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED); // from the disk, as far as that is one
  const auto got = ::pread(file->get(), read.data(), read.size(), 0);
  if (got < 0) return persistence::last_error("reading a file in " + directory).text();
  if (static_cast<std::size_t>(got) != read.size() || read != written)
    return "a file in " + directory + " does not hold what was written to it";
  return {};
}

bool store_failed_since(const http::health_board& board,
                        std::chrono::steady_clock::time_point since) {
  const auto now = board_clock::now();
  return board.failed_since(store_check, since, now) || board.failed_since(place_check, since, now);
}

std::unique_ptr<background_thread>
watch_places(std::shared_ptr<const persistence::place_watch> places, actors::orchestra& actors,
             std::shared_ptr<http::health_board> board) {
  return std::make_unique<background_thread>(
      "place watch", [places, &actors, board](const background_thread::wait& wait) {
        std::string last;
        do {
          auto fault = places->fault();
          board->report(place_check, fault, board_clock::now());
          if (!fault.empty() && fault != last) {
            spdlog::error("{}: nothing is accepted until it is back", fault);
            actors.close_journal(fault);
          }
          last = std::move(fault);
        } while (wait(std::chrono::milliseconds(limits::place_watch_ms)));
      });
}

std::unique_ptr<background_thread> probe_blobs(const std::string& blobs,
                                               std::shared_ptr<http::health_board> board) {
  return probe_often(store_check, std::move(board), limits::blob_probe_ms,
                     [blobs] { return probe_directory(blobs); });
}

std::unique_ptr<background_thread> probe_hosts(codecs::host::zygote& hosts,
                                               std::shared_ptr<http::health_board> board) {
  return probe_often("hosts", std::move(board), limits::host_probe_ms, [&hosts]() -> std::string {
    const auto ok = codecs::host::probe_sample(hosts);
    return ok ? std::string{} : ok.error();
  });
}

} // namespace darkroom::app
