#include "clients.hpp"

#include "settings/bundle.hpp"
#include "settings/load.hpp"

#include <algorithm>
#include <utility>

namespace dfs::bench {

namespace {

struct way_in {
  net::tls_context tls;
  client::connection_options options;
};

way_in read_config(const std::string& file) {
  const auto loaded
    = must(settings::load({file, {}, {}}, settings::any_client), file);
  const auto& to = loaded.client;
  const auto now = std::chrono::floor<std::chrono::seconds>(
    std::chrono::system_clock::now());
  const auto bundle = must(settings::read_user_bundle(to.bundle, now), file);
  way_in x;
  x.tls = must(net::make_tls_context(bundle.files), to.bundle);
  for (const auto& contact : to.contacts)
    x.options.contacts.push_back(to_string(contact));
  x.options.timeout = patience;
  x.options.program = "dfs-chunk_bench";
  return x;
}

} // namespace

void fail_with(const error& why, const std::string& what) {
  fail(fmt::format("{}: {} ({})", what, why.context, to_string(why.code)), 0);
}

clients::clients(const workload& what)
  : io_{std::make_shared<boost::asio::io_context>(1)} {
  const auto way = read_config(what.config);
  for (std::size_t i = 0; i < what.clients; ++i) {
    all_.push_back(
      std::make_unique<client::file_client>(way.tls, way.options, io_));
    // Connected and logged in before anything is measured.
    static_cast<void>(must(all_.back()->ask(msg::echo{}), "login"));
  }
}

clients::~clients() = default;

double clients::run(std::size_t operations, std::size_t in_flight,
                    const operation& begin) {
  std::vector<std::size_t> next(all_.size());
  std::size_t open = 0;
  std::function<void(std::size_t)> go_on = [&](std::size_t client) {
    const auto number = client + next[client]++ * all_.size();
    if (number >= operations)
      return;
    ++open;
    begin(client, number, [&, client] {
      --open;
      go_on(client);
    });
  };
  const auto began = bench_clock::now();
  for (std::size_t i = 0; i < all_.size(); ++i)
    for (std::size_t j = 0; j < in_flight; ++j)
      go_on(i);
  all_.front()->run_until([&] { return open == 0; });
  return seconds_since(began);
}

void make_directory(client::file_client& by, const std::string& path) {
  static_cast<void>(must(
    by.ask(msg::make_directory{net::random_request_id().value(), path, true}),
    path));
}

} // namespace dfs::bench
