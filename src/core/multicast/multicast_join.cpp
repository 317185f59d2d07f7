#include "core/multicast/multicast_machine.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

// Those who are behind: items one after another, or the state as a whole. They
// get what is final, while the group goes on; when little is missing they are
// taken in, and the rest comes with that change.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto ask_again = 20ms;
constexpr unsigned tries_each = 4;
/// What comes before the service's state has two lengths.
constexpr std::size_t state_bytes_least = 16;

std::string put_length(std::uint64_t x) {
  std::string out;
  for (int i = 0; i < 8; ++i)
    out.push_back(static_cast<char>(x >> (8 * i) & 0xff));
  return out;
}

std::uint64_t get_length(const std::string& bytes) {
  std::uint64_t x = 0;
  for (std::size_t i = 8; i-- > 0;)
    x = x << 8 | static_cast<std::uint8_t>(bytes[i]);
  return x;
}

// Where the order that `mine` tells of may have left that of `theirs`.
std::uint64_t common_end(const msg::group_history& mine, std::uint64_t my_end,
                         const msg::group_history& theirs,
                         std::uint64_t their_end) {
  for (auto i = mine.size(); i-- > 0;)
    for (auto j = theirs.size(); j-- > 0;)
      if (mine[i].first == theirs[j].first) {
        const auto a = i + 1 < mine.size() ? mine[i + 1].second - 1 : my_end;
        const auto b
          = j + 1 < theirs.size() ? theirs[j + 1].second - 1 : their_end;
        return std::min(a, b);
      }
  return 0;
}

} // namespace

bool multicast_machine::behind() const {
  if (operating_ || attempt_ || is_none(reference()))
    return false;
  return record_.lineage != reference() || final_ < best_final()
         || !holds_cut();
}

void multicast_machine::catch_up() {
  if (!behind()) {
    drop_fetch();
    learner_.asked = 0;
    return;
  }
  // It would only pile up.
  if (log_watch_.hangs() || log_.received() > durable_ + config_.unstable)
    return;
  if (learner_.fetch) {
    if (learner_.fetch->stale(now_)
        || learner_.fetch->offer().lineage != reference())
      drop_fetch();
    else if (const auto pages = learner_.fetch->ask(now_))
      send(learner_.fetch->from(), *pages);
    return;
  }
  if (!passed(learner_.asked_at, ask_again))
    return;
  std::vector<server_id> sponsors;
  std::vector<server_id> others;
  for (const auto& [server, peer] : peers_)
    if (knows(server) && peer.beacon->standing.lineage == reference()
        && !is_later(record_.known, peer.beacon->standing.known)
        && peer.beacon->standing.fit)
      (peer.beacon->operating == reference() ? sponsors : others)
        .push_back(server);
  if (sponsors.empty())
    sponsors = others;
  if (sponsors.empty())
    return;
  ask_items(sponsors[learner_.asked++ / tries_each % sponsors.size()], {});
}

void multicast_machine::drop_fetch() {
  learner_.fetch.reset();
  if (std::exchange(learner_.needs_state, false))
    reach_changed_ = beacon_soon_ = true;
}

void multicast_machine::ask_items(server_id from,
                                  const msg::configuration_id& ballot) {
  msg::fetch_items x;
  x.lineage = is_none(ballot) ? reference() : record_.lineage;
  x.ballot = ballot;
  x.joined = record_.lineage == x.lineage;
  x.after = x.joined ? log_.received() : final_;
  x.chain = *log_.chain_at(x.after);
  learner_.asked_at = now_;
  send(from, x);
}

// -- who has it ---------------------------------------------------------------

void multicast_machine::on(server_id from, const msg::fetch_items& x) {
  if (x.lineage != record_.lineage)
    return;
  const bool change = !is_none(x.ballot);
  if (change
      && (!attempt_ || attempt_->ballot != x.ballot
          || !is_stored(attempt_->token)))
    return;
  // What the donor has told is the cut, also if it does not know that yet.
  // To one who is behind it gives what is final, and what has to be held by who
  // is fit.
  const auto below
    = record_.lineage == record_.known.id && record_.known.first > 0
        ? std::min(log_.received(), record_.known.first - 1)
        : 0;
  const auto end = !change ? std::max(final_, below)
                   : attempt_->phase == attempt_phase::gathering
                     ? durable_
                     : std::min(log_.received(), attempt_->next.first - 1);
  const auto chain = log_.chain_at(x.after);
  if (x.after > end || !chain || *chain != x.chain) {
    const bool ahead = x.joined && x.after > end;
    const bool forgotten = x.after < log_.floor();
    if ((change ? forgotten : !ahead) && final_ == position_.k)
      offer_snapshot(from);
    return;
  }
  msg::items_fetched told{x.lineage, x.ballot, x.after, x.chain,
                          final_,    {},       {}};
  if (!x.joined) {
    // Alone: with a full message it would not fit.
    told.history = record_.history;
    send(from, std::move(told));
    return;
  }
  const auto empty = packet_header_bytes + bytes_of(told);
  auto bytes = empty;
  std::size_t all_bytes = 0;
  for (auto k = x.after + 1;
       k <= end && k <= x.after + msg::items_per_packet_max
       && all_bytes < msg::resend_bytes_max;
       ++k) {
    msg::multicast_resend item{k, *log_.body_at(k)};
    const auto more = bytes_of(item);
    if (!told.items.empty() && bytes + more > packet_room(bytes)) {
      send(from, told);
      told.items.clear();
      bytes = empty;
    }
    bytes += more;
    all_bytes += more;
    told.items.push_back(std::move(item));
  }
  send(from, std::move(told));
}

void multicast_machine::offer_snapshot(server_id to) {
  if (giver_.source.holds()
      && (giver_.source.k() < log_.floor()
          || position_.k > giver_.source.k() + config_.retained / 2))
    giver_.source.drop();
  if (giver_.source.holds()) {
    send(to, giver_.source.offer(record_.lineage));
  } else if (!giver_.position) {
    giver_.position = position_;
    giver_.asked_at = now_;
    out_.push_back(take_snapshot{++giver_.tickets, position_.k});
  }
}

multicast_effects multicast_machine::snapshot_taken(std::uint64_t ticket,
                                                    std::string state,
                                                    instant now) {
  begin(now);
  if (giver_.position && ticket == giver_.tickets) {
    // What comes before the state: the position, the history, their length.
    auto head = encode(*giver_.position);
    auto bytes = put_length(head.size()) + head;
    bytes += put_length(record_.history.size());
    for (const auto& [id, first] : record_.history)
      bytes += put_length(id.epoch) + put_length(id.leader.value())
               + put_length(first);
    bytes += state;
    giver_.source.hold(self_.life.value() << 16 ^ ticket, giver_.position->k,
                       std::move(bytes), now_);
    giver_.position.reset();
  }
  return finish();
}

void multicast_machine::on(server_id from, const msg::fetch_pages& x) {
  for (auto& page : giver_.source.pages(x, now_))
    send(from, std::move(page));
}

// -- who lacks it -------------------------------------------------------------

void multicast_machine::on(const msg::items_fetched& x) {
  const bool change = !is_none(x.ballot);
  if (change ? !attempt_ || attempt_->ballot != x.ballot
                 || attempt_->phase != attempt_phase::committed
                 || x.lineage != record_.lineage
             : !behind() || x.lineage != reference())
    return;
  const auto chain = log_.chain_at(x.after);
  if (!chain || *chain != x.chain)
    return; // An answer to what was asked before something else happened.
  if (record_.lineage != x.lineage) {
    // Its final places are a beginning of that order: it has joined.
    log_.cut_off(final_);
    record_.lineage = x.lineage;
    record_.history = x.history;
    (void) store(log_.received());
    reach_changed_ = true;
    learner_.asked_at = instant{}; // For the items, at once.
    duty_at_ = now_;
  }
  for (const auto& item : x.items) {
    (void) log_.add_body(item.body, ~std::uint64_t{0} >> 1);
    (void) log_.add_order(item.k, item.body.number);
  }
  const auto grown = log_.advance();
  if (!change)
    final_ = std::max(final_, std::min(x.final, log_.received()));
  append_news();
  deliver();
  if (grown == 0)
    return;
  if (!change && !behind()) // It may be fit now.
    reach_changed_ = beacon_soon_ = true;
  learner_.asked = 0;
  learner_.asked_at = instant{}; // The next ones at once.
  if (change) {
    attempt_->touched = now_;
    attempt_->said = instant{};
    advance_attempt();
  } else {
    duty_at_ = now_;
  }
}

void multicast_machine::on(server_id from, const msg::snapshot_offered& x) {
  // The donor of this change does not hold what is missing here, and all would
  // wait in vain: the others go on alone, or when the whole state has come.
  const bool leaves = attempt_ && attempt_->phase == attempt_phase::committed
                      && attempt_->donor == from && x.lineage == record_.lineage
                      && x.k > log_.received();
  if (leaves)
    abandon_attempt();
  if (learner_.fetch || !behind() || x.lineage != reference()
      || x.bytes < state_bytes_least || x.bytes > config_.snapshot_bytes
      || (record_.lineage == x.lineage && x.k <= final_))
    return;
  learner_.fetch.emplace(from, x, now_);
  duty_at_ = now_;
  if (std::exchange(learner_.needs_state, leaves) != leaves)
    reach_changed_ = beacon_soon_ = true;
}

void multicast_machine::on(const msg::page_fetched& x) {
  if (!learner_.fetch || !behind()
      || learner_.fetch->offer().lineage != reference()
      || !learner_.fetch->on_page(x, now_))
    return;
  duty_at_ = now_;
  if (!learner_.fetch->complete())
    return;
  const auto offer = learner_.fetch->offer();
  const auto bytes = learner_.fetch->take();
  drop_fetch();
  if (bytes)
    take_over(offer, *bytes);
}

// Own messages that are in a state as a whole.
void multicast_machine::settle_own() {
  const auto at = position_.marks.find(self_.server);
  if (at == position_.marks.end() || at->second.first != self_.life)
    return;
  for (const auto token : sender_.settled(at->second.second))
    out_.push_back(submit_ended{token, submit_outcome::settled});
}

// The next own message follows the last one in the order as it is now. Not
// before this server acts in it: the order may know of more than a state does.
void multicast_machine::align_sender() {
  settle_own();
  for (const auto token :
       sender_.resume_at(log_.ordered(self_.server, self_.life)))
    out_.push_back(submit_ended{token, submit_outcome::refused});
}

void multicast_machine::take_over(const msg::snapshot_offered& offer,
                                  const std::string& bytes) {
  auto head = get_length(bytes);
  if (head > bytes.size() - state_bytes_least)
    return;
  auto position = decode_position(std::string_view{bytes}.substr(8, head));
  head += 8;
  const auto count = get_length(bytes.substr(head));
  head += 8;
  if (!position || position->k != offer.k || count > (bytes.size() - head) / 24)
    return;
  msg::group_history history;
  for (std::uint64_t i = 0; i < count; ++i, head += 24)
    history.push_back({{get_length(bytes.substr(head, 8)),
                        server_id{get_length(bytes.substr(head + 8, 8))}},
                       get_length(bytes.substr(head + 16, 8))});
  replace_state x;
  x.discarded_to = final_;
  x.discarded_after = std::min(
    final_, common_end(record_.history, final_, history, position->k));
  record_.lineage = offer.lineage;
  record_.history = std::move(history);
  position_ = std::move(*position);
  final_ = position_.k;
  log_.restart(position_.k, position_.chain, position_.marks);
  x.token = issue();
  x.position = position_;
  x.state = bytes.substr(head);
  x.record = record_;
  appended_.clear();
  appended_.push_back({x.token, position_.k});
  appended_to_ = position_.k;
  durable_ = 0;
  out_.push_back(std::move(x));
  refresh_durable();
  settle_own();
  reach_changed_ = beacon_soon_ = true;
}

} // namespace dfs::core
