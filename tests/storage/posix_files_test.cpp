#include "storage/file_io.hpp"
#include "support/chunk_data.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include <filesystem>
#include <memory>
#include <new>

namespace dfs::storage {
namespace {

constexpr std::size_t page = 4096;

/// Files in memory have no other place than the page cache.
bool in_memory(const std::string& path) {
  struct statfs about {};
  return ::statfs(path.c_str(), &about) == 0 && about.f_type == TMPFS_MAGIC;
}

std::filesystem::path place() {
  const auto usual = std::filesystem::temp_directory_path();
  return in_memory(usual) ? "/var/tmp" : usual;
}

struct UncachedWrites : ::testing::Test {
  test::temp_dir dir{place()};
  std::shared_ptr<open_file> file
    = *posix_files().open(dir / "file", open_mode::replace);
  std::string bytes = test::pattern(16 * page + 100, 3);
  std::unique_ptr<char[], void (*)(char*)> memory{
    static_cast<char*>(::operator new[](bytes.size(), std::align_val_t{page})),
    [](char* x) { ::operator delete[](x, std::align_val_t{page}); }};

  UncachedWrites() {
    bytes.copy(memory.get(), bytes.size());
  }

  [[nodiscard]] std::string_view stored() const {
    return {memory.get(), bytes.size()};
  }

  std::string content() {
    std::string all(*file->size(), '\0');
    EXPECT_TRUE(file->read(0, all));
    return all;
  }

  /// Of the first pages.
  std::size_t cached_pages() {
    constexpr std::size_t count = 16;
    auto* place = ::mmap(nullptr, count * page, PROT_READ, MAP_SHARED,
                         file->descriptor(), 0);
    EXPECT_NE(place, MAP_FAILED);
    unsigned char there[count] = {};
    EXPECT_EQ(::mincore(place, count * page, there), 0);
    ::munmap(place, count * page);
    std::size_t sum = 0;
    for (const auto x : there)
      sum += x & 1;
    return sum;
  }
};

TEST_F(UncachedWrites, KeepNoPageButThatOfAnOddEnd) {
  if (in_memory(dir / ""))
    GTEST_SKIP() << "nothing but memory here";
  ASSERT_TRUE(file->write(0, stored()));
  ASSERT_EQ(cached_pages(), 16u);
  auto other = *posix_files().open(dir / "other", open_mode::replace);
  std::swap(file, other);
  ASSERT_TRUE(file->write_uncached(0, stored()));
  EXPECT_EQ(cached_pages(), 0u);
  EXPECT_EQ(content(), bytes);
}

TEST_F(UncachedWrites, WriteWhatFitsNoPageAllTheSame) {
  ASSERT_TRUE(file->write_uncached(0, stored().substr(0, 100)));
  ASSERT_TRUE(file->write_uncached(100, stored().substr(100)));
  EXPECT_EQ(content(), bytes);
  ASSERT_TRUE(file->write_uncached(page, stored().substr(1, 2 * page)));
  EXPECT_EQ(content(), bytes.substr(0, page) + bytes.substr(1, 2 * page)
                         + bytes.substr(3 * page));
}

TEST_F(UncachedWrites, MixWithOthers) {
  ASSERT_TRUE(file->write(0, stored().substr(0, 4 * page)));
  ASSERT_TRUE(file->write_uncached(2 * page, stored().substr(2 * page)));
  EXPECT_EQ(content(), bytes);
  ASSERT_TRUE(file->write(5 * page, stored().substr(0, 10)));
  ASSERT_TRUE(file->write_uncached(0, stored().substr(0, 5 * page)));
  EXPECT_EQ(content().substr(5 * page, 10), bytes.substr(0, 10));
}

TEST_F(UncachedWrites, GoToTheFileWhateverItIsCalledNow) {
  ASSERT_TRUE(posix_files().remove(dir / "file"));
  ASSERT_TRUE(file->write_uncached(0, stored()));
  EXPECT_EQ(content(), bytes);
  EXPECT_FALSE(std::filesystem::exists(dir / "file"));
}

} // namespace
} // namespace dfs::storage
