#include "core/queues/session_table.hpp"

#include "base/assert.hpp"
#include "core/queues/queue_rules.hpp"
#include "core/queues/row_hash.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace dfs::core {

namespace {

using msg::queue_status;

std::uint64_t cost_of(const session_table::answer& x) {
  return queue_row_bytes + (x.item ? x.item->bytes.size() : 0);
}

row_hash begin_hash(std::uint64_t kind, const msg::queue_session& x) {
  std::uint64_t halves[2] = {0, 0};
  for (std::size_t i = 0; i < x.random.size(); ++i)
    halves[i / 8] = halves[i / 8] << 8 | x.random[i];
  row_hash hash{kind};
  hash.add(halves[0]).add(halves[1]).add(x.birth.value());
  return hash;
}

} // namespace

std::uint64_t session_table::hash_of(const sessions::value_type& x) {
  return begin_hash(3, x.first)
    .add(x.second.first)
    .add(x.second.used.value())
    .value();
}

std::uint64_t session_table::hash_of(const msg::queue_session& session,
                                     std::uint64_t number, const answer& x) {
  auto hash = begin_hash(4, session);
  hash.add(number)
    .add(static_cast<std::uint64_t>(x.verb))
    .add(static_cast<std::uint64_t>(x.status))
    .add(static_cast<std::uint64_t>(x.value))
    .add(x.place.sequence)
    .add(x.place.index);
  add_item(hash, x.item.get());
  return hash.value();
}

session_table::admission
session_table::admit(const msg::queue_request& x, queue_tick clock) {
  if (x.number - x.first >= limits_.window)
    return {queue_status::outside_window, nullptr};
  auto found = sessions_.find(x.session);
  if (found == sessions_.end()) {
    // One that expired was used at its birth or later, so it expired after
    // these ticks: it cannot come back (I3).
    const auto birth = x.session.birth.value();
    if (birth > clock.value() || clock.value() - birth > limits_.session_ticks)
      return {queue_status::session_expired, nullptr};
    if (sessions_.size() >= limits_.sessions)
      return {queue_status::busy, nullptr};
    found = sessions_.emplace(x.session, session{}).first;
    found->second.used = clock;
    hash_ += hash_of(*found);
  }
  use(*found, x.first, clock);
  const auto& now = found->second;
  if (x.number < now.first || x.number - now.first >= limits_.window)
    return {queue_status::outside_window, nullptr};
  const auto told = now.answers.find(x.number);
  if (told == now.answers.end())
    return {queue_status::done, nullptr};
  if (told->second.verb != x.verb)
    return {queue_status::invalid, nullptr};
  return {told->second.status, &told->second};
}

void session_table::touch(const msg::queue_request& x, queue_tick clock) {
  const auto found = sessions_.find(x.session);
  if (found != sessions_.end())
    use(*found, x.first, clock);
}

void session_table::use(sessions::value_type& x, std::uint64_t first,
                        queue_tick clock) {
  auto& [id, state] = x;
  hash_ -= hash_of(x);
  state.used = clock;
  state.first = std::max(state.first, first);
  hash_ += hash_of(x);
  while (!state.answers.empty() && state.answers.begin()->first < state.first)
    forget(id, state, state.answers.begin());
}

void session_table::forget(const msg::queue_session& of, session& x,
                           std::map<std::uint64_t, answer>::iterator which) {
  hash_ -= hash_of(of, which->first, which->second);
  const auto bytes = cost_of(which->second);
  x.bytes -= bytes;
  bytes_ -= bytes;
  --answers_;
  x.answers.erase(which);
}

bool session_table::has_room(const msg::queue_session& session,
                             std::uint64_t bytes) const {
  const auto used = sessions_.at(session).bytes;
  return used + bytes <= limits_.unread_bytes;
}

void session_table::keep(const msg::queue_session& session,
                         std::uint64_t number, answer told) {
  auto& to = sessions_.at(session);
  hash_ += hash_of(session, number, told);
  const auto bytes = cost_of(told);
  to.bytes += bytes;
  bytes_ += bytes;
  ++answers_;
  DFS_ASSERT(to.answers.emplace(number, std::move(told)).second);
}

session_table::sessions::iterator
session_table::drop(sessions::iterator which) {
  auto& [id, x] = *which;
  while (!x.answers.empty())
    forget(id, x, x.answers.begin());
  hash_ -= hash_of(*which);
  return sessions_.erase(which);
}

void session_table::end(const msg::queue_session& session) {
  if (const auto found = sessions_.find(session); found != sessions_.end())
    (void) drop(found);
}

void session_table::expire(queue_tick clock) {
  for (auto at = sessions_.begin(); at != sessions_.end();)
    at = clock.value() - at->second.used.value() > limits_.session_ticks
           ? drop(at)
           : std::next(at);
}

bool session_table::load(const msg::queue_session_row& row, queue_tick clock) {
  const auto ascends
    = sessions_.empty() || sessions_.rbegin()->first < row.session;
  const auto lives
    = row.used <= clock && row.session.birth <= row.used
      && clock.value() - row.used.value() <= limits_.session_ticks;
  if (!ascends || !lives || row.first < 1
      || sessions_.size() >= limits_.sessions)
    return false;
  const auto made = sessions_.emplace(row.session, session{}).first;
  made->second.first = row.first;
  made->second.used = row.used;
  hash_ += hash_of(*made);
  return true;
}

bool session_table::load(msg::queue_answer_row row) {
  const auto of = sessions_.find(row.session);
  if (of == sessions_.end())
    return false;
  const auto& answers = of->second.answers;
  const auto fits
    = row.number >= of->second.first
      && row.number - of->second.first < limits_.window
      && (answers.empty() || answers.rbegin()->first < row.number);
  const auto popped
    = row.verb == msg::queue_verb::pop && row.status == queue_status::done;
  const auto known = is_change(row.verb) && row.status >= queue_status::done
                     && row.status <= queue_status::waiting
                     && is_final(row.status);
  if (!fits || !known || (!popped && row.item != msg::queue_item{}))
    return false;
  answer told{row.verb, row.status, row.value, {}, row.place};
  if (popped)
    told.item = std::make_shared<msg::queue_item>(std::move(row.item));
  keep(row.session, row.number, std::move(told));
  return true;
}

void session_table::check() const {
  std::uint64_t answers = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;
  for (const auto& x : sessions_) {
    std::uint64_t own = 0;
    for (const auto& [number, told] : x.second.answers) {
      DFS_ASSERT(number >= x.second.first);
      DFS_ASSERT(number - x.second.first < limits_.window);
      own += cost_of(told);
      hash += hash_of(x.first, number, told);
    }
    DFS_ASSERT(own == x.second.bytes);
    hash += hash_of(x);
    answers += x.second.answers.size();
    bytes += own;
  }
  DFS_ASSERT(sessions_.size() <= limits_.sessions);
  DFS_ASSERT(answers == answers_);
  DFS_ASSERT(bytes == bytes_);
  DFS_ASSERT(hash == hash_);
}

} // namespace dfs::core
