#include "clients.hpp"
#include "phases.hpp"

#include "client/file_appender.hpp"
#include "support/bench_content.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace dfs::bench {

namespace {

constexpr std::uint64_t magic = 0xA55A'0000'0000'0000;

/// What stands at the begin of a record: whose it is, and which.
using head = std::array<std::uint64_t, 2>;

std::shared_ptr<client::file_appender>
open_for(client::file_client& by, const std::string& path) {
  auto made
    = std::make_shared<client::file_appender>(by.session(), path, patience);
  must(by.wait<nothing>([&](auto then) { made->open(std::move(then)); }), path);
  return made;
}

/// Cuts what comes into records, and counts them.
class counting_sink final : public client::byte_sink {
public:
  explicit counting_sink(const workload& what)
    : what_{what},
      seen_(what.records) {
    // nop
  }

  void write(std::uint64_t, client::piece x,
             std::function<void(result<nothing>)> then) override {
    held_ += x.bytes.view();
    std::size_t at = 0;
    for (; held_.size() - at >= what_.record_size; at += what_.record_size)
      count(held_.data() + at);
    held_.erase(0, at);
    then(done);
  }

  void print() const {
    std::size_t lost = 0;
    std::size_t doubled = 0;
    for (const auto times : seen_) {
      lost += times == 0 ? 1 : 0;
      doubled += times > 1 ? times - 1 : 0;
    }
    print_figure("append.lost", static_cast<double>(lost), "records");
    print_figure("append.doubled", static_cast<double>(doubled), "records");
    print_figure("append.torn",
                 static_cast<double>(torn_ + (held_.empty() ? 0 : 1)),
                 "records");
  }

private:
  void count(const char* record) {
    head found{};
    std::memcpy(found.data(), record, sizeof found);
    const auto whole = found[0] >= magic && found[0] < magic + what_.clients
                       && found[1] < what_.records
                       && found[1] % what_.clients == found[0] - magic;
    if (whole)
      ++seen_[found[1]];
    else
      ++torn_;
  }

  const workload& what_;
  std::vector<std::size_t> seen_;
  std::size_t torn_ = 0;
  std::string held_;
};

} // namespace

void append(const workload& what) {
  clients all{what};
  make_directory(all[0], what.dir);
  const auto path = what.dir + "/append-" + std::to_string(what.clients);
  msg::create_file create;
  create.request = net::random_request_id().value();
  create.path = path;
  create.exclusive = true;
  static_cast<void>(must(all[0].ask(create), path));
  std::vector<std::shared_ptr<client::file_appender>> writers;
  for (std::size_t i = 0; i < what.clients; ++i)
    writers.push_back(open_for(all[i], path));
  std::string record(what.record_size, '\0');
  fill(record, what.seed);
  const auto took = all.run(
    what.records, what.in_flight, [&](auto client, auto number, auto ended) {
      const head own{magic + client, number};
      std::memcpy(record.data(), own.data(), sizeof own);
      writers[client]->append(record, [ended, &path](auto x) {
        static_cast<void>(must(std::move(x), path));
        ended();
      });
    });
  print_figure("append", static_cast<double>(what.records) / took, "/s");
  const auto view = must(all[0].open_file(path, patience), path);
  auto sink = std::make_shared<counting_sink>(what);
  static_cast<void>(must(all[0].read_file(view, sink, {.progress = {}}), path));
  sink->print();
}

} // namespace dfs::bench
