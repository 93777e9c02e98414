// How long conversions really take in a slot and how large their outputs become, against what their
// headers predict. The ratio is learnt for each kind of conversion (formats, sizes), so that it
// holds on this processor, with these pictures. Pure, and for one thread; `calibration_board`
// shares it.
#pragma once

#include "codecs/conversion_plan.hpp"
#include "domain/conversion_spec.hpp"
#include "persistence/access_records.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace darkroom::actors {

// What the header of one file says of its conversion, before anything was learnt.
struct cost_prediction {
  std::string kind;     // "jpeg>webp:80/4/4": formats, quality, sizes. Files of one kind err alike
  double us = 0;        // in a slot
  double bytes_out = 0; // of all outputs
};

cost_prediction predict_cost(const codecs::image_info& info, std::uint64_t input_bytes,
                             const domain::conversion_spec& spec,
                             const codecs::conversion_plan& plan);
// Of a small file, whose header is not read before: all formats are one kind.
cost_prediction predict_unread_cost(std::uint64_t input_bytes, const domain::conversion_spec& spec);

// Real divided by predicted. The last two are relative standard deviations.
struct learnt_ratio {
  double value = 1;
  double error = 0;  // of the value
  double spread = 0; // of one file about it
};

class cost_calibration {
public:
  // A conversion has ended. `now_us`: since the Unix epoch.
  void observe(const cost_prediction& predicted, double us, double bytes_out, std::int64_t now_us);

  // Of a kind of which little is known: what is known of other sizes, then of all kinds.
  learnt_ratio time_ratio(const std::string& kind) const;
  learnt_ratio bytes_ratio(const std::string& kind) const;
  // How many conversions of this kind speak for its ratios; old ones count less.
  double files_of(const std::string& kind) const;

  void restore(persistence::cost_ratio known);
  // What is to be written: kinds with some new files, or with any; also kinds that were forgotten,
  // which have no files.
  std::vector<persistence::cost_ratio> take_changed(bool any);

private:
  struct entry {
    persistence::cost_ratio known;
    std::uint32_t unwritten = 0; // files
  };
  learnt_ratio ratio_of(const std::string& kind, bool of_bytes) const;
  void forget_oldest();

  std::map<std::string, entry> kinds_;
  std::vector<persistence::cost_ratio> forgotten_;
  bool some_due_ = false;
};

// An amount that is in nine of ten cases between two others.
struct estimate {
  double value = 0, low = 0, high = 0;
};
// What files take together, in slots that are never idle, and what they become.
struct run_estimate {
  estimate us, bytes_out;
};
run_estimate estimate_run(const cost_calibration& known, std::span<const cost_prediction> files,
                          std::size_t slots);

} // namespace darkroom::actors
