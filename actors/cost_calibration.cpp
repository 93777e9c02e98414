#include "actors/cost_calibration.hpp"

#include "actors/limits.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <string_view>
#include <utility>

namespace darkroom::actors {

namespace {

// Steps of four times as many pixels: 0 is less than 64 × 64.
std::string size_class(std::uint64_t pixels) {
  return std::to_string((std::max(11, static_cast<int>(std::bit_width(pixels))) - 11) / 2);
}

std::string kind_of_output(const domain::output_spec& output) {
  auto text = output.format;
  text.append(1, ':').append(output.lossless ? "lossless" : std::to_string(output.quality));
  if (output.effort != domain::output_spec{}.effort)
    text.append(1, 'e').append(std::to_string(output.effort));
  if (output.progressive) text.append(1, 'p');
  return text;
}

// All kinds with these formats begin so.
std::string formats_of(const std::string& kind) {
  return kind.substr(0, kind.find('/') + 1);
}

// Sums over conversions, of time or of bytes.
struct sums {
  double files = 0, predicted = 0, real = 0, log = 0, log_square = 0;
  void add(const persistence::cost_ratio& r, bool of_bytes) {
    files += r.files;
    predicted += of_bytes ? r.predicted_bytes : r.predicted_us;
    real += of_bytes ? r.real_bytes : r.real_us;
    log += of_bytes ? r.bytes_log : r.us_log;
    log_square += of_bytes ? r.bytes_log_square : r.us_log_square;
  }
};

// What a few files say, together with what was believed before: that counts as one file more.
learnt_ratio refine(const learnt_ratio& before, const sums& s) {
  if (s.files <= 0 || s.predicted <= 0) return before;
  learnt_ratio after;
  const double one_file = s.predicted / s.files;
  after.value = (s.real + before.value * one_file) / (s.predicted + one_file);
  const double mean = s.log / s.files;
  const double variance = std::max(0.0, s.log_square / s.files - mean * mean);
  const double square = (variance * s.files + before.spread * before.spread) / (s.files + 1);
  after.spread = std::sqrt(square);
  after.error =
      std::sqrt(square / s.files + before.error * before.error / ((s.files + 1) * (s.files + 1)));
  return after;
}

cost_prediction prediction(std::string_view source, std::uint64_t source_pixels,
                           std::uint64_t input_bytes, const domain::conversion_spec& spec,
                           const codecs::conversion_plan& plan) {
  std::string kind{source};
  char mark = '>';
  for (const auto& output : spec.outputs) {
    kind.append(1, mark).append(kind_of_output(output));
    mark = '+';
  }
  kind.resize(std::min(kind.size(), limits::calibration_formats_bytes_max));
  kind.append(1, '/').append(size_class(source_pixels));
  kind.append(1, '/').append(size_class(plan.output_pixels));
  // Outputs hold as much of the picture's detail as they have pixels of it.
  const double pixels = std::max(1.0, static_cast<double>(source_pixels));
  const double part = static_cast<double>(plan.output_pixels) / pixels;
  return {std::move(kind), static_cast<double>(plan.cost), static_cast<double>(input_bytes) * part};
}

} // namespace

cost_prediction predict_cost(const codecs::image_info& info, std::uint64_t input_bytes,
                             const domain::conversion_spec& spec,
                             const codecs::conversion_plan& plan) {
  if (input_bytes <= limits::unread_bytes_max) return predict_unread_cost(input_bytes, spec);
  return prediction(info.format, info.pixels(), input_bytes, spec, plan);
}

cost_prediction predict_unread_cost(std::uint64_t input_bytes,
                                    const domain::conversion_spec& spec) {
  const auto plan = codecs::plan_unread(input_bytes, spec);
  const auto outputs = std::max<std::size_t>(spec.outputs.size(), 1);
  return prediction("small", plan.output_pixels / outputs, input_bytes, spec, plan);
}

namespace {

// A single file that waited for a disk, or a blank page, must not decide for many others.
double clipped_to_ratio(double real, double predicted) {
  return std::clamp(real, predicted / limits::calibration_ratio_max,
                    predicted * limits::calibration_ratio_max);
}

} // namespace

void cost_calibration::observe(const cost_prediction& predicted, double us, double bytes_out,
                               std::int64_t now_us) {
  if (!(predicted.us > 0 && predicted.bytes_out > 0 && us > 0 && bytes_out > 0)) return;
  if (!kinds_.contains(predicted.kind) && kinds_.size() >= limits::calibration_kinds_max)
    forget_oldest();
  auto& [known, unwritten] = kinds_[predicted.kind];
  known.kind = predicted.kind;
  if (known.files >= limits::calibration_files) {
    const double part = (limits::calibration_files - 1) / known.files;
    for (auto* sum :
         {&known.files, &known.predicted_us, &known.real_us, &known.us_log, &known.us_log_square,
          &known.predicted_bytes, &known.real_bytes, &known.bytes_log, &known.bytes_log_square})
      *sum *= part;
  }
  const double real_us = clipped_to_ratio(us, predicted.us);
  const double real_bytes = clipped_to_ratio(bytes_out, predicted.bytes_out);
  const double us_log = std::log(real_us / predicted.us);
  const double bytes_log = std::log(real_bytes / predicted.bytes_out);
  known.files += 1;
  known.predicted_us += predicted.us;
  known.real_us += real_us;
  known.us_log += us_log;
  known.us_log_square += us_log * us_log;
  known.predicted_bytes += predicted.bytes_out;
  known.real_bytes += real_bytes;
  known.bytes_log += bytes_log;
  known.bytes_log_square += bytes_log * bytes_log;
  known.time_us = now_us;
  unwritten += 1;
  if (unwritten >= limits::calibration_write_files) some_due_ = true;
}

learnt_ratio cost_calibration::ratio_of(const std::string& kind, bool of_bytes) const {
  const auto formats = formats_of(kind);
  sums all, same_formats, same_kind;
  for (const auto& [name, one] : kinds_) {
    all.add(one.known, of_bytes);
    if (name.starts_with(formats)) same_formats.add(one.known, of_bytes);
    if (name == kind) same_kind.add(one.known, of_bytes);
  }
  const learnt_ratio unknown{1, limits::calibration_error_unknown,
                             limits::calibration_spread_unknown};
  auto ratio = refine(unknown, all);
  // Others' files say little of how this kind differs from theirs.
  ratio.error = std::hypot(ratio.error, limits::calibration_error_other_formats);
  ratio.spread = limits::calibration_spread_unknown;
  ratio = refine(ratio, same_formats);
  ratio.error = std::hypot(ratio.error, limits::calibration_error_other_sizes);
  return refine(ratio, same_kind);
}

learnt_ratio cost_calibration::time_ratio(const std::string& kind) const {
  return ratio_of(kind, false);
}

learnt_ratio cost_calibration::bytes_ratio(const std::string& kind) const {
  return ratio_of(kind, true);
}

double cost_calibration::files_of(const std::string& kind) const {
  const auto at = kinds_.find(kind);
  return at == kinds_.end() ? 0 : at->second.known.files;
}

void cost_calibration::restore(persistence::cost_ratio known) {
  if (kinds_.size() >= limits::calibration_kinds_max) return;
  auto kind = known.kind;
  kinds_[std::move(kind)] = {std::move(known), 0};
}

std::vector<persistence::cost_ratio> cost_calibration::take_changed(bool any) {
  if (!any && !std::exchange(some_due_, false)) return {};
  auto changed = std::exchange(forgotten_, {});
  const std::uint32_t least = any ? 1 : limits::calibration_write_files;
  for (auto& [name, one] : kinds_)
    if (one.unwritten >= least) {
      changed.push_back(one.known);
      one.unwritten = 0;
    }
  return changed;
}

void cost_calibration::forget_oldest() {
  const auto oldest = std::ranges::min_element(
      kinds_, {}, [](const auto& named) { return named.second.known.time_us; });
  persistence::cost_ratio gone;
  gone.kind = oldest->first;
  forgotten_.push_back(std::move(gone));
  kinds_.erase(oldest);
}

namespace {

struct predicted_sum {
  double amount = 0, square = 0, most = 0; // of single files
};

estimate estimate_sum(const std::map<std::string, predicted_sum>& kinds,
                      const std::function<learnt_ratio(const std::string&)>& ratio_of) {
  double value = 0, square = 0;
  for (const auto& [kind, sum] : kinds) {
    const auto ratio = ratio_of(kind);
    value += sum.amount * ratio.value;
    square += std::pow(sum.amount * ratio.value * ratio.error, 2) +
              sum.square * std::pow(ratio.value * ratio.spread, 2);
  }
  if (value <= 0) return {};
  const double error = std::hypot(std::sqrt(square) / value, limits::forecast_speed_error);
  const double factor = 1 + limits::forecast_deviations * error;
  return {value, value / factor, value * factor};
}

} // namespace

run_estimate estimate_run(const cost_calibration& known, std::span<const cost_prediction> files,
                          std::size_t slots) {
  std::map<std::string, predicted_sum> times, bytes;
  const auto add = [](predicted_sum& to, double amount) {
    to.amount += amount;
    to.square += amount * amount;
    to.most = std::max(to.most, amount);
  };
  for (const auto& file : files) {
    add(times[file.kind], file.us);
    add(bytes[file.kind], file.bytes_out);
  }
  const auto time_of = [&](const std::string& kind) { return known.time_ratio(kind); };
  const auto bytes_of = [&](const std::string& kind) { return known.bytes_ratio(kind); };
  run_estimate run{estimate_sum(times, time_of), estimate_sum(bytes, bytes_of)};
  double longest = 0; // no number of slots makes one file faster
  for (const auto& [kind, sum] : times)
    longest = std::max(longest, sum.most * time_of(kind).value);
  if (run.us.value > 0) {
    const double part =
        std::max(1 / static_cast<double>(std::max<std::size_t>(1, slots)), longest / run.us.value);
    for (auto* amount : {&run.us.value, &run.us.low, &run.us.high})
      *amount *= part;
  }
  return run;
}

} // namespace darkroom::actors
