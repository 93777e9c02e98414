#include "http/uploads.hpp"
#include "base/result.hpp"
#include "domain/text.hpp"

#include "http/blocking.hpp"
#include "http/file_path.hpp"

#include <openssl/evp.h>

#include <array>
#include <mutex>

namespace darkroom::http {

namespace {

// Of what can never become a picture, whatever the spec asks; nothing where an attempt may do.
std::optional<problem_code> hopeless(domain::failure_reason reason) {
  switch (reason) {
  case domain::failure_reason::unsupported_format:
    return problem_code::unsupported_format;
  case domain::failure_reason::limit_pixels:
    return problem_code::limit_pixels;
  case domain::failure_reason::limit_dimensions:
    return problem_code::limit_dimensions;
  case domain::failure_reason::limit_frames:
    return problem_code::limit_frames;
  default:
    return std::nullopt;
  }
}

domain::file_entry entry_of(const added_file& file) {
  domain::file_entry entry;
  entry.path = file.path;
  entry.source = file.sha256;
  entry.bytes = file.bytes;
  return entry;
}

// Reads the headers of what is new here, all at once.
task<void> refuse_hopeless(call& c, const named_batch& batch, std::span<const received_file> files,
                           std::vector<added_file>& results) {
  std::vector<domain::file_entry> unread;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < files.size(); ++i)
    if (!files[i].header_read) {
      unread.push_back(entry_of(results[i]));
      places.push_back(i);
    }
  const auto headers = co_await c.s.gateway.read_headers(batch.facts.owner, std::move(unread));
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (headers[i]) continue;
    const auto reason = headers[i].error().reason;
    if (const auto code = hopeless(reason))
      results[places[i]].refused = problem{*code, std::string{domain::explain(reason)}};
  }
}

added_file refused(const received_file& file, problem p) {
  added_file out{file.path, 0, file.blob.bytes(), persistence::to_hex(file.blob.name()), false, {}};
  out.refused = std::move(p);
  return out;
}

problem collision(const std::string& detail) {
  return {problem_code::name_collision, detail};
}

// Of a file whose path is taken: the same bytes are there already, or others are.
std::optional<problem> compare(const persistence::read_view& journal, const domain::batch_id& batch,
                               domain::file_index index, const received_file& file) {
  const auto record = journal.file(batch, index);
  if (!record) return as_problem(record.error());
  if (!*record || (*record)->entry.path != file.path ||
      (*record)->entry.source != persistence::to_hex(file.blob.name()))
    return collision("Another file of the batch has the path " + domain::printable(file.path) +
                     ".");
  return std::nullopt;
}

} // namespace

base::result<void, problem> check_room(const call& c) {
  const auto free = free_bytes(c.s);
  if (free && *free < c.s.settings.data.disk_floor_bytes)
    return std::unexpected(problem{problem_code::disk_full});
  return {};
}

base::result<void, problem> check_may_add(const call& c, const named_batch& batch) {
  if (batch.facts.sealed || domain::is_terminal(batch.facts.phase)) {
    problem p{problem_code::batch_sealed};
    p.state = to_string(batch.facts.phase);
    return std::unexpected(std::move(p));
  }
  const auto most = c.s.quotas.allowed(batch.facts.owner).files_per_batch_max;
  if (batch.facts.files >= most)
    return std::unexpected(problem{problem_code::too_many_files,
                                   "A batch here has at most " + std::to_string(most) + " files."});
  if (auto ok = check_room(c); !ok) return ok;
  if (!journal_of(c.s)) return std::unexpected(journal_problem());
  return {};
}

base::result<std::optional<persistence::digest>, problem>
read_repr_digest(std::string_view header) {
  constexpr std::string_view name = "sha-256=:";
  const auto at = header.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  const auto value = header.substr(at + name.size());
  const auto end = value.find(':');
  std::array<unsigned char, 48> bytes{};
  // 32 bytes are 44 characters, the last of which is padding.
  if (end != 44 || value[43] != '=' || value[42] == '=' ||
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(value.data()), 44) != 33)
    return std::unexpected(
        problem{problem_code::bad_request, "Repr-Digest is sha-256=:…: in base64."});
  persistence::digest d{};
  std::copy_n(bytes.begin(), d.size(), d.begin());
  return d;
}

std::string repr_digest(const persistence::digest& d) {
  std::array<unsigned char, 48> text{};
  const int n = EVP_EncodeBlock(text.data(), d.data(), static_cast<int>(d.size()));
  return "sha-256=:" +
         std::string(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(n)) + ':';
}

task<std::vector<commit_result>> commit(call& c, std::vector<persistence::blob_writer> finished) {
  struct gathered {
    std::mutex mutex;
    std::vector<std::optional<commit_result>> results;
    std::size_t missing = 0;
  };
  auto all = std::make_shared<gathered>();
  all->results.resize(finished.size());
  all->missing = finished.size();
  std::vector<commit_result> results;
  if (finished.empty()) co_return results;
  auto writers = std::make_shared<std::vector<persistence::blob_writer>>(std::move(finished));
  std::function<void(std::function<void(bool)>)> start = [&c, all, writers](auto then) {
    for (std::size_t i = 0; i < writers->size(); ++i)
      c.s.committer.commit(std::move((*writers)[i]), [all, i, then](auto pin) {
        const std::lock_guard lock(all->mutex);
        if (pin)
          all->results[i].emplace(std::move(*pin));
        else
          all->results[i].emplace(std::unexpected(as_problem(pin.error())));
        if (--all->missing == 0) then(true);
      });
  };
  co_await await_callback<bool>(std::move(start));
  for (auto& result : all->results)
    results.push_back(std::move(*result));
  co_return results;
}

task<std::vector<added_file>> add_received(call& c, const named_batch& batch,
                                           std::vector<received_file> files) {
  std::vector<added_file> results;
  results.reserve(files.size());
  for (const auto& file : files)
    results.push_back(
        {file.path, 0, file.blob.bytes(), persistence::to_hex(file.blob.name()), false, {}});
  co_await refuse_hopeless(c, batch, files, results);
  actors::add_files_request request;
  request.batch = batch.id;
  std::vector<std::size_t> sent; // by entry: which file it is
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (results[i].refused) continue;
    c.subject = files[i].path;
    request.audit.push_back(audit_of(c, 201, "ok"));
    request.entries.push_back(entry_of(results[i]));
    sent.push_back(i);
  }
  if (sent.empty()) co_return results;
  const auto outcome = co_await c.s.gateway.ask(std::move(request));
  if (const auto p = problem_of(outcome)) {
    for (const auto i : sent) {
      results[i] = refused(files[i], *p);
      // It may have been journaled: better a blob too many.
      if (std::holds_alternative<actors::in_doubt>(outcome))
        c.s.blobs.add_reference(files[i].blob.name());
    }
    co_return results;
  }
  const auto& answers = std::get<actors::files_answered>(outcome).files;
  bool some_new = false;
  for (std::size_t n = 0; n < sent.size(); ++n) {
    const auto& file = files[sent[n]];
    auto& result = results[sent[n]];
    const auto& answer = answers.at(n);
    if (const auto* added = std::get_if<actors::file_added>(&answer)) {
      c.s.blobs.add_reference(file.blob.name());
      result.index = added->index;
      result.is_new = some_new = true;
    } else if (const auto* other = std::get_if<actors::output_collision>(&answer)) {
      result.refused = collision("Another file's output has the name " +
                                 domain::printable(other->output) + " already.");
    } else if (const auto* taken = std::get_if<actors::path_taken>(&answer)) {
      const auto journal = journal_of(c.s);
      const auto index = result.index = taken->index;
      if (!journal)
        result.refused = journal_problem();
      else
        result.refused = co_await run_blocking(c.s.blocking, [&journal, &batch, index, &file] {
          return compare(*journal, batch.id, index, file);
        });
    }
  }
  c.audited = some_new;
  co_return results;
}

} // namespace darkroom::http
