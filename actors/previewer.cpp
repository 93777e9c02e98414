#include "actors/previewer.hpp"

#include "actors/limits.hpp"
#include "base/overloaded.hpp"
#include "codecs/preview.hpp"
#include "domain/limits.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <atomic>

namespace darkroom::actors {

namespace {

using previewer_pointer = converter_actor::stateful_pointer<previewer_state>;

void finish(previewer_pointer self, preview found) {
  self->state.done(std::move(found));
  self->quit();
}

void fail(previewer_pointer self, codecs::codec_error error) {
  finish(self, preview_failed{std::move(error)});
}

// Somebody looks at a screen and waits.
void ask_for_lease(previewer_pointer self) {
  auto& s = self->state;
  s.waiting = true;
  request_lease wish;
  wish.user = s.order.owner;
  wish.index = s.number;
  wish.priority = limits::priority_max;
  wish.memory_bytes = s.plan.memory_bytes;
  wish.cost = s.plan.cost;
  wish.input_bytes = s.order.file->bytes;
  self->send(s.dispatcher, std::move(wish));
}

// The spec with its one output made smaller, as the order wants it.
std::shared_ptr<const domain::conversion_spec> spec_to_show(const preview_order& order,
                                                            const codecs::resize_plan& full) {
  if (order.width == 0) return order.spec;
  auto smaller = std::make_shared<domain::conversion_spec>(*order.spec);
  smaller->outputs[0] = codecs::at_width(order.spec->outputs[0], full, order.width);
  return smaller;
}

// Adds what is known of the whole output to a picture of it.
on_preview completed(on_preview done, const codecs::resize_plan& full, bool is_part) {
  return [done = std::move(done), full, is_part](preview found) {
    if (auto* made = std::get_if<picture_made>(&found)) {
      const auto pixels = [](std::uint64_t width, std::uint64_t height) { return width * height; };
      made->full_width = full.canvas_width;
      made->full_height = full.canvas_height;
      made->full_bytes_estimate =
          is_part ? 0
                  : codecs::estimated_bytes(made->bytes, pixels(made->width, made->height),
                                            pixels(made->full_width, made->full_height));
      if (full.upscaled) made->losses.add(domain::loss::upscaled);
    }
    done(std::move(found));
  };
}

// Beside all slots.
void ask_preview_host(previewer_pointer self) {
  auto& s = self->state;
  preview_job job;
  job.owner = s.order.owner;
  job.viewer = s.order.viewer;
  job.file = s.order.file;
  job.spec = s.order.spec;
  job.crop = s.order.crop;
  job.memory_bytes = s.plan.memory_bytes;
  job.cpu_ms = std::min(s.plan.cpu_ms_max, limits::preview_cpu_ms);
  self->send(s.host.actor, preview_file{std::move(job), std::move(s.done)});
  self->quit();
}

void on_probed(previewer_pointer self, const codecs::result<codecs::image_info>& info) {
  auto& s = self->state;
  if (!info) return fail(self, info.error());
  auto plan = codecs::plan_conversion(*info, s.order.file->bytes, *s.order.spec);
  if (!plan) return fail(self, plan.error());
  const auto full = plan->outputs[0].resize;
  if (s.order.crop && !codecs::clipped(*s.order.crop, full.canvas_width, full.canvas_height))
    return finish(self, crop_out_of_bounds{full.canvas_width, full.canvas_height});
  s.done = completed(std::move(s.done), full, s.order.crop.has_value());
  s.order.spec = spec_to_show(s.order, full);
  plan = codecs::plan_conversion(*info, s.order.file->bytes, *s.order.spec);
  if (!plan) return fail(self, plan.error());
  s.plan = std::move(*plan);
  if (s.host.actor && s.plan.memory_bytes <= s.host.memory_bytes) return ask_preview_host(self);
  if (s.order.crop)
    return fail(self, {domain::failure_reason::limit_memory,
                       "a part of this picture needs more memory than is kept for previews; "
                       "without crop it is shown whole"});
  if (!s.order.may_wait) return finish(self, no_workers{});
  ask_for_lease(self);
}

void convert(previewer_pointer self, const lease_granted& lease) {
  auto& s = self->state;
  s.lease = lease;
  s.waiting = false;
  conversion_job job;
  job.index = s.number;
  job.lease = lease.lease;
  job.owner = s.order.owner;
  job.file = s.order.file;
  job.spec = s.order.spec;
  job.memory_bytes = s.plan.memory_bytes;
  job.cpu_ms = s.plan.cpu_ms_max;
  self->send(lease.pool, convert_file{std::move(job)});
}

void on_interrupted(previewer_pointer self, domain::interruption cause) {
  using domain::interruption;
  if (cause == interruption::node_lost || cause == interruption::not_begun)
    return ask_for_lease(self); // on another machine
  fail(self, {domain::failure_reason::internal, "interrupted"});
}

void on_converted(previewer_pointer self, const file_converted& done) {
  if (done.staged.empty())
    return fail(self, {domain::failure_reason::internal, "the conversion made no picture"});
  const auto& made = done.result.outputs.front();
  finish(self, picture_made{.staged = done.staged.front(),
                            .bytes = done.staged.front().bytes,
                            .width = made.width,
                            .height = made.height,
                            .losses = done.result.losses,
                            .took_ms = done.result.wall_ms});
}

void on_conversion_ended(previewer_pointer self, const conversion_outcome& outcome) {
  std::visit(
      base::overloaded{[&](const file_converted& done) { on_converted(self, done); },
                       [&](const conversion_interrupted& end) { on_interrupted(self, end.cause); },
                       [&](const conversion_failed& end) { fail(self, end.error); }},
      outcome);
}

} // namespace

converter_actor::behavior_type previewer(previewer_pointer self, preview_order order,
                                         dispatcher_actor dispatcher, codec_pool_actor pool,
                                         preview_host_link host, on_preview done) {
  static std::atomic<domain::file_index> numbers = 0;
  auto& s = self->state;
  s.order = std::move(order);
  s.dispatcher = std::move(dispatcher);
  s.pool = std::move(pool);
  s.host = std::move(host);
  s.done = std::move(done);
  s.number = ++numbers;
  self->send(s.pool, probe_files{s.order.owner, {s.order.file}, true});
  return {
      [self](const file_probed& message) { on_probed(self, message.info); },
      [self](const lease_granted& message) { convert(self, message); },
      [self](const lease_impossible&) {
        fail(self, {domain::failure_reason::limit_memory, "needs more memory than there is"});
      },
      [self](request_withdrawn) { fail(self, {domain::failure_reason::limit_time, "too late"}); },
      [](attempt_started) {},
      [](attempt_refused) {},
      [self](const conversion_ended& message) { on_conversion_ended(self, *message.outcome); },
      [](result_accepted) {},
      [](result_refused) {},
      [](const outputs_placed&) {},
      [](withdraw_file) {},
      [](const reprioritise_file&) {},
      // It took too long: what has not begun does not; what has is ended, and reports.
      [self](interrupt_file) {
        auto& st = self->state;
        if (st.waiting)
          self->send(st.dispatcher, withdraw_request{{}, st.number});
        else if (st.lease.lease != 0)
          self->send(st.lease.pool, interrupt_conversion{st.lease.lease});
      },
      [](store_verdict) {},
  };
}

} // namespace darkroom::actors
