// The server's handle on one codec host: gives it a job, waits for the reply within limits, and
// says how it failed. A host that fails in any way is gone afterwards.
#pragma once

#include "base/result.hpp"
#include "codecs/host/protocol.hpp"
#include "codecs/host/zygote.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <span>

namespace darkroom::codecs::host {

// What one job may take.
struct job_limits {
  std::uint64_t memory_bytes = 0; // on top of the idle host
  std::uint32_t cpu_ms = 0;
  std::uint32_t wall_ms = 0;
  bool unread = false; // guessed without the header: the host looks first whether it suffices
};

// Whose doing it is that there is no reply.
enum class host_end : std::uint8_t {
  by_file,   // the error is the file's
  by_us,     // `interrupt` was called
  by_others, // the host was killed or stopped from outside: the memory of the machine, an operator
  by_limits, // nothing was done: an `unread` job takes more than it may; the host is well
};
struct host_failure {
  host_end end = host_end::by_file;
  codec_error error;
};

class codec_host {
public:
  static base::result<std::unique_ptr<codec_host>, std::string>
  start(zygote& from, host_role role = host_role::conversion);
  ~codec_host(); // ends the process
  codec_host(const codec_host&) = delete;
  codec_host& operator=(const codec_host&) = delete;

  base::result<image_info, host_failure> probe(int input, std::uint64_t input_bytes,
                                               const input_limits& limits);

  // `outputs` are memory files of ours. After a success they are sealed: the host cannot change
  // them any more, and their sizes are what `output.bytes` says.
  base::result<conversion, host_failure>
  convert(int input, std::uint64_t input_bytes, const domain::conversion_spec& spec,
          const input_limits& limits, std::span<const int> outputs, const job_limits& allowed,
          const progress_listener& on_progress = nullptr,
          const std::optional<pixel_area>& crop = std::nullopt);

  // Ends the host now; a job under way fails as interrupted. From any thread.
  void interrupt() noexcept;

  // False as well when it was ended from outside between two jobs: no file is to blame for that.
  bool alive() const;
  int pid() const { return process_.pid; }
  std::uint32_t jobs_done() const { return jobs_done_; }
  // Processor time of the last job in microseconds, and of what came before it and was not told
  // yet: the start of the host, and what the kernel had not counted when the job before ended.
  // Nothing when the host ended with the job and its zygote, too.
  std::optional<std::uint64_t> job_cpu_us() const { return job_cpu_us_; }
  // Resident memory in bytes, as the kernel says it.
  std::uint64_t resident_bytes() const;

private:
  explicit codec_host(spawned_host process);

  base::result<wire_reply, host_failure> run(wire_job& job, std::span<const int> fds,
                                             const job_limits& allowed,
                                             const progress_listener& on_progress = nullptr);
  base::result<wire_reply, host_failure> await_reply(std::uint64_t job_id,
                                                     const job_limits& allowed,
                                                     const progress_listener& on_progress);
  domain::conversion_progress progress() const;
  host_failure end_of_life(std::optional<codec_error> why_killed);
  host_failure misbehaved(const char* how);
  void kill() noexcept;
  bool is_stopped() const;
  std::uint64_t cpu_us() const; // of its whole life
  void note_used(std::uint64_t total_us);
  enum class memory_kind : std::uint8_t { address_space, resident };
  std::uint64_t memory_bytes(memory_kind kind) const;

  spawned_host process_;
  base::unique_fd statm_; // its memory, as the kernel says it; none without /proc
  bool alive_ = true;
  std::atomic<bool> interrupted_ = false;
  std::uint32_t jobs_done_ = 0;
  std::optional<std::uint64_t> job_cpu_us_;
  std::uint64_t told_cpu_us_ = 0;
  std::uint64_t next_job_id_ = 1;
};

// A new unnamed file in memory for an output; negative when there is no memory.
base::unique_fd make_output_file();

// Reads the header of a built-in picture in a fresh host. The sentence says what is wrong.
base::result<void, std::string> probe_sample(zygote& from);
// Converts a built-in picture in a fresh host to every format. The sentence says what is wrong.
base::result<void, std::string> self_test(zygote& from);

} // namespace darkroom::codecs::host
