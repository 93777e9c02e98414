#include "persistence/blob_outputs.hpp"

namespace darkroom::persistence {

file_result<staged_output> blob_outputs::stage(const domain::batch_id&, domain::file_index,
                                               std::uint32_t, const std::string& target,
                                               int content, domain::existing_policy existing) {
  auto part = blobs_.write_part(content);
  if (!part) return std::unexpected(part.error());
  const auto& written = part->content;
  return staged_output{.temporary = std::move(part->path),
                       .target = target,
                       .bytes = written.bytes,
                       .sha256 = written.sha256,
                       .crc32 = written.crc32,
                       .existing = existing,
                       .unsynced = std::move(part->unsynced)};
}

std::vector<placed_output> blob_outputs::place(std::span<const staged_output> staged) {
  std::vector<blob_store::part> parts;
  for (const auto& s : staged)
    parts.push_back({s.temporary, {s.bytes, s.sha256, s.crc32}, s.unsynced});
  std::vector<placed_output> results;
  for (const auto& pin : blobs_.name_parts(parts)) {
    if (!pin) {
      results.push_back({placement::failed, pin.error(), 0, {}, 0});
      continue;
    }
    blobs_.add_reference(pin->name());
    results.push_back({placement::placed, {}, pin->bytes(), pin->name(), pin->crc32()});
  }
  return results;
}

void blob_outputs::discard(const staged_output& staged) {
  ::unlink(staged.temporary.c_str());
}

void blob_outputs::take_back(const staged_output& staged) {
  blobs_.drop_reference(staged.sha256);
}

file_result<base::unique_fd> blob_outputs::open_staged(const staged_output& staged) {
  return open_for_reading(staged.temporary);
}

void blob_outputs::release(const file_record& file) {
  if (const auto source = parse_hex(file.entry.source)) blobs_.drop_reference(*source);
  if (const auto* done = std::get_if<domain::file_completed>(&file.result))
    for (const auto& output : done->outputs)
      blobs_.drop_reference(output.sha256);
}

} // namespace darkroom::persistence
