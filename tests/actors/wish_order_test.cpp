#include "actors/wish_order.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace darkroom;
using namespace darkroom::actors;

namespace {

using order = wish_order<char>;

const domain::batch_id older{{1}}, newer{{2}};

wish_group group(std::uint8_t low_priority, domain::batch_id batch = older, bool suspect = false,
                 std::uint8_t low_cost = 0) {
  return {low_priority, batch, suspect, low_cost};
}

std::string text(const order& wishes) {
  std::string all;
  for (const char wish : wishes)
    all += wish;
  return all;
}

} // namespace

TEST_CASE("wishes that move to another group take their places by arrival in any order of moves") {
  std::vector<std::size_t> moves{0, 1, 2, 3};
  do {
    order wishes;
    std::vector<order::place> places;
    for (const char wish : std::string("adeh"))
      places.push_back(wishes.add({group(1), static_cast<std::uint64_t>(wish)}, wish));
    for (const char wish : std::string("bcfgi"))
      wishes.add({group(0), static_cast<std::uint64_t>(wish)}, wish);
    for (const auto i : moves)
      wishes.move(places[i], wishes, group(0));
    CHECK(text(wishes) == "abcdefghi");
  } while (std::ranges::next_permutation(moves).found);
}

TEST_CASE("a wish that moves to its own group stays where it is") {
  order wishes;
  const auto alone = wishes.add({group(1), 7}, 'a');
  wishes.move(alone, wishes, group(1));
  CHECK(text(wishes) == "a");
  wishes.add({group(1), 8}, 'b');
  wishes.move(alone, wishes, alone.rank().group);
  CHECK(text(wishes) == "ab");
  CHECK(alone.rank() == wish_rank{group(1), 7});
}

TEST_CASE("a wish keeps its place and address when it moves to another order") {
  order from, to;
  const auto moved = from.add({group(1), 2}, 'b');
  from.add({group(1), 1}, 'a');
  to.add({group(1), 3}, 'c');
  const auto* address = &moved.wish();
  from.move(moved, to, moved.rank().group);
  CHECK(text(from) == "a");
  CHECK(text(to) == "bc");
  CHECK(&moved.wish() == address);
  to.erase(moved);
  CHECK(text(to) == "c");
}

TEST_CASE("no first wish is found of a batch without any") {
  order wishes;
  CHECK_FALSE(wishes.first_of(older));
  const auto only = wishes.add({group(UINT8_MAX, newer), 1}, 'a');
  CHECK_FALSE(wishes.first_of(older));
  CHECK(**wishes.first_of(newer) == 'a');
  wishes.erase(only);
  CHECK_FALSE(wishes.first_of(newer));
  CHECK(wishes.empty());
}

TEST_CASE("the first wish of a batch is found behind those of others and of other priorities") {
  order wishes;
  wishes.add({group(0, newer), 1}, 'a');
  wishes.add({group(3, older, true, 0), 2}, 'b');
  wishes.add({group(3, older, false, 9), 4}, 'c');
  wishes.add({group(3, older, false, 9), 3}, 'd');
  wishes.add({group(5, older), 0}, 'e');
  CHECK(**wishes.first_of(older) == 'd');
  CHECK(wishes.first_of(older)->rank() == wish_rank{group(3, older, false, 9), 3});
  CHECK(**wishes.first_of(newer) == 'a');
}

TEST_CASE("priority comes first - then the batch - the suspects - the cost - and the arrival") {
  order wishes;
  wishes.add({group(1, older, false, 1), 1}, 'g');
  wishes.add({group(0, newer, false, 1), 2}, 'f');
  wishes.add({group(0, older, true, 0), 3}, 'e');
  wishes.add({group(0, older, false, 2), 4}, 'd');
  wishes.add({group(0, older, false, 1), 7}, 'c');
  wishes.add({group(0, older, false, 1), 6}, 'b');
  wishes.add({group(0, older, false, 1), 5}, 'a');
  CHECK(text(wishes) == "abcdefg");
}

TEST_CASE("random changes of two orders leave what they leave of two sorted maps") {
  std::mt19937 random(7);
  const auto below = [&](std::uint32_t bound) { return random() % bound; };
  const auto some_group = [&] {
    return group(static_cast<std::uint8_t>(below(3)), below(2) == 0 ? older : newer, below(4) == 0,
                 static_cast<std::uint8_t>(below(2)));
  };
  for (int round = 0; round < 200; ++round) {
    order orders[2];
    std::map<wish_rank, char> sorted[2];
    std::vector<std::pair<std::size_t, order::place>> places;
    for (std::uint64_t number = 0; number < 150; ++number) {
      if (places.empty() || below(2) == 0) {
        const wish_rank rank{some_group(), number};
        const auto wish = static_cast<char>('a' + below(26));
        places.emplace_back(0, orders[0].add(rank, wish));
        sorted[0].emplace(rank, wish);
      }
      const auto changed = places.begin() + below(static_cast<std::uint32_t>(places.size()));
      auto& [in, place] = *changed;
      auto moved = sorted[in].extract(place.rank());
      if (below(3) == 0) {
        orders[in].erase(place);
        places.erase(changed);
      } else {
        const std::size_t to = below(2);
        moved.key().group = some_group();
        orders[in].move(place, orders[to], moved.key().group);
        sorted[to].insert(std::move(moved));
        in = to;
      }
      for (const auto i : {0, 1}) {
        std::string expected;
        for (const auto& [rank, wish] : sorted[i])
          expected += wish;
        REQUIRE(text(orders[i]) == expected);
        REQUIRE(orders[i].empty() == sorted[i].empty());
        for (const auto& batch : {older, newer}) {
          const auto first = std::ranges::find_if(
              sorted[i], [&](const auto& e) { return e.first.group.batch == batch; });
          const auto found = orders[i].first_of(batch);
          REQUIRE(found.has_value() == (first != sorted[i].end()));
          if (found) REQUIRE(found->rank() == first->first);
        }
      }
    }
  }
}
