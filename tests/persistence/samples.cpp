#include "samples.hpp"

namespace darkroom::tests {

using namespace domain;

conversion_spec sample_spec() {
  conversion_spec spec;
  spec.outputs.push_back({.format = "webp",
                          .quality = 71,
                          .lossless = true,
                          .effort = 5,
                          .chroma = chroma_subsampling::s444,
                          .progressive = true,
                          .resize = resize_spec{1600, 900, resize_mode::pad, true},
                          .suffix = "-s"});
  spec.outputs.push_back({.format = "jpeg"});
  spec.orient = orient_policy::none;
  spec.metadata = metadata_policy::strip_location;
  spec.icc = icc_policy::srgb;
  spec.intent = rendering_intent::saturation;
  spec.background = {1, 2, 3};
  spec.animation = animation_policy::first_frame;
  spec.strict = strictness::strict;
  spec.fail_on.add(loss::alpha_flattened);
  spec.collision = collision_policy::fail;
  spec.existing = existing_policy::skip;
  spec.min_saving_percent = 12;
  return spec;
}

std::vector<event> every_event() {
  const file_entry entry{"a/\xff.jpg", "/in/a/\xff.jpg", 1234, -5, {"a/x.webp", "a/x.jpg"}, true};
  output_record output{.bytes = 77, .width = 10, .height = 20};
  output.crc32 = 0x01020304;
  output.sha256[0] = 0xab;
  output.sha256[31] = 0xcd;
  loss_set losses;
  losses.add(loss::upscaled);
  const stage_times stages{1, 2, 3, 4};
  return {batch_created{{"holidays",
                         7,
                         {"a", "b"},
                         start_rule::on_first_file,
                         true,
                         3,
                         2,
                         {{"raw", "*.cr2", 2}, {"sidecar", "*.xmp", 1}}},
                        "ann",
                        sample_spec(),
                        "key",
                        {9, 8, 7}},
          files_added{0, {entry, entry, entry}},
          file_removed{2, 1234, "a/\xff.jpg"},
          batch_started{true},
          batch_sealed{},
          batch_paused{pause_mode::interrupt},
          batch_resumed{},
          batch_cancelled{"enough", {1, 2}},
          batch_finished{batch_phase::failed, {3}},
          batch_retried{{0, 1}},
          priority_changed{9},
          spec_changed{sample_spec(), {{1, {"b", "c"}}}},
          batch_recovered{{0}},
          file_started{1, 2, 99, "node-1"},
          file_completed{1, 2, {output, output}, losses, true, 640, 480, 1234, 56, stages, 40},
          file_failed{1, 3, failure_reason::limit_time, "too slow"},
          file_retry_scheduled{1, 2, failure_reason::crashed, "boom", 2000},
          file_requeued{1},
          file_interrupted{1, interruption::node_lost},
          details_changed{"new name", {"c"}},
          batch_deleted{},
          files_replanned{0, 2, {{0, {"d"}}, {1, {"e", "f"}}}}};
}

file_index random_life::any_file(const batch_state& state) {
  return state.files.empty() ? 0 : roll(static_cast<std::uint32_t>(state.files.size()) + 1);
}

lease_id random_life::lease_of(const batch_state& state, file_index i) {
  const auto history = state.histories.find(i);
  return history == state.histories.end() || roll(10) == 0 ? roll(5) : history->second.lease;
}

command random_life::step(const batch_state& state) {
  const auto file = any_file(state);
  switch (roll(28)) {
  case 0: {
    create_batch c;
    c.spec = sample_spec();
    c.max_failed = roll(3);
    c.keep_open = roll(2) == 0;
    if (roll(3) == 0) c.required = {{"any", "p*", 1 + roll(2)}};
    return c;
  }
  case 1: {
    add_files c;
    for (std::uint32_t n = roll(4); n > 0; --n)
      c.entries.push_back({"p", "/p", 9, 1, {"o"}});
    return c;
  }
  case 2:
    return remove_file{file, {"p", "/p", 9, 1, {"o"}}};
  case 3:
    return start_batch{roll(2) == 0};
  case 4:
    return seal_batch{};
  case 5:
    return pause_batch{roll(2) == 0 ? pause_mode::drain : pause_mode::interrupt};
  case 6:
    return resume_batch{};
  case 7:
    return roll(8) == 0 ? command{cancel_batch{"x"}} : command{resume_batch{}};
  case 8:
    return retry_batch{static_cast<retry_scope>(roll(3)), {file}, {}};
  case 9:
    return change_priority{static_cast<std::uint8_t>(roll(11))};
  case 10:
    if (roll(2) == 0) return change_spec{sample_spec(), {}, true};
    return change_spec{sample_spec(), {{file, {"n"}}}};
  case 11:
    return recover_batch{};
  case 12:
  case 13: {
    complete_file c;
    c.lease = lease_of(state, file);
    c.result.index = file;
    c.result.bytes_in = roll(1000);
    c.result.outputs.push_back({.bytes = roll(1000)});
    return c;
  }
  case 14:
    return fail_file{file, lease_of(state, file),
                     static_cast<failure_reason>(roll(darkroom::base::enum_count<failure_reason>)),
                     "why", roll(65'536)};
  case 15:
    return requeue_file{file};
  case 16:
    return interrupt_file{
        file, static_cast<interruption>(roll(darkroom::base::enum_count<interruption>))};
  case 17:
    return change_details{std::to_string(roll(3)), {{"t"}}};
  case 18:
    return roll(12) == 0 ? command{delete_batch{roll(2) == 0}} : command{resume_batch{}};
  case 19:
  case 20: {
    const auto left = state.unplanned_upto - state.unplanned_from;
    replan_files part{state.unplanned_from, state.unplanned_from + roll(left + 1), {}};
    for (auto i = part.first; i < part.next; ++i)
      if (roll(2) == 0) part.files.push_back({i, {"r"}});
    return part;
  }
  default:
    return start_file{file, next_lease_++, "n"};
  }
}

} // namespace darkroom::tests
