#include "core/multicast/multicast_machine.hpp"

#include "base/assert.hpp"

#include <algorithm>

// What is durable: one log, in the order of the effects. In memory mode there
// is no log, and everything counts as stored at once.

namespace dfs::core {

std::uint64_t multicast_machine::issue() {
  ++tokens_;
  if (config_.durable)
    log_watch_.begins(now_);
  else
    stored_ = tokens_;
  return tokens_;
}

std::uint64_t multicast_machine::store(std::uint64_t keep) {
  append_news();
  const auto token = issue();
  if (config_.durable)
    out_.push_back(store_record{token, record_, keep, final_});
  // What is on its way to the disk above `keep` is void when it gets there.
  for (auto& run : appended_)
    run.to = std::min(run.to, keep);
  appended_to_ = std::min(appended_to_, keep);
  durable_ = std::min(durable_, keep);
  refresh_durable();
  return token;
}

void multicast_machine::append_news() {
  if (log_.received() <= appended_to_)
    return;
  append_items x{issue(), appended_to_ + 1, {}, final_};
  if (config_.durable) {
    for (auto k = x.first; k <= log_.received(); ++k)
      x.items.push_back(*log_.body_at(k));
    out_.push_back(x);
  }
  appended_to_ = log_.received();
  appended_.push_back({x.token, appended_to_});
  refresh_durable();
}

bool multicast_machine::is_stored(std::uint64_t token) const {
  return token <= stored_;
}

void multicast_machine::refresh_durable() {
  const auto before = durable_;
  while (!appended_.empty() && is_stored(appended_.front().token)) {
    durable_ = std::max(durable_, appended_.front().to);
    appended_.pop_front();
  }
  if (durable_ > before && operating_)
    ack_due_ = true;
  tell_itself();
}

// What this server holds counts in its configuration when it knows durably that
// this is the last one: as at the others, which hear it in a header.
void multicast_machine::tell_itself() {
  if (!operating_ || !is_stored(installed_token_)
      || !stability_.received(index_, durable_))
    return;
  ack_due_ = true;
  deliver();
}

multicast_effects multicast_machine::stored(std::uint64_t token, instant now) {
  begin(now);
  DFS_ASSERT(token <= tokens_);
  stored_ = std::max(stored_, token);
  log_watch_.moves(stored_ == tokens_, now_);
  refresh_durable();
  advance_attempt();
  return finish();
}

// Who waits for its disk says so, and stays out of what others begin.
void multicast_machine::watch_log() {
  const bool before = log_watch_.ails();
  log_watch_.look(now_);
  if (log_watch_.ails() != before)
    reach_changed_ = beacon_soon_ = true;
}

} // namespace dfs::core
