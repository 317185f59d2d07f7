#include "messages/recent_writes.hpp"

#include <gtest/gtest.h>

// SPEC G5: what replicas remember of those who wrote.

namespace dfs::msg {
namespace {

constexpr writer_id alice{1};
constexpr writer_id bob{2};

recent_write
write_of(writer_id writer, std::uint64_t sequence, std::uint64_t serial) {
  return {writer, sequence, mutation_serial{serial}};
}

TEST(RecentWrites, KnowTheLastOfEachWriter) { // R1
  recent_writes x;
  EXPECT_TRUE(x.empty());
  x.note(write_of(alice, 1, 5));
  x.note(write_of(bob, 1, 6));
  x.note(write_of(alice, 2, 9));
  EXPECT_EQ(x.entries,
            (std::vector{write_of(bob, 1, 6), write_of(alice, 2, 9)}));
  EXPECT_EQ(x.find(alice)->sequence, 2u);
  EXPECT_EQ(x.find(writer_id{3}), nullptr);
  EXPECT_FALSE(x.empty());
}

TEST(RecentWrites, SayHowFarTheyHaveForgotten) { // R2
  recent_writes x;
  std::uint64_t serial = 0;
  x.note(write_of(alice, 1, ++serial));
  x.note(write_of(bob, 1, ++serial));
  x.note(write_of(alice, 2, ++serial)); // Now bob has rested longest.
  for (std::uint64_t i = 0; i < recent_writes::most - 2; ++i)
    x.note(write_of(writer_id{100 + i}, 1, ++serial));
  EXPECT_EQ(x.forgotten, mutation_serial{});
  x.note(write_of(writer_id{99}, 1, ++serial));
  EXPECT_EQ(x.find(bob), nullptr);
  EXPECT_NE(x.find(alice), nullptr);
  EXPECT_EQ(x.forgotten, mutation_serial{2});
  x.note(write_of(writer_id{98}, 1, ++serial));
  EXPECT_EQ(x.find(alice), nullptr);
  EXPECT_EQ(x.forgotten, mutation_serial{3});
  EXPECT_EQ(x.entries.size(), recent_writes::most);
}

TEST(RecentWrites, GoBack) { // R2
  recent_writes x;
  x.note(write_of(alice, 1, 5));
  x.note(write_of(bob, 1, 7));
  x.go_back(mutation_serial{7});
  EXPECT_EQ(x.entries.size(), 2u);
  x.go_back(mutation_serial{6});
  EXPECT_EQ(x.entries, std::vector{write_of(alice, 1, 5)});
  EXPECT_EQ(x.forgotten, mutation_serial{}) << "bob was never here before";
  x.note(write_of(alice, 2, 7));
  x.go_back(mutation_serial{6});
  EXPECT_TRUE(x.entries.empty());
  EXPECT_EQ(x.forgotten, mutation_serial{6}) << "alice's first is there still";
}

} // namespace
} // namespace dfs::msg
