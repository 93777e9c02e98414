// Pictures to look at: what an output would be, which is kept nowhere, and thumbnails, which are
// cached.
#include "base/overloaded.hpp"
#include "base/result.hpp"
#include "domain/text.hpp"
#include "http/limits.hpp"
#include "http/routes.hpp"
#include "http/spec_json.hpp"
#include "persistence/limits.hpp"

#include <boost/json.hpp>

#include <unistd.h>
#include <utility>

namespace darkroom::http {

namespace {

namespace json = boost::json;

struct preview_request {
  domain::conversion_spec spec; // with the one output that is asked for
  std::uint32_t width = 0;      // 0: as the output has it
  std::optional<actors::pixel_area> crop;
};

actors::pixel_area read_area(const json::object& from, std::vector<field_error>& errors) {
  actors::pixel_area area;
  object_reader r(from, "/crop", errors);
  r.number("x", area.x, 0, limits::side_pixels_max);
  r.number("y", area.y, 0, limits::side_pixels_max);
  for (const auto& [name, side] : {std::pair{"width", &area.width}, {"height", &area.height}}) {
    r.number(name, *side, 1, limits::preview_side_max);
    if (!r.has(name)) r.wrong(name, problem_code::invalid_value, "is missing");
  }
  r.finish();
  return area;
}

// `output`, `width` and `crop`; other members stand for those of the batch's spec.
base::result<preview_request, problem> read_preview(json::object body,
                                                    const domain::conversion_spec& of_batch,
                                                    domain::output_formats formats) {
  preview_request wish;
  std::vector<field_error> errors;
  object_reader r(body, "", errors);
  r.number("width", wish.width, limits::preview_side_min, limits::preview_side_max);
  if (const auto* area = r.object("crop")) wish.crop = read_area(*area, errors);
  const auto* output = r.object("output");
  if (output == nullptr && errors.empty())
    r.wrong("output", problem_code::invalid_value, "is an output as in a spec");
  if (wish.width != 0 && wish.crop)
    r.wrong("crop", problem_code::invalid_value, "is at full size: it has no width beside it");
  if (body.contains("outputs"))
    r.wrong("outputs", problem_code::unknown_field, "a preview has one `output`");
  if (output == nullptr || !errors.empty()) return std::unexpected(invalid_body(std::move(errors)));

  auto merged = spec_view(of_batch);
  merged["outputs"] = json::array{*output};
  for (const auto& own : {"output", "width", "crop"})
    body.erase(own);
  for (const auto& [name, value] : body)
    merged[name] = value;
  wish.spec = read_spec(merged, "", formats, errors);
  constexpr std::string_view listed = "/outputs/0";
  for (auto& error : errors)
    if (error.pointer.starts_with(listed)) error.pointer.replace(0, listed.size(), "/output");
  if (!errors.empty()) return std::unexpected(invalid_body(std::move(errors)));
  return wish;
}

problem failed_preview(const actors::preview_failed& failed) {
  std::string detail{domain::explain(failed.error.reason)};
  if (!failed.error.detail.empty()) detail += ": " + domain::printable(failed.error.detail);
  return {problem_code::preview_failed, detail};
}

// The file in which the picture lies. Blocks.
persistence::file_result<std::shared_ptr<base::unique_fd>>
open_picture(call& c, const actors::picture_made& made) {
  if (made.memory) return made.memory;
  auto opened = c.s.outputs->open_staged(*made.staged);
  c.s.outputs->discard(*made.staged); // what is open stays readable
  if (!opened) return std::unexpected(opened.error());
  return std::make_shared<base::unique_fd>(std::move(*opened));
}

// The picture as the body of a response.
task<base::result<file_body, problem>> body_of(call& c, const actors::picture_made& made) {
  const auto open = [&c, &made] { return open_picture(c, made); };
  DARKROOM_CO_TRY(picture, co_await run_blocking(c.s.blocking, open));
  co_return file_body{std::move(picture), 0, made.bytes, c.s.pictures.add(made.bytes)};
}

// What slow clients have not read yet lies in memory: with too much of it, none is made.
base::result<void, problem> check_pictures_sending(const services& s) {
  if (s.pictures.now() < limits::pictures_sending_bytes_max) return {};
  problem p{problem_code::overloaded, "too many pictures are on their way to slow clients"};
  p.retry_after_s = 1;
  return std::unexpected(std::move(p));
}

// The first output of `spec`, made of this file.
task<base::result<actors::picture_made, problem>> make_picture(call& c,
                                                               const persistence::file_record& file,
                                                               actors::preview_order&& order,
                                                               domain::conversion_spec&& spec) {
  DARKROOM_CO_CHECK(check_pictures_sending(c.s));
  auto entry = file.entry;
  const auto* format = domain::find_format(c.s.formats.writable, spec.outputs[0].format);
  entry.outputs = {"preview." + (format == nullptr ? "" : format->extension)};
  order.owner = c.owner;
  order.file = std::make_shared<const domain::file_entry>(std::move(entry));
  order.spec = std::make_shared<const domain::conversion_spec>(std::move(spec));
  order.may_wait = has_workers(c.s);
  using made_or = base::result<actors::picture_made, problem>;
  auto found = co_await c.s.gateway.look(std::move(order));
  co_return std::visit(
      base::overloaded{[](actors::picture_made& made) -> made_or { return std::move(made); },
                       [](const actors::preview_failed& failed) -> made_or {
                         return std::unexpected(failed_preview(failed));
                       },
                       [](const actors::preview_superseded&) -> made_or {
                         return std::unexpected(problem{problem_code::preview_superseded});
                       },
                       [](const actors::crop_out_of_bounds& size) -> made_or {
                         return std::unexpected(
                             invalid_body({{"/crop", problem_code::invalid_value,
                                            "lies outside of the output, which has " +
                                                std::to_string(size.width) + "x" +
                                                std::to_string(size.height) + " pixels"}}));
                       },
                       [](const actors::no_workers&) -> made_or {
                         return std::unexpected(problem{problem_code::no_workers});
                       }},
      found);
}

std::string names_of(domain::loss_set losses) {
  std::string names;
  for (const auto loss : losses.list())
    names += (names.empty() ? "" : ", ") + std::string{domain::to_string(loss)};
  return names;
}

task<route_result> post_preview(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(body, co_await read_object(c));
  DARKROOM_CO_TRY(file, co_await find_file(c, batch.id, c.param(1)));
  DARKROOM_CO_TRY(view, co_await view_batch(c, batch.id));
  DARKROOM_CO_TRY(wish, read_preview(std::move(body), view.summary.spec, c.s.formats.writable));
  actors::preview_order order;
  order.viewer = c.who.user;
  order.width = wish.width;
  order.crop = wish.crop;
  const auto* format = domain::find_format(c.s.formats.writable, wish.spec.outputs[0].format);
  const std::string media_type = format == nullptr ? "" : format->media_type;
  DARKROOM_CO_TRY(made, co_await make_picture(c, file, std::move(order), std::move(wish.spec)));
  DARKROOM_CO_TRY(picture, co_await body_of(c, made));
  response r;
  protect_content(r);
  r.with("Content-Type", media_type);
  r.with("Darkroom-Losses", names_of(made.losses));
  r.with("Darkroom-Ms", std::to_string(made.took_ms));
  r.with("Darkroom-Output-Size",
         std::to_string(made.full_width) + "x" + std::to_string(made.full_height));
  const bool is_whole = made.width == made.full_width && made.height == made.full_height;
  if (is_whole)
    r.with("Darkroom-Output-Bytes", std::to_string(made.bytes));
  else if (!wish.crop)
    r.with("Darkroom-Estimated-Bytes", std::to_string(made.full_bytes_estimate));
  c.s.metrics.bytes_sent += made.bytes;
  r.body = std::move(picture);
  co_return r;
}

domain::conversion_spec thumbnail_spec(const preview_format& format, std::uint32_t side) {
  domain::conversion_spec spec;
  spec.outputs.push_back(format.output);
  spec.outputs[0].resize = domain::resize_spec{side, side, domain::resize_mode::fit, false};
  spec.metadata = domain::metadata_policy::strip;
  spec.icc = domain::icc_policy::srgb;
  spec.animation = domain::animation_policy::first_frame;
  return spec;
}

// What was made for another browser.
task<std::optional<file_body>> find_thumbnail(call& c, const persistence::digest& key) {
  if (!c.s.thumbnails) co_return std::nullopt;
  const auto find = [&c, &key] { return c.s.thumbnails->find(key); };
  auto found = co_await run_blocking(c.s.blocking, find);
  if (!found) co_return std::nullopt;
  co_return file_body{std::move(found->file), found->first, found->length, nullptr};
}

task<void> store_thumbnail(call& c, const persistence::digest& key, const file_body& picture) {
  if (!c.s.thumbnails || picture.length > limits::thumbnail_bytes_max) co_return;
  const auto store = [&c, &key, &picture] {
    std::vector<std::uint8_t> bytes(picture.length);
    const auto n =
        ::pread(picture.file->get(), bytes.data(), bytes.size(), static_cast<off_t>(picture.first));
    if (n == static_cast<ssize_t>(bytes.size())) c.s.thumbnails->store(key, bytes);
    return true;
  };
  co_await run_blocking(c.s.blocking, store);
}

task<route_result> get_thumbnail(call& c, const named_batch& batch) {
  DARKROOM_CO_TRY(file, co_await find_file(c, batch.id, c.param(1)));
  DARKROOM_CO_TRY(width, number_parameter(c, "w", 256, 16, limits::thumbnail_side_max));
  const auto side = static_cast<std::uint32_t>(width);
  const auto tag = "\"t" + std::to_string(width) + '-' + file.entry.source.substr(0, 32) + '"';
  response r;
  r.with("ETag", tag);
  protect_content(r);
  DARKROOM_CO_CHECK(check_if_match(c.rq, tag));
  if (has_tag(c.rq.header("If-None-Match"), tag)) {
    r.status = 304;
    co_return r;
  }
  const auto& preview = c.s.formats.preview;
  r.with("Content-Type", preview.media_type);
  const auto key = persistence::thumbnail_cache::key_of(c.owner, file.entry.source, side);
  if (auto cached = co_await find_thumbnail(c, key)) {
    r.body = std::move(*cached);
    co_return r;
  }
  actors::preview_order order;
  auto spec = thumbnail_spec(preview, side);
  DARKROOM_CO_TRY(made, co_await make_picture(c, file, std::move(order), std::move(spec)));
  DARKROOM_CO_TRY(picture, co_await body_of(c, made));
  co_await store_thumbnail(c, key, picture);
  r.body = std::move(picture);
  co_return r;
}

} // namespace

std::vector<route> preview_routes() {
  using enum access;
  return {
      {"POST", "/v1/batches/{id}/files/{file}/preview", user, "", post_preview},
      {"GET",
       "/v1/batches/{id}/files/{file}/thumbnail",
       user,
       "",
       get_thumbnail,
       route::browser_use::none,
       {"w"}},
  };
}

} // namespace darkroom::http
