#include "base/crash_point.hpp"

#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

namespace dfs {

namespace {

/// What became of a process that does `steps`: the signal that ended it, or 0.
int end_of(const std::function<void()>& steps) {
  const auto child = fork();
  if (child == 0) {
    steps();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

struct CrashPoint : ::testing::Test {
  void write(const std::string& name, const std::string& text) const {
    std::ofstream{path(name)} << text;
  }

  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream{path(name)}.rdbuf();
    return text.str();
  }

  std::string path(const std::string& name) const {
    return dir.path() + "/" + name;
  }

  test::temp_dir dir;
};

TEST_F(CrashPoint, EndsTheProcessAtThePassAskedFor) {
  const auto passes = [](int other, int count) {
    return [=] {
      setenv("DFS_CRASH_AT", "test.step:3", 1);
      for (int i = 0; i < other; ++i)
        pass_crash_point("test.other");
      for (int i = 0; i < count; ++i)
        pass_crash_point("test.step");
    };
  };
  EXPECT_EQ(end_of(passes(5, 2)), 0);
  EXPECT_EQ(end_of(passes(0, 3)), SIGKILL);
}

TEST_F(CrashPoint, OneStepBehindAnother) {
  const auto run = [](std::initializer_list<const char*> steps) {
    return end_of([&] {
      plan_crash("test.first:2,test.second", "");
      for (const auto* step : steps)
        pass_crash_point(step);
    });
  };
  EXPECT_EQ(run({"test.second", "test.first", "test.second", "test.first"}), 0);
  EXPECT_EQ(run({"test.first", "test.first", "test.first"}), 0);
  EXPECT_EQ(run({"test.first", "test.first", "test.second"}), SIGKILL);
}

TEST_F(CrashPoint, CountsFromWhenTheOrderIsThere) {
  const auto run = [&](const std::string& second) {
    return end_of([&] {
      setenv("DFS_CRASH_AT", ("@" + path("order")).c_str(), 1);
      for (int i = 0; i < 5; ++i)
        pass_crash_point("test.step");
      write("order", "test.step:2");
      pass_crash_point("test.step");
      write("order", second);
      pass_crash_point("test.step");
    });
  };
  EXPECT_EQ(run("test.step:2"), SIGKILL);
  std::filesystem::remove(path("order"));
  EXPECT_EQ(run("test.other:2"), 0);
  EXPECT_EQ(run("test.step:3"), 0); // Anew.
}

TEST_F(CrashPoint, NamesAreNotedOnceForEachList) {
  EXPECT_EQ(end_of([&] {
              setenv("DFS_CRASH_LIST", path("list").c_str(), 1);
              for (const auto* name : {"a.one", "a.two", "a.one"})
                pass_crash_point(name);
              std::filesystem::rename(path("list"), path("first"));
              pass_crash_point("a.two");
              pass_crash_point("a.two");
            }),
            0);
  EXPECT_EQ(read("first"), "a.one\na.two\n");
  EXPECT_EQ(read("list"), "a.two\n");
}

} // namespace

} // namespace dfs
