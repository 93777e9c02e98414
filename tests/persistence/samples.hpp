// Events of every kind, and random lives of batches.
#pragma once

#include "domain/batch_state.hpp"

#include <random>
#include <vector>

namespace darkroom::tests {

// One of every kind of event, every field set to something that is not its default.
std::vector<domain::event> every_event();

// One batch that lives at random: `step` gives a command that may or may not be possible.
class random_life {
public:
  explicit random_life(std::uint32_t seed) : dice_(seed) {}
  domain::command step(const domain::batch_state& state);

private:
  std::uint32_t roll(std::uint32_t sides) { return static_cast<std::uint32_t>(dice_() % sides); }
  domain::file_index any_file(const domain::batch_state& state);
  domain::lease_id lease_of(const domain::batch_state& state, domain::file_index i);
  std::mt19937 dice_;
  domain::lease_id next_lease_ = 1;
};

domain::conversion_spec sample_spec();

} // namespace darkroom::tests
