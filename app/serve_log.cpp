#include "app/serve_log.hpp"

#include "app/limits.hpp"
#include "base/errno_text.hpp"
#include "base/thread_name.hpp"
#include "base/unique_fd.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace darkroom::app {

namespace {

constexpr const char* line_pattern = "%Y-%m-%dT%H:%M:%S.%fZ %l %v";

using log_clock = std::chrono::steady_clock;

// Until when lines are still written; the end of the process must not wait for a reader.
std::atomic<log_clock::time_point> write_until = log_clock::time_point::max();

// Whether something can be written without waiting, within the time that is left.
bool await_room(int file) {
  while (log_clock::now() < write_until.load()) {
    pollfd about{file, POLLOUT, 0};
    const auto n = ::poll(&about, 1, limits::log_look_ms);
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
  return false;
}

// At most what a pipe with room takes at once: the rest of it must not wait either.
ssize_t write_some(int file, const char* from, std::size_t bytes) {
  const auto piece = std::min<std::size_t>(bytes, PIPE_BUF);
  const auto n = ::send(file, from, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
  return n < 0 && errno == ENOTSOCK ? ::write(file, from, piece) : n;
}

// One write for each line, if it is not very long: lines of several processes in one file stay
// whole. In the thread of the queue.
class line_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  // -1: standard error, which is not ours to close.
  explicit line_sink(base::unique_fd file) : file_(std::move(file)) {}

protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const char* at = line.data();
    std::size_t left = line.size();
    const int file = file_ ? file_.get() : STDERR_FILENO;
    while (left != 0) {
      if (!await_room(file)) return;
      const auto n = write_some(file, at, left);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return; // a full disk: the server goes on without its log
      at += n;
      left -= static_cast<std::size_t>(n);
    }
  }
  void flush_() override {}

private:
  base::unique_fd file_;
};

std::unexpected<std::string> refuse_log_file(const std::string& file, const std::string& why) {
  return std::unexpected("log.file: " + file + ": " + why);
}

// Lines wait here for the thread that writes them. When a pipe that is not read, or a disk, makes
// it wait, the oldest are dropped: who logs never waits.
std::shared_ptr<spdlog::details::thread_pool> log_queue;

// Passes lines on to what is used now. It stays the sink of the one logger: others hold that.
class switched_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  // The queue outlives every line.
  explicit switched_sink(spdlog::details::thread_pool& queue) : queue_(queue) {}
  void use(std::shared_ptr<spdlog::sinks::sink> next) {
    const std::lock_guard lock(mutex_);
    next->set_formatter(formatter_->clone());
    next_ = std::move(next);
  }

protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto dropped = queue_.overrun_counter();
    if (dropped != reported_) {
      const auto text =
          std::to_string(dropped - reported_) + " older lines of the log were dropped";
      next_->log({message.logger_name, spdlog::level::warn, text});
      reported_ = dropped;
    }
    next_->log(message);
  }
  void flush_() override { next_->flush(); }
  void set_formatter_(std::unique_ptr<spdlog::formatter> formatter) override {
    formatter_ = std::move(formatter);
    next_->set_formatter(formatter_->clone());
  }

private:
  std::shared_ptr<spdlog::sinks::sink> next_ = std::make_shared<line_sink>(base::unique_fd{});
  spdlog::details::thread_pool& queue_;
  std::uint64_t reported_ = 0;
};

} // namespace

base::result<log_target, std::string> open_log_target(const config::log_settings& settings) {
  const auto& path = settings.file;
  if (path.empty()) return log_target{std::make_shared<line_sink>(base::unique_fd{})};
  // Without waiting: opening a pipe waits for its reader.
  base::unique_fd file{::open(
      path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600)};
  if (!file) return refuse_log_file(path, base::errno_text(errno));
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) return refuse_log_file(path, base::errno_text(errno));
  if (!S_ISREG(about.st_mode)) return refuse_log_file(path, "must be a regular file");
  return log_target{std::make_shared<line_sink>(std::move(file))};
}

void use_log(log_target target, const config::log_settings& settings) {
  if (!log_queue)
    log_queue = std::make_shared<spdlog::details::thread_pool>(limits::log_queue_lines, 1,
                                                               [] { base::name_thread("log"); });
  static const auto shared = std::make_shared<switched_sink>(*log_queue);
  static const auto log = [] {
    auto made = std::make_shared<spdlog::async_logger>(
        "darkroom", shared, log_queue, spdlog::async_overflow_policy::overrun_oldest);
    made->set_pattern(line_pattern, spdlog::pattern_time_type::utc);
    spdlog::set_default_logger(made);
    return made;
  }();
  shared->use(std::move(target.sink));
  log->set_level(spdlog::level::from_str(settings.level));
}

std::uint64_t log_lines_dropped() {
  return log_queue ? log_queue->overrun_counter() : 0;
}

void close_log() {
  write_until = log_clock::now() + std::chrono::milliseconds(limits::log_close_ms);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("closed"));
  log_queue.reset(); // writes what it has, and ends its thread
}

} // namespace darkroom::app
