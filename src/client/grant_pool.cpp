#include "client/grant_pool.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace dfs::client {

namespace {

/// What is asked for ahead of anybody who waits.
constexpr std::chrono::seconds early_patience{10};

std::string_view directory_of(std::string_view path) {
  return path.substr(0, path.rfind('/'));
}

} // namespace

grant_pool::grant_pool(file_session& session) : session_{session} {
  // nop
}

void grant_pool::take(new_file what, patience how_long, answer then) {
  const auto known = directories_.find(directory_of(what.path));
  wait({++number_, known == directories_.end() ? std::uint8_t{} : known->second,
        std::move(what), how_long, std::move(then)});
}

void grant_pool::take(std::uint8_t replication, patience how_long,
                      answer then) {
  wait({++number_, replication, {}, how_long, std::move(then)});
}

void grant_pool::wait(waiter x) {
  drop_old();
  waiting_.push_back(std::move(x));
  if (find_servable() == waiting_.end())
    return refill(waiting_.back());
  boost::asio::post(session_.io,
                    [self = shared_from_this()] { self->serve(); });
}

void grant_pool::forget() {
  held_.clear();
  ++age_;
}

void grant_pool::drop_old() {
  const auto now = instant::clock::now();
  for (auto& [replication, grants] : held_)
    while (!grants.empty() && now - grants.front().since >= life)
      grants.pop_front();
  std::erase_if(held_, [](const auto& x) { return x.second.empty(); });
}

void grant_pool::refill(const waiter& whom) {
  if (asking_)
    return;
  msg::allocate_chunks request;
  request.replication = whom.replication;
  request.path = whom.file.path;
  request.force = whom.file.force;
  request.parents = whom.file.parents;
  request.request = whom.file.request;
  // Where only the number of replicas is not known, chunks are at hand.
  const bool at_hand = whom.replication == 0 && !held_.empty();
  request.count
    = at_hand
        ? 0
        : std::max(ahead_, static_cast<std::uint32_t>(std::min<std::size_t>(
                             waiting_.size(), ahead_max)));
  ask(std::move(request), whom.number, whom.how_long);
}

void grant_pool::refill_early(std::uint8_t replication) {
  if (asking_ || ahead_ <= 2)
    return;
  const auto found = held_.find(replication);
  if (found != held_.end() && found->second.size() >= ahead_ / 2)
    return;
  msg::allocate_chunks request;
  request.replication = replication;
  request.count = ahead_;
  ask(std::move(request), 0, patience{early_patience});
}

void grant_pool::ask(msg::allocate_chunks request, std::uint64_t whom,
                     const patience& how_long) {
  asking_ = true;
  if (request.count > 0)
    ahead_ = std::min(ahead_ * 2, ahead_max);
  // Their life runs from before the master answers.
  const auto asked = instant::clock::now();
  auto path = request.path;
  session_.master.ask<msg::allocate_chunks>(
    std::move(request), how_long.left(),
    [self = shared_from_this(), asked, whom, path = std::move(path),
     age = age_](auto made) {
      self->asking_ = false;
      if (!made)
        return self->refused(whom, made.error());
      if (age != self->age_)
        made->grants.clear();
      self->answered(*made, whom, path, asked);
    });
}

void grant_pool::answered(const msg::chunks_allocated& made, std::uint64_t whom,
                          const std::string& path, instant asked) {
  const auto directory = directory_of(path);
  if (!path.empty()) {
    if (directories_.size() >= directories_max)
      directories_.clear();
    directories_.insert_or_assign(std::string{directory}, made.replication);
  }
  // Whoever asked with a path that is none is refused when its file is made.
  for (auto& x : waiting_)
    if (x.number == whom
        || (!path.empty() && !x.file.path.empty()
            && directory_of(x.file.path) == directory))
      x.replication = made.replication;
  for (const auto& grant : made.grants)
    held_[made.replication].push_back({grant, asked});
  serve();
}

/// What is wrong may be wrong with that file alone.
void grant_pool::refused(std::uint64_t whom, const error& why) {
  const auto x
    = std::find_if(waiting_.begin(), waiting_.end(),
                   [&](const waiter& each) { return each.number == whom; });
  if (x != waiting_.end()) {
    const auto then = std::move(x->then);
    waiting_.erase(x);
    then(why);
  }
  serve();
}

std::deque<grant_pool::waiter>::iterator grant_pool::find_servable() {
  return std::find_if(
    waiting_.begin(), waiting_.end(),
    [this](const waiter& x) { return held_.contains(x.replication); });
}

void grant_pool::serve() {
  drop_old();
  for (auto next = find_servable(); next != waiting_.end();
       next = find_servable()) {
    const auto x = std::move(*next);
    waiting_.erase(next);
    auto& grants = held_[x.replication];
    new_chunk made{std::move(grants.front().grant), x.replication};
    grants.pop_front();
    if (grants.empty())
      held_.erase(x.replication);
    x.then(std::move(made));
    refill_early(x.replication);
  }
  if (!waiting_.empty())
    refill(waiting_.front());
}

} // namespace dfs::client
