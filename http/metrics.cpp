#include "http/metrics.hpp"

#include "http/services.hpp"

#include <cstdio>
#include <map>

namespace darkroom::http {

namespace {

class exposition {
public:
  void family(const char* name, const char* type, const char* help) {
    text_ += std::string{"# HELP darkroom_"} + name + ' ' + help + "\n# TYPE darkroom_" + name +
             ' ' + type + '\n';
  }
  void value(const std::string& name, std::uint64_t number) {
    text_ += "darkroom_" + name + ' ' + std::to_string(number) + '\n';
  }
  void single(const char* name, const char* type, const char* help, std::uint64_t number) {
    family(name, type, help);
    value(name, number);
  }
  void histogram(const char* name, const char* help, const actors::duration_histogram& h) {
    family(name, "histogram", help);
    const std::string bucket = std::string{name} + "_bucket{le=\"";
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < h.bounds_us.size(); ++i) {
      sum += h.in_bucket(i);
      value(bucket + seconds(h.bounds_us[i]) + "\"}", sum);
    }
    sum += h.in_bucket(h.bounds_us.size());
    value(bucket + "+Inf\"}", sum);
    text_ += std::string{"darkroom_"} + name + "_sum " + seconds(h.sum_us()) + '\n';
    value(std::string{name} + "_count", sum);
  }
  std::string take() { return std::move(text_); }

private:
  static std::string seconds(std::uint64_t us) {
    char text[32];
    const int n = std::snprintf(text, sizeof text, "%llu.%06llu",
                                static_cast<unsigned long long>(us / 1'000'000),
                                static_cast<unsigned long long>(us % 1'000'000));
    return {text, static_cast<std::size_t>(n)};
  }
  std::string text_;
};

} // namespace

void edge_metrics::answered(const std::string& route, unsigned status,
                            std::chrono::steady_clock::duration took) {
  latency_.add(took);
  const std::lock_guard lock(mutex_);
  requests_[{route, status}] += 1;
}

std::string metrics_text(const services& s) {
  const auto& edge = s.metrics;
  const auto& actors = s.gateway.actors();
  exposition out;
  out.family("http_requests_total", "counter", "Requests by route and status.");
  {
    const std::lock_guard lock(edge.mutex_);
    for (const auto& [key, count] : edge.requests_)
      out.value("http_requests_total{route=\"" + key.first + "\",status=\"" +
                    std::to_string(key.second) + "\"}",
                count);
  }
  out.histogram("http_request_seconds", "From the head of a request to its answer.", edge.latency_);
  out.single("http_connections", "gauge", "Open connections.", edge.connections);
  out.single("http_connections_refused_total", "counter", "Connections over a limit.",
             edge.connections_refused);
  out.single("http_received_bytes_total", "counter", "Bytes of uploads.", edge.bytes_received);
  out.single("http_dropped_bytes_total", "counter", "Bytes of refused requests, read and dropped.",
             edge.bytes_dropped);
  out.single("http_sent_bytes_total", "counter", "Bytes of answers.", edge.bytes_sent);

  out.single("feed_streams", "gauge", "Clients that follow the feed.", s.events.streams());
  out.single("feed_streams_cut_total", "counter", "Clients that were too slow.",
             s.events.streams_cut());
  out.histogram("feed_delivery_seconds", "From on disk to sent, one message.", edge.delivery_);

  const auto totals = actors.usage().totals();
  out.family("batches", "gauge", "Batches by state.");
  for (std::size_t i = 1; i + 1 < totals.batches.size(); ++i)
    out.value("batches{state=\"" + std::string{to_string(static_cast<domain::batch_phase>(i))} +
                  "\"}",
              totals.batches[i]);
  out.family("files", "gauge", "Files of all batches by state.");
  for (std::size_t i = 0; i + 1 < totals.files.size(); ++i)
    out.value("files{state=\"" + std::string{to_string(static_cast<domain::file_status>(i))} +
                  "\"}",
              totals.files[i]);

  const auto& n = actors.numbers();
  out.single("files_completed_total", "counter", "Files completed.", n.files_completed);
  out.single("files_failed_total", "counter", "Files failed.", n.files_failed);
  out.single("files_interrupted_total", "counter", "Attempts given back.", n.files_interrupted);
  out.histogram("queue_wait_seconds", "From ready to a free slot.", n.queue_wait);
  out.histogram("stage_probe_seconds", "Reading a header, with its wait.", n.probe);
  out.histogram("stage_convert_seconds", "Decode, transform, encode.", n.convert);
  out.histogram("stage_store_seconds", "Writing outputs to disk.", n.store);
  out.single("slots", "gauge", "Slots on all nodes.", n.slots);
  out.single("slots_leased", "gauge", "Slots that are taken.", n.leases_granted);
  out.single("leases_waiting", "gauge", "Files that wait for a slot.", n.leases_waiting);
  out.single("memory_bytes", "gauge", "Memory that leases may take.", n.memory_bytes);
  out.single("memory_granted_bytes", "gauge", "Memory that leases have.", n.memory_granted_bytes);
  const auto nodes = actors.nodes().read();
  const auto of_each = [&](const char* name, const char* type, const char* help, auto number) {
    out.family(name, type, help);
    for (const auto& node : nodes)
      out.value(std::string{name}.append("{node=\"").append(node.name).append("\"}"), number(node));
  };
  out.family("nodes", "gauge", "Machines by state.");
  std::map<std::string_view, std::uint64_t> states;
  for (const auto& node : nodes)
    states[node.state()] += 1;
  for (const auto& [state, count] : states)
    out.value("nodes{state=\"" + std::string{state} + "\"}", count);
  using row = actors::node_row;
  of_each("node_slots", "gauge", "Slots of a machine.",
          [](const row& r) { return r.present ? r.slots : 0; });
  of_each("node_leases", "gauge", "Files that it has.", [](const row& r) { return r.leases; });
  of_each("node_round_trip_microseconds", "gauge", "To it and back, the last time.",
          [](const row& r) { return r.round_trip_us; });
  of_each("node_received_bytes_total", "counter", "From it.",
          [](const row& r) { return r.bytes_in; });
  of_each("node_sent_bytes_total", "counter", "To it.", [](const row& r) { return r.bytes_out; });
  of_each("node_files_completed_total", "counter", "Files that it has converted.",
          [](const row& r) { return r.files_completed; });
  of_each("node_lost_total", "counter", "How often its link was lost.",
          [](const row& r) { return r.times_lost; });
  out.single("links_refused_total", "counter", "Connections of workers and strangers not let in.",
             actors.links_refused());
  out.single("journal_events_total", "counter", "Events journaled.", n.journal_events);
  out.single("journal_witness_failures", "gauge",
             "How often the witness of the journal could not be written since it was opened.",
             n.witness_failures);
  out.histogram("journal_append_seconds", "One group, written without sync.", n.journal_append);
  out.histogram("journal_sync_seconds", "One group, written and synced.", n.journal_sync);
  out.single("journal_usable", "gauge", "1 while the journal can be written.", n.journal_usable);
  out.single("blobs_damaged_total", "counter",
             "Stored files that were found damaged, and set aside.", s.blobs.damaged_found());
  out.single("audit_refusals_left_out_total", "counter",
             "Refused requests without an entry of the audit, beyond audit.refusals_per_hour.",
             s.refusals.left_out());
  out.single("disk_free_bytes", "gauge", "Free where the data is.", free_bytes(s).value_or(0));
  out.single("log_lines_dropped_total", "counter",
             "Lines of the log that could not be written as fast as they came.",
             s.log_lines_dropped ? s.log_lines_dropped() : 0);
  out.single("draining", "gauge", "1 while the server is about to stop.", s.draining);
  return out.take();
}

} // namespace darkroom::http
