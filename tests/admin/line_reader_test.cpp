#include "admin/console/line_reader.hpp"

#include "support/eventually.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace dfs::admin {
namespace {

using ::testing::HasSubstr;

/// A person at a terminal: a child with an editor on a pseudo-terminal, which
/// prints each line it has read as "[line]".
struct LineReaderTest : ::testing::Test {
  std::filesystem::path folder = std::filesystem::temp_directory_path()
                                 / ("dfs-lines-" + std::to_string(::getpid()));
  int master = -1;
  pid_t child = -1;
  std::string seen;

  ~LineReaderTest() override {
    if (master >= 0)
      ::close(master);
    if (child > 0)
      ::waitpid(child, nullptr, 0);
    std::filesystem::remove_all(folder);
  }

  void start() {
    child = ::forkpty(&master, nullptr, nullptr, nullptr);
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::setenv("TERM", "xterm", 1);
      {
        edit_line_reader reader{
          console_history_file({"XDG_STATE_HOME=" + folder.string()}),
          [](std::string_view line) {
            return line.starts_with("act")
                     ? std::vector<std::string>{"actor", "actors"}
                   : line.starts_with("mem")
                     ? std::vector<std::string>{"members"}
                     : std::vector<std::string>{};
          }};
        while (const auto line = reader.read("node> ")) {
          std::printf("[%s]\n", line->c_str());
          std::fflush(stdout);
        }
        std::printf("bye\n");
        std::fflush(stdout);
      }
      ::_exit(0);
    }
    ::fcntl(master, F_SETFL, O_NONBLOCK);
  }

  void type(const std::string& keys) {
    ASSERT_EQ(::write(master, keys.data(), keys.size()),
              static_cast<ssize_t>(keys.size()));
  }

  void look() {
    char buffer[1'024];
    for (;;) {
      const auto count = ::read(master, buffer, sizeof buffer);
      if (count <= 0)
        return;
      seen.append(buffer, static_cast<std::size_t>(count));
    }
  }

  bool shows(const std::string& text) {
    return test::eventually([&] {
      look();
      return seen.find(text) != std::string::npos;
    });
  }

  /// Is a line being read? Between two lines the terminal is a plain one, which
  /// takes Ctrl-D for the end of what somebody else reads.
  bool prompts() {
    return test::eventually([&] {
      look();
      const auto line = seen.rfind('\n');
      return seen.find("node> ", line == std::string::npos ? 0 : line)
             != std::string::npos;
    });
  }

  bool ends() {
    EXPECT_TRUE(prompts()) << seen;
    type("\x04"); // Ctrl-D
    const auto over = shows("bye");
    if (!over)
      ::kill(child, SIGKILL);
    // It keeps its lines before it ends: no terminal that is gone meanwhile.
    ::waitpid(child, nullptr, 0);
    child = -1;
    ::close(master);
    master = -1;
    seen.clear();
    return over;
  }
};

// SPEC O1: history and completion.
TEST_F(LineReaderTest, EditsCompletesAndRemembers) {
  start();
  ASSERT_TRUE(shows("node> ")) << seen;
  type("trex\x7f"
       "e\r"); // A slip, and backspace.
  EXPECT_TRUE(shows("[tree]")) << seen;
  type("mem\t\r");
  EXPECT_TRUE(shows("[members ]")) << seen;
  type("act\t\t"); // As far as it is clear, then the choice.
  EXPECT_TRUE(shows("actor  actors")) << seen;
  type("\x03"); // Ctrl-C drops the line, not the console.
  EXPECT_TRUE(shows("^C")) << seen;
  type("links\r");
  EXPECT_TRUE(shows("[links]")) << seen;
  EXPECT_TRUE(ends()) << seen;

  const auto file = folder / "dfsnode" / "history";
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(file.parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);

  start();
  ASSERT_TRUE(shows("node> ")) << seen;
  type("\x1b[A\x1b[A\r"); // Twice up: the line before the last.
  EXPECT_TRUE(shows("[members")) << seen;
  EXPECT_TRUE(ends()) << seen;
}

TEST(LineReader, ReadsPipesPlainly) {
  std::istringstream in{"one\ntwo"};
  plain_line_reader reader{in};
  EXPECT_EQ(reader.read("never shown"), "one");
  EXPECT_EQ(reader.read(""), "two");
  EXPECT_EQ(reader.read(""), std::nullopt);
}

TEST(LineReader, FindsItsHistory) {
  EXPECT_EQ(console_history_file({"HOME=/h", "XDG_STATE_HOME=/s"}),
            "/s/dfsnode/history");
  EXPECT_EQ(console_history_file({"HOME=/h", "XDG_STATE_HOME="}),
            "/h/.local/state/dfsnode/history");
  EXPECT_EQ(console_history_file({"HOMER=/x"}), "");
}

TEST(LineReader, FindsTheCommonStart) {
  EXPECT_EQ(common_start({"actor", "actors"}), "actor");
  EXPECT_EQ(common_start({"actor", "top"}), "");
  EXPECT_EQ(common_start({}), "");
}

} // namespace
} // namespace dfs::admin
