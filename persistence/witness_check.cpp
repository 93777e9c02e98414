#include "persistence/witness_check.hpp"

#include "persistence/journal_meta.hpp"
#include "persistence/limits.hpp"
#include "persistence/read_view.hpp"

#include <cerrno>
#include <chrono>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace darkroom::persistence {

namespace {

// Of the first bytes of a file; nothing when it has fewer, or cannot be read.
std::optional<std::uint32_t> crc_of_prefix(int file, std::uint64_t bytes) {
  std::vector<std::uint8_t> chunk(limits::file_chunk_bytes);
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < bytes;) {
    const auto n =
        ::pread(file, chunk.data(),
                static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), bytes - at)),
                static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    crc = crc32_of(crc, {chunk.data(), static_cast<std::size_t>(n)});
    at += static_cast<std::uint64_t>(n);
  }
  return crc;
}

// What is wrong with the part of a file that was synced; empty: nothing.
std::string prefix_fault(const std::string& journal, const tracked_file& file,
                         const synced_prefix& synced) {
  const auto path = journal + '/' + name_of(file);
  const auto opened = open_for_reading(path);
  if (!opened && opened.error().code == ENOENT) return path + " is missing";
  if (!opened) return opened.error().text();
  struct stat about{};
  if (::fstat(opened->get(), &about) != 0) return last_error("looking at " + path).text();
  if (static_cast<std::uint64_t>(about.st_size) < synced.bytes)
    return path + " was cut short: " + std::to_string(about.st_size) + " bytes of at least " +
           std::to_string(synced.bytes);
  if (crc_of_prefix(opened->get(), synced.bytes) != synced.crc32)
    return path + " is damaged: its first " + std::to_string(synced.bytes) +
           " bytes are not those that were written";
  return "";
}

// The manifest that counts; nothing when that cannot be told.
std::optional<tracked_file> current_manifest(const std::string& journal) {
  std::ifstream in(journal + "/CURRENT");
  std::string name;
  if (!std::getline(in, name)) return std::nullopt;
  const auto file = parse_tracked(name);
  return file && file->kind == tracked_kind::manifest ? file : std::nullopt;
}

} // namespace

std::vector<std::string> missing_files(const std::string& journal, const witness_record& record) {
  std::vector<std::string> missing;
  const auto check = [&](const tracked_file& file, const synced_prefix& synced) {
    if (auto fault = prefix_fault(journal, file, synced); !fault.empty())
      missing.push_back(std::move(fault));
  };
  for (const auto& [file, synced] : record.files)
    if (file.kind == tracked_kind::log) check(file, synced);
  // Of the manifests only the current one has to be there: RocksDB has just made the next one, or
  // has not removed the one before.
  const auto current = current_manifest(journal);
  if (!current)
    missing.push_back(journal + "/CURRENT is missing or damaged");
  else if (const auto listed = record.files.find(*current); listed != record.files.end())
    check(listed->first, listed->second);
  else
    missing.push_back(journal + "/CURRENT names " + name_of(*current) +
                      ", which is not the manifest of this journal");
  return missing;
}

std::string shorter_text(domain::seq last, domain::seq vouched) {
  return "the journal ends at seq " + std::to_string(last) + ", but everything up to " +
         std::to_string(vouched) + " was acknowledged";
}

journal_result<std::vector<std::string>> check_witness(const std::string& journal) {
  for (std::uint32_t tries = 1;; ++tries) {
    // First the witness: a running server only moves the journal ahead of it.
    const auto record = read_witness(journal);
    if (!record) return std::vector{record.error().detail};
    std::vector<std::string> problems;
    if (*record) problems = missing_files(journal, **record);
    const auto view = read_view::open(journal);
    if (!view) return std::unexpected(view.error());
    const auto meta = (*view)->meta();
    if (!meta) return std::unexpected(meta.error());
    if (!*record) {
      if (meta->identity)
        problems.push_back(witness_path(journal) + " is missing: it cannot be said whether the "
                                                   "journal is complete");
      return problems;
    }
    if ((*record)->is_new) return std::vector<std::string>{}; // the next start goes on with it
    if (meta->identity != (*record)->identity)
      problems.push_back("this is not the journal that " + witness_path(journal) + " belongs to");
    else if (meta->last_seq < (*record)->last_seq)
      problems.push_back(shorter_text(meta->last_seq, (*record)->last_seq));
    const auto now = read_witness(journal);
    const bool settled = now && *now == *record;
    if (problems.empty() || settled || tries == limits::journal_read_tries_max) return problems;
    std::this_thread::sleep_for(std::chrono::milliseconds(limits::journal_read_retry_ms));
  }
}

} // namespace darkroom::persistence
