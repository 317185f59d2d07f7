#include "net/address_race.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

namespace {

using endpoint_list = std::vector<asio::ip::tcp::endpoint>;

/// Names of contacts are few; a program that makes up names must not grow.
constexpr std::size_t winners_max = 256;

struct winner_table {
  std::mutex guard;
  std::deque<std::pair<std::string, asio::ip::tcp::endpoint>> all;
};

winner_table& winners() {
  static winner_table table;
  return table;
}

} // namespace

endpoint_list race_order(const std::string& name, const endpoint_list& found) {
  endpoint_list families[2];
  for (const auto& x : found)
    families[x.address().is_v6() == found[0].address().is_v6() ? 0 : 1]
      .push_back(x);
  endpoint_list order;
  order.reserve(found.size());
  for (std::size_t i = 0; order.size() < found.size(); ++i)
    for (const auto& family : families)
      if (i < family.size())
        order.push_back(family[i]);
  auto& known = winners();
  const std::lock_guard lock{known.guard};
  for (const auto& [other, winner] : known.all)
    if (other == name)
      std::stable_partition(
        order.begin(), order.end(),
        [&, last = winner](const auto& x) { return x == last; });
  return order;
}

void remember_winner(const std::string& name,
                     const asio::ip::tcp::endpoint& winner) {
  auto& known = winners();
  const std::lock_guard lock{known.guard};
  std::erase_if(known.all, [&](const auto& x) { return x.first == name; });
  known.all.emplace_back(name, winner);
  if (known.all.size() > winners_max)
    known.all.pop_front();
}

void address_race::run(endpoint_list order, finished then) {
  DFS_ASSERT(!order.empty() && order_.empty() && then);
  order_ = std::move(order);
  then_ = std::move(then);
  start_next();
}

void address_race::start_next() {
  if (next_ == order_.size())
    return;
  const auto which = running_.emplace(running_.end(), io_);
  which->async_connect(order_[next_++],
                       [self = shared_from_this(), which](auto failed) {
                         if (self->then_)
                           self->ended(which, failed);
                       });
  timer_.expires_after(head_start);
  timer_.async_wait([self = shared_from_this()](auto failed) {
    if (!failed && self->then_)
      self->start_next();
  });
}

void address_race::ended(socket_list::iterator which,
                         boost::system::error_code failed) {
  auto socket = std::move(*which);
  running_.erase(which);
  if (failed && !first_error_)
    first_error_ = failed;
  if (failed && next_ < order_.size())
    return start_next();
  if (failed && !running_.empty())
    return; // The others may still answer.
  const auto then = std::exchange(then_, nullptr);
  cancel();
  then(failed ? first_error_ : failed, std::move(socket));
}

void address_race::cancel() {
  then_ = nullptr;
  timer_.cancel();
  // Their handlers come, and find that it is over.
  boost::system::error_code ignored;
  for (auto& x : running_)
    x.close(ignored);
}

} // namespace dfs::net
