#include "http/session.hpp"

#include "base/result.hpp"
#include "http/framing.hpp"
#include "http/identity.hpp"
#include "http/request_id.hpp"
#include "http/web_socket.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <cstring>

namespace darkroom::http {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
using std::chrono::milliseconds;

namespace {

using head_parser = bhttp::request_parser<bhttp::buffer_body>;

problem bad(problem_code code, std::string detail = {}) {
  problem p{code, std::move(detail)};
  p.closes = true;
  return p;
}

std::string_view reason_of(unsigned status) {
  const auto text = bhttp::obsolete_reason(static_cast<bhttp::status>(status));
  return {text.data(), text.size()};
}

// What a request says, copied out of the parser: trailers would be merged into its headers later.
base::result<request, problem> to_request(const head_parser& parser) {
  const auto& message = parser.get();
  request rq;
  rq.method = std::string(message.method_string());
  rq.http_1_1 = message.version() == 11;
  rq.keep_alive = parser.keep_alive();
  rq.chunked = parser.chunked();
  if (const auto length = parser.content_length()) rq.content_length = *length;
  for (const auto& field : message)
    rq.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  rq.id = request_id(rq.header("X-Request-Id"));
  if (!read_target(rq, message.target()))
    return std::unexpected(bad(problem_code::bad_request, "The target is not well formed."));
  return rq;
}

} // namespace

// Decodes the body through the parser, a piece at a time.
class session::request_body final : public body_reader {
public:
  request_body(session& s, head_parser& parser, bool expects_continue)
      : session_(s), parser_(parser), expects_continue_(expects_continue) {
    limit_chunk_ = [](std::uint64_t, boost::beast::string_view extensions,
                      boost::system::error_code& error) {
      if (extensions.size() > limits::chunk_extension_bytes_max)
        error = bhttp::error::bad_chunk_extension;
    };
    parser_.on_chunk_header(limit_chunk_);
  }

  bool done() const { return parser_.is_done(); }
  bool broken() const { return broken_; }
  bool waits_for_continue() const { return expects_continue_; }
  // What the client has not sent yet, as far as it has said how much that is.
  std::uint64_t bytes_missing() const {
    if (done()) return 0;
    const auto length = parser_.content_length();
    if (!length) return UINT64_MAX;
    return *length - std::min<std::uint64_t>(*length, total_ + session_.input_size_);
  }

  task<base::result<std::span<const char>, problem>> read() override {
    if (expects_continue_) {
      expects_continue_ = false;
      session_.wire_.set_deadline(milliseconds(limits::send_ms));
      const bool sent = co_await session_.send("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return lost();
    }
    if (began_ == std::chrono::steady_clock::time_point{})
      began_ = std::chrono::steady_clock::now();
    if (piece_.empty()) piece_.resize(limits::body_piece_bytes);
    if (session_.input_.size() < limits::body_piece_bytes)
      session_.input_.resize(limits::body_piece_bytes);
    while (!parser_.is_done()) {
      auto& body = parser_.get().body();
      body.data = piece_.data();
      body.size = piece_.size();
      body.more = true;
      boost::system::error_code error;
      const auto used =
          parser_.put(asio::buffer(session_.input_.data(), session_.input_size_), error);
      consume(used);
      const auto size = piece_.size() - body.size;
      if (error && error != bhttp::error::need_more && error != bhttp::error::need_buffer)
        co_return fail(
            bad(problem_code::bad_framing, "The chunks of the body are not well formed."));
      if (size != 0) {
        total_ += size;
        co_return std::span<const char>(piece_.data(), size);
      }
      if (parser_.is_done()) break;
      if (error == bhttp::error::need_buffer) continue;
      if (used != 0 && session_.input_size_ != 0 && !error) continue;
      if (session_.input_size_ == session_.input_.size())
        co_return fail(bad(problem_code::bad_framing, "A line of a chunked body is too long."));
      session_.waits_ = waits_for::body;
      session_.wire_.set_deadline(time_left());
      const auto n =
          co_await session_.wire_.read(std::span(session_.input_).subspan(session_.input_size_));
      session_.waits_ = waits_for::other;
      if (n == 0)
        co_return session_.wire_.timed_out() ? fail(bad(problem_code::request_timeout)) : lost();
      session_.input_size_ += n;
    }
    co_return std::span<const char>{};
  }

private:
  void consume(std::size_t bytes) {
    session_.input_size_ -= bytes;
    std::memmove(session_.input_.data(), session_.input_.data() + bytes, session_.input_size_);
  }

  // A client that sends too slowly on the whole is not waited for, however often a byte comes.
  milliseconds time_left() const {
    const auto allowed = milliseconds(limits::body_wait_ms) +
                         milliseconds(total_ * 1'000 / limits::body_bytes_per_s_min);
    const auto spent =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began_);
    const auto most = session_.stopping_ ? limits::drain_body_wait_ms : limits::body_wait_ms;
    return std::clamp(allowed - spent, milliseconds(1), milliseconds(most));
  }

  std::unexpected<problem> fail(problem p) {
    broken_ = true;
    return std::unexpected(std::move(p));
  }
  std::unexpected<problem> lost() {
    return fail(bad(problem_code::bad_request, "The body ended too early."));
  }

  session& session_;
  head_parser& parser_;
  bool expects_continue_;
  bool broken_ = false;
  std::uint64_t total_ = 0;
  std::chrono::steady_clock::time_point began_{};
  std::vector<char> piece_;
  std::function<void(std::uint64_t, boost::beast::string_view, boost::system::error_code&)>
      limit_chunk_;
};

// Sends pieces as they are, or as chunks.
class session::response_body final : public body_writer {
public:
  response_body(session& s, bool chunked) : session_(s), chunked_(chunked) {}

  task<bool> write(std::string_view piece) override {
    if (piece.empty()) co_return true;
    bytes_ += piece.size();
    session_.wire_.set_deadline(milliseconds(limits::send_ms));
    if (!chunked_) co_return co_await session_.send(piece);
    char size[24];
    const int n = std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    std::string framed(size, static_cast<std::size_t>(n));
    framed += piece;
    framed += "\r\n";
    co_return co_await session_.send(framed);
  }
  void when_gone(std::function<void()> call) override {
    session_.wire_.when_closed(std::move(call));
  }
  void abort() override { session_.wire_.abort(); }
  asio::any_io_executor executor() override { return session_.wire_.executor(); }
  std::uint64_t bytes() const { return bytes_; }

private:
  session& session_;
  bool chunked_;
  std::uint64_t bytes_ = 0;
};

session::session(transport::socket connected, asio::ssl::context* tls,
                 std::shared_ptr<const session_parts> parts)
    : wire_(std::move(connected), tls), parts_(std::move(parts)) {}

void session::stop() {
  asio::post(wire_.executor(), [self = shared_from_this()] {
    self->stopping_ = true;
    if (self->waits_ == waits_for::head || self->waits_ == waits_for::nothing_more)
      self->wire_.cancel();
    else if (self->waits_ == waits_for::body)
      self->wire_.set_deadline(milliseconds(limits::drain_body_wait_ms));
  });
}

void session::abort() {
  asio::post(wire_.executor(), [self = shared_from_this()] {
    self->stopping_ = true;
    self->wire_.cancel();
  });
}

void session::evict() {
  asio::post(wire_.executor(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->evicted_ = true;
    if (self->waits_ == waits_for::head || self->waits_ == waits_for::nothing_more)
      self->wire_.cancel();
  });
}

task<bool> session::send(std::string_view a, std::string_view b) {
  const asio::const_buffer buffers[] = {asio::buffer(a.data(), a.size()),
                                        asio::buffer(b.data(), b.size())};
  co_return co_await wire_.write(std::span(buffers, b.empty() ? 1 : 2));
}

task<void> session::run() {
  const auto self = shared_from_this();
  wire_.set_deadline(milliseconds(limits::header_ms));
  const auto begun = co_await wire_.handshake();
  if (begun == transport::handshake_result::plain) co_await refuse_plain_text();
  bool more = begun == transport::handshake_result::done;
  while (more && !stopping_) {
    more = co_await serve_one();
    served_ += 1;
  }
  co_await finish();
}

task<void> session::finish() {
  linger how;
  eviction_list::place place;
  if (input_size_ != 0) unread_bytes_ = UINT64_MAX; // requests that were sent ahead
  if (unread_bytes_ != 0 && parts_->lingering) {
    const milliseconds total(stopping_ ? limits::drain_body_wait_ms : limits::linger_ms);
    how = {std::min(total, milliseconds(limits::linger_silence_ms)), total,
           // TLS adds to what is counted here, and time alone bounds it.
           wire_.secure() ? UINT64_MAX : unread_bytes_, limits::body_bytes_per_s_min};
    place = parts_->lingering->enter(client_network(wire_.address()), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->abort();
    });
  }
  waits_ = waits_for::nothing_more;
  const auto dropped = co_await wire_.finish(how);
  waits_ = waits_for::other;
  if (parts_->dropped) parts_->dropped(dropped);
}

// A browser that was given http:// for https:// shows this.
task<void> session::refuse_plain_text() {
  const std::string text = "This port speaks HTTPS: write https:// in the address.\n";
  const std::string head = "HTTP/1.1 400 Bad Request\r\nDate: " + http_date() +
                           "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
                           std::to_string(text.size()) + "\r\nConnection: close\r\n\r\n";
  wire_.set_deadline(milliseconds(limits::send_ms));
  co_await send(head, text);
  unread_bytes_ = UINT64_MAX; // its head, at least
}

task<session::head_result> session::read_head(std::optional<problem>& refused,
                                              std::size_t& head_bytes) {
  const bool idle = input_size_ == 0;
  if (idle && input_.size() != limits::header_bytes_max)
    input_ = std::vector<char>(limits::header_bytes_max); // what a body needed is given back
  std::size_t searched = 0;
  bool begun = !idle;
  wire_.set_deadline(begun ? milliseconds(limits::header_ms) : parts_->idle);
  while (true) {
    // Empty lines before a request are skipped (RFC 9112, section 2.2).
    while (input_size_ >= 2 && input_[0] == '\r' && input_[1] == '\n') {
      input_size_ -= 2;
      std::memmove(input_.data(), input_.data() + 2, input_size_);
    }
    const std::string_view have(input_.data(), input_size_);
    const auto end = have.find("\r\n\r\n", searched < 3 ? 0 : searched - 3);
    if (end != std::string_view::npos && end + 4 <= limits::header_bytes_max) {
      head_bytes = end + 4;
      co_return head_result::complete;
    }
    searched = have.size();
    if (input_size_ >= limits::header_bytes_max) {
      const bool long_target = have.find("\r\n") == std::string_view::npos;
      refused = bad(long_target ? problem_code::uri_too_long : problem_code::headers_too_large);
      co_return head_result::refused;
    }
    // A line that ends in a bare LF never comes to a proper end: it need not be waited for.
    if (have.find("\n\n") != std::string_view::npos) {
      refused = bad(problem_code::bad_request, "Lines end in CR LF.");
      co_return head_result::refused;
    }
    if (stopping_) co_return head_result::ended;
    waits_ = waits_for::head;
    std::size_t n = 0; // GCC 12 evaluates both branches of a condition with `co_await`
    if (!evicted_) n = co_await wire_.read(std::span(input_).subspan(input_size_));
    waits_ = waits_for::other;
    if (n == 0) {
      const bool late = wire_.timed_out();
      if (!evicted_ && !(late && (begun || parts_->over_limit))) co_return head_result::ended;
      refused = bad(evicted_ || !begun ? problem_code::overloaded : problem_code::request_timeout);
      co_return head_result::refused;
    }
    input_size_ += n;
    if (!begun) {
      begun = true;
      wire_.set_deadline(std::min(milliseconds(limits::header_ms), parts_->idle));
    }
  }
}

task<void> session::refuse(const problem& p) {
  request rq;
  rq.id = request_id({});
  rq.address = wire_.address();
  auto answer = to_response(std::unexpected(p), rq);
  // How long a request is that could not be read is not known.
  unread_bytes_ = p.code == problem_code::overloaded ? 0 : UINT64_MAX;
  co_await respond(rq, answer, false);
}

task<bool> session::serve_one() {
  std::optional<problem> refused;
  std::size_t head_bytes = 0;
  const auto result = co_await read_head(refused, head_bytes);
  if (result == head_result::ended) co_return false;
  if (result == head_result::complete)
    if (auto ok = check_head({input_.data(), head_bytes}); !ok) refused = ok.error();
  head_parser parser;
  parser.header_limit(limits::header_bytes_max + 1);
  parser.body_limit(boost::none);
  if (!refused) {
    boost::system::error_code error;
    const auto used = parser.put(asio::buffer(input_.data(), head_bytes), error);
    if (error && error != bhttp::error::need_more) refused = bad(problem_code::bad_request);
    if (!parser.is_header_done()) refused = bad(problem_code::bad_request);
    input_size_ -= used;
    std::memmove(input_.data(), input_.data() + used, input_size_);
  }
  auto parsed =
      refused ? base::result<request, problem>(std::unexpected(*refused)) : to_request(parser);
  if (!parsed) {
    co_await refuse(parsed.error());
    co_return false;
  }
  auto& rq = *parsed;
  rq.address = wire_.address();
  rq.secure = wire_.secure();
  const auto expects = rq.header("Expect");
  request_body body(*this, parser, !expects.empty() && rq.has_body() && rq.http_1_1);
  response answer;
  if (!expects.empty() && !same_word(expects, "100-continue"))
    answer = to_response(std::unexpected(bad(problem_code::expectation_failed)), rq);
  else
    answer = co_await parts_->handle(rq, body);
  bool keep = rq.keep_alive && !answer.closes && !stopping_ && !evicted_ && !parts_->over_limit &&
              !body.broken() && served_ + 1 < limits::requests_per_connection_max;
  if (!body.done() && (body.waits_for_continue() || body.broken())) keep = false;
  // A short rest of a body is read past; a long one is dropped after the answer.
  if (!rq.chunked && body.bytes_missing() > limits::kept_body_bytes_max) keep = false;
  for (std::uint64_t skipped = 0; keep && !body.done();) {
    const auto piece = co_await body.read();
    skipped += piece ? piece->size() : 0;
    if (!piece || skipped > limits::kept_body_bytes_max) keep = false;
    if (piece && piece->empty()) break;
  }
  if (std::holds_alternative<upgrade_body>(answer.body)) {
    co_await upgrade(rq, answer);
    co_return false;
  }
  // A client that waited for 100 (Continue) sends nothing after another answer.
  unread_bytes_ = body.waits_for_continue() ? 0 : body.bytes_missing();
  const bool sent = co_await respond(rq, answer, keep);
  co_return sent&& keep;
}

task<bool> session::respond(const request& rq, response& answer, bool keep_alive) {
  const bool head_only = rq.method == "HEAD";
  const auto* text = std::get_if<std::string>(&answer.body);
  const auto* file = std::get_if<file_body>(&answer.body);
  const auto* stream = std::get_if<stream_body>(&answer.body);
  std::optional<std::uint64_t> length;
  if (text != nullptr) length = text->size();
  if (file != nullptr) length = file->length;
  if (stream != nullptr) length = stream->length;
  const bool has_no_body = answer.status == 204 || answer.status == 304;
  const bool chunked = !length && rq.http_1_1;
  if (!length && !chunked) keep_alive = false; // the end of the connection is the end of the body

  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
  head += reason_of(answer.status);
  head += "\r\n";
  for (const auto& [name, value] : answer.headers)
    head.append(name).append(": ").append(value).append("\r\n");
  head += "Date: " + http_date() + "\r\nX-Request-Id: " + rq.id +
          "\r\nX-Content-Type-Options: nosniff\r\n";
  if (length && !has_no_body) head += "Content-Length: " + std::to_string(*length) + "\r\n";
  if (chunked && !has_no_body) head += "Transfer-Encoding: chunked\r\n";
  if (!keep_alive) head += "Connection: close\r\n";
  if (keep_alive && !rq.http_1_1) head += "Connection: keep-alive\r\n";
  head += "\r\n";

  wire_.set_deadline(milliseconds(limits::send_ms));
  const bool with_body = !head_only && !has_no_body;
  // Not within the `co_await` expression: GCC 12 evaluates both branches of a condition there.
  std::string_view body_text;
  if (text != nullptr && with_body) body_text = *text;
  bool sent = co_await send(head, body_text);
  std::uint64_t bytes = body_text.size();
  if (sent && with_body && file != nullptr) {
    sent = co_await send_file(*file);
    bytes = file->length;
  }
  if (sent && with_body && stream != nullptr) {
    response_body out(*this, chunked);
    sent = co_await stream->write(out);
    bytes = out.bytes();
    if (sent && chunked) sent = co_await send("0\r\n\r\n");
  }
  if (parts_->log) parts_->log(rq, answer, bytes);
  co_return sent&& keep_alive;
}

task<void> session::upgrade(const request& rq, response& answer) {
  const auto& body = std::get<upgrade_body>(answer.body);
  std::vector<char> early(input_.begin(),
                          input_.begin() + static_cast<std::ptrdiff_t>(input_size_));
  input_ = {};
  input_size_ = 0;
  answer.status = 101;
  answer.with("X-Request-Id", rq.id).with("Date", http_date());
  if (parts_->log) parts_->log(rq, answer, 0);
  wire_.set_no_deadline();
  web_socket socket(wire_, std::move(early), body.idle);
  const bool accepted = co_await socket.accept(rq, answer.headers);
  if (accepted) co_await body.serve(socket);
  unread_bytes_ = limits::feed_client_bytes_per_min_max; // what it sent before it read the close
}

task<bool> session::send_file(const file_body& body) {
  std::vector<char> piece(
      static_cast<std::size_t>(std::min<std::uint64_t>(body.length, limits::body_piece_bytes)));
  for (std::uint64_t at = 0; at < body.length;) {
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), body.length - at));
    const auto n =
        co_await parts_->read_file(body.file->get(), std::span(piece).first(want), body.first + at);
    if (n <= 0) co_return false;
    wire_.set_deadline(milliseconds(limits::send_ms));
    const bool sent = co_await send({piece.data(), static_cast<std::size_t>(n)});
    if (!sent) co_return false;
    at += static_cast<std::uint64_t>(n);
  }
  co_return true;
}

} // namespace darkroom::http
