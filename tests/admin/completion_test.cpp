#include "admin/run_verb.hpp"

#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

namespace dfs::admin {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

// Asks bash itself: loads the script as a login shell would and presses Tab at
// the end of `words`, whose last one may be begun.
class Completion : public testing::Test {
protected:
  std::vector<std::string> offered(const std::vector<std::string>& words) {
    if (script_.empty())
      script_ = place_.write("dfsnode.bash",
                             test::dfsnode({"completion", "bash"}).out);
    std::string line = "dfsnode";
    for (const auto& word : words)
      line += " '" + word + "'";
    const auto asking = place_.write(
      "ask.bash", "set -u\n. " + script_ + "\nCOMP_WORDS=(" + line
                    + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_dfsnode\n"
                      "printf '%s\\n' \"${COMPREPLY[@]-}\"\n");
    std::vector<std::string> answers;
    auto* pipe = ::popen(("bash --norc " + asking + " 2>&1").c_str(), "r");
    char text[4096];
    while (pipe != nullptr && std::fgets(text, sizeof text, pipe) != nullptr) {
      std::string answer{text};
      answer.erase(answer.find_last_not_of('\n') + 1);
      if (!answer.empty())
        answers.push_back(answer);
    }
    EXPECT_EQ(::pclose(pipe), 0);
    return answers;
  }

private:
  test::temp_dir place_;
  std::string script_;
};

TEST_F(Completion, OffersVerbs) {
  EXPECT_THAT(offered({""}), IsSupersetOf({"cluster", "config", "completion"}));
  EXPECT_THAT(offered({"clu"}), ElementsAre("cluster"));
  EXPECT_THAT(offered({"cluster", ""}),
              ElementsAre("bundle", "init", "rotate-key", "user"));
  EXPECT_THAT(offered({"--json", "cluster", "ro"}), ElementsAre("rotate-key"));
  EXPECT_THAT(offered({"admin", "m"}), ElementsAre("metadata"));
  EXPECT_THAT(offered({"admin", "metadata", ""}),
              ElementsAre("backup", "restore"));
  EXPECT_THAT(offered({"admin", "metadata", "restore", "--fo"}),
              ElementsAre("--force"));
}

TEST_F(Completion, OffersFlagsOfTheVerbAndGlobalOnes) {
  EXPECT_THAT(offered({"cluster", "user", "--"}),
              IsSupersetOf({"--rights", "--out", "--json", "--help"}));
  EXPECT_THAT(offered({"cluster", "rotate_key", "--s"}), ElementsAre("--step"));
  EXPECT_THAT(offered({"--ro"}), ElementsAre("--role"));
  EXPECT_THAT(offered({"cluster", "user", "--"}), Not(Contains("--role")));
}

TEST_F(Completion, OffersValues) {
  EXPECT_THAT(offered({"cluster", "user", "x", "--rights", ""}),
              ElementsAre("admin", "reader", "writer"));
  EXPECT_THAT(offered({"cluster", "user", "x", "--rights", "=", "w"}),
              ElementsAre("writer"));
  EXPECT_THAT(offered({"completion", ""}), ElementsAre("bash"));
  EXPECT_THAT(offered({"cluster", "bundle", "--name", ""}), IsEmpty());
  EXPECT_THAT(offered({"config", "check", ""}), IsEmpty()); // Files: bash's.
}

TEST_F(Completion, OffersRolesAndSettingsOfServers) {
  EXPECT_THAT(offered({"--role", "ch"}), ElementsAre("chunkserver"));
  EXPECT_THAT(offered({"--role", "=", "mas"}), ElementsAre("master"));
  EXPECT_THAT(offered({"--role", "master", "--group.p"}),
              ElementsAre("--group.ping_port=", "--group.port="));
}

} // namespace
} // namespace dfs::admin
