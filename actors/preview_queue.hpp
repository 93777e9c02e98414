// Whose picture the interactive host makes next: previews before thumbnails, each in the order in
// which they came. A viewer's newer preview takes the place of the older one, which nobody looks at
// any more. Pure.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace darkroom::actors {

template<class Item>
class preview_queue {
public:
  // The preview that this viewer waited for until now.
  std::optional<Item> add_preview(const std::string& viewer, Item item) {
    const auto older = std::ranges::find(previews_, viewer, &entry::first);
    if (older == previews_.end()) {
      previews_.emplace_back(viewer, std::move(item));
      return std::nullopt;
    }
    return std::exchange(older->second, std::move(item));
  }
  void add_thumbnail(Item item) { thumbnails_.push_back(std::move(item)); }

  std::optional<Item> next() {
    if (!previews_.empty()) {
      Item item = std::move(previews_.front().second);
      previews_.pop_front();
      return item;
    }
    if (thumbnails_.empty()) return std::nullopt;
    Item item = std::move(thumbnails_.front());
    thumbnails_.pop_front();
    return item;
  }

private:
  using entry = std::pair<std::string, Item>;
  std::deque<entry> previews_; // at most one of each viewer
  std::deque<Item> thumbnails_;
};

} // namespace darkroom::actors
