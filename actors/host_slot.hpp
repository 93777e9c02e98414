// The real runner of a slot: a sandboxed codec host, and the outputs' way from its memory to disk.
#pragma once

#include "actors/preview.hpp"
#include "actors/slot_runner.hpp"
#include "actors/source_opener.hpp"
#include "codecs/host/host_stock.hpp"

#include <mutex>
#include <optional>

namespace darkroom::actors {

// Sources in place: files of the user's.
codecs::result<base::unique_fd> open_path(const domain::file_entry& file, bool whole);

class host_slot final : public slot_runner, public preview_runner {
public:
  // `stock`: where its hosts for conversions come from; null: it starts them itself.
  host_slot(codecs::host::zygote& hosts, std::shared_ptr<persistence::output_store> outputs,
            codecs::input_limits limits, source_opener open_source = open_path,
            std::shared_ptr<codecs::host::host_stock> stock = nullptr);

  codecs::result<codecs::image_info> probe(const probe_job& job) override;
  conversion_outcome convert(const conversion_job& job,
                             const codecs::progress_listener& on_progress) override;
  std::optional<std::uint64_t> cpu_us() const override { return cpu_us_; }
  preview make_preview(const preview_job& job) override;
  void interrupt(domain::lease_id lease) noexcept override;

private:
  codecs::result<codecs::host::codec_host*> host_for(const std::string& owner,
                                                     codecs::host::host_role role);
  std::optional<file_converted> keep_existing(const conversion_job& job) const;
  void replace_host(std::unique_ptr<codecs::host::codec_host> host);
  void retire_if_due();
  // Either it was given back, for this cause, or the file is to blame.
  struct no_conversion {
    std::optional<domain::interruption> given_back;
    codecs::codec_error error;
    std::uint64_t memory_bytes = 0; // with memory_raised
  };
  base::result<codecs::conversion, no_conversion>
  run_host(const conversion_job& job, codecs::host::host_role role, int source,
           std::span<const int> contents, const codecs::progress_listener& on_progress,
           const std::optional<codecs::pixel_area>& crop = std::nullopt);
  bool begin(domain::lease_id lease);
  bool end();

  codecs::host::zygote& hosts_;
  std::shared_ptr<persistence::output_store> outputs_;
  codecs::input_limits limits_;
  source_opener open_source_;
  std::shared_ptr<codecs::host::host_stock> stock_;
  std::optional<std::uint64_t> cpu_us_;

  std::mutex mutex_; // of the three below, which `interrupt` touches; held for moments only
  std::unique_ptr<codecs::host::codec_host> host_;
  domain::lease_id running_ = 0;
  domain::lease_id interrupted_ = 0;
  std::string owner_; // whom the host has served
  codecs::host::host_role role_ = codecs::host::host_role::conversion;
};

} // namespace darkroom::actors
