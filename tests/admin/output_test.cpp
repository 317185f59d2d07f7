#include "admin/output.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace dfs::admin {
namespace {

using namespace std::chrono_literals;

struct Output : testing::Test {
  std::ostringstream out;
  std::ostringstream err;

  output make(output::style how) {
    return {out, err, how};
  }

  table samples{{"name", "free_bytes", "up"},
                {{"a", cell::bytes(0), cell::boolean(true)},
                 {"müller", cell::bytes(1536), cell::boolean(false)},
                 {"c", cell::nothing(), cell::nothing()}}};
};

TEST_F(Output, TablesLineUpAndHaveNoBorders) {
  make({}).print(samples);
  EXPECT_EQ(out.str(), "NAME    FREE BYTES  UP\n"
                       "a              0 B  yes\n"
                       "müller     1.5 KiB  no\n"
                       "c                -  -\n");
}

// SPEC S7: programs get the same, with plain numbers.
TEST_F(Output, JsonHoldsTheSameForPrograms) {
  make({.json = true}).print(samples);
  EXPECT_EQ(out.str(), R"([{"name":"a","free_bytes":0,"up":true},)"
                       R"({"name":"müller","free_bytes":1536,"up":false},)"
                       R"({"name":"c","free_bytes":null,"up":null}])"
                       "\n");
}

TEST_F(Output, RecordsAreOneObject) {
  const record one{{"store_id", "7"}, {"age", cell::duration(1500ms)}};
  make({}).print(one);
  EXPECT_EQ(out.str(), "store id  7\nage       1.50s\n");
  out.str("");
  make({.json = true}).print(one);
  EXPECT_EQ(out.str(), "{\"store_id\":\"7\",\"age\":1500.0}\n");
}

// SPEC S7: what people read as a phrase, programs need not take apart.
TEST_F(Output, ListsAndObjectsInsideOfOthers) {
  const table servers{{"name", "up"},
                      {{"a", cell::boolean(true)}, {"b", cell::nothing()}}};
  const record one{
    {"roles", cell::list({"master", "introducer"}, ",")},
    {"servers", cell::list("a, b (?)", servers)},
    {"left", cell::object("2 of 3", {{"bytes", cell::bytes(2048)}})}};
  make({}).print(one);
  EXPECT_EQ(out.str(), "roles    master,introducer\n"
                       "servers  a, b (?)\n"
                       "left     2 of 3\n");
  out.str("");
  make({.json = true}).print(one);
  EXPECT_EQ(out.str(),
            R"({"roles":["master","introducer"],)"
            R"("servers":[{"name":"a","up":true},{"name":"b","up":null}],)"
            R"("left":{"bytes":2048}})"
            "\n");
}

// SPEC S7: programs get one document, whatever a verb has to say.
TEST_F(Output, ARecordAndItsTablesAreOneObject) {
  const record one{{"health", "fine"}};
  const named_tables tables{{"names", table{{"name"}, {{"a"}}}},
                            {"findings", table{{"code"}, {}}}};
  make({}).print(one, tables);
  EXPECT_EQ(out.str(), "health  fine\n\nNAME\na\n");
  out.str("");
  make({.json = true}).print(one, tables);
  EXPECT_EQ(out.str(),
            R"({"health":"fine","names":[{"name":"a"}],"findings":[]})"
            "\n");
}

TEST_F(Output, OnlyATerminalGetsColour) {
  make({.color = true}).print(table{{"x"}, {}});
  EXPECT_EQ(out.str(), "\033[1mX\033[0m\n");
}

// A name chosen by somebody else must not steer the terminal or break JSON.
TEST_F(Output, NamesOfOthersDoNoHarm) {
  make({}).print(table{{"x"}, {{"a\033[2Jb\n"}}});
  EXPECT_EQ(out.str(), "X\na?[2Jb?\n");
  out.str("");
  make({.json = true}).print(table{{"x"}, {{"\xff\""}}});
  EXPECT_EQ(out.str(), "[{\"x\":\"\xef\xbf\xbd\\\"\"}]\n");
}

// SPEC S7: errors are one line on standard error, with a stable code for
// programs.
TEST_F(Output, ComplaintsNameTheCommand) {
  make({}).complain("members", fail(ec::unavailable, "nobody there"));
  EXPECT_EQ(err.str(), "dfsnode members: nobody there\n");
  EXPECT_EQ(out.str(), "");
  err.str("");
  make({}).complain("x", fail(ec::configuration, "one\ntwo"));
  EXPECT_EQ(err.str(), "dfsnode x: one\ndfsnode x: two\n");
  err.str("");
  make({}).complain("", fail(ec::busy));
  EXPECT_EQ(err.str(), "dfsnode: busy\n");
  err.str("");
  make({.json = true}).complain("members", fail(ec::unavailable, "nobody"));
  EXPECT_EQ(err.str(), R"({"error":{"code":"unavailable","exit_status":3,)"
                       R"("command":"members","message":"nobody"}})"
                       "\n");
}

TEST(Text, BytesAndDurationsAreReadable) {
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.0 KiB");
  EXPECT_EQ(bytes_text((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(bytes_text(~std::uint64_t{0}), "16.0 EiB");
  EXPECT_EQ(duration_text(999ns), "999ns");
  EXPECT_EQ(duration_text(1'500us), "1ms");
  EXPECT_EQ(duration_text(59'999ms), "59.99s");
  EXPECT_EQ(duration_text(125s), "2m05s");
  EXPECT_EQ(duration_text(3h + 7min), "3h07m");
  EXPECT_EQ(duration_text(50h), "2d02h");
  EXPECT_EQ(duration_text(-2s), "-2.00s");
}

} // namespace
} // namespace dfs::admin
