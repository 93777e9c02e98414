#include "app/serve_log.hpp"

#include "base/errno_text.hpp"
#include "base/unique_fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

namespace darkroom::app {

namespace {

constexpr const char* line_pattern = "%Y-%m-%dT%H:%M:%S.%fZ %l %v";

// One write for each line: lines of several processes in one file stay whole.
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
    while (left != 0) {
      const auto n = ::write(file_ ? file_.get() : STDERR_FILENO, at, left);
      if (n < 0 && errno == EINTR) continue;
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

// Passes lines on to what is used now. It stays the sink of the one logger: others hold that.
class switched_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  void use(std::shared_ptr<spdlog::sinks::sink> next) {
    const std::lock_guard lock(mutex_);
    next->set_formatter(formatter_->clone());
    next_ = std::move(next);
  }

protected:
  void sink_it_(const spdlog::details::log_msg& message) override { next_->log(message); }
  void flush_() override { next_->flush(); }
  void set_formatter_(std::unique_ptr<spdlog::formatter> formatter) override {
    formatter_ = std::move(formatter);
    next_->set_formatter(formatter_->clone());
  }

private:
  std::shared_ptr<spdlog::sinks::sink> next_ = std::make_shared<line_sink>(base::unique_fd{});
};

} // namespace

base::result<log_target, std::string> open_log_target(const config::log_settings& settings) {
  const auto& path = settings.file;
  if (path.empty()) return log_target{std::make_shared<line_sink>(base::unique_fd{})};
  // Without waiting: to open a pipe waits until somebody reads it.
  base::unique_fd file{::open(
      path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600)};
  if (!file) return refuse_log_file(path, base::errno_text(errno));
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) return refuse_log_file(path, base::errno_text(errno));
  if (!S_ISREG(about.st_mode)) return refuse_log_file(path, "must be a regular file");
  return log_target{std::make_shared<line_sink>(std::move(file))};
}

void use_log(log_target target, const config::log_settings& settings) {
  static const auto shared = std::make_shared<switched_sink>();
  static const auto log = [] {
    auto made = std::make_shared<spdlog::logger>("darkroom", shared);
    made->set_pattern(line_pattern, spdlog::pattern_time_type::utc);
    spdlog::set_default_logger(made);
    return made;
  }();
  shared->use(std::move(target.sink));
  log->set_level(spdlog::level::from_str(settings.level));
}

} // namespace darkroom::app
