#include "client/grant_pool.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace dfs::client {

grant_pool::grant_pool(file_session& session) : session_{session} {
  // nop
}

void grant_pool::take(patience how_long, answer then) {
  waiting_.push_back({how_long, std::move(then)});
  drop_old();
  if (held_.empty())
    return refill(how_long);
  boost::asio::post(session_.io,
                    [self = shared_from_this()] { self->serve(); });
}

void grant_pool::forget() {
  held_.clear();
  ++age_;
}

void grant_pool::drop_old() {
  const auto now = instant::clock::now();
  while (!held_.empty() && now - held_.front().since >= life)
    held_.pop_front();
}

void grant_pool::refill(const patience& how_long) {
  if (std::exchange(asking_, true))
    return;
  const auto count
    = std::max(ahead_, static_cast<std::uint32_t>(
                         std::min<std::size_t>(waiting_.size(), ahead_max)));
  ahead_ = std::min(ahead_ * 2, ahead_max);
  // Their life runs from before the master answers.
  const auto asked = instant::clock::now();
  session_.master.ask<msg::allocate_chunks>(
    {.count = count}, how_long.left(),
    [self = shared_from_this(), asked, age = age_](auto answer) {
      self->asking_ = false;
      if (!answer) {
        for (auto& x : std::exchange(self->waiting_, {}))
          x.then(answer.error());
        return;
      }
      if (age == self->age_)
        for (auto& grant : answer->grants)
          self->held_.push_back({std::move(grant), asked});
      self->serve();
    });
}

void grant_pool::serve() {
  drop_old();
  while (!waiting_.empty() && !held_.empty()) {
    auto grant = std::move(held_.front().grant);
    held_.pop_front();
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next.then(std::move(grant));
  }
  if (!waiting_.empty())
    refill(waiting_.front().how_long);
  else if (ahead_ > 2 && held_.size() < ahead_ / 2) // In use: ask early.
    refill(patience{std::chrono::seconds{10}});
}

} // namespace dfs::client
