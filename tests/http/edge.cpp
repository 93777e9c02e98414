#include "edge.hpp"

#include "base/clock.hpp"
#include "persistence/read_view.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace darkroom::tests {

namespace {

constexpr int deadline_ms = 30'000;

std::string content_of_file(int fd) {
  std::string content;
  char piece[4'096];
  for (off_t at = 0;;) {
    const auto n = ::pread(fd, piece, sizeof piece, at);
    if (n <= 0) return content;
    content.append(piece, static_cast<std::size_t>(n));
    at += n;
  }
}

// "Converts" a picture into its format's name and its bytes.
class plain_slot final : public actors::slot_runner, public actors::preview_runner {
public:
  plain_slot(persistence::blob_store& blobs, std::shared_ptr<persistence::output_store> outputs,
             gate& waits)
      : blobs_(blobs), outputs_(std::move(outputs)), waits_(waits) {}

  codecs::result<codecs::image_info> probe(const actors::probe_job& job) override {
    const auto source = open(*job.file);
    const auto content = source ? content_of_file(source.get()) : std::string{};
    if (!content.starts_with("PICTURE"))
      return codecs::fail(domain::failure_reason::unsupported_format, "no picture");
    const std::uint32_t side = content.find("HUGE") == std::string::npos ? 8 : 8'192;
    return codecs::image_info{.format = "jpeg", .width = side, .height = side, .channels = 3};
  }

  actors::conversion_outcome convert(const actors::conversion_job& job,
                                     const codecs::progress_listener& on_progress) override {
    on_progress({domain::conversion_stage::encoding, 50});
    if (!waits_.pass(job.lease)) return actors::conversion_interrupted{};
    const auto source = open(*job.file);
    const auto content = content_of_file(source.get());
    if (content.find("BROKEN") != std::string::npos)
      return actors::conversion_failed{{domain::failure_reason::corrupt_input, "broken"}};
    actors::file_converted outcome;
    outcome.result.bytes_in = job.file->bytes;
    outcome.result.width = outcome.result.height = 8;
    for (std::uint32_t i = 0; i < job.file->outputs.size(); ++i) {
      const auto out = in_memory(job.spec->outputs[i].format + ':' + content);
      auto staged = outputs_->stage(job.batch, job.index, i, job.file->outputs[i], out.get(),
                                    job.spec->existing);
      if (!staged) throw std::runtime_error(staged.error().text());
      outcome.result.outputs.push_back({staged->bytes, staged->sha256, 8, 8, staged->crc32});
      outcome.staged.push_back(std::move(*staged));
    }
    return outcome;
  }

  // The format, the width, the part and the bytes.
  actors::preview make_preview(const actors::preview_job& job) override {
    if (!waits_.pass(job.number)) return actors::preview_superseded{};
    const auto content = content_of_file(open(*job.file).get());
    if (content.find("BROKEN") != std::string::npos)
      return actors::preview_failed{{domain::failure_reason::corrupt_input, "broken"}};
    const auto& output = job.spec->outputs[0];
    auto text = output.format + ':';
    actors::picture_made made{.width = 8, .height = 8};
    if (output.resize) made.width = made.height = output.resize->width;
    if (job.crop) {
      made.width = job.crop->width;
      made.height = job.crop->height;
      text += std::to_string(job.crop->x) + ',' + std::to_string(job.crop->y) + ':';
    }
    if (job.spec->metadata == domain::metadata_policy::strip_location)
      made.losses.add(domain::loss::location_stripped);
    text += content;
    made.bytes = text.size();
    made.memory = std::make_shared<darkroom::base::unique_fd>(in_memory(text));
    return made;
  }

  void interrupt(domain::lease_id lease) noexcept override { waits_.interrupt(lease); }

private:
  static darkroom::base::unique_fd in_memory(const std::string& text) {
    darkroom::base::unique_fd out{::memfd_create("output", MFD_CLOEXEC)};
    // No assertions here: this is another thread.
    if (::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("cannot write to memory");
    return out;
  }
  darkroom::base::unique_fd open(const domain::file_entry& file) const {
    const auto name = persistence::parse_hex(file.source);
    auto opened =
        name ? blobs_.open_blob(*name)
             : persistence::file_result<darkroom::base::unique_fd>(darkroom::base::unique_fd{});
    return opened ? std::move(*opened) : darkroom::base::unique_fd{};
  }

  persistence::blob_store& blobs_;
  std::shared_ptr<persistence::output_store> outputs_;
  gate& waits_;
};

std::string lower(std::string text) {
  for (auto& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

} // namespace

std::string picture(const std::string& content) {
  return "PICTURE " + content;
}

std::string reply::header(const std::string& name) const {
  const auto at = headers.find(name);
  return at == headers.end() ? "" : at->second;
}

boost::json::value reply::json() const {
  INFO(status << ' ' << body);
  boost::system::error_code error;
  auto value = boost::json::parse(body, error);
  REQUIRE_FALSE(error);
  return value;
}

std::string reply::code() const {
  if (!header("content-type").starts_with("application/problem+json")) return "";
  return std::string{json().at("code").as_string()};
}

void gate::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}
void gate::open() {
  const std::lock_guard lock(mutex_);
  closed_ = false;
  changed_.notify_all();
}
bool gate::pass(domain::lease_id lease) {
  std::unique_lock lock(mutex_);
  waiting_ += 1;
  changed_.wait(lock, [&] { return !closed_ || interrupted_ == lease; });
  waiting_ -= 1;
  return interrupted_ != lease;
}
void gate::interrupt(domain::lease_id lease) {
  const std::lock_guard lock(mutex_);
  interrupted_ = lease;
  changed_.notify_all();
}
std::size_t gate::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

wire::wire(std::uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Thrown, not asserted: connections are also made by other threads than the test's.
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
    throw std::runtime_error("cannot connect");
}

wire::~wire() {
  ::close(fd_);
}

void wire::send(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (n <= 0) return; // the server has closed: the answer tells why
    at += static_cast<std::size_t>(n);
  }
}

bool wire::fill() {
  pollfd wait{fd_, POLLIN, 0};
  if (::poll(&wait, 1, deadline_ms) <= 0) throw std::runtime_error("the server says nothing");
  char piece[16'384];
  const auto n = ::recv(fd_, piece, sizeof piece, 0);
  if (n <= 0) return false;
  input_.append(piece, static_cast<std::size_t>(n));
  return true;
}

reply wire::read(bool head) {
  reply r;
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return r;
  r.status = std::stoi(input_.substr(9, 3));
  for (std::size_t at = input_.find("\r\n") + 2; at < end + 2;) {
    const auto stop = input_.find("\r\n", at);
    const auto colon = input_.find(": ", at);
    r.headers[lower(input_.substr(at, colon - at))] = input_.substr(colon + 2, stop - colon - 2);
    at = stop + 2;
  }
  input_.erase(0, end + 4);
  if (head || r.status == 204 || r.status == 304 || r.status == 100) return r;
  if (r.header("transfer-encoding") == "chunked") {
    while (read_chunk(r.body)) {
    }
    return r;
  }
  const auto length = std::stoul("0" + r.header("content-length"));
  while (input_.size() < length)
    if (!fill()) break;
  r.body = input_.substr(0, length);
  input_.erase(0, r.body.size());
  return r;
}

void wire::await_bytes() {
  if (input_.empty()) fill();
}

bool wire::read_chunk(std::string& to) {
  while (input_.find("\r\n") == std::string::npos)
    if (!fill()) return false;
  const auto size = std::stoul(input_, nullptr, 16);
  const auto begin = input_.find("\r\n") + 2;
  while (input_.size() < begin + size + 2)
    if (!fill()) return false;
  to += input_.substr(begin, size);
  input_.erase(0, begin + size + 2);
  return size != 0;
}

bool wire::closes_after_chunks() {
  std::string rest;
  while (read_chunk(rest)) {
  }
  return closes();
}

bool wire::closes() {
  return input_.empty() && !fill();
}

edge::edge(const std::function<void(config::settings&)>& change, std::size_t slots)
    : slots_(slots) {
  settings_.data.dir = directory_ / "data";
  settings_.data.disk_floor_bytes = 0;
  settings_.http.listen = "127.0.0.1:0";
  settings_.log.requests = false;
  if (change) change(settings_);
  start();
}

edge::~edge() {
  conversions.open();
  previews.open();
  stop();
}

void edge::start() {
  const auto journal = settings_.data.dir + "/journal";
  REQUIRE(persistence::make_directories(journal));
  auto opened = persistence::blob_store::open(settings_.data.dir + "/blobs");
  REQUIRE(opened);
  blobs_ = std::move(*opened);
  auto outputs = std::make_shared<persistence::blob_outputs>(*blobs_);
  const auto open = [journal] { return persistence::journal_store::open({journal, nullptr}); };
  auto store = open();
  REQUIRE(store);
  REQUIRE((*store)->view()->each_blob([&](const auto& use) { blobs_->add_reference(use.name); }));
  auto tokens = (*store)->view()->tokens();
  REQUIRE(tokens);
  actors_ = std::make_unique<actors::orchestra>(actors::orchestra_options{
      .slots = slots_,
      .make_runner =
          [this, outputs] { return std::make_unique<plain_slot>(*blobs_, outputs, conversions); },
      .make_previewer =
          [this, outputs] { return std::make_unique<plain_slot>(*blobs_, outputs, previews); },
      .outputs = outputs,
      .open_journal = open,
      .journal = std::move(*store),
      .announce =
          [this](const std::string& line) {
            const std::lock_guard lock(mutex_);
            announced_.push_back(line);
          },
      .give_up = [] {}});
  actors_->wait_until_loaded();
  http::format_facts formats;
  formats.writable = codecs::output_formats();
  formats.preview = {codecs::preview_output(), "webp", "image/webp"};
  formats.by_extension = {{"jpg", "image/jpeg"}, {"png", "image/png"}, {"webp", "image/webp"}};
  formats.json = R"({"formats":[{"name":"jpeg","label":"JPEG","aliases":["jpg"],)"
                 R"("media_type":"image/jpeg","extensions":["jpg"],"writes":true,"alpha":false,)"
                 R"("depth":8,"side_pixels_max":65500,"library":"none","options":{)"
                 R"("quality":{"least":0,"most":100},"lossless":"never","progressive":true,)"
                 R"("chroma":["420","444"]}}],"options":{},"spec":[],"limits":{"outputs_max":16}})";
  server_ = std::make_unique<http::server>(settings_, *actors_, *blobs_, outputs, formats, "key");
  server_->shared().identities.load(std::move(*tokens));
  REQUIRE(server_->listen());
  const auto address = server_->address();
  port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

void edge::stop() {
  server_->stop(std::chrono::milliseconds(5'000));
  actors_->shut_down();
  actors_.reset();
  server_.reset();
  blobs_.reset();
}

void edge::restart() {
  stop();
  start();
}

const std::string& edge::token(const std::string& user) {
  auto& text = tokens_[user];
  if (!text.empty()) return text;
  const auto role = user == "admin" ? persistence::role::admin : persistence::role::user;
  auto made = http::make_token(user, role, base::unix_now_us(), 0, "");
  std::mutex mutex;
  std::condition_variable kept;
  bool done = false;
  actors_->keep({made.record}, [&](bool durable) {
    const std::lock_guard lock(mutex);
    done = durable;
    kept.notify_one();
  });
  std::unique_lock lock(mutex);
  REQUIRE(kept.wait_for(lock, std::chrono::seconds(30), [&] { return done; }));
  server_->shared().identities.put(made.record);
  return text = made.text;
}

reply edge::call(const std::string& as, const std::string& method, const std::string& path,
                 const std::string& body, const headers& more) {
  std::string text = method + ' ' + path + " HTTP/1.1\r\nHost: test\r\n";
  if (!as.empty()) text += "Authorization: Bearer " + token(as) + "\r\n";
  bool typed = false;
  for (const auto& [name, value] : more) {
    text += name + ": " + value + "\r\n";
    typed |= lower(name) == "content-type";
  }
  if (!body.empty() && !typed) text += "Content-Type: application/json\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  wire connection(port_);
  connection.send(text + "\r\n" + body);
  return connection.read(method == "HEAD");
}

std::string edge::batch(const std::string& as, const std::string& more) {
  const auto made =
      call(as, "POST", "/v1/batches", R"({"spec":{"outputs":[{"format":"webp"}]})" + more + "}");
  INFO(made.body);
  REQUIRE(made.status == 201);
  return std::string{made.json().at("id").as_string()};
}

reply edge::put(const std::string& as, const std::string& id, const std::string& path,
                const std::string& bytes) {
  return call(as, "PUT", "/v1/batches/" + id + "/files/" + path, bytes,
              {{"Content-Type", "application/octet-stream"}});
}

void edge::await_state(const std::string& as, const std::string& id, const std::string& state) {
  std::string etag;
  for (int i = 0; i < 1'000; ++i) {
    headers more{{"Prefer", "wait=10"}};
    if (!etag.empty()) more.emplace_back("If-None-Match", etag);
    const auto now = call(as, "GET", "/v1/batches/" + id, {}, more);
    if (now.status == 304) continue;
    REQUIRE(now.status == 200);
    etag = now.header("etag");
    if (now.json().at("state").as_string() == state) return;
  }
  FAIL("the batch never is " << state);
}

std::vector<persistence::audit_entry> edge::audit() {
  std::vector<persistence::audit_entry> all;
  const auto view = actors_->view();
  REQUIRE(view);
  REQUIRE(view->each_audit(0, [&](persistence::audit_entry&& entry) {
    all.push_back(std::move(entry));
    return true;
  }));
  return all;
}

std::vector<std::string> edge::announced() {
  const std::lock_guard lock(mutex_);
  return announced_;
}

bool comes_true(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

std::size_t edge::blobs_on_disk() const {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(settings_.data.dir + "/blobs"))
    count += entry.is_regular_file() && entry.path().filename() != ".opened";
  return count;
}

} // namespace darkroom::tests
