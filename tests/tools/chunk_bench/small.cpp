#include "clients.hpp"
#include "phases.hpp"

#include "support/bench_content.hpp"

#include <memory>
#include <string>
#include <utility>

namespace dfs::bench {

namespace {

std::string
directory_of(const workload& what, std::string_view kind, std::size_t client) {
  return fmt::format("{}/{}-{}-{}", what.dir, kind, what.clients, client);
}

/// Of file `i`, which belongs to client `i` modulo their number.
std::string
path_of(const workload& what, std::string_view kind, std::size_t i) {
  return fmt::format("{}/f{}", directory_of(what, kind, i % what.clients), i);
}

std::string list_directory(const workload& what) {
  return what.dir + "/list";
}

void make_directories(clients& all, const workload& what,
                      std::string_view kind) {
  for (std::size_t i = 0; i < what.clients; ++i)
    make_directory(all[0], directory_of(what, kind, i));
}

void print_rate(std::string_view name, std::size_t count, double seconds) {
  print_figure(name, static_cast<double>(count) / seconds, "/s");
}

/// Keeps a small file, to be checked when it is whole.
struct keeping_sink final : client::byte_sink {
  void write(std::uint64_t, client::piece x,
             std::function<void(result<nothing>)> then) override {
    text += x.bytes.view();
    then(done);
  }
  std::string text;
};

} // namespace

void create_small(const workload& what) {
  clients all{what};
  make_directories(all, what, "small");
  std::string bytes(what.file_size, '\0');
  fill(bytes, what.seed);
  const auto took = all.run(
    what.files, what.in_flight, [&](auto client, auto number, auto ended) {
      stamp(bytes, number, 0);
      client::file_write put;
      put.path = path_of(what, "small", number);
      put.timeout = patience;
      auto writer = std::make_shared<client::file_writer>(
        all[client].session(), std::make_shared<client::memory_source>(bytes),
        put);
      writer->start([ended, path = put.path](auto made) {
        static_cast<void>(must(std::move(made), path));
        ended();
      });
    });
  print_rate("create", what.files, took);
}

void read_small(const workload& what) {
  clients all{what};
  const auto read = [&](std::size_t client, std::size_t number,
                        const std::function<void()>& ended) {
    const auto path = path_of(what, "small", number);
    auto view = std::make_shared<client::file_view>(all[client].session(), path,
                                                    patience);
    view->open([&, client, number, ended, path, view](auto opened) {
      must(std::move(opened), path);
      auto sink = std::make_shared<keeping_sink>();
      auto reader = std::make_shared<client::file_reader>(
        all[client].session(), view, sink, client::range_read{.progress = {}});
      reader->start([&, number, ended, path, sink](auto got) {
        must(std::move(got), path);
        if (sink->text.size() != what.file_size
            || !is_stamped(sink->text, number, 0))
          fail(path + ": wrong bytes", 0);
        ended();
      });
    });
  };
  const auto took = all.run(what.files, what.in_flight, read);
  print_rate("read-small", what.files, took);
}

void stat_small(const workload& what) {
  clients all{what};
  const auto took = all.run(
    what.files, what.in_flight, [&](auto client, auto number, auto ended) {
      // There may be more requests than files.
      const auto path = path_of(what, "small", client);
      static_cast<void>(number);
      all[client].session().master.template ask<msg::get_status>(
        {path}, patience, [&, ended, path](auto found) {
          if (must(std::move(found), path).length != what.file_size)
            fail(path + ": wrong size", 0);
          ended();
        });
    });
  print_rate("stat", what.files, took);
}

void touch(const workload& what) {
  clients all{what};
  if (what.one_directory)
    make_directory(all[0], list_directory(what));
  else
    make_directories(all, what, "empty");
  const auto took = all.run(
    what.files, what.in_flight, [&](auto client, auto number, auto ended) {
      msg::create_file request;
      request.request = net::random_request_id().value();
      request.path = what.one_directory
                       ? fmt::format("{}/f{}", list_directory(what), number)
                       : path_of(what, "empty", number);
      request.exclusive = true;
      all[client].session().master.ask(
        request, patience, [ended, path = request.path](auto made) {
          static_cast<void>(must(std::move(made), path));
          ended();
        });
    });
  print_rate("touch", what.files, took);
}

void list(const workload& what) {
  clients all{what};
  msg::list_directory page;
  page.path = list_directory(what);
  page.names_only = true;
  std::size_t found = 0;
  const auto began = bench_clock::now();
  for (auto more = true; more;) {
    const auto listed = must(all[0].ask(page), page.path);
    found += listed.entries.size();
    page.after = listed.next;
    more = listed.more;
  }
  const auto took = seconds_since(began);
  if (found != what.files)
    fail(
      fmt::format("{}: {} entries instead of {}", page.path, found, what.files),
      0);
  print_rate("list", found, took);
}

} // namespace dfs::bench
