#include "clients.hpp"
#include "file.hpp"
#include "phases.hpp"

#include "support/bench_content.hpp"
#include "support/bench_figures.hpp"

#include <array>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace dfs::bench {

namespace {

constexpr std::uint64_t magic = 0xA55A'0000'0000'0000;

/// What stands at the begin of a record: whose it is, and which.
using head = std::array<std::uint64_t, 2>;

void append_as(const workload& what, const std::string& path,
               std::size_t client) {
  std::vector<char> record(what.record_size);
  fill(record, what.seed + client);
  auto to = open_file(path, O_WRONLY | O_APPEND);
  for (auto i = client; i < what.records; i += what.clients) {
    const head own{magic + client, i};
    std::memcpy(record.data(), own.data(), sizeof own);
    // In one call: a record that a file system takes in parts may be torn.
    if (::write(to.get(), record.data(), record.size())
        != static_cast<ssize_t>(record.size()))
      fail("append");
    sync(to);
  }
  close_file(std::move(to), path);
}

void count(const workload& what, const std::string& path) {
  const auto from = open_file(path, O_RDONLY);
  forget_pages(from, false);
  std::vector<char> record(what.record_size);
  std::vector<std::size_t> seen(what.records);
  std::size_t torn = 0;
  while (const auto got = read_all(from, record)) {
    head found{};
    std::memcpy(found.data(), record.data(), std::min(got, sizeof found));
    const auto whole = got == record.size() && found[0] >= magic
                       && found[0] < magic + what.clients
                       && found[1] < what.records
                       && found[1] % what.clients == found[0] - magic;
    if (whole)
      ++seen[found[1]];
    else
      ++torn;
  }
  std::size_t lost = 0;
  std::size_t doubled = 0;
  for (const auto times : seen) {
    lost += times == 0 ? 1 : 0;
    doubled += times > 1 ? times - 1 : 0;
  }
  print_figure("append.lost", static_cast<double>(lost), "records");
  print_figure("append.doubled", static_cast<double>(doubled), "records");
  print_figure("append.torn", static_cast<double>(torn), "records");
}

} // namespace

void append(const workload& what) {
  const auto path = what.dir + "/append";
  ::unlink(path.c_str());
  close_file(open_file(path, O_CREAT | O_EXCL | O_WRONLY), path);
  const auto took = run_clients(
    what.clients, [&](std::size_t client) { append_as(what, path, client); });
  print_figure("append", static_cast<double>(what.records) / took, "/s");
  count(what, path);
}

} // namespace dfs::bench
