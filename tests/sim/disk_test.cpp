#include "support/sim/disk.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dfs::sim {
namespace {

struct Disk : ::testing::Test {
  disk it;

  file open(std::string_view path) {
    const auto f = it.open(path, true);
    EXPECT_TRUE(f);
    return f.value;
  }

  void write(file f, std::uint64_t offset, std::string_view bytes) {
    const auto n = it.write(f, offset, bytes);
    ASSERT_TRUE(n);
    ASSERT_EQ(n.value, bytes.size());
  }

  // A file that is durable with its name.
  void keep(std::string_view path, std::string_view bytes) {
    const auto f = open(path);
    write(f, 0, bytes);
    ASSERT_TRUE(it.sync(f));
    ASSERT_TRUE(it.sync_directory("/"));
    it.close(f);
  }

  void lose_power(std::uint64_t seed, power_loss loss = power_loss::torn) {
    rng random{seed};
    it.close_all();
    it.lose_power(random, loss);
  }

  std::string content(std::string_view path) {
    const auto bytes = it.read_file(path);
    return bytes ? bytes.value : "(none)";
  }
};

// What `after` can be in 200 runs of `before` with a power loss at its end.
template <class Before, class After>
auto outcomes(Before before, After after) {
  std::set<decltype(after(std::declval<disk&>()))> xs;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    disk it;
    before(it);
    it.close_all();
    rng random{seed};
    it.lose_power(random);
    xs.insert(after(it));
  }
  return xs;
}

void make(disk& it, std::string_view path, std::string_view bytes) {
  const auto f = it.open(path, true).value;
  ASSERT_TRUE(it.write(f, 0, bytes));
  ASSERT_TRUE(it.sync(f));
  ASSERT_TRUE(it.sync_directory("/"));
  it.close(f);
}

TEST_F(Disk, ReadsWhatWasWritten) {
  const auto f = open("/a");
  write(f, 0, "hello");
  write(f, 1, "u");
  write(f, 7, "x");
  EXPECT_EQ(it.read(f, 0, 100).value, std::string("hullo\0\0x", 8));
  EXPECT_EQ(it.read(f, 2, 2).value, "ll");
  EXPECT_EQ(it.read(f, 8, 1).value, "");
  EXPECT_TRUE(it.truncate(f, 3));
  EXPECT_EQ(content("/a"), "hul");
}

TEST_F(Disk, KeepsWhatWasSynced) { // D1
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    it = {};
    keep("/a", "precious");
    lose_power(seed);
    EXPECT_EQ(content("/a"), "precious") << seed;
  }
}

TEST_F(Disk, TearsUnsyncedWritesBySectors) { // D2
  const std::string old(3 * disk::sector, 'o');
  const auto seen = outcomes(
    [&](disk& x) {
      make(x, "/a", old);
      const auto f = x.open("/a", false).value;
      ASSERT_TRUE(x.write(f, 0, std::string(3 * disk::sector, 'n')));
    },
    [](disk& x) {
      const auto bytes = x.read_file("/a").value;
      EXPECT_EQ(bytes.size(), 3 * disk::sector);
      std::string summary;
      for (std::size_t i = 0; i < bytes.size(); i += disk::sector) {
        // A sector is of one version, never of two.
        EXPECT_EQ(bytes.substr(i, disk::sector),
                  std::string(disk::sector, bytes[i]));
        summary += bytes[i];
      }
      return summary;
    });
  EXPECT_EQ(seen.size(), 8u); // Every subset, in whatever order.
}

TEST_F(Disk, MayKeepAnyVersionOfASector) { // D2
  const auto seen = outcomes(
    [](disk& x) {
      make(x, "/a", "0");
      const auto f = x.open("/a", false).value;
      ASSERT_TRUE(x.write(f, 0, "1"));
      ASSERT_TRUE(x.write(f, 0, "2"));
    },
    [](disk& x) { return x.read_file("/a").value; });
  EXPECT_EQ(seen, (std::set<std::string>{"0", "1", "2"}));
}

TEST_F(Disk, MayGrowWithoutItsBytes) { // D3
  const auto seen = outcomes(
    [](disk& x) {
      make(x, "/a", "");
      const auto f = x.open("/a", false).value;
      ASSERT_TRUE(x.write(f, 0, "new"));
    },
    [](disk& x) { return x.read_file("/a").value; });
  EXPECT_EQ(seen, (std::set<std::string>{"", "new", std::string(3, '\0')}));
}

TEST_F(Disk, ForgetsNamesWhoseDirectoryWasNotSynced) { // D4
  const auto seen = outcomes(
    [](disk& x) {
      const auto f = x.open("/a", true).value;
      ASSERT_TRUE(x.write(f, 0, "synced"));
      ASSERT_TRUE(x.sync(f));
    },
    [](disk& x) { return x.read_file("/a").value; });
  EXPECT_EQ(seen, (std::set<std::string>{"", "synced"}));
  keep("/b", "x");
  ASSERT_TRUE(it.remove("/b"));
  EXPECT_EQ(content("/b"), "(none)");
  lose_power(1, power_loss::all);
  EXPECT_EQ(content("/b"), "x");
}

TEST_F(Disk, RenamesWholeOrNotAtAll) { // D4
  const auto seen = outcomes(
    [](disk& x) {
      make(x, "/old", "1");
      make(x, "/new", "2");
      ASSERT_TRUE(x.rename("/new", "/old"));
    },
    [](disk& x) {
      return x.read_file("/old").value + x.read_file("/new").value;
    });
  EXPECT_EQ(seen, (std::set<std::string>{"12", "2"}));
}

TEST_F(Disk, DoesNotBringAnOldNameBackAfterANewerOne) { // D4
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    it = {};
    ASSERT_TRUE(it.make_directory("/d"));
    ASSERT_TRUE(it.sync_directory("/"));
    open("/a");
    ASSERT_TRUE(it.rename("/a", "/d/b"));
    ASSERT_TRUE(it.sync_directory("/d"));
    lose_power(seed);
    EXPECT_EQ(content("/d/b"), "") << seed;
    EXPECT_EQ(content("/a"), "(none)") << seed;
  }
}

TEST_F(Disk, LosesWhatALostDirectoryHeld) { // D4
  ASSERT_TRUE(it.make_directory("/d"));
  open("/d/a");
  ASSERT_TRUE(it.sync_directory("/d"));
  lose_power(1, power_loss::all);
  EXPECT_FALSE(it.list("/d"));
  EXPECT_EQ(content("/d/a"), "(none)");
}

TEST_F(Disk, GivesUpOnBytesWhoseSyncFailed) { // D5
  keep("/a", "old");
  const auto f = open("/a");
  write(f, 0, "new");
  it.fail(disk_operation::sync);
  EXPECT_EQ(it.sync(f).error, std::errc::io_error);
  EXPECT_EQ(content("/a"), "new");
  EXPECT_TRUE(it.sync(f)); // and yet:
  lose_power(1, power_loss::all);
  EXPECT_EQ(content("/a"), "old");
}

TEST_F(Disk, SavesLaterWritesAfterAFailedSync) { // D5
  const std::string two(2 * disk::sector, 'o');
  keep("/a", two);
  const auto f = open("/a");
  write(f, 0, "n");
  it.fail(disk_operation::sync);
  ASSERT_FALSE(it.sync(f));
  write(f, disk::sector, "n");
  ASSERT_TRUE(it.sync(f));
  lose_power(1, power_loss::all);
  EXPECT_EQ(content("/a")[0], 'o');
  EXPECT_EQ(content("/a")[disk::sector], 'n');
}

TEST_F(Disk, KeepsAllOfItWhenOnlyTheProcessDies) { // D6
  const auto f = open("/a");
  write(f, 0, "unsynced");
  it.close_all();
  EXPECT_EQ(content("/a"), "unsynced");
  EXPECT_EQ(it.sync(f).error, std::errc::bad_file_descriptor);
}

TEST_F(Disk, LiesAboutSyncsIfTold) {
  keep("/a", "old");
  it.set_lying(true);
  const auto f = open("/a");
  write(f, 0, "new");
  EXPECT_TRUE(it.sync(f));
  lose_power(1, power_loss::all);
  EXPECT_EQ(content("/a"), "old");
}

TEST_F(Disk, FailsTheOperationThatWasAskedFor) {
  const auto f = open("/a");
  it.fail(disk_operation::write, 1, 2);
  EXPECT_TRUE(it.write(f, 0, "1"));
  EXPECT_EQ(it.write(f, 0, "2").error, std::errc::io_error);
  EXPECT_EQ(it.write(f, 0, "3").error, std::errc::io_error);
  EXPECT_TRUE(it.write(f, 0, "4"));
  EXPECT_EQ(content("/a"), "4");
  EXPECT_EQ(it.operations(disk_operation::write), 4u);
  it.fail(disk_operation::read);
  EXPECT_EQ(it.read(f, 0, 1).error, std::errc::io_error);
  it.fail(disk_operation::name);
  EXPECT_EQ(it.rename("/a", "/b").error, std::errc::io_error);
  EXPECT_EQ(content("/a"), "4");
}

TEST_F(Disk, IsFullWhenItIsFull) {
  it.set_capacity(10);
  const auto a = open("/a");
  write(a, 0, "123456");
  const auto b = open("/b");
  EXPECT_EQ(it.write(b, 0, "123456").value, 4u); // What there was room for.
  EXPECT_EQ(it.write(b, 4, "5").error, std::errc::no_space_on_device);
  EXPECT_EQ(it.truncate(b, 5).error, std::errc::no_space_on_device);
  write(a, 0, "654321"); // In place: takes no room.
  ASSERT_TRUE(it.remove("/a"));
  EXPECT_EQ(it.write(b, 4, "5").error, std::errc::no_space_on_device);
  it.close(a); // Only now is it gone.
  EXPECT_TRUE(it.write(b, 4, "5"));
  EXPECT_EQ(it.used(), 5u);
}

TEST_F(Disk, CorruptsAsTold) {
  keep("/a", "a");
  it.flip_bit("/a", 0, 1);
  EXPECT_EQ(content("/a"), "c");
  lose_power(1);
  EXPECT_EQ(content("/a"), "c");
  const auto f = open("/a");
  it.misdirect_next_write(1);
  write(f, 0, "x");
  EXPECT_EQ(content("/a"), "cx");
}

TEST_F(Disk, ListsADirectory) {
  ASSERT_TRUE(it.make_directory("/d"));
  open("/d/b");
  open("/d/a");
  open("/c");
  EXPECT_EQ(it.list("/d").value, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(it.list("/").value, (std::vector<std::string>{"c", "d"}));
  EXPECT_EQ(it.remove("/d").error, std::errc::directory_not_empty);
  EXPECT_EQ(it.open("/d", false).error, std::errc::is_a_directory);
  EXPECT_EQ(it.open("/x/a", true).error, std::errc::no_such_file_or_directory);
}

// Goal: a replaced file is the old one or the new one, whatever fails and
// whenever the power goes. Method: fail every operation in turn.
TEST_F(Disk, ReplacesAFileWholeWhateverFails) {
  for (const auto which :
       {disk_operation::write, disk_operation::sync, disk_operation::name}) {
    for (std::uint32_t skip = 0; skip < 5; ++skip) {
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        it = {};
        ASSERT_TRUE(it.replace_file("/a", std::string(1'000, 'o')));
        it.fail(which, skip);
        const auto replaced = it.replace_file("/a", std::string(1'000, 'n'));
        lose_power(seed);
        const auto bytes = content("/a");
        ASSERT_TRUE(bytes == std::string(1'000, 'n')
                    || (!replaced && bytes == std::string(1'000, 'o')))
          << seed << ' ' << skip << ' ' << bytes.substr(0, 10);
      }
    }
  }
}

} // namespace
} // namespace dfs::sim
