#include "storage/chunk_store.hpp"
#include "storage/file_io.hpp"

#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace dfs::storage {
namespace {

using namespace std::chrono_literals;

// Whoever watches a disk asks this first, before there is anything to write: a
// store that never answers looks like a disk that hangs.
TEST(FreshStore, HasNothingThatIsNotDurable) {
  test::temp_dir directory;
  auto store = chunk_store::open(posix_files(), directory / "volume",
                                 {"00112233445566ff", store_id{1}}, {});
  ASSERT_TRUE(store) << store.error().context;
  std::promise<bool> all;
  (*store)->when_durable(
    [&](const result<nothing>& x) { all.set_value(static_cast<bool>(x)); });
  auto told = all.get_future();
  ASSERT_EQ(told.wait_for(10s), std::future_status::ready);
  EXPECT_TRUE(told.get());
}

} // namespace
} // namespace dfs::storage
