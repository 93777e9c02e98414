// Bytes that go into a batch, and those that come out.
#include "base/encoding.hpp"
#include "base/result.hpp"
#include "domain/limits.hpp"
#include "domain/output_planner.hpp"
#include "domain/text.hpp"
#include "http/file_path.hpp"
#include "http/limits.hpp"
#include "http/multipart.hpp"
#include "http/uploads.hpp"

#include <boost/json.hpp>

#include <cerrno>
#include <charconv>
#include <sys/stat.h>
#include <unordered_set>

namespace darkroom::http {

namespace {

namespace json = boost::json;

json::object added_object(const added_file& file) {
  return {
      {"path", file.path}, {"index", file.index}, {"bytes", file.bytes}, {"sha256", file.sha256}};
}

json::object rejected_object(const std::string& path, const problem& p, const request& rq) {
  auto object = json::parse(problem_json(p, rq.id, "")).as_object();
  object["path"] = domain::printable(path);
  return object;
}

task<base::result<void, problem>> write_piece(call& c, persistence::blob_writer& to,
                                              std::span<const char> piece) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size());
  c.s.metrics.bytes_received += piece.size();
  DARKROOM_CO_CHECK(co_await run_blocking(c.s.blocking, [&to, bytes] { return to.add(bytes); }));
  co_return base::result<void, problem>{};
}

problem too_large(std::uint64_t most) {
  return {problem_code::too_large, "A file has at most " + std::to_string(most) + " bytes."};
}

// Holds room for what has come: in steps, but for the last that there is.
base::result<void, problem> hold_room(quota::reservation& room, std::uint64_t bytes) {
  if (bytes <= room.held().bytes) return {};
  const auto missing = bytes - room.held().bytes;
  if (missing < limits::upload_step_bytes && room.grow({.bytes = limits::upload_step_bytes}))
    return {};
  return room.grow({.bytes = missing});
}

// Receives a whole body, within the limits of one file.
task<base::result<void, problem>> receive(call& c, persistence::blob_writer& writer,
                                          quota::reservation& room) {
  const auto most = c.s.settings.work.input_bytes_max;
  while (true) {
    DARKROOM_CO_TRY(piece, co_await c.body.read());
    if (piece.empty()) break;
    const auto total = writer.bytes() + piece.size();
    if (total > most) co_return std::unexpected(too_large(most));
    DARKROOM_CO_CHECK(hold_room(room, total));
    DARKROOM_CO_CHECK(co_await write_piece(c, writer, piece));
  }
  if (writer.bytes() == 0)
    co_return std::unexpected(problem{problem_code::unsupported_format, "The file is empty."});
  co_return base::result<void, problem>{};
}

task<route_result> put_file(call& c, const named_batch& batch) {
  const auto& path = c.param(1);
  c.subject = path;
  DARKROOM_CO_CHECK(check_coding(c.rq));
  if (!c.rq.content_length && !c.rq.chunked)
    co_return std::unexpected(problem{problem_code::length_required});
  const auto most = c.s.settings.work.input_bytes_max;
  if (c.rq.content_length.value_or(0) > most) co_return std::unexpected(too_large(most));
  DARKROOM_CO_TRY(announced, read_repr_digest(c.rq.header("Repr-Digest")));
  DARKROOM_CO_CHECK(check_may_add(c, batch));
  const auto turn = c.s.uploads.take(domain::to_string(batch.id) + '/' + path);
  if (!turn) co_return std::unexpected(problem{problem_code::upload_in_progress});
  const amounts wanted{.files = 1, .bytes = c.rq.content_length.value_or(0), .uploads = 1};
  DARKROOM_CO_TRY(room, c.s.quotas.reserve(batch.facts.owner, wanted));

  DARKROOM_CO_TRY(writer, co_await run_blocking(c.s.blocking, [&c] { return c.s.blobs.begin(); }));
  DARKROOM_CO_CHECK(co_await receive(c, writer, room));
  const auto digest = writer.finish();
  if (announced && *announced != digest)
    co_return std::unexpected(problem{problem_code::digest_mismatch});
  std::vector<persistence::blob_writer> finished;
  finished.push_back(std::move(writer));
  auto blobs = co_await commit(c, std::move(finished));
  DARKROOM_CO_TRY(blob, std::move(blobs.front()));
  std::vector<received_file> files;
  files.push_back({path, std::move(blob)});
  const auto added = co_await add_received(c, batch, std::move(files));
  const auto& result = added.front();
  if (result.refused) co_return std::unexpected(*result.refused);
  auto r = json_response(result.is_new ? 201 : 200, json::serialize(added_object(result)));
  r.with("Location",
         "/v1/batches/" + domain::to_string(batch.id) + "/files/" + std::to_string(result.index));
  r.with("Repr-Digest", repr_digest(digest));
  co_return r;
}

// Receives parts one after the other; what is complete is put on disk in handfuls.
class form_receiver {
public:
  form_receiver(call& c, const named_batch& batch, quota::reservation room)
      : c_(c), batch_(batch), room_(std::move(room)) {}

  // What is whole when a problem ends the form waits for `store`.
  task<base::result<void, problem>> receive(multipart_parser& parser) {
    while (true) {
      const auto next = parser.next();
      if (!next) co_return std::unexpected(problem{problem_code::invalid_multipart, next.error()});
      switch (*next) {
      case multipart_parser::what::end:
        co_return base::result<void, problem>{};
      case multipart_parser::what::part_begin: {
        DARKROOM_CO_CHECK(co_await begin(parser.head()));
        break;
      }
      case multipart_parser::what::part_data:
        co_await add(parser.data());
        break;
      case multipart_parser::what::part_end:
        co_await end();
        break;
      case multipart_parser::what::needs_more: {
        DARKROOM_CO_TRY(piece, co_await c_.body.read());
        if (piece.empty())
          co_return std::unexpected(
              problem{problem_code::invalid_multipart, "The body ended before the last boundary."});
        parser.feed(piece);
        break;
      }
      }
    }
  }

  // Stores what is complete. Whatever goes wrong is told of the file in question.
  task<void> store() {
    if (complete_.empty()) co_return;
    std::vector<std::string> paths;
    std::vector<persistence::blob_writer> finished;
    amounts room;
    for (auto& [path, writer] : std::exchange(complete_, {})) {
      room.files += 1;
      room.bytes += writer.bytes();
      paths.push_back(path);
      finished.push_back(std::move(writer));
    }
    auto blobs = co_await commit(c_, std::move(finished));
    std::vector<received_file> received;
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      if (blobs[i])
        received.push_back({paths[i], std::move(*blobs[i])});
      else
        reject(paths[i], blobs[i].error());
    }
    const auto added = co_await add_received(c_, batch_, std::move(received));
    give_back(room); // the batch counts what it has taken
    turns_.clear();
    for (const auto& file : added) {
      if (file.refused)
        reject(file.path, *file.refused);
      else
        files_.push_back(added_object(file));
    }
  }

  std::string answer() {
    return json::serialize(
        json::object{{"files", std::move(files_)}, {"rejected", std::move(rejected_)}});
  }

private:
  void reject(const std::string& path, const problem& p) {
    rejected_.push_back(rejected_object(path, p, c_.rq));
  }

  void give_back(const amounts& room) {
    room_.shrink(room);
    total_ -= room.bytes;
  }

  task<base::result<void, problem>> begin(const part_head& head) {
    refused_.reset();
    part_room_ = {};
    path_ = head.file_name.value_or("");
    if (++parts_ > limits::multipart_parts_max)
      co_return std::unexpected(
          problem{problem_code::too_large, "A form has at most 10,000 parts."});
    const auto digest = read_repr_digest(head.repr_digest);
    announced_ = digest ? *digest : std::nullopt;
    if (!digest) refused_ = digest.error();
    if (!head.file_name) {
      path_ = head.name;
      refused_ =
          problem{problem_code::invalid_multipart, "The part is no file: it has no filename."};
    } else if (const auto ok = check_file_path(path_); !ok) {
      refused_ = problem{problem_code::invalid_path, ok.error()};
    } else if (!head.coding.empty()) {
      refused_ = problem{problem_code::unsupported_media_type,
                         "Send the bytes of a part as they are, without an encoding."};
    } else if (!seen_.insert(domain::hash_of(path_)).second) {
      refused_ =
          problem{problem_code::name_collision, "An earlier part of this form has the same name."};
    }
    if (!refused_) {
      turn_ = c_.s.uploads.take(domain::to_string(batch_.id) + '/' + path_);
      if (!turn_) refused_ = problem{problem_code::upload_in_progress};
    }
    if (!refused_) {
      if (const auto ok = room_.grow({.files = 1}))
        part_room_.files = 1;
      else
        refused_ = ok.error();
    }
    if (refused_) co_return base::result<void, problem>{};
    auto writer = co_await run_blocking(c_.s.blocking, [this] { return c_.s.blobs.begin(); });
    if (writer)
      writer_.emplace(std::move(*writer));
    else
      refused_ = as_problem(writer.error());
    co_return base::result<void, problem>{};
  }

  task<void> add(std::string_view data) {
    if (refused_) co_return; // read past
    const auto most = c_.s.settings.work.input_bytes_max;
    base::result<void, problem> ok;
    if (writer_->bytes() + data.size() > most) ok = std::unexpected(too_large(most));
    if (ok) ok = hold_room(room_, total_ + data.size());
    if (ok) ok = co_await write_piece(c_, *writer_, data);
    if (ok) {
      total_ += data.size();
      part_room_.bytes += data.size();
    } else {
      refused_ = ok.error();
    }
  }

  task<void> end() {
    if (!refused_ && writer_->bytes() == 0)
      refused_ = problem{problem_code::unsupported_format, "The file is empty."};
    if (!refused_) {
      const auto digest = writer_->finish();
      if (announced_ && *announced_ != digest) refused_ = problem{problem_code::digest_mismatch};
    }
    if (refused_) {
      reject(path_, *refused_);
      writer_.reset();
      give_back(part_room_);
      turn_.reset();
      co_return;
    }
    complete_.emplace_back(path_, std::move(*writer_));
    writer_.reset();
    turns_.push_back(std::move(*turn_));
    turn_.reset();
    if (complete_.size() >= limits::parts_stored_together) co_await store();
  }

  call& c_;
  const named_batch& batch_;
  quota::reservation room_;
  std::uint64_t total_ = 0; // bytes of parts that are neither stored nor refused
  std::size_t parts_ = 0;
  amounts part_room_; // held for the part that is being read
  std::string path_;
  std::optional<problem> refused_; // the part that is being read
  std::optional<persistence::digest> announced_;
  std::optional<persistence::blob_writer> writer_;
  std::optional<busy_set::hold> turn_;
  std::unordered_set<std::uint64_t> seen_; // hashes of the paths of all parts so far
  std::vector<std::pair<std::string, persistence::blob_writer>> complete_;
  std::vector<busy_set::hold> turns_;
  json::array files_, rejected_;
};

task<route_result> post_files(call& c, const named_batch& batch) {
  const auto boundary = multipart_boundary(c.rq.header("Content-Type"));
  if (!boundary)
    co_return std::unexpected(
        problem{problem_code::unsupported_media_type, "Send multipart/form-data with a boundary."});
  DARKROOM_CO_CHECK(check_coding(c.rq));
  DARKROOM_CO_CHECK(check_may_add(c, batch));
  DARKROOM_CO_TRY(room, c.s.quotas.reserve(batch.facts.owner, {.uploads = 1}));
  form_receiver receiver(c, batch, std::move(room));
  multipart_parser parser(*boundary);
  auto received = co_await receiver.receive(parser);
  co_await receiver.store(); // also after a problem: what was whole stays
  DARKROOM_CO_CHECK(std::move(received));
  co_return json_response(201, receiver.answer());
}

struct manifest_row {
  std::string path;
  std::uint64_t bytes = 0;
  persistence::digest sha256{};
};

base::result<std::vector<manifest_row>, problem> read_manifest(const json::value& body) {
  const auto* list = body.if_array();
  if (list == nullptr)
    return std::unexpected(problem{problem_code::invalid_value, "The body is a list."});
  if (list->size() > limits::manifest_files_max)
    return std::unexpected(
        problem{problem_code::too_large, "A manifest has at most 10,000 files."});
  std::vector<manifest_row> rows;
  std::vector<field_error> errors;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto at = '/' + std::to_string(i);
    const auto* object = (*list)[i].if_object();
    if (object == nullptr) {
      errors.push_back({at, problem_code::invalid_value, "must be an object"});
      continue;
    }
    object_reader r(*object, at, errors);
    auto& row = rows.emplace_back();
    std::string digest;
    r.text("path", row.path, limits::path_bytes_max);
    r.number("size", row.bytes, 0, INT64_MAX);
    r.text("sha256", digest, 64);
    const auto parsed = persistence::parse_hex(digest);
    if (parsed)
      row.sha256 = *parsed;
    else
      r.wrong("sha256", problem_code::invalid_value, "is 64 hexadecimal digits, lower case");
    if (const auto ok = check_file_path(row.path); !ok)
      r.wrong("path", problem_code::invalid_value, ok.error());
    r.finish();
  }
  if (!errors.empty()) return std::unexpected(invalid_body(std::move(errors)));
  return rows;
}

// The blobs that this owner has, held; nothing for those that must be sent.
using uploaded_blobs = std::vector<std::optional<persistence::blob_store::pin>>;
persistence::journal_result<uploaded_blobs> find_uploaded(call& c,
                                                          const persistence::read_view& journal,
                                                          const std::string& owner,
                                                          std::span<const manifest_row> rows) {
  uploaded_blobs found;
  for (const auto& row : rows) {
    auto& one = found.emplace_back();
    const auto has = journal.has_uploaded(owner, row.sha256);
    if (!has) return std::unexpected(has.error());
    if (!*has) continue;
    auto pin = c.s.blobs.pin_existing(row.sha256);
    if (pin && pin->bytes() == row.bytes) one.emplace(std::move(*pin));
  }
  return found;
}

task<route_result> post_manifest(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(body, co_await read_json(c, limits::manifest_body_bytes_max));
  DARKROOM_CO_TRY(rows, read_manifest(body));
  DARKROOM_CO_CHECK(check_may_add(c, batch));
  json::array have, missing, rejected;
  for (std::size_t at = 0; at < rows.size(); at += limits::files_per_event_max) {
    const auto part =
        std::span(std::as_const(rows))
            .subspan(at, std::min<std::size_t>(limits::files_per_event_max, rows.size() - at));
    const auto read = [&](const journal_view& journal) {
      return find_uploaded(c, *journal, batch.facts.owner, part);
    };
    DARKROOM_CO_TRY(found, co_await read_journal(c, read));
    std::vector<received_file> received;
    amounts wanted;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (!found[i]) {
        missing.emplace_back(part[i].path);
        continue;
      }
      wanted.files += 1;
      wanted.bytes += part[i].bytes;
      received.push_back({part[i].path, std::move(*found[i]), true});
    }
    // Held until the batch counts the files itself.
    DARKROOM_CO_TRY(room, c.s.quotas.reserve(batch.facts.owner, wanted));
    const auto added = co_await add_received(c, batch, std::move(received));
    for (const auto& file : added) {
      if (file.refused)
        rejected.push_back(rejected_object(file.path, *file.refused, c.rq));
      else
        have.emplace_back(file.path);
    }
  }
  co_return json_response(200, json::serialize(json::object{{"have", std::move(have)},
                                                            {"missing", std::move(missing)},
                                                            {"rejected", std::move(rejected)}}));
}

struct open_content {
  std::shared_ptr<persistence::blob_store::pin> pin;
  std::shared_ptr<base::unique_fd> file;
  std::uint64_t bytes = 0;
};

base::result<open_content, problem> open_pinned(persistence::blob_store& blobs,
                                                const persistence::digest& name) {
  const auto refused = [](const persistence::file_error& error) {
    return std::unexpected(error.code == ENOENT
                               ? problem{problem_code::not_found, "Its bytes are gone."}
                               : as_problem(error));
  };
  auto pin = blobs.pin_existing(name);
  if (!pin) return refused(pin.error());
  auto file = blobs.open_blob(name);
  if (!file) return refused(file.error());
  // Its digest is sent along: once since the start, it is read for that.
  const auto content = blobs.check_content(name, file->get(), true);
  if (!content) return refused(content.error());
  if (*content == persistence::blob_store::content_state::damaged)
    return std::unexpected(
        problem{problem_code::not_found,
                "Its bytes were damaged on the disk of the server. Send the file again."});
  // Of what was opened: an upload may have replaced a file of another size.
  struct stat about{};
  if (::fstat(file->get(), &about) != 0)
    return refused(persistence::last_error("looking at a blob"));
  return open_content{std::make_shared<persistence::blob_store::pin>(std::move(*pin)),
                      std::make_shared<base::unique_fd>(std::move(*file)),
                      static_cast<std::uint64_t>(about.st_size)};
}

// Serves a blob, or a part of it, as RFC 9110 has it.
task<route_result> serve_blob(call& c, const persistence::digest& name, const std::string& path) {
  const auto open = [&] { return open_pinned(c.s.blobs, name); };
  DARKROOM_CO_TRY(opened, co_await run_blocking(c.s.blocking, open));
  const auto size = opened.bytes;
  const auto tag = '"' + persistence::to_hex(name) + '"';
  response r;
  r.with("ETag", tag);
  protect_content(r);
  DARKROOM_CO_CHECK(check_if_match(c.rq, tag));
  if (has_tag(c.rq.header("If-None-Match"), tag)) {
    r.status = 304;
    co_return r;
  }
  r.with("Content-Type", c.s.formats.media_type_of_path(path));
  r.with("Repr-Digest", repr_digest(name));
  r.with("Content-Disposition", attachment_header(path.substr(path.rfind('/') + 1)));
  DARKROOM_CO_TRY(part, ranged(c, r, size, tag));
  file_body body{opened.file, part.first, part.length, opened.pin};
  c.s.metrics.bytes_sent += body.length;
  r.body = std::move(body);
  co_return r;
}

task<route_result> get_input(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(file, co_await find_file(c, batch.id, c.param(1)));
  const auto blob = persistence::parse_hex(file.entry.source);
  if (!blob)
    co_return std::unexpected(problem{problem_code::not_found, "Its bytes are not stored here."});
  co_return co_await serve_blob(c, *blob, file.entry.path);
}

task<route_result> get_output(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(file, co_await find_file(c, batch.id, c.param(1)));
  const auto* done = std::get_if<domain::file_completed>(&file.result);
  if (done == nullptr) co_return std::unexpected(problem{problem_code::not_completed});
  std::size_t n = 0;
  const auto& text = c.param(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n >= done->outputs.size() ||
      n >= file.entry.outputs.size())
    co_return std::unexpected(problem{problem_code::not_found, "The file has no such output."});
  co_return co_await serve_blob(c, done->outputs[n].sha256, file.entry.outputs[n]);
}

} // namespace

std::vector<route> content_routes() {
  using enum access;
  return {
      {"POST", "/v1/batches/{id}/files", user, "file.add", post_files},
      {"POST", "/v1/batches/{id}/manifest", user, "file.add", post_manifest},
      {"GET", "/v1/batches/{id}/files/{file}/input", user, "", get_input,
       route::browser_use::download},
      {"GET", "/v1/batches/{id}/files/{file}/outputs/{n}", user, "", get_output,
       route::browser_use::download},
      {"PUT", "/v1/batches/{id}/files/{file...}", user, "file.add", put_file},
  };
}

} // namespace darkroom::http
