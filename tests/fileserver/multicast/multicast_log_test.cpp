#include "fileserver/multicast/multicast_log.hpp"

#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::fileserver {
namespace {

core::order_position at(std::uint64_t k) {
  core::order_position x;
  x.k = k;
  x.chain = 1'000 + k;
  return x;
}

class MulticastLog : public testing::Test {
protected:
  void open() {
    log.reset();
    auto opened = multicast_log::open(
      storage::posix_files(), directory_ / "log",
      {.owner = store_id{1}, .salt = 7, .on_failure = [](const error&) {}});
    ASSERT_TRUE(opened) << opened.error().context;
    log = *std::move(opened);
    found = log->take_found();
  }

  [[nodiscard]] static core::replace_state
  state_at(std::uint64_t k, std::string state) {
    core::replace_state x;
    x.position = at(k);
    x.state = std::move(state);
    x.record.promised = {k, server_id{1}};
    return x;
  }

  std::unique_ptr<multicast_log> log;
  multicast_log::found found;

private:
  test::temp_dir directory_;
};

// It was written, and has not been installed yet. SPEC Q5
TEST_F(MulticastLog, AStateThatIsTakenOverMakesACheckpointVoid) {
  open();
  EXPECT_FALSE(found.group);
  ASSERT_TRUE(log->replace(state_at(5, "first"), {}));
  ASSERT_TRUE(log->write(at(6), "of its own"));
  const auto replaced = log->replace(state_at(9, "second"), {});
  ASSERT_TRUE(replaced) << replaced.error().context;
  EXPECT_FALSE(log->install({}));
  EXPECT_EQ(log->state_bytes(), 6u);
  open();
  ASSERT_TRUE(found.group);
  EXPECT_EQ(found.group->position, at(9));
  EXPECT_EQ(found.group->record.promised.epoch, 9u);
  EXPECT_EQ(found.state, "second");
}

TEST_F(MulticastLog, ACheckpointIsInstalledOnce) { // SPEC Q10
  open();
  ASSERT_TRUE(log->replace(state_at(5, "first"), {}));
  EXPECT_FALSE(log->install({}));
  core::append_items next{1, 6, {{}}, 6};
  next.items[0].number = {server_id{1}, life_id{1}, 1};
  log->append(next, {});
  ASSERT_TRUE(log->write(at(6), "given up"));
  ASSERT_TRUE(log->write(at(6), "the same, later"));
  EXPECT_TRUE(log->install({}));
  EXPECT_FALSE(log->install({}));
  EXPECT_EQ(log->state_bytes(), 15u);
  open();
  ASSERT_TRUE(found.group);
  EXPECT_EQ(found.group->position, at(6));
  EXPECT_EQ(found.group->record.promised.epoch, 5u); // Of the promise.
  EXPECT_EQ(found.state, "the same, later");
}

} // namespace
} // namespace dfs::fileserver
