#include "run_verb.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dfs::admin {
namespace {

using test::dfsnode;

struct bad_line {
  std::vector<std::string> arguments;
  std::string says;
};

// Without a cluster: it is not even asked.
TEST(VersionVerbs, RefuseWhatCanNeverBeRight) { // SPEC V1
  const bad_line all[] = {
    {{"get-versions", "/f", "0", "x"}, "must be 1 to 5"},
    {{"get-versions", "/f", "6", "x"}, "must be 1 to 5"},
    {{"get-versions", "/f", "05", "x"}, "must be 1 to 5"},
    {{"get_versions", "/f", "two", "x"}, "must be 1 to 5"},
    {{"get-versions", "/f", "2"}, "LOCAL"},
    {{"restore", "/f", "--version", "0"}, "--version"},
    {{"diff", "/f", "1"}, "V2"},
    {{"diff", "/f", "1", "x"}, "V2"},
    {{"request", "12"}, "no request id"},
    {{"request", "9.1@1.1"}, "no request id"},
    {{"request", "9.1@1042.6.388-a240"}, "no request id"},
    {{"get-versions", "/f", "2", ""}, "LOCAL"},
    {{"get", "-r", "--version", "3", "/f", "x"}, "--version"},
  };
  for (const auto& x : all) {
    const auto done = dfsnode(x.arguments);
    EXPECT_EQ(done.status, 2) << x.arguments[0] << ": " << done.err;
    EXPECT_NE(done.err.find(x.says), std::string::npos) << done.err;
    EXPECT_EQ(done.out, "");
  }
}

} // namespace
} // namespace dfs::admin
