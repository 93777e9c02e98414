#include "codecs/host/host_loop.hpp"

#include "codecs/host/messages.hpp"
#include "codecs/host/protocol.hpp"
#include "codecs/host/sandbox.hpp"

#include <new>
#include <unistd.h>

namespace darkroom::codecs::host {

namespace {

void refuse(wire_reply& reply, const codec_error& error) {
  reply.ok = 0;
  reply.reason = static_cast<std::uint8_t>(error.reason);
  reply.detail.set(error.detail);
}

void do_probe(const wire_job& job, int input, wire_reply& reply) {
  const auto info = codecs::probe(input, job.input_bytes, job.limits);
  if (!info) return refuse(reply, info.error());
  reply.ok = 1;
  reply.info = to_wire(*info);
}

void do_convert(const wire_job& job, std::span<const int> fds, progress_cell* cell,
                wire_reply& reply) {
  const auto spec = unpack(job.spec);
  if (!spec || spec->outputs.size() != job.output_count)
    return refuse(reply, {domain::failure_reason::internal, "a job that cannot be read"});
  const progress_meter progress(cell);
  progress.at(0, 1);
  conversion_request request{fds[0], job.input_bytes, *spec, job.limits, fds.subspan(1), progress};
  if (job.crop != pixel_area{}) request.crop = job.crop;
  if (job.unread_memory_bytes != 0) request.unread = {job.unread_memory_bytes, job.unread_cpu_ms};
  const auto done = codecs::convert(request);
  if (!done) return refuse(reply, done.error());
  reply.ok = 1;
  reply.needs_more = done->needs_more ? 1 : 0;
  reply.losses = done->losses.bits;
  reply.arrived_percent = done->arrived_percent;
  reply.info = to_wire(done->info);
  reply.output_count = static_cast<std::uint32_t>(done->outputs.size());
  for (std::size_t i = 0; i < done->outputs.size(); ++i)
    reply.outputs[i] = {done->outputs[i].bytes, done->outputs[i].width, done->outputs[i].height};
}

wire_reply answer(const wire_job& job, std::span<const int> fds, progress_cell* cell) {
  wire_reply reply{};
  reply.job_id = job.job_id;
  const std::size_t wanted = 1 + (job.kind == job_kind::convert ? job.output_count : 0);
  if (fds.size() != wanted) {
    refuse(reply, {domain::failure_reason::internal, "a job without its descriptors"});
    return reply;
  }
  try {
    if (job.kind == job_kind::probe)
      do_probe(job, fds[0], reply);
    else
      do_convert(job, fds, cell, reply);
  } catch (const std::bad_alloc&) {
    refuse(reply, {domain::failure_reason::limit_memory, "no memory for the conversion"});
  } catch (const std::exception& e) {
    refuse(reply, {domain::failure_reason::internal, e.what()});
  }
  return reply;
}

} // namespace

void serve(int socket, progress_cell* cell) noexcept {
  for (;;) {
    wire_job job{};
    received_fds fds;
    if (!receive(socket, &job, sizeof job, fds)) return;
    limit_address_space(job.address_bytes_max);
    const wire_reply reply = answer(job, fds.list(), cell);
    fds.close_all();
    if (!send(socket, &reply, sizeof reply, {})) return;
  }
}

} // namespace darkroom::codecs::host
