#include "persistence/data_check.hpp"

#include "persistence/blob_list.hpp"
#include "persistence/blob_store.hpp"
#include "persistence/read_view.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sys/stat.h>
#include <system_error>

namespace darkroom::persistence {

namespace {

// The size of a blob that only a deleted batch names: nobody misses it.
constexpr std::uint64_t bytes_of_deleted = UINT64_MAX;

// What is wrong with one blob; empty: nothing.
std::string fault_of(const std::string& root, const blob_use& use, bool contents,
                     std::uint64_t& bytes_read) {
  const auto path = blob_path(root, use.name);
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) return "are missing";
  if (!S_ISREG(about.st_mode)) return "are no regular file";
  if (static_cast<std::uint64_t>(about.st_size) != use.bytes)
    return "are " + std::to_string(about.st_size) + " bytes long instead of " +
           std::to_string(use.bytes);
  if (!contents) return "";
  const auto file = open_for_reading(path);
  const auto sums = file ? sums_of(file->get()) : std::nullopt;
  if (!sums) return "cannot be read";
  bytes_read += use.bytes;
  return sums->sha256 == use.name ? "" : "are damaged: their SHA-256 is another one";
}

// Whether the content is not what the name says: a size that one record has wrong is no damage.
bool is_another(const std::string& path, const digest& name) {
  const auto file = open_for_reading(path);
  if (!file) return false;
  const auto sums = sums_of(file->get());
  return !sums || sums->sha256 != name;
}

// For temporary files: what is checked may be read-only.
std::string scratch() {
  std::error_code error; // TMPDIR may be wrong
  const auto found = std::filesystem::temp_directory_path(error);
  return error ? "/tmp" : found.string();
}

class checker {
public:
  checker(const read_view& journal, std::string root, bool contents)
      : journal_(journal), root_(std::move(root)), contents_(contents) {}

  journal_result<data_report> run() {
    auto problems = journal_.verify();
    if (!problems) return std::unexpected(problems.error());
    report_.journal = std::move(*problems);
    if (auto ok = gather(); !ok) return std::unexpected(ok.error());
    if (auto ok = check_blobs(); !ok) return std::unexpected(of(ok.error()));
    if (!faults_.empty())
      if (auto ok = name_files(); !ok) return std::unexpected(ok.error());
    const auto looked = each_unlisted(root_, uses_, [this](const std::string& path) {
      if (path != root_ + "/.opened") report_.strays.push_back(path);
    });
    if (!looked) report_.journal.push_back(looked.error().text());
    std::ranges::sort(report_.strays);
    return std::move(report_);
  }

private:
  // Every use of a blob: the source of a file, or its n-th output.
  template<class Visit>
  journal_result<void> each_use(Visit visit) {
    auto batches = journal_.batches();
    if (!batches) return std::unexpected(batches.error());
    report_.batches = batches->size();
    for (const auto& batch : *batches) {
      const auto ok = journal_.each_file(batch.id, 0, [&](file_record&& file) {
        if (const auto source = parse_hex(file.entry.source))
          visit(batch.id, file, blob_use{*source, file.entry.bytes}, 0);
        if (const auto* done = std::get_if<domain::file_completed>(&file.result)) {
          std::size_t n = 0;
          for (const auto& output : done->outputs)
            visit(batch.id, file, blob_use{output.sha256, output.bytes}, ++n);
        }
        return true;
      });
      if (!ok) return ok;
    }
    return {};
  }

  journal_result<void> gather() {
    auto ok = each_use([this](const domain::batch_id&, const file_record&, const blob_use& use,
                              std::size_t) { uses_.add(use); });
    if (!ok) return ok;
    // What is left of deleted batches is no stray yet: the server clears it away.
    const auto deleted = journal_.tombstones();
    if (!deleted) return std::unexpected(deleted.error());
    for (const auto& batch : *deleted) {
      ok = journal_.each_file(batch, 0, [this](file_record&& file) {
        if (const auto source = parse_hex(file.entry.source))
          uses_.add({*source, bytes_of_deleted});
        if (const auto* done = std::get_if<domain::file_completed>(&file.result))
          for (const auto& output : done->outputs)
            uses_.add({output.sha256, bytes_of_deleted});
        return true;
      });
      if (!ok) return ok;
    }
    if (auto sorted = uses_.sort(); !sorted) return std::unexpected(of(sorted.error()));
    return {};
  }

  file_result<void> check_blobs() {
    blob_list::cursor cursor(uses_);
    while (true) {
      const auto use = cursor.next();
      if (!use) return std::unexpected(use.error());
      if (!*use) return {};
      if ((*use)->bytes == bytes_of_deleted) continue;
      report_.blobs += 1;
      auto fault = fault_of(root_, **use, contents_, report_.blob_bytes);
      if (fault.empty()) continue;
      const auto path = blob_path(root_, (*use)->name);
      if (is_another(path, (*use)->name) &&
          (report_.damaged.empty() || report_.damaged.back() != path))
        report_.damaged.push_back(path);
      faults_.emplace(**use, std::move(fault));
    }
  }

  journal_result<void> name_files() {
    return each_use([this](const domain::batch_id& batch, const file_record& file,
                           const blob_use& use, std::size_t n) {
      const auto fault = faults_.find(use);
      if (fault == faults_.end()) return;
      const std::string what =
          n == 0 ? "the bytes that were uploaded" : "the bytes of output " + std::to_string(n - 1);
      report_.files.push_back("batch " + domain::to_string(batch) + ", file " +
                              std::to_string(file.index) + " (" + file.entry.path + "): " + what +
                              ' ' + fault->second);
    });
  }

  static journal_error of(const file_error& error) { return {journal_fault::io, error.text()}; }

  const read_view& journal_;
  std::string root_;
  bool contents_;
  data_report report_;
  blob_list uses_{scratch()};
  std::map<blob_use, std::string> faults_;
};

} // namespace

journal_result<data_report> check_data(const read_view& journal, const std::string& blobs,
                                       bool contents) {
  return checker(journal, blobs, contents).run();
}

} // namespace darkroom::persistence
