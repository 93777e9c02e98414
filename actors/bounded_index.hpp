// Keys in their order, each with a number: finds the first key whose number is at most a bound.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace darkroom::actors {

// A treap whose nodes know the least number below them (Seidel and Aragon, "Randomized Search
// Trees", 1996): each operation takes the logarithm of the size on average. The standard
// containers and Boost's have no such query.
template<class Key>
class bounded_index {
public:
  bool empty() const { return !root_; }

  // The key must not be there yet.
  void insert(const Key& key, std::uint64_t number) {
    insert(root_, std::make_unique<node>(key, number, next_weight()));
  }

  // False when it was not there.
  bool erase(const Key& key) { return erase(root_, key); }

  // Null when there is none; valid until the next change.
  const Key* first_at_most(std::uint64_t bound) const {
    const node* at = root_.get();
    if (at == nullptr || at->least > bound) return nullptr;
    while (true) {
      if (at->left && at->left->least <= bound)
        at = at->left.get();
      else if (at->number <= bound)
        return &at->key;
      else
        at = at->right.get(); // where the least number comes from, then
    }
  }

private:
  struct node {
    node(const Key& k, std::uint64_t n, std::uint64_t w) : key(k), number(n), least(n), weight(w) {}
    Key key;
    std::uint64_t number, least;
    std::uint64_t weight; // at most that of the parent
    std::unique_ptr<node> left, right;
  };
  using link = std::unique_ptr<node>;

  static void update(node& n) {
    n.least = n.number;
    for (const auto* child : {n.left.get(), n.right.get()})
      if (child != nullptr) n.least = std::min(n.least, child->least);
  }

  static void insert(link& at, link added) {
    if (!at) {
      at = std::move(added);
      return;
    }
    const bool goes_left = added->key < at->key;
    auto& child = goes_left ? at->left : at->right;
    insert(child, std::move(added));
    if (child->weight > at->weight) {
      auto risen = std::move(child);
      auto& inner = goes_left ? risen->right : risen->left;
      child = std::move(inner);
      update(*at);
      inner = std::move(at);
      at = std::move(risen);
    }
    update(*at);
  }

  static link joined(link left, link right) {
    if (!left) return right;
    if (!right) return left;
    auto& top = left->weight > right->weight ? left : right;
    if (&top == &left)
      left->right = joined(std::move(left->right), std::move(right));
    else
      right->left = joined(std::move(left), std::move(right->left));
    update(*top);
    return std::move(top);
  }

  static bool erase(link& at, const Key& key) {
    if (!at) return false;
    bool found = true;
    if (key < at->key)
      found = erase(at->left, key);
    else if (at->key < key)
      found = erase(at->right, key);
    else
      at = joined(std::move(at->left), std::move(at->right));
    if (at) update(*at);
    return found;
  }

  // Marsaglia, "Xorshift RNGs", 2003. The order of keys must not decide the shape.
  std::uint64_t next_weight() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

  link root_;
  std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

} // namespace darkroom::actors
