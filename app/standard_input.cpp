#include "app/standard_input.hpp"

#include "base/errno_text.hpp"
#include "base/result.hpp"
#include "codecs/input_limits.hpp"
#include "persistence/digest.hpp"
#include "persistence/files.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <sys/mman.h>
#include <unistd.h>

namespace darkroom::app {

namespace {

namespace fs = std::filesystem;

constexpr const char* stored_prefix = "stdin-";

} // namespace

bool take_standard_stream(std::vector<std::string>& words) {
  return std::erase(words, standard_stream) != 0;
}

base::result<standard_input, std::string> read_standard_input() {
  standard_input input{base::unique_fd{::memfd_create("stdin", MFD_CLOEXEC)}, {}};
  if (!input.content) return std::unexpected("there is no memory for standard input");
  const auto most = codecs::input_limits{}.bytes;
  std::array<std::uint8_t, 64 * 1024> piece;
  while (true) {
    const auto n = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected("reading standard input: " + base::errno_text(errno));
    if (n == 0) break;
    input.file.bytes += static_cast<std::uint64_t>(n);
    if (input.file.bytes > most)
      return std::unexpected("standard input has more than " + std::to_string(most) +
                             " bytes, the most that a source may have");
    const auto stored = persistence::write_all(
        input.content.get(), std::span(piece).first(static_cast<std::size_t>(n)), "standard input");
    if (!stored) return std::unexpected(stored.error().text());
  }
  if (input.file.bytes == 0)
    return std::unexpected("standard input is empty; pipe an image into it");
  input.file.path = "stdin";
  input.file.absolute = "/proc/self/fd/" + std::to_string(input.content.get());
  input.file.canonical = input.file.absolute;
  return input;
}

base::result<source_file, std::string> store_standard_input(const standard_input& input,
                                                            const std::string& folder) {
  const auto sums = persistence::sums_of(input.content.get());
  if (!sums) return std::unexpected("standard input cannot be read again");
  auto file = input.file;
  file.absolute = folder + '/' + stored_prefix + persistence::to_hex(sums->sha256);
  file.canonical = file.absolute;
  remove_standard_inputs(folder);
  const auto written = persistence::write_synced(input.content.get(), file.absolute);
  if (!written) return std::unexpected(written.error().text());
  return file;
}

void remove_standard_inputs(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().filename().native().starts_with(stored_prefix)) old.push_back(at->path());
  for (const auto& file : old)
    fs::remove(file, error);
}

} // namespace darkroom::app
