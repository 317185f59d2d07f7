#include "actors/support/metrics.hpp"

#include "actors/support/log.hpp"
#include "base/assert.hpp"

#include <fmt/format.h>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <memory>

namespace dfs::actors {

namespace {

bool is_name(std::string_view x) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !x.empty() && letter(x[0])
         && std::all_of(x.begin(), x.end(), [&](char c) {
              return letter(c) || (c >= '0' && c <= '9');
            });
}

std::string_view to_string(metric x) {
  switch (x) {
    case metric::counter:
      return "counter";
    case metric::gauge:
      return "gauge";
    case metric::histogram:
      break;
  }
  return "histogram";
}

void append_escaped(std::string& out, std::string_view text) {
  for (const auto c : text) {
    if (c == '\\' || c == '"')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

std::string number(double x) {
  if (std::isnan(x))
    return "NaN";
  if (std::isinf(x))
    return x > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", x);
}

double seconds(std::chrono::nanoseconds x) {
  return std::chrono::duration<double>(x).count();
}

double seconds(const timeval& x) {
  return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_usec) / 1e6;
}

std::uint64_t count_open_files() {
  const std::unique_ptr<DIR, decltype(&::closedir)> folder{
    ::opendir("/proc/self/fd"), ::closedir};
  std::uint64_t count = 0;
  while (folder && ::readdir(folder.get()) != nullptr)
    ++count;
  return count > 3 ? count - 3 : 0; // ".", ".." and the folder itself.
}

struct process_memory {
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_bytes = 0;
};

process_memory read_memory() {
  std::ifstream file{"/proc/self/statm"};
  process_memory x;
  file >> x.virtual_bytes >> x.resident_bytes;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {x.virtual_bytes * page, x.resident_bytes * page};
}

} // namespace

void metrics_page::family(std::string_view name, metric kind,
                          std::string_view help) {
  DFS_ASSERT(is_name(name));
  DFS_ASSERT(std::find(names_.begin(), names_.end(), name) == names_.end());
  names_.emplace_back(name);
  name_ = name;
  text_ += fmt::format("# HELP {} ", name);
  for (const auto c : help) // Quotes stand for themselves here.
    text_ += c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
  text_ += fmt::format("\n# TYPE {} {}\n", name, to_string(kind));
}

void metrics_page::sample(metric_labels labels, double value) {
  line("", labels, number(value));
}

void metrics_page::sample(metric_labels labels, std::uint64_t value) {
  line("", labels, fmt::format("{}", value));
}

void metrics_page::histogram(
  std::pair<std::string_view, std::string_view> label,
  const latency_histogram::reading& x) {
  // Every eighth bound, from 4 us to 17 s: a factor of four between them. The
  // bounds are the ends of buckets, so these counts are exact.
  constexpr std::size_t first = 4 * 4 - 1;
  constexpr std::size_t last = 4 * 26 - 1;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i <= last; ++i) {
    below += x.counts[i];
    if (i < first || (i - first) % 8 != 0)
      continue;
    const auto bound = number(seconds(latency_histogram::upper_bound(i)));
    line("_bucket", {label, {"le", bound}}, fmt::format("{}", below));
  }
  line("_bucket", {label, {"le", "+Inf"}}, fmt::format("{}", x.total));
  line("_sum", {label}, number(seconds(x.sum)));
  line("_count", {label}, fmt::format("{}", x.total));
}

void metrics_page::line(std::string_view suffix, metric_labels labels,
                        std::string_view value) {
  DFS_ASSERT(!name_.empty());
  (text_ += name_) += suffix;
  auto separator = '{';
  for (const auto& [key, text] : labels) {
    DFS_ASSERT(is_name(key));
    ((text_ += separator) += key) += "=\"";
    append_escaped(text_, text);
    text_ += '"';
    separator = ',';
  }
  if (separator == ',')
    text_ += '}';
  ((text_ += ' ') += value) += '\n';
}

std::string render_metrics(const std::vector<metrics_source>& sources) {
  metrics_page page;
  for (const auto& source : sources)
    source(page);
  return std::move(page).take();
}

void describe_actors(metrics_page& page, const actor_registry& registry,
                     instant now) {
  const auto meters = registry.meters();
  std::vector<msg::actor_stats> all;
  all.reserve(meters.size());
  for (const auto& meter : meters)
    all.push_back(meter->stats(now));
  const auto counter = [&](const char* name, const char* help,
                           std::uint64_t msg::actor_stats::*field) {
    page.family(name, metric::counter, help);
    for (const auto& x : all)
      page.sample({{"actor", x.name}}, x.*field);
  };
  counter("dfs_actor_messages_total", "Messages handled.",
          &msg::actor_stats::messages);
  counter("dfs_actor_failures_total",
          "Exceptions and messages that nobody understood.",
          &msg::actor_stats::failures);
  counter("dfs_actor_restarts_total", "Lives after the first.",
          &msg::actor_stats::restarts);
  page.family("dfs_actor_mailbox_messages", metric::gauge,
              "Messages that wait.");
  for (const auto& x : all)
    page.sample({{"actor", x.name}}, x.mailbox);
  page.family("dfs_actor_up", metric::gauge, "1 while it lives.");
  for (const auto& x : all)
    page.sample({{"actor", x.name}},
                std::uint64_t{x.activity != msg::actor_activity::ended});
  page.family("dfs_actor_busy_seconds", metric::gauge,
              "How long the present handler has been running.");
  for (const auto& x : all)
    page.sample({{"actor", x.name}}, seconds(x.busy_for));
  page.family("dfs_actor_handling_seconds", metric::histogram,
              "Time in handlers, per message.");
  for (const auto& meter : meters)
    page.histogram({"actor", meter->name()}, meter->handling());
}

void describe_process(metrics_page& page) {
  page.family("dfs_build_info", metric::gauge, "Version of the program.");
  page.sample({{"version", DFS_VERSION}}, std::uint64_t{1});
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  page.family("process_cpu_seconds_total", metric::counter,
              "User and system time.");
  page.sample({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  const auto memory = read_memory();
  page.family("process_resident_memory_bytes", metric::gauge, "Memory in use.");
  page.sample({}, memory.resident_bytes);
  page.family("process_virtual_memory_bytes", metric::gauge,
              "Address space in use.");
  page.sample({}, memory.virtual_bytes);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  page.family("process_open_fds", metric::gauge, "Open descriptors.");
  page.sample({}, count_open_files());
  page.family("process_max_fds", metric::gauge, "Limit of open descriptors.");
  page.sample({}, std::uint64_t{files.rlim_cur});
  page.family("dfs_log_lines_lost_total", metric::counter,
              "Lines that could not be written.");
  page.sample({}, log_lines_lost());
}

} // namespace dfs::actors
