#pragma once

#include "client/queues/queue_client.hpp"
#include "client/queues/queue_links.hpp"
#include "settings/bundle.hpp"
#include "settings/load.hpp"
#include "support/bench_figures.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dfs::bench {

/// What a client's configuration says, for programs that make many clients.
struct queue_way_in {
  net::tls_context tls;
  std::vector<std::string> contacts;

  /// Ends the program if it is not good.
  static queue_way_in read(const std::string& config) {
    const auto loaded = must(
      settings::load({config, {}, {}}, settings::any_client), "settings");
    const auto now = std::chrono::floor<std::chrono::seconds>(
      std::chrono::system_clock::now());
    const auto bundle
      = must(settings::read_user_bundle(loaded.client.bundle, now), "user");
    queue_way_in made;
    made.tls = must(net::make_tls_context(bundle.files), loaded.client.bundle);
    for (const auto& contact : loaded.client.contacts)
      made.contacts.push_back(to_string(contact));
    return made;
  }

  template <class T>
  static T must(result<T> x, const std::string& what) {
    if (!x)
      fail(what + ": " + x.error().context, 0);
    return *std::move(x);
  }
};

} // namespace dfs::bench
