#include "app/run_plan.hpp"

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "codecs/format.hpp"
#include "domain/output_planner.hpp"
#include "persistence/digest.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <unordered_map>

namespace darkroom::app {

namespace {

namespace fs = std::filesystem;
using persistence::file_record;

struct done_file {
  domain::file_entry entry;
  std::vector<domain::output_record> outputs;
  bool kept = false; // something else was at its outputs, and was to stay there
};

bool same_source(const domain::file_entry& entry, const source_file& source) {
  return entry.source == source.absolute && entry.bytes == source.bytes &&
         entry.modified_ns == source.modified_ns;
}

bool has_size(const std::string& path, std::uint64_t bytes) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
         static_cast<std::uint64_t>(about.st_size) == bytes;
}

class planner {
public:
  planner(const std::string& out, const domain::conversion_spec& spec) : out_(out), spec_(spec) {}

  base::result<void, std::string> read(const persistence::read_view& journal) {
    const auto batches = journal.batches();
    if (!batches) return std::unexpected(batches.error().detail);
    for (const auto& batch : *batches) {
      if (!domain::is_terminal(batch.phase)) live_.push_back(batch);
      const auto ok = journal.each_file(batch.id, 0, [&](file_record&& file) {
        remember(batch, std::move(file));
        return true;
      });
      if (!ok) return std::unexpected(ok.error().detail);
    }
    return {};
  }

  base::result<run_plan, std::string> plan(const std::vector<source_file>& all,
                                           const persistence::read_view* journal) {
    run_plan plan;
    std::vector<const source_file*> sources; // an output of ours is no source
    sources.reserve(all.size());
    for (const auto& source : all)
      if (!is_own_output(source)) sources.push_back(&source);

    for (const auto& batch : live_) {
      const bool go_on = !plan.resumed && batch.spec == spec_ && journal != nullptr &&
                         goes_on(batch.id, sources, *journal);
      if (go_on)
        plan.resumed = batch.id;
      else
        plan.superseded.push_back(batch.id);
    }
    if (plan.resumed) return plan;

    std::vector<std::string> extensions;
    extensions.reserve(spec_.outputs.size());
    for (const auto& output : spec_.outputs)
      extensions.emplace_back(codecs::find_format(output.format)->extension);
    domain::output_planner names(spec_, std::move(extensions));
    std::set<std::pair<std::uint64_t, std::uint64_t>> source_files;
    for (const auto* source : sources) {
      reserve_source(names, *source);
      source_files.emplace(source->device, source->inode);
    }
    std::vector<const source_file*> rest;
    for (const auto* source : sources) {
      const auto* done = find_done(*source);
      if (done == nullptr) {
        rest.push_back(source);
        continue;
      }
      plan.already_done += 1;
      for (const auto& output : done->entry.outputs)
        names.reserve(output);
    }
    for (const auto* source : rest) {
      auto outputs = names.plan(source->path);
      if (!outputs)
        return std::unexpected(outputs.error().path + " would become " + outputs.error().output +
                               ", which is taken; use --collision rename, or --suffix");
      for (const auto& output : *outputs)
        if (is_one_of(source_files, output))
          return std::unexpected(target(output) + " is one of the sources under another name; "
                                                  "choose another folder for the outputs");
      note_renames(*source, *outputs, plan);
      domain::file_entry entry{source->path, source->absolute, source->bytes, source->modified_ns,
                               std::move(*outputs)};
      entry.replaces = std::ranges::all_of(entry.outputs,
                                           [&](const auto& o) { return absent(o) || is_ours(o); });
      entry.replaces = entry.replaces && !std::ranges::all_of(entry.outputs, [&](const auto& o) {
                         return absent(o);
                       });
      plan.entries.push_back(std::move(entry));
    }
    return plan;
  }

private:
  std::string target(const std::string& output) const { return out_ + '/' + output; }
  bool absent(const std::string& output) const {
    std::error_code error;
    return !fs::exists(fs::symlink_status(target(output), error));
  }

  // The same file can be reached by other paths than its canonical one: mounted twice, say.
  bool is_one_of(const std::set<std::pair<std::uint64_t, std::uint64_t>>& files,
                 const std::string& output) const {
    struct stat about{};
    // A link is replaced itself, and not what it leads to.
    return ::lstat(target(output).c_str(), &about) == 0 &&
           files.contains({about.st_dev, about.st_ino});
  }

  void remember(const persistence::batch_summary& batch, file_record&& file) {
    const auto* completed = std::get_if<domain::file_completed>(&file.result);
    if (completed == nullptr) return;
    const bool theirs = completed->losses.has(domain::loss::existing_kept);
    for (std::size_t i = 0; i < file.entry.outputs.size() && i < completed->outputs.size(); ++i) {
      if (theirs) // it was left as it was: not ours, whatever was there before
        ours_.erase(file.entry.outputs[i]);
      else
        ours_[file.entry.outputs[i]] = completed->outputs[i];
    }
    if (batch.spec != spec_) return;
    const auto source = file.entry.source;
    done_[source] = {std::move(file.entry), completed->outputs, theirs};
  }

  // Done by an earlier run, with nothing changed since: source, spec, and outputs in place.
  const done_file* find_done(const source_file& source) const {
    const auto done = done_.find(source.absolute);
    if (done == done_.end() || !same_source(done->second.entry, source)) return nullptr;
    const auto& [entry, outputs, kept] = done->second;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const bool in_place =
          kept ? !absent(entry.outputs[i]) : has_size(target(entry.outputs[i]), outputs[i].bytes);
      if (!in_place) return nullptr;
    }
    return &done->second;
  }

  bool is_own_output(const source_file& source) const {
    if (!source.absolute.starts_with(out_ + '/')) return false;
    const auto ours = ours_.find(source.absolute.substr(out_.size() + 1));
    return ours != ours_.end() && source.bytes == ours->second.bytes;
  }

  // Whether what lies at an output's path is what an earlier run of ours wrote there.
  bool is_ours(const std::string& output) const {
    const auto ours = ours_.find(output);
    if (ours == ours_.end() || !has_size(target(output), ours->second.bytes)) return false;
    const base::unique_fd file{
        ::open(target(output).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    const auto sums = file ? persistence::sums_of(file.get()) : std::nullopt;
    return sums && sums->sha256 == ours->second.sha256;
  }

  // An interrupted batch goes on when it is about the very same files, apart from those that were
  // done before it began.
  bool goes_on(const domain::batch_id& batch, const std::vector<const source_file*>& sources,
               const persistence::read_view& journal) const {
    std::unordered_map<std::string, const source_file*> now;
    for (const auto* source : sources)
      now[source->absolute] = source;
    bool same = true;
    const auto ok = journal.each_file(batch, 0, [&](file_record&& file) {
      const auto source = now.find(file.entry.source);
      same = source != now.end() && same_source(file.entry, *source->second);
      if (const auto* done = std::get_if<domain::file_completed>(&file.result))
        for (std::size_t i = 0; same && i < done->outputs.size(); ++i)
          same = done->losses.has(domain::loss::existing_kept)
                     ? !absent(file.entry.outputs[i])
                     : has_size(target(file.entry.outputs[i]), done->outputs[i].bytes);
      if (same) now.erase(source);
      return same;
    });
    return ok && same && std::ranges::all_of(now, [&](const auto& left) {
             return find_done(*left.second) != nullptr;
           });
  }

  void reserve_source(domain::output_planner& names, const source_file& source) const {
    for (const auto& place : {source.absolute, source.canonical})
      if (place.starts_with(out_ + '/')) names.reserve(place.substr(out_.size() + 1));
  }

  void note_renames(const source_file& source, const std::vector<std::string>& outputs,
                    run_plan& plan) const {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      auto expected = fs::path(source.path).replace_extension().native();
      expected += spec_.outputs[i].suffix;
      expected += fs::path(outputs[i]).extension().native();
      if (outputs[i] != expected) plan.renamed.push_back(source.path + " -> " + outputs[i]);
    }
  }

  const std::string& out_;
  const domain::conversion_spec& spec_;
  std::vector<persistence::batch_summary> live_;
  std::unordered_map<std::string, done_file> done_;             // by source
  std::unordered_map<std::string, domain::output_record> ours_; // by output, newest
};

} // namespace

base::result<run_plan, std::string> plan_run(const std::vector<source_file>& sources,
                                             const std::string& out,
                                             const domain::conversion_spec& spec,
                                             const persistence::read_view* journal) {
  planner p(out, spec);
  if (journal != nullptr)
    if (auto ok = p.read(*journal); !ok) return std::unexpected(ok.error());
  return p.plan(sources, journal);
}

} // namespace darkroom::app
