// A user who does at random what users do, and keeps a record of the answers.
#pragma once

#include "app/crash_test/ledger.hpp"
#include "app/crash_test/samples.hpp"

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace darkroom::app {

class crash_user {
public:
  // `in_doubt`: whether answers count no longer, because the disk is being taken away.
  crash_user(ledger& knows, const std::vector<crash_sample>& samples, std::string server,
             std::uint32_t seed, const std::atomic<bool>& in_doubt);

  // Acts until told to stop, or until the server does not answer. Says what contradicts the record,
  // or nothing.
  std::string run(const std::atomic<bool>& stop);

  // With a server that is left alone: asks until everything that was in doubt is known, and every
  // batch has ended. Says what contradicts the record, or nothing.
  std::string settle();

private:
  std::uint32_t roll(std::uint32_t sides) { return static_cast<std::uint32_t>(dice_() % sides); }
  certainty known(const http_reply& reply) const;
  void note(const http_reply& reply);
  void count(const char* what) { knows_.counts[what] += 1; }
  void complain(const known_batch& batch, const std::string& what, const http_reply& reply);
  std::string path_of(const known_batch& batch, const std::string& rest = {}) const;

  void act();
  void make(known_batch& batch);
  void upload(known_batch& batch);
  void upload_form(known_batch& batch);
  void add_known(known_batch& batch);
  void remove(known_batch& batch);
  void command(known_batch& batch, const std::string& name, const std::string& body = {});
  void change(known_batch& batch);
  void conclude_deletion(known_batch& batch, const http_reply& reply);
  void erase(known_batch& batch);
  void look(known_batch& batch);
  void read_log(known_batch& batch);
  void take_events(known_batch& batch, const std::string& page);
  void download(known_batch& batch);
  void note_tag(known_batch& batch, const http_reply& reply);

  bool settle_one(known_batch& batch);
  void resolve_files(known_batch& batch);

  ledger& knows_;
  const std::vector<crash_sample>& samples_;
  http_client client_;
  std::mt19937 dice_;
  const std::atomic<bool>& in_doubt_;
  bool lost_connection_ = false;
  std::string complaint_;
};

} // namespace darkroom::app
