// Becomes part of both test programs that ./dev mutate builds: writes a line
// for each test to the file named by DFS_MUTANT_REACHED: name, CPU time in
// microseconds, and the changes that the test came to.

#include "mutants.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>

namespace {

class reach_listener final : public testing::EmptyTestEventListener {
public:
  explicit reach_listener(const char* path) : out_{std::fopen(path, "w")} {
  }

  // What static initialisation came to is of every test; it has no name.
  void OnTestProgramStart(const testing::UnitTest&) override {
    write("-", 0);
  }

  void OnTestStart(const testing::TestInfo&) override {
    started_ = std::clock();
  }

  // What happens before a test, such as the set-up of its suite, is the test's.
  void OnTestEnd(const testing::TestInfo& test) override {
    const auto took = (std::clock() - started_) * 1'000'000 / CLOCKS_PER_SEC;
    write(std::string{test.test_suite_name()} + "." + test.name(), took);
  }

private:
  void write(const std::string& name, long took) {
    std::fprintf(out_, "%s %ld", name.c_str(), took);
    for (int i = 0; i < dfs_mutant::numbers_max; ++i)
      if (dfs_mutant::reached[i])
        std::fprintf(out_, " %d", i);
    std::fprintf(out_, "\n");
    std::fflush(out_);
    std::fill_n(dfs_mutant::reached, dfs_mutant::numbers_max, false);
  }

  std::FILE* out_;
  std::clock_t started_ = 0;
};

const bool listening = [] {
  const auto* path = std::getenv("DFS_MUTANT_REACHED");
  if (path != nullptr)
    testing::UnitTest::GetInstance()->listeners().Append(
      new reach_listener{path});
  return path != nullptr;
}();

} // namespace
