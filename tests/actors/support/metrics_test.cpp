#include "actors/support/metrics.hpp"

#include "actors/support/monitoring.hpp"
#include "messages/register.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct metric_sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct metric_family {
  std::string type;
  std::vector<metric_sample> samples;
};

/// A strict reader of text format 0.0.4: everything that Prometheus would
/// refuse or guess at is a failure.
class exposition_parser {
public:
  std::map<std::string, metric_family> families;
  std::string fault; ///< Empty: none.

  explicit exposition_parser(const std::string& text) {
    if (!text.ends_with('\n'))
      fault = "no newline at the end";
    std::istringstream lines{text};
    for (std::string line; fault.empty() && std::getline(lines, line);) {
      parse(line);
      if (!fault.empty())
        fault += ": " + line;
    }
  }

private:
  void parse(const std::string& line) {
    static const std::regex help{R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+))"};
    static const std::regex type{
      R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))"};
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      if (!helped_.insert(match[1]).second)
        fault = "second HELP";
      current_ = match[1];
    } else if (std::regex_match(line, match, type)) {
      if (match[1] != current_)
        fault = "TYPE of another family";
      if (!families.emplace(match[1], metric_family{match[2], {}}).second)
        fault = "second TYPE";
    } else {
      parse_sample(line);
    }
  }

  void parse_sample(const std::string& line) {
    static const std::regex form{
      R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+))"};
    std::smatch match;
    if (!std::regex_match(line, match, form)) {
      fault = "no sample";
      return;
    }
    metric_sample sample{match[1], {}, 0};
    if (match[2].matched && !parse_labels(match[3], sample.labels))
      return;
    char* end = nullptr;
    const std::string number = match[4];
    sample.value = std::strtod(number.c_str(), &end);
    if (*end != '\0')
      fault = "no number";
    const auto family = families.find(current_);
    if (family == families.end()) {
      fault = "sample before TYPE";
      return;
    }
    static const std::set<std::string> suffixes{"_bucket", "_sum", "_count"};
    const auto rest = sample.name.starts_with(current_)
                        ? sample.name.substr(current_.size())
                        : "?";
    if (family->second.type == "histogram" ? !suffixes.contains(rest)
                                           : !rest.empty())
      fault = "sample of another family";
    if (family->second.type == "counter" && !current_.ends_with("_total"))
      fault = "counter without _total";
    if (!seen_.insert(line.substr(0, line.rfind(' '))).second)
      fault = "same labels twice";
    family->second.samples.push_back(std::move(sample));
  }

  bool
  parse_labels(std::string text, std::map<std::string, std::string>& labels) {
    static const std::regex label{
      R"re(^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$))re"};
    std::smatch match;
    while (!text.empty()) {
      if (!std::regex_search(text, match, label)
          || !labels.emplace(match[1], match[2]).second) {
        fault = "labels";
        return false;
      }
      text = match.suffix();
    }
    return true;
  }

  std::string current_;
  std::set<std::string> helped_;
  std::set<std::string> seen_;
};

std::shared_ptr<actor_meter> busy_meter(actor_registry& registry) {
  auto meter = registry.enroll("gate", "supervisor");
  const auto now = instant{} + 1h;
  std::ignore = meter->begin_life(now);
  meter->initialized();
  for (auto i = 1; i <= 1'000; ++i)
    meter->handling_ends(now, now + std::chrono::microseconds{i}, {}, true);
  meter->failed("out of paper");
  return meter;
}

// SPEC O3
TEST(Metrics, AreReadByAStrictReader) {
  actor_registry registry;
  const auto meter = busy_meter(registry);
  std::ignore = registry.enroll("never-spawned", "supervisor");
  const auto text = render_metrics(
    {[&](metrics_page& page) {
       describe_actors(page, registry, instant{} + 2h);
     },
     describe_process,
     [](metrics_page& page) {
       page.family("dfs_odd", metric::gauge, "A \\ and\na line.");
       page.sample({{"text", "a\"b\\c\nd"}}, std::nan(""));
       page.sample({{"text", "inf"}}, HUGE_VAL);
     }});
  const exposition_parser page{text};
  EXPECT_EQ(page.fault, "");
  EXPECT_EQ(page.families.at("dfs_actor_messages_total").samples[0].value,
            1'000);
  EXPECT_EQ(page.families.at("dfs_actor_failures_total").samples[0].value, 1);
  EXPECT_EQ(page.families.at("dfs_build_info").samples[0].labels.at("version"),
            DFS_VERSION);
  EXPECT_GT(page.families.at("process_resident_memory_bytes").samples[0].value,
            1e6);
  EXPECT_GT(page.families.at("process_open_fds").samples[0].value, 2);
  EXPECT_TRUE(std::isnan(page.families.at("dfs_odd").samples[0].value));
}

TEST(Metrics, HaveCumulativeBucketsInSeconds) {
  actor_registry registry;
  const auto meter = busy_meter(registry);
  const auto text = render_metrics({[&](metrics_page& page) {
    describe_actors(page, registry, instant{} + 2h);
  }});
  const exposition_parser page{text};
  const auto& samples = page.families.at("dfs_actor_handling_seconds").samples;
  auto before = -1.0;
  auto bound_before = 0.0;
  std::optional<double> last;
  for (const auto& x : samples) {
    if (!x.name.ends_with("_bucket"))
      continue;
    const auto bound = std::strtod(x.labels.at("le").c_str(), nullptr);
    EXPECT_GT(bound, bound_before);
    EXPECT_GE(x.value, before);
    // 1, 2, … 1000 us: below each bound as many as it has microseconds.
    if (bound < 0.001) {
      EXPECT_EQ(x.value, std::floor(bound * 1e6)) << bound;
    }
    before = x.value;
    bound_before = bound;
    last = bound;
  }
  ASSERT_TRUE(last);
  EXPECT_TRUE(std::isinf(*last));
  EXPECT_EQ(before, 1'000);
  EXPECT_NEAR(samples[samples.size() - 2].value, 0.5005, 1e-9);
  EXPECT_EQ(samples.back().value, 1'000);
}

// SPEC O3
TEST(Monitoring, SaysWhetherTheNodeIsWell) {
  health_board board;
  auto now = instant{} + 1h;
  const auto paths = monitoring_paths(board, [&] { return now; }, {});
  const auto ask = [&](const char* path, std::string_view query) {
    return paths.find(path)->second(query);
  };
  EXPECT_EQ(ask("/livez", "").status, 503u);
  board.heartbeat(now);
  EXPECT_EQ(ask("/livez", "").status, 200u);
  EXPECT_EQ(ask("/livez", "").body, "ok\n");
  EXPECT_EQ(ask("/readyz", "").status, 503u);
  board.set("group", false, "no introducer \"a\"\nanswers");
  EXPECT_EQ(ask("/readyz", "verbose").body,
            R"({"live":true,"ready":false,"checks":[{"name":"group",)"
            R"("passed":false,"reason":"no introducer \"a\"\nanswers"}]})"
            "\n");
  EXPECT_EQ(ask("/readyz", "verbose").type, "application/json");
  board.set("group", true);
  EXPECT_EQ(ask("/readyz", "").status, 200u);
  now += 5s;
  EXPECT_EQ(ask("/livez", "").status, 503u);
  EXPECT_EQ(ask("/readyz", "").status, 503u);
  EXPECT_EQ(ask("/metrics", "").type, metrics_page::content_type);
}

} // namespace
} // namespace dfs::actors
