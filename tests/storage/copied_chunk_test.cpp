#include "storage/chunk_store.hpp"
#include "support/chunk_data.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <optional>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::chunk_change;
using dfs::test::refusal;

namespace {

constexpr std::uint32_t piece = 1u << 20;

/// The machine's files. One write of a whole piece can be held up, and it is
/// counted how often a disk is asked to begin.
class held_files : public file_io {
public:
  std::atomic<unsigned> begun{0};

  /// The next write of a piece waits for the end of `until`.
  /// @returns what is ready when it waits.
  std::future<void> hold(std::shared_future<void> until) {
    const std::lock_guard guard{mutex_};
    until_ = std::move(until);
    reached_ = {};
    return reached_.get_future();
  }

  result<std::shared_ptr<open_file>>
  open(const std::string& path, open_mode mode) override {
    auto opened = posix_files().open(path, mode);
    if (!opened)
      return opened;
    return std::shared_ptr<open_file>{
      std::make_shared<file>(*this, *std::move(opened))};
  }
  result<nothing> make_directory(const std::string& path) override {
    return posix_files().make_directory(path);
  }
  result<std::vector<std::string>> list(const std::string& directory) override {
    return posix_files().list(directory);
  }
  result<nothing>
  rename(const std::string& from, const std::string& to) override {
    return posix_files().rename(from, to);
  }
  result<nothing> remove(const std::string& path) override {
    return posix_files().remove(path);
  }
  result<nothing> sync_directory(const std::string& path) override {
    return posix_files().sync_directory(path);
  }
  result<disk_space> space(const std::string& path) override {
    return posix_files().space(path);
  }
  result<std::unique_ptr<file_lock>> lock(const std::string& path) override {
    return posix_files().lock(path);
  }

private:
  class file : public open_file {
  public:
    file(held_files& home, std::shared_ptr<open_file> to)
      : home_{home},
        to_{std::move(to)} {
      // nop
    }

    using open_file::write;

    result<std::size_t>
    read(std::uint64_t offset, std::span<char> to) override {
      return to_->read(offset, to);
    }
    result<std::size_t>
    read_cached(std::uint64_t offset, std::span<char> to) override {
      return to_->read_cached(offset, to);
    }
    result<nothing> write(std::uint64_t offset,
                          std::span<const std::string_view> pieces) override {
      if (pieces.size() == 1 && pieces.front().size() == piece)
        home_.wait();
      return to_->write(offset, pieces);
    }
    result<nothing> sync() override {
      return to_->sync();
    }
    void start_sync(std::uint64_t offset, std::uint64_t length) override {
      ++home_.begun;
      to_->start_sync(offset, length);
    }
    result<nothing> truncate(std::uint64_t size) override {
      return to_->truncate(size);
    }
    result<std::uint64_t> size() override {
      return to_->size();
    }
    [[nodiscard]] int descriptor() const override {
      return to_->descriptor();
    }

  private:
    held_files& home_;
    std::shared_ptr<open_file> to_;
  };

  void wait() {
    std::optional<std::shared_future<void>> until;
    {
      const std::lock_guard guard{mutex_};
      until.swap(until_);
      if (until)
        reached_.set_value();
    }
    if (until)
      until->wait();
  }

  std::mutex mutex_;
  std::optional<std::shared_future<void>> until_;
  std::promise<void> reached_;
};

struct CopiedChunk : ::testing::Test {
  static constexpr chunk_id chunk{42};
  static constexpr chunk_version version{1};

  test::temp_dir directory;
  held_files files;
  std::unique_ptr<chunk_store> store;

  CopiedChunk() {
    auto opened
      = chunk_store::open(files, directory / "volume",
                          {"00112233445566ff", store_id{7}}, store_options{});
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().context);
    store = *std::move(opened);
  }

  static std::string bytes_of(std::uint32_t number) {
    return test::pattern(piece, number);
  }

  result<nothing> copy(std::uint32_t number) {
    const chunk_change x{chunk, {}, {}, {}, number * piece, bytes_of(number)};
    return store->copy_data(chunk, number * piece, x.data());
  }

  void expect_whole(std::uint32_t pieces) {
    const auto length = pieces * piece;
    EXPECT_TRUE(store->finish_copy(
      {chunk, version, mutation_serial{3}, length, {}}, {}, {}));
    std::promise<void> durable;
    store->when_durable(chunk, [&](const result<nothing>& x) {
      EXPECT_TRUE(x);
      durable.set_value();
    });
    durable.get_future().wait();
    std::string bytes(piece, '\0');
    for (std::uint32_t n = 0; n < pieces; ++n) {
      EXPECT_TRUE(store->read_verified(chunk, n * piece, bytes));
      EXPECT_EQ(bytes, bytes_of(n));
    }
  }
};

// Or all of them would be written by the sync at their end, one by one.
TEST_F(CopiedChunk, IsWrittenBackWhileItGrows) { // SPEC G10
  ASSERT_TRUE(store->begin_copy(chunk));
  for (std::uint32_t n = 0; n < 20; ++n)
    ASSERT_TRUE(copy(n));
  EXPECT_TRUE(test::eventually([&] { return files.begun > 0; }));
  expect_whole(20);
}

// A piece may take the kernel milliseconds.
TEST_F(CopiedChunk, HoldsUpNoChange) { // SPEC G10
  ASSERT_TRUE(store->begin_copy(chunk));
  ASSERT_TRUE(copy(0));
  std::promise<void> end;
  auto reached = files.hold(end.get_future().share());
  auto second = std::async(std::launch::async, [&] { return copy(1); });
  reached.wait();
  ASSERT_TRUE(store->create(chunk_id{1}, version));
  const chunk_change change{chunk_id{1},          version, mutation_serial{1},
                            mutation_kind::write, 0,       "hello"};
  EXPECT_TRUE(store->apply(change.what(), change.data()));
  end.set_value();
  EXPECT_TRUE(second.get());
  expect_whole(2);
}

TEST_F(CopiedChunk, TakesNoPieceOfACopyThatWasDropped) { // SPEC G10
  ASSERT_TRUE(store->begin_copy(chunk));
  ASSERT_TRUE(copy(0));
  std::promise<void> end;
  auto reached = files.hold(end.get_future().share());
  auto second = std::async(std::launch::async, [&] { return copy(1); });
  reached.wait();
  ASSERT_TRUE(store->begin_copy(chunk)); // Drops the first.
  ASSERT_TRUE(copy(0));
  end.set_value();
  EXPECT_EQ(refusal(second.get()), ec::not_found);
  EXPECT_FALSE(store->failed());
  ASSERT_TRUE(copy(1));
  expect_whole(2);
}

} // namespace
