#include "client/local_files.hpp"

#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dfs::client {
namespace {

using test::random_bytes;
using test::refusal;

struct LocalFilesTest : ::testing::Test {
  test::temp_dir place;
  net::buffer_pool buffers;
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
    io.get_executor()};
  std::optional<disk_thread> disk{io};

  template <class T, class Start>
  result<T> wait(Start start) {
    std::optional<result<T>> outcome;
    start([&](auto x) { outcome.emplace(std::move(x)); });
    while (!outcome)
      io.run_one();
    return *outcome;
  }

  result<piece>
  read(local_source& from, std::uint64_t offset, std::uint32_t length) {
    return wait<piece>([&](auto then) {
      from.read(offset, buffers.take(length), 100, std::move(then));
    });
  }

  result<nothing> verify(local_source& x) {
    return wait<nothing>([&](auto then) { x.verify(std::move(then)); });
  }

  result<nothing>
  write(local_sink& to, std::uint64_t offset, std::string_view text) {
    auto bytes = buffers.take(text.size());
    text.copy(bytes.data(), text.size());
    return wait<nothing>([&](auto then) {
      to.write(offset, piece{bytes, {}, nullptr}, std::move(then));
    });
  }

  result<nothing> commit(local_sink& x) {
    return wait<nothing>([&](auto then) { x.commit(true, std::move(then)); });
  }
};

TEST_F(LocalFilesTest, ReadsAnyPartAndComputesChecksums) {
  const auto bytes = random_bytes(200'000);
  const auto source = *local_source::open(place.write("f", bytes), *disk);
  EXPECT_TRUE(source->rewinds());
  EXPECT_EQ(source->length(), bytes.size());
  const auto x = read(*source, 50'000, 100'000);
  ASSERT_TRUE(x);
  EXPECT_TRUE(x->bytes.view() == bytes.substr(50'000, 100'000));
  EXPECT_EQ(x->crcs, block_crcs(bytes.substr(50'000, 100'000), 100));
  EXPECT_EQ(read(*source, 190'000, 100'000)->length(), 10'000u);
  EXPECT_TRUE(verify(*source));
}

TEST_F(LocalFilesTest, SaysWhatCannotBeRead) { // SPEC S7
  EXPECT_EQ(refusal(local_source::open(place / "none", *disk)), ec::not_found);
  const auto directory = local_source::open(place / "", *disk);
  ASSERT_EQ(refusal(directory), ec::is_directory);
  EXPECT_NE(directory.error().context.find("put -r"), std::string::npos);
}

// A file that changes while it is put is noticed, and so is one that vanishes.
TEST_F(LocalFilesTest, NoticesThatAFileChanges) {
  const auto path = place.write("f", "before");
  auto source = *local_source::open(path, *disk);
  EXPECT_TRUE(verify(*source));
  place.write("f", "longer than before");
  EXPECT_EQ(refusal(verify(*source)), ec::io_error);
  source = *local_source::open(path, *disk);
  const auto mark = source->fingerprint();
  EXPECT_FALSE(mark.empty());
  // The same name, size and content, and yet another file.
  place.write("g", "longer than before");
  std::filesystem::rename(place / "g", path);
  EXPECT_EQ(refusal(verify(*source)), ec::io_error);
  EXPECT_NE((*local_source::open(path, *disk))->fingerprint(), mark);
  source = *local_source::open(path, *disk);
  std::filesystem::remove(path);
  const auto gone = verify(*source);
  ASSERT_EQ(refusal(gone), ec::io_error);
  EXPECT_NE(gone.error().context.find("vanished"), std::string::npos);
}

TEST_F(LocalFilesTest, SaysThatAFileHasBecomeShorter) { // SPEC S7
  const auto path = place.write("f", random_bytes(200'000));
  const auto source = *local_source::open(path, *disk);
  std::filesystem::resize_file(path, 100'000);
  EXPECT_TRUE(read(*source, 0, 100'000));
  const auto refused = read(*source, 50'000, 100'000);
  ASSERT_EQ(refusal(refused), ec::io_error);
  EXPECT_EQ(refused.error().context,
            path + " has become shorter while it was being read");
}

TEST_F(LocalFilesTest, ReadsAFileThatSaysNothingOfItsLength) {
  const auto source = *local_source::open("/proc/self/status", *disk);
  EXPECT_FALSE(source->length());
  EXPECT_TRUE(read(*source, 0, 100'000)->bytes.view().starts_with("Name:"));
  const auto empty = *local_source::open(place.write("f", ""), *disk);
  EXPECT_EQ(empty->length(), 0u);
}

TEST_F(LocalFilesTest, ReadsAPipeToItsEnd) {
  const auto path = place / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto bytes = random_bytes(300'000);
  std::thread writer{[&] {
    const int to = ::open(path.c_str(), O_WRONLY);
    for (std::size_t at = 0; at < bytes.size(); at += 10'000)
      EXPECT_EQ(::write(to, bytes.data() + at, 10'000), 10'000);
    ::close(to);
  }};
  const auto source = *local_source::open(path, *disk);
  EXPECT_FALSE(source->rewinds());
  EXPECT_FALSE(source->length());
  const auto first = read(*source, 0, 200'000);
  const auto rest = read(*source, 200'000, 200'000);
  writer.join();
  ASSERT_TRUE(first && rest);
  EXPECT_TRUE(std::string{first->bytes.view()} + std::string{rest->bytes.view()}
              == bytes);
}

TEST_F(LocalFilesTest, TakesWhatIsThereWithoutWaitingForMore) {
  const auto path = place / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int both = ::open(path.c_str(), O_RDWR);
  const auto source = *local_source::open(path, *disk);
  ASSERT_EQ(::write(both, "line\n", 5), 5);
  const auto some = wait<net::data_buffer>([&](auto then) {
    source->read_some(0, buffers.take(1'000), std::move(then));
  });
  ASSERT_TRUE(some);
  EXPECT_EQ(some->view(), "line\n");
  ::close(both);
}

TEST_F(LocalFilesTest, EndsWhileSomebodyKeepsAPipeOpen) {
  const auto path = place / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int both = ::open(path.c_str(), O_RDWR);
  const auto source = *local_source::open(path, *disk);
  source->read_some(0, buffers.take(1'000), [](const auto&) {});
  // Begun, and waiting: a second piece of work does not come to its end.
  auto second = false;
  disk->run([] {}, [&] { second = true; });
  io.poll();
  EXPECT_FALSE(second);
  disk.reset();                        // Does not wait for it.
  ASSERT_EQ(::write(both, "x", 1), 1); // Lets the thread end.
  ::close(both);
}

TEST_F(LocalFilesTest, IsThereWhenItIsCompleteAndNotBefore) {
  const auto path = place.write("f", "old");
  {
    const auto sink = *local_sink::create(path, *disk);
    ASSERT_TRUE(write(*sink, 0, "new "));
    ASSERT_TRUE(write(*sink, 4, "bytes"));
    EXPECT_EQ(test::temp_dir::read(path), "old");
    ASSERT_TRUE(commit(*sink));
    EXPECT_EQ(test::temp_dir::read(path), "new bytes");
  }
  {
    const auto sink = *local_sink::create(path, *disk);
    ASSERT_TRUE(write(*sink, 0, "never"));
  }
  disk.reset(); // Its thread may be the last that holds the file.
  EXPECT_EQ(test::temp_dir::read(path), "new bytes");
  EXPECT_EQ(place.count(), 1u); // No temporary file is left.
}

TEST_F(LocalFilesTest, WritesToAPipeAndLeavesItOne) {
  const auto path = place / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(refusal(local_sink::create(path, *disk)), ec::io_error);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  {
    const auto sink = *local_sink::create(path, *disk);
    ASSERT_TRUE(write(*sink, 0, "new "));
    ASSERT_TRUE(write(*sink, 4, "bytes"));
    ASSERT_TRUE(commit(*sink));
  }
  char got[20];
  EXPECT_EQ(std::string(got, ::read(reader, got, sizeof got)), "new bytes");
  // Closed, once the disk's thread has let go of it, too.
  ASSERT_EQ(::fcntl(reader, F_SETFL, 0), 0);
  EXPECT_EQ(::read(reader, got, sizeof got), 0);
  ::close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  EXPECT_EQ(place.count(), 1u);
}

TEST_F(LocalFilesTest, SaysWhereItCannotWrite) { // SPEC S7
  EXPECT_EQ(refusal(local_sink::create(place / "none/f", *disk)),
            ec::not_found);
  EXPECT_EQ(refusal(local_sink::create(place / "", *disk)), ec::is_directory);
  const int full = ::open("/dev/full", O_WRONLY);
  const auto sink = local_sink::to_stream(full, "/dev/full", *disk);
  const auto refused = write(*sink, 0, "x");
  ASSERT_EQ(refusal(refused), ec::full);
  EXPECT_EQ(refused.error().context,
            "cannot write /dev/full: No space left on device. Try: make "
            "room on that disk");
  ::close(full);
}

} // namespace
} // namespace dfs::client
