#include "persistence/data_check.hpp"

#include "persistence/blob_store.hpp"
#include "persistence/read_view.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <sys/stat.h>
#include <system_error>

namespace darkroom::persistence {

namespace {

namespace fs = std::filesystem;

// What the journal says of a blob.
struct blob_use {
  digest name{};
  std::uint64_t bytes = 0;
  auto operator<=>(const blob_use&) const = default;
};

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

class checker {
public:
  checker(const read_view& journal, std::string root, bool contents)
      : journal_(journal), root_(std::move(root)), contents_(contents) {}

  journal_result<data_report> run() {
    auto problems = journal_.verify();
    if (!problems) return std::unexpected(problems.error());
    report_.journal = std::move(*problems);
    if (auto ok = gather(); !ok) return std::unexpected(ok.error());
    std::ranges::sort(uses_);
    const auto twice = std::ranges::unique(uses_);
    uses_.erase(twice.begin(), twice.end());
    report_.blobs = uses_.size();
    for (const auto& use : uses_)
      if (auto fault = fault_of(root_, use, contents_, report_.blob_bytes); !fault.empty()) {
        if (const auto path = blob_path(root_, use.name); is_another(path, use.name))
          report_.damaged.push_back(path);
        faults_.emplace(use, std::move(fault));
      }
    if (!faults_.empty())
      if (auto ok = name_files(); !ok) return std::unexpected(ok.error());
    const auto twice_damaged = std::ranges::unique(report_.damaged);
    report_.damaged.erase(twice_damaged.begin(), twice_damaged.end());
    find_strays();
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
                              std::size_t) { uses_.push_back(use); });
    if (!ok) return ok;
    // What is left of deleted batches is no stray yet: the server clears it away.
    const auto deleted = journal_.tombstones();
    if (!deleted) return std::unexpected(deleted.error());
    for (const auto& batch : *deleted) {
      ok = journal_.each_file(batch, 0, [this](file_record&& file) {
        if (const auto source = parse_hex(file.entry.source)) leaving_.insert(*source);
        if (const auto* done = std::get_if<domain::file_completed>(&file.result))
          for (const auto& output : done->outputs)
            leaving_.insert(output.sha256);
        return true;
      });
      if (!ok) return ok;
    }
    return {};
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

  bool is_used(const digest& name) const {
    const auto at = std::ranges::lower_bound(uses_, name, {}, &blob_use::name);
    return (at != uses_.end() && at->name == name) || leaving_.contains(name);
  }

  void find_strays() {
    std::error_code error;
    for (fs::recursive_directory_iterator at(root_, error), end; !error && at != end;
         at.increment(error)) {
      if (at->is_directory(error) || at->path() == root_ + "/.opened") continue;
      const auto name =
          parse_hex(at->path().parent_path().filename().string() + at->path().filename().string());
      if (!name || !is_used(*name)) report_.strays.push_back(at->path().string());
    }
    if (error) report_.journal.push_back("the blobs cannot be looked through: " + error.message());
    std::ranges::sort(report_.strays);
  }

  const read_view& journal_;
  std::string root_;
  bool contents_;
  data_report report_;
  std::vector<blob_use> uses_;
  std::set<digest> leaving_;
  std::map<blob_use, std::string> faults_;
};

} // namespace

journal_result<data_report> check_data(const read_view& journal, const std::string& blobs,
                                       bool contents) {
  return checker(journal, blobs, contents).run();
}

} // namespace darkroom::persistence
