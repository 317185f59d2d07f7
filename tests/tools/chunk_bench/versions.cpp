#include "clients.hpp"
#include "large_file.hpp"
#include "phases.hpp"

#include "support/bench_content.hpp"
#include "support/stall_meter.hpp"

#include <memory>
#include <string>
#include <utility>

namespace dfs::bench {

namespace {

constexpr std::size_t history_versions = 5;

std::string path_of(const workload& what, std::size_t i) {
  return fmt::format("{}/v{}-{}", what.dir, what.clients, i);
}

std::string large_version(const workload& what) {
  return what.dir + "/large-version";
}

struct keeping_sink final : client::byte_sink {
  void write(std::uint64_t, client::piece x,
             std::function<void(result<nothing>)> then) override {
    text += x.bytes.view();
    then(done);
  }
  std::string text;
};

client::version_write write_to(std::string path) {
  client::version_write put;
  put.path = std::move(path);
  put.parents = true;
  put.timeout = patience;
  return put;
}

void print_rate(std::string_view name, std::size_t count, double seconds) {
  print_figure(name, static_cast<double>(count) / seconds, "/s");
}

/// The newest version; ends the program unless it is right.
void get(client::file_client& by, const std::string& path,
         const std::function<void(const std::string&)>& then) {
  auto view = std::make_shared<client::version_view>(by.versions(), path,
                                                     patience, true);
  view->open([&by, path, view, then](auto opened) {
    must(std::move(opened), path);
    client::content_read read;
    read.version = must(view->newest(), path);
    auto sink = std::make_shared<keeping_sink>();
    auto reader = std::make_shared<client::content_reader>(by.versions(), view,
                                                           sink, read);
    reader->start([path, sink, then](auto got) {
      must(std::move(got), path);
      then(sink->text);
    });
  });
}

} // namespace

void put_versions(const workload& what) {
  clients all{what};
  std::string bytes(what.file_size, '\0');
  fill(bytes, what.seed);
  const auto put = [&](auto client, auto number, auto ended) {
    stamp(bytes, number, 0);
    const auto path = path_of(what, number);
    auto writer = std::make_shared<client::version_writer>(
      all[client].versions(), std::make_shared<client::memory_source>(bytes),
      write_to(path));
    writer->start([ended, path](auto made) {
      static_cast<void>(must(std::move(made), path));
      ended();
    });
  };
  print_rate("put-versions.first", what.files,
             all.run(what.files, what.in_flight, put));
  if (!what.once)
    print_rate("put-versions", what.files,
               all.run(what.files, what.in_flight, put));
}

void get_versions(const workload& what) {
  clients all{what};
  const auto took = all.run(
    what.files, what.in_flight, [&](auto client, auto number, auto ended) {
      const auto path = path_of(what, number);
      get(all[client], path, [&, number, path, ended](const std::string& text) {
        if (text.size() != what.file_size || !is_stamped(text, number, 0))
          fail(path + ": wrong bytes", 0);
        ended();
      });
    });
  print_rate("get-versions", what.files, took);
}

void write_version(const workload& what) {
  clients all{what};
  auto source = std::make_shared<content_source>(
    all[0].disk(), what.size_mib * mib, what.seed);
  const auto path = large_version(what);
  const auto began = bench_clock::now();
  static_cast<void>(must(all[0].write_version(source, write_to(path)), path));
  print_figure("write-version",
               static_cast<double>(what.size_mib) / seconds_since(began),
               "MiB/s");
}

void read_version(const workload& what) {
  clients all{what};
  const auto path = large_version(what);
  const auto began = bench_clock::now();
  const auto view = must(all[0].open_versions(path, patience), path);
  client::content_read read;
  read.version = must(view->newest(), path);
  auto sink = std::make_shared<checking_sink>();
  const auto got = must(all[0].read_version(view, sink, read), path);
  if (got != what.size_mib * mib)
    fail(fmt::format("{} has {} bytes", path, got), 0);
  print_figure("read-version",
               static_cast<double>(what.size_mib) / seconds_since(began),
               "MiB/s");
}

void history(const workload& what) {
  clients all{what};
  auto& by = all[0];
  const auto path = what.dir + "/history";
  std::string bytes(mib, '\0');
  fill(bytes, what.seed);
  for (std::size_t i = 1; i <= history_versions; ++i) {
    stamp(bytes, i, 0);
    static_cast<void>(
      must(by.write_version(std::make_shared<client::memory_source>(bytes),
                            write_to(path)),
           path));
  }
  std::vector<double> times;
  for (std::size_t turn = 0; turn < what.files; ++turn) {
    const auto began = bench_clock::now();
    const auto view = must(by.open_versions(path, patience), path);
    std::size_t open = 0;
    for (const auto& version : view->versions()) {
      ++open;
      client::content_read read;
      read.version = version;
      auto sink = std::make_shared<keeping_sink>();
      auto reader = std::make_shared<client::content_reader>(by.versions(),
                                                             view, sink, read);
      reader->start([&open, sink, path](auto got) {
        if (must(std::move(got), path) != mib)
          fail(path + ": wrong length", 0);
        --open;
      });
    }
    if (open != history_versions)
      fail(fmt::format("{}: {} versions", path, open), 0);
    by.run_until([&] { return open == 0; });
    times.push_back(seconds_since(began) * 1e3);
  }
  print_figure("history.p50", quantile(times, 0.5), "ms");
  print_figure("history.p99", quantile(times, 0.99), "ms");
}

void stall_putter(const workload& what) {
  clients all{what};
  std::string page(4096, '\0');
  fill(page, what.seed);
  std::size_t turn = 0;
  stall_meter{}.run(
    [&] { // Of many groups.
      const auto path = fmt::format("{}/stall-{}", what.dir, turn++ % 64);
      const auto made = all[0].write_version(
        std::make_shared<client::memory_source>(page), write_to(path));
      return static_cast<bool>(made);
    },
    std::chrono::milliseconds{1});
}

void stall_getter(const workload& what) {
  clients all{what};
  std::string bytes(what.file_size, '\0');
  fill(bytes, what.seed);
  for (std::size_t i = 0; i < what.files; ++i)
    static_cast<void>(
      must(all[0].write_version(std::make_shared<client::memory_source>(bytes),
                                write_to(path_of(what, i))),
           path_of(what, i)));
  std::size_t turn = 0;
  stall_meter{}.run(
    [&] {
      const auto path = path_of(what, turn++ % what.files);
      const auto view = all[0].open_versions(path, patience, true);
      if (!view || !(*view)->newest())
        return false;
      client::content_read read;
      read.version = *(*view)->newest();
      auto sink = std::make_shared<keeping_sink>();
      const auto got = all[0].read_version(*view, sink, read);
      return got && sink->text == bytes;
    },
    std::chrono::milliseconds{1});
}

} // namespace dfs::bench
