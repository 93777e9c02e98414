#include "targets.hpp"
#include "base/result.hpp"
#include "config/limits.hpp"
#include "domain/limits.hpp"
#include "http/limits.hpp"

#include "actors/cluster/basp_gate.hpp"
#include "actors/cluster/link_hello.hpp"
#include "actors/cluster/wire.hpp"
#include "codecs/conversion_plan.hpp"
#include "codecs/format.hpp"
#include "codecs/host/protocol.hpp"
#include "codecs/metadata/exif.hpp"
#include "codecs/metadata/exif_directories.hpp"
#include "codecs/metadata/iptc.hpp"
#include "codecs/metadata/xmp.hpp"
#include "codecs/pipeline.hpp"
#include "codecs/row_deflate.hpp"
#include "config/settings.hpp"
#include "domain/output_planner.hpp"
#include "domain/portable_names.hpp"
#include "domain/text.hpp"
#include "http/file_path.hpp"
#include "http/framing.hpp"
#include "http/json_body.hpp"
#include "http/multipart.hpp"
#include "http/router.hpp"
#include "http/spec_json.hpp"
#include "persistence/access_records.hpp"
#include "persistence/event_codec.hpp"

#include <boost/json/object.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/io/basp/header.hpp>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace darkroom::tests {

namespace {

using bytes = std::span<const std::uint8_t>;

std::string_view text_of(bytes b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// A fuzzer finds what aborts.
void must(bool holds) {
  if (!holds) std::abort();
}

// Bytes as the file that a decoder reads.
class memory_file {
public:
  explicit memory_file(bytes content) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    must(::pwrite(fd_, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
  }
  ~memory_file() { ::close(fd_); }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  int fd() const { return fd_; }

private:
  int fd_;
};

// Small, so that a run takes milliseconds; the limits are checked by the same code.
codecs::input_limits small_limits() {
  codecs::input_limits limits;
  limits.pixels = 1'000'000;
  return limits;
}

void probe(bytes b) {
  const memory_file file(b);
  const auto info = codecs::probe(file.fd(), b.size(), small_limits());
  if (!info) return;
  must(info->width > 0 && info->height > 0 && info->pixels() <= small_limits().pixels);
  must(codecs::find_format(info->format) != nullptr);
}

void decode(std::string_view format, bytes b) {
  const memory_file file(b);
  codecs::input_stream in(file.fd(), b.size());
  const auto* row = codecs::find_format(format);
  const auto decoded =
      row->decode(in, {small_limits(), false, {}},
                  [](const codecs::image_info& info) -> codecs::result<codecs::decode_way> {
                    if (auto ok = codecs::check_limits(info, small_limits()); !ok)
                      return std::unexpected(ok.error());
                    return codecs::decode_way{};
                  });
  if (!decoded) return;
  must(decoded->pixels.bytes() > 0);
  must(decoded->orientation >= 1 && decoded->orientation <= 8);
}

void decode_jpeg(bytes b) {
  decode("jpeg", b);
}
void decode_png(bytes b) {
  decode("png", b);
}
// The first byte is the room for the stream, in sixty-fourths of the input.
void row_deflate(bytes b) {
  if (b.empty()) return;
  const auto rows = b.subspan(1);
  std::vector<std::uint8_t> out(rows.size() * b[0] / 64 + 16);
  const std::size_t size = codecs::deflate_rows(rows, out);
  if (size == 0) return;
  std::vector<std::uint8_t> back(rows.size() + 1);
  uLongf back_size = back.size();
  const int ended = uncompress(back.data(), &back_size, out.data(), size);
  must(ended == Z_OK && std::ranges::equal(std::span{back}.first(back_size), rows));
}

void decode_webp(bytes b) {
  decode("webp", b);
}

// What a policy keeps is kept by it again, and written so that it reads the same.
void xmp(bytes b) {
  auto packet = codecs::parse_xmp(b);
  if (!packet) return;
  const auto written = codecs::write_xmp(*packet);
  const auto again = codecs::parse_xmp(written);
  must(again && again->properties.size() == packet->properties.size());
  (void)codecs::promises_video(*packet);
  codecs::change_xmp(*packet, {.orientation = 1,
                               .width = 10,
                               .height = 20,
                               .srgb = true,
                               .gain_map_gone = true,
                               .video_gone = true,
                               .extension_gone = true});
  for (const auto selection :
       {codecs::metadata_selection::without_location, codecs::metadata_selection::copyright}) {
    auto kept = *packet;
    codecs::select_xmp(kept, selection);
    const auto nothing_more = codecs::select_xmp(kept, selection);
    must(!nothing_more.location && !nothing_more.other);
    must(codecs::parse_xmp(codecs::write_xmp(kept)).has_value());
  }
}

void exif(bytes b) {
  (void)codecs::exif_orientation(b);
  (void)codecs::exif_density(b);
  must(codecs::change_exif(b, {.orientation = 1, .width = 10, .height = 20, .srgb = true}).size() <=
       b.size());
  for (const auto selection :
       {codecs::metadata_selection::without_location, codecs::metadata_selection::copyright}) {
    const auto kept = codecs::select_exif(b, selection);
    if (kept.bytes.empty()) continue;
    const auto again = codecs::select_exif(kept.bytes, selection);
    must(again.readable && !again.location_removed && !again.other_removed);
    must(again.bytes == kept.bytes);
  }
}

void iptc(bytes b) {
  const auto resources = codecs::kept_resources(b);
  must(codecs::kept_resources(resources) == resources);
  (void)codecs::iim_has_location(b);
  codecs::xmp_packet packet;
  codecs::add_iptc_to_xmp(b, packet);
  must(codecs::parse_xmp(codecs::write_xmp(packet)).has_value());
  for (const auto selection :
       {codecs::metadata_selection::without_location, codecs::metadata_selection::copyright}) {
    const auto kept = codecs::select_iptc(b, selection);
    must(!codecs::iptc_has_location(kept.resources));
    must(codecs::select_iptc(kept.resources, selection).resources == kept.resources);
  }
}

void event_codec(bytes b) {
  const auto text = text_of(b);
  if (const auto e = persistence::decode_event(text)) {
    // What was read is written and read again as the same.
    const auto again =
        persistence::decode_event(persistence::encode_event(e->fact, e->prev, e->time_us));
    must(again && again->fact == e->fact && again->prev == e->prev);
    domain::batch_state state;
    (void)domain::apply(state, e->fact);
  }
  if (const auto snapshot = persistence::decode_snapshot(text))
    must(snapshot->state.files.size() <= limits::files_per_batch_max);
  (void)persistence::decode_entry(text);
  (void)persistence::decode_outcome(text);
  (void)persistence::decode_summary(text);
  (void)persistence::decode_token("id", text);
  (void)persistence::decode_standing("name", text);
  (void)persistence::decode_audit(1, text);
  (void)persistence::decode_idempotency(text);
  (void)persistence::decode_day_use("name", text);
  (void)persistence::decode_cost_ratio("kind", text);
  (void)persistence::decode_deletion(text);
}

// From the head of a request to the path of a file.
void http_request(bytes b) {
  const auto text = text_of(b);
  (void)http::check_head(text);
  const auto method_end = text.find(' ');
  if (method_end == std::string_view::npos) return;
  const auto rest = text.substr(method_end + 1);
  http::request rq;
  if (!http::read_target(rq, rest.substr(0, rest.find_first_of(" \r\n")))) return;
  const auto way = http::find_route(text.substr(0, method_end), rq.segments);
  if (way.target == nullptr) return;
  for (const auto& param : way.params)
    if (http::check_file_path(param)) {
      must(param.size() <= limits::path_bytes_max && !param.starts_with('/'));
      must(param.find("/../") == std::string::npos && param.find('\0') == std::string::npos);
    }
}

// Names as clients and file systems have them, to those that are written and sent.
void file_names(bytes b) {
  const auto name = text_of(b);
  const auto nearest = http::nearest_file_path(name);
  must(http::check_file_path(nearest).has_value());
  must(!http::check_file_path(name) || nearest == name);
  const auto portable = domain::portable_path(name);
  must(domain::portable_path(portable) == portable);
  domain::conversion_spec spec;
  spec.outputs.push_back({.format = "webp", .suffix = "-s"});
  domain::output_planner planner(spec, {"webp"});
  const auto first = planner.plan(name), second = planner.plan(name);
  must(first && second && first->front() != second->front());
  for (const auto& planned : {first->front(), second->front()})
    must(planned.size() - (planned.rfind('/') + 1) <= limits::name_part_bytes_max);
}

void multipart(bytes b) {
  // The first byte says in what pieces the form comes.
  if (b.empty()) return;
  const std::size_t piece = 1 + b.front() % 64;
  b = b.subspan(1);
  http::multipart_parser parser("B");
  for (std::size_t steps = 0; steps < b.size() * 2 + 64; ++steps) {
    const auto next = parser.next();
    if (!next || *next == http::multipart_parser::what::end) return;
    if (*next != http::multipart_parser::what::needs_more) continue;
    const auto now = text_of(b).substr(0, piece);
    if (now.empty()) return;
    b = b.subspan(now.size());
    parser.feed(now);
  }
}

// A host that was taken over says what it likes.
void host_reply(bytes b) {
  codecs::host::wire_reply reply{};
  std::memcpy(&reply, b.data(), std::min(b.size(), sizeof reply));
  (void)domain::printable(std::string{reply.detail.get()});
  const auto info = codecs::host::from_wire(reply.info);
  if (!info) return;
  must(codecs::find_format(info->format) != nullptr);
  domain::conversion_spec spec;
  for (const auto* format : {"webp", "jpeg", "png"})
    spec.outputs.push_back({.format = format});
  spec.animation = domain::animation_policy::first_frame;
  const auto plan = codecs::plan_conversion(*info, 1'000, spec);
  if (plan) must(plan->memory_bytes > 0 && plan->outputs.size() == spec.outputs.size());
}

// The other way round: whatever a job says, the host reads its spec without harm.
void host_job(bytes b) {
  codecs::host::wire_job job{};
  std::memcpy(&job, b.data(), std::min(b.size(), sizeof job));
  const auto spec = codecs::host::unpack(job.spec);
  if (!spec) return;
  must(spec->outputs.size() <= limits::outputs_max);
  must(codecs::host::unpack(codecs::host::pack(*spec)) == spec);
  (void)domain::validate(*spec);
}

void spec_json(bytes b) {
  const auto value = http::parse_json(text_of(b));
  if (!value || !value->is_object()) return;
  std::vector<http::field_error> errors;
  const auto formats = codecs::output_formats();
  const auto spec = http::read_spec(value->get_object(), "/spec", formats, errors);
  if (!errors.empty()) return;
  // What was accepted is shown and accepted again as the same.
  std::vector<http::field_error> again;
  must(http::read_spec(http::spec_view(spec), "/spec", formats, again) == spec);
  must(again.empty());
}

void settings_toml(bytes b) {
  config::settings s;
  if (!config::read_toml(s, text_of(b), "fuzz.toml")) return;
  (void)config::check(s);
  config::settings again;
  must(config::read_toml(again, config::to_toml(s), "again.toml").has_value());
}

// Both sides of a new link.
void link_greeting(bytes b) {
  if (const auto hello = actors::read_hello(text_of(b))) {
    const auto text = actors::to_text(*hello);
    const auto again = actors::read_hello(text);
    must(again && actors::to_text(*again) == text);
    must(hello->protocol != actors::link_protocol ||
         (hello->slots > 0 && hello->slots <= limits::slots_max));
  }
  if (const auto answer = actors::read_answer(text_of(b))) {
    const auto text = actors::to_text(*answer);
    const auto again = actors::read_answer(text);
    must(again && actors::to_text(*again) == text);
  }
}

template<class Message>
void decode_wire(bytes b) {
  caf::binary_deserializer source{nullptr, reinterpret_cast<const char*>(b.data()), b.size()};
  Message message;
  (void)source(message);
}

// What a worker's actor system sends: through the gate, cut where the first byte says; and the
// contents of its messages.
void link_messages(bytes b) {
  using caf::io::basp::header;
  static const auto worker = *caf::make_node_id(1, std::string(40, 'A'));
  static const auto server = *caf::make_node_id(2, std::string(40, 'A'));
  static const std::vector<char> greeting = [] {
    std::vector<char> text, payload;
    caf::binary_serializer{nullptr, payload}(worker);
    const auto size = static_cast<std::uint32_t>(payload.size());
    header head{caf::io::basp::message_type::client_handshake, 0, size, 0, 0, 0};
    caf::binary_serializer{nullptr, text}(head);
    text.insert(text.end(), payload.begin(), payload.end());
    return text;
  }();
  if (b.empty()) return;
  const std::size_t step = 1 + b[0];
  b = b.subspan(1);
  std::vector<char> said = greeting;
  said.insert(said.end(), b.begin(), b.end());
  actors::basp_gate whole{caf::to_string(worker), caf::to_string(server)};
  auto cut = whole;
  std::vector<char> passed, passed_cut;
  const auto ok = whole.pass(said, passed);
  darkroom::base::result<void, std::string> ok_cut;
  for (std::size_t at = 0; at < said.size() && ok_cut; at += step)
    ok_cut = cut.pass(std::span(said).subspan(at, std::min(step, said.size() - at)), passed_cut);
  must(ok.has_value() == ok_cut.has_value() && passed == passed_cut);
  must(passed.size() >= greeting.size() && passed.size() <= said.size());
  decode_wire<actors::pull_input>(b);
  decode_wire<actors::output_piece>(b);
  decode_wire<actors::file_ended>(b);
  decode_wire<actors::file_dropped>(b);
  decode_wire<actors::work_progress>(b);
  decode_wire<actors::echo>(b);
}

} // namespace

const std::vector<fuzz_target>& fuzz_targets() {
  static const std::vector<fuzz_target> all{
      {"probe", probe, true},
      {"decode_jpeg", decode_jpeg, true},
      {"decode_png", decode_png, true},
      {"decode_webp", decode_webp, true},
      {"event_codec", event_codec},
      {"http_request", http_request},
      {"multipart", multipart},
      {"host_reply", host_reply},
      {"host_job", host_job},
      {"spec_json", spec_json},
      {"settings_toml", settings_toml},
      {"link_greeting", link_greeting},
      {"link_messages", link_messages},
      {"file_names", file_names},
      {"row_deflate", row_deflate},
      {"xmp", xmp},
      {"exif", exif},
      {"iptc", iptc},
  };
  return all;
}

} // namespace darkroom::tests
