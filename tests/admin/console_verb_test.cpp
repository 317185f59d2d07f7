#include "admin/run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace dfs::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int usage = 2;
constexpr const char* missing = "/nowhere/client.toml";

struct outcome {
  int status;
  std::string err;
};

// What parses goes on to look for its configuration, which is not there.
outcome say(const std::vector<std::string>& words) {
  std::ostringstream out;
  std::ostringstream err;
  surroundings around;
  around.environment = {std::string{"DFSNODE_CONFIG="} + missing};
  around.out = &out;
  around.err = &err;
  const auto status = run(words, around);
  return {status, err.str()};
}

// SPEC O1, S7
TEST(ConsoleVerbs, TakeWhatTheirHelpSays) {
  const std::vector<std::vector<std::string>> good{
    {"console", "-c", "actors"},
    {"console", "--command", "actors --sort p99", "--node", "master"},
    {"console", "--json", "-c", "tree"},
    {"actors"},
    {"actors", "--sort", "p99", "--node", "master"},
    {"log"},
    {"log", "level", "gate", "debug"},
    {"log", "level", "*", "debug", "--for", "5m", "--node", "master"}};
  for (const auto& words : good) {
    const auto x = say(words);
    EXPECT_THAT(x.err, HasSubstr(missing)) << words[0];
  }
  const std::vector<std::vector<std::string>> bad{
    {"console", "-c"}, {"log", "level", "gate"}, {"actors", "--srot", "p99"}};
  for (const auto& words : bad) {
    const auto x = say(words);
    EXPECT_EQ(x.status, usage) << words[0];
    EXPECT_THAT(x.err, Not(HasSubstr(missing))) << words[0];
  }
}

} // namespace
} // namespace dfs::admin
