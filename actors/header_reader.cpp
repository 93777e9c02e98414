#include "actors/header_reader.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace darkroom::actors {

header_asker_actor::behavior_type
header_reader(header_asker_actor::stateful_pointer<header_reader_state> self, std::string owner,
              std::vector<domain::file_entry> files, codec_pool_actor pool, on_headers done) {
  auto& s = self->state;
  s.missing = files.size();
  s.done = std::move(done);
  probe_files order{std::move(owner), {}, true};
  for (auto& file : files)
    order.files.push_back(std::make_shared<const domain::file_entry>(std::move(file)));
  self->send(pool, std::move(order));
  return {[self](const file_probed& message) {
    auto& st = self->state;
    st.found.push_back(message.info);
    if (st.found.size() < st.missing) return;
    st.done(std::move(st.found));
    self->quit();
  }};
}

} // namespace darkroom::actors
