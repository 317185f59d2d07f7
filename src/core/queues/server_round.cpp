#include "core/queues/server_round.hpp"

#include "base/assert.hpp"

#include <utility>

namespace dfs::core {

namespace {

/// More than a group can have, whoever says what.
constexpr std::size_t servers_max = 64;

} // namespace

server_round::server_round(std::vector<std::string> contacts) {
  DFS_ASSERT(!contacts.empty());
  for (const auto& x : contacts)
    add(x);
}

std::size_t server_round::add(std::string_view address) {
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i].address == address)
      return i;
  if (all_.size() >= servers_max)
    return here_;
  all_.push_back({std::string{address}});
  ++useful_;
  return all_.size() - 1;
}

void server_round::move_on() {
  for (std::size_t i = 1; i <= all_.size(); ++i) {
    const auto next = (here_ + i) % all_.size();
    if (!all_[next].useless) {
      here_ = next;
      return;
    }
  }
}

void server_round::failed(std::size_t server) {
  if (server == here_)
    move_on();
}

bool server_round::useless(std::size_t server) {
  if (!std::exchange(all_[server].useless, true))
    --useful_;
  const auto all = useful_ == 0;
  if (all)
    for (auto& x : all_) {
      x.useless = false;
      ++useful_;
    }
  failed(server);
  return all;
}

void server_round::prefer(std::size_t server) {
  useful(server);
  here_ = server;
}

void server_round::useful(std::size_t server) {
  if (std::exchange(all_[server].useless, false))
    ++useful_;
}

} // namespace dfs::core
