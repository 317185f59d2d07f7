#include "core/chunks/pending_deletions.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr chunk_id a{1};
constexpr chunk_id b{2};

struct PendingDeletions : ::testing::Test {
  pending_deletions book;
  instant now{1h};

  std::set<std::pair<server_index, chunk_id>>
  ordered(const std::set<server_index>& here) {
    std::set<std::pair<server_index, chunk_id>> all;
    book.each_due(now, [&](server_index server, chunk_id chunk) {
      if (!here.contains(server))
        return false;
      all.emplace(server, chunk);
      return true;
    });
    return all;
  }
};

TEST_F(PendingDeletions, AreKnownUntilNobodyHasThem) { // SPEC G12
  book.add(a, {0, 1, 1});
  book.add(b, {});
  EXPECT_EQ(book.take_done(10), std::vector{b}) << "nobody has it";
  using orders = std::set<std::pair<server_index, chunk_id>>;
  EXPECT_EQ(ordered({0}), (orders{{0, a}})) << "the other one is away";
  EXPECT_TRUE(ordered({0}).empty()) << "not again at once";
  book.gone(0, a);
  EXPECT_TRUE(book.has(a));
  EXPECT_EQ(ordered({0, 1}), (orders{{1, a}}));
  now += 61s;
  EXPECT_EQ(ordered({0, 1}), (orders{{1, a}})) << "no answer came";
  book.there(2, a); // A copy that came late.
  book.gone(1, a);
  EXPECT_TRUE(book.has(a));
  book.gone(2, a);
  EXPECT_FALSE(book.has(a));
  EXPECT_EQ(book.take_done(10), std::vector{a});
  EXPECT_TRUE(book.take_done(10).empty());
}

TEST_F(PendingDeletions, OfAServerThatBeginsAnewAreOrderedAgain) {
  book.add(a, {0});
  EXPECT_EQ(ordered({0}).size(), 1u);
  book.reborn(0);
  EXPECT_EQ(ordered({0}).size(), 1u);
}

TEST_F(PendingDeletions, EndWithAServerThatIsForgotten) {
  book.add(a, {0, 1});
  book.add(b, {1});
  book.forget(1);
  EXPECT_EQ(book.take_done(10), std::vector{b});
  EXPECT_TRUE(book.has(a));
}

TEST_F(PendingDeletions, TellWhatAServerMayHave) {
  book.add(a, {0});
  book.add(b, {0, 1});
  std::vector<chunk_id> found;
  book.find(0, a, b, found);
  EXPECT_EQ(found, (std::vector{a, b}));
  found.clear();
  book.find(1, a, a, found);
  EXPECT_TRUE(found.empty());
}

} // namespace
} // namespace dfs::core
