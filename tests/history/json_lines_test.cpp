#include "support/history/json_lines.hpp"

#include <gmock/gmock.h>

namespace dfs::history {

namespace {

using ::testing::HasSubstr;

std::vector<operation> samples() {
  operation write{.proc = 3, .op = verb::write, .key = "/a \"b\"#7"};
  write.call_ns = 5;
  write.ret_ns = 9;
  write.result = outcome::done;
  write.cell = 2;
  write.cells = 3;
  write.value = 0xffff'ffff'ffff'ffff;
  auto open = write;
  open.result = outcome::unknown;
  open.ret_ns = 0;
  auto refused = write;
  refused.result = outcome::refused;
  auto read = write;
  read.op = verb::read;
  read.value = 0;
  read.values = {1, 2, 3};
  operation append{.proc = 1, .op = verb::append, .key = "/log"};
  append.ret_ns = 1;
  append.result = outcome::done;
  append.record = 12;
  append.bytes = 100;
  append.offset = 1ull << 40;
  operation scan{.proc = 1, .op = verb::scan, .key = "/log"};
  scan.result = outcome::done;
  scan.records = {12, 13};
  return {write, open, refused, read, append, scan};
}

TEST(JsonLines, EveryOperationComesBack) {
  std::string text;
  for (const auto& x : samples())
    text += to_json(x) + "\n";
  const auto back = history_from_json(text + "\n");
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, samples());
}

TEST(JsonLines, TheSchemaIsAsWritten) {
  EXPECT_EQ(to_json(samples()[4]),
            R"({"args":{"bytes":100,"record":12},"call_ns":0,"key":"/log",)"
            R"("op":"append","proc":1,"result":{"offset":1099511627776},)"
            R"("ret_ns":1})");
  EXPECT_THAT(to_json(samples()[1]), HasSubstr(R"("result":"unknown")"));
  EXPECT_THAT(to_json(samples()[1]), HasSubstr(R"("ret_ns":null)"));
}

TEST(JsonLines, WhatIsNoHistoryIsRefusedByLine) {
  const auto good = to_json(samples()[0]) + "\n";
  for (const std::string bad :
       {"{", "[]", R"({"proc":1})", R"({"proc":1,"op":"jump","key":"k"})"}) {
    const auto back = history_from_json(good + bad);
    ASSERT_FALSE(back) << bad;
    EXPECT_EQ(back.error().code, ec::malformed);
    EXPECT_THAT(back.error().context, HasSubstr("line 2"));
  }
}

} // namespace

} // namespace dfs::history
