#include "support/sim/versions_client.hpp"

#include "core/versions/manifest_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

version_client::version_client(node& host, version_cluster& cluster)
  : host_{host},
    cluster_{cluster} {
  // nop
}

void version_client::on_start() {
  next_ = host_.now() + up_to(host_.random(), 50ms);
}

std::optional<instant> version_client::next_deadline() const {
  if (step_ == step::idle && next_ == instant::max())
    return std::nullopt;
  auto soonest = std::min(next_, until_ == instant{} ? instant::max() : until_);
  if (put_ && !put_->over() && step_ == step::working)
    soonest = std::min(soonest, put_->next_deadline());
  if (read_ && !read_->over())
    soonest = std::min(soonest, *read_->next_deadline());
  return soonest;
}

// -- an operation -------------------------------------------------------------

void version_client::begin_operation() {
  auto& random = host_.random();
  ++ticket_;
  name_ = static_cast<std::uint32_t>(random.below(cluster_.options().files));
  const auto dice
    = cluster_.options().commands ? 20 + random.below(80) : random.below(100);
  now_ = {};
  now_.proc = host_.index();
  now_.op = dice < 55 ? history::verb::write : history::verb::read;
  remove_ = dice < (cluster_.options().purges ? 25 : 8);
  now_.key = fmt::format("{}", name_);
  now_.call_ns = host_.virtual_now().count();
  until_ = host_.now() + 8s;
  looked_up_ = false;
  doubt_ = {};
  put_.reset();
  read_.reset();
  if (now_.op == history::verb::write) {
    if (cluster_.options().commands)
      writer_ = {};
    put_id_ = {writer_, ++sequence_};
    now_.value = remove_ ? history::nothing_written : value_of(put_id_);
  }
  const auto known = cache_.find(name_);
  if (known == cache_.end() || random.one_in(10) || writer_ == put_writer{}) {
    locate(now_.op == history::verb::write && !remove_);
    return;
  }
  located(known->second);
}

void version_client::locate(bool create) {
  step_ = step::locating;
  looked_up_ = true;
  next_ = host_.now() + 300ms;
  const bool failed = put_.has_value() || read_.has_value();
  cluster_.send(
    host_, version_cluster::master_node(),
    {sim_locate{name_, put_ ? at_.file : inode_id{}, create,
                writer_ == put_writer{}, failed ? at_.primary : store_id{}},
     version_part::client, ticket_, false, false, 0});
}

void version_client::locate_soon() {
  step_ = step::locating;
  next_ = host_.now() + 10ms + up_to(host_.random(), 40ms);
}

void version_client::located(sim_located x) {
  if (put_) // Nobody has looked its name up.
    x.at = at_.at;
  at_ = x;
  cache_[name_] = x;
  if (x.writer != put_writer{} && writer_ == put_writer{}) {
    writer_ = x.writer;
    put_id_.writer = writer_;
    if (now_.op == history::verb::write && !remove_)
      now_.value = value_of(put_id_);
  }
  step_ = step::working;
  next_ = instant::max();
  if (host_.traced())
    host_.note(fmt::format("name {} is file {} at {}, epoch {:x}", name_,
                           x.file.value(), x.at, x.set.epoch.value()));
  // The group has no set yet.
  if (x.file != inode_id{} && x.set.servers.empty()) {
    step_ = step::locating;
    next_ = host_.now() + 300ms;
    return;
  }
  if (now_.op == history::verb::read) {
    start_read();
  } else if (put_) {
    perform(put_->on_located(x.set, x.at, true, host_.now()));
  } else if (x.file == inode_id{}) { // Nothing to be deleted.
    cache_.erase(name_);
    finish_operation();
  } else {
    msg::put_file put;
    put.file = x.file;
    put.shown = x.shown;
    put.put = put_id_;
    put.content = put_id_;
    put.kind
      = remove_ ? msg::version_kind::deleted : msg::version_kind::content;
    put_.emplace(core::put_config{}, put, until_);
    perform(put_->begin(x.set, x.at, host_.now()));
  }
}

void version_client::finish_operation() {
  step_ = step::idle;
  put_.reset();
  read_.reset();
  until_ = {};
  next_ = host_.now() + up_to(host_.random(), 60ms);
}

void version_client::record(history::outcome result, std::uint64_t value) {
  now_.result = result;
  now_.ret_ns = host_.virtual_now().count();
  if (now_.op == history::verb::read)
    now_.values = {value};
  if (host_.traced())
    host_.note(fmt::format(
      "{} of {}: {:x}, {}, since {}",
      now_.op == history::verb::read ? "read" : "write", now_.key,
      now_.op == history::verb::read ? value : now_.value,
      static_cast<int>(result), to_text(virtual_time{now_.call_ns})));
  cluster_.past().push_back(now_);
  if (now_.op == history::verb::write && at_.file != inode_id{})
    cluster_.put_ended(at_.file, put_id_, at_.at);
  finish_operation();
}

void version_client::on_timer() {
  const auto now = host_.now();
  if (step_ == step::idle) {
    if (now < next_)
      return;
    if (cluster_.resting())
      next_ = instant::max();
    else
      begin_operation();
    return;
  }
  if (now >= until_ && (now_.op == history::verb::read || !put_)) {
    finish_operation(); // Nothing was learned, nothing was done.
    return;
  }
  if (step_ == step::locating) {
    if (put_ && now >= until_)
      perform(put_->tick(now));
    else if (now >= next_)
      locate(now_.op == history::verb::write && !remove_);
    return;
  }
  if (read_)
    perform(read_->tick(now));
  else if (put_)
    perform(put_->tick(now));
}

void version_client::conclude() {
  if (step_ != step::idle && now_.op == history::verb::write && put_)
    record(history::outcome::unknown, 0);
}

// -- gets ---------------------------------------------------------------------

void version_client::start_read() {
  if (at_.file == inode_id{}) {
    ++gets_;
    cache_.erase(name_);
    if (looked_up_)
      record(history::outcome::done, history::nothing_written);
    else
      locate(false);
    return;
  }
  if (at_.file == doubt_) {
    ++gets_;
    record(history::outcome::done, history::nothing_written);
    return;
  }
  ++ticket_; // Answers to former tries are of former sets.
  auto set = at_.set;
  if (cluster_.mutant("read-one"))
    set.rule.read = 1;
  auto nearest = set.servers;
  for (std::size_t i = nearest.size(); i > 1; --i)
    std::swap(nearest[i - 1], nearest[host_.random().below(i)]);
  read_.emplace(core::read_config{}, set, at_.file, at_.at, nearest);
  perform(read_->begin(host_.now()));
}

void version_client::perform(core::read_effects effects) {
  for (auto& x : effects) {
    if (auto* ask = std::get_if<core::ask_state>(&x)) {
      to_server(ask->to, ask->what);
    } else if (auto* finish = std::get_if<core::ask_finish>(&x)) {
      to_server(finish->to, finish->what);
    } else if (auto* settle = std::get_if<core::ask_settle>(&x)) {
      to_primary(settle->what);
    } else if (std::holds_alternative<core::read_lost>(x)) {
      locate_soon();
      return;
    } else if (auto* over = std::get_if<core::read_over>(&x)) {
      read_over(*over);
      return;
    } else if (std::holds_alternative<core::read_outdated>(x)) {
      cache_.erase(name_);
      read_.reset();
      locate(false);
      return;
    }
  }
}

void version_client::read_over(const core::read_over& x) {
  const auto* newest = core::newest_of(x.state.manifest);
  if (newest && newest->kind == msg::version_kind::content) {
    ++gets_;
    record(history::outcome::done, value_of(newest->content));
    return;
  }
  if (newest && newest->kind == msg::version_kind::deleted) {
    ++gets_;
    record(history::outcome::done, history::nothing_written);
    return;
  }
  // Closed, or no such file: does the name still mean it?
  cache_.erase(name_);
  doubt_ = at_.file;
  read_.reset();
  locate(false);
}

void version_client::read_answer(node_index from, const version_packet& x) {
  const auto store = version_cluster::store_of(from);
  const auto now = host_.now();
  if (const auto* s = std::get_if<msg::file_state_read>(&x.what)) {
    auto state = *s;
    if (cluster_.mutant("credulous"))
      state.state.settled = true;
    perform(read_->on_state(store, state, now));
  } else if (const auto* a = std::get_if<msg::manifest_accepted>(&x.what)) {
    perform(read_->on_accepted(store, *a, now));
  } else if (const auto* r = std::get_if<msg::group_refused>(&x.what)) {
    perform(read_->on_refused(store, *r, now));
  } else if (const auto* d = std::get_if<msg::file_settled>(&x.what)) {
    perform(read_->on_settled(*d));
  } else if (const auto* f = std::get_if<sim_failure>(&x.what)) {
    perform(read_->on_lost(fail(f->code)));
  }
}

// -- puts ---------------------------------------------------------------------

void version_client::perform(core::put_effects effects) {
  for (auto& x : effects) {
    if (auto* send = std::get_if<core::send_put>(&x)) {
      ++ticket_; // As over a connection: none is taken twice.
      if (cluster_.mutant("new-id")) { // Of the same bytes.
        sequence_ += 0x1'0000;
        send->what.put.sequence = sequence_;
        send->what.content = send->what.put;
      }
      to_primary(send->what);
    } else if (auto* settle = std::get_if<core::send_settle>(&x)) {
      to_primary(settle->what);
    } else if (std::holds_alternative<core::ask_leader>(x)) {
      locate_soon();
      return;
    } else if (auto* over = std::get_if<core::put_over>(&x)) {
      put_over(*over);
      return;
    }
  }
}

void version_client::put_over(const core::put_over& x) {
  using outcome = core::put_over::outcome;
  if (x.is == outcome::not_done && x.why.code == ec::stale)
    cache_.erase(name_);
  if (x.is == outcome::done) {
    ++puts_;
    record(history::outcome::done, 0);
  } else if (x.is == outcome::unknown) {
    record(history::outcome::unknown, 0);
  } else {
    record(history::outcome::refused, 0);
  }
}

void version_client::put_answer(const version_packet& x) {
  const auto now = host_.now();
  if (const auto* d = std::get_if<msg::put_done>(&x.what)) {
    perform(put_->on_put(*d, now));
  } else if (const auto* s = std::get_if<msg::put_settled>(&x.what)) {
    perform(put_->on_settled(*s, now));
  } else if (const auto* f = std::get_if<sim_failure>(&x.what)) {
    // The machine knows which of the two it has asked last.
    auto effects = put_->on_put(fail(f->code), now);
    if (effects.empty() && !put_->over())
      effects = put_->on_settled(fail(f->code), now);
    perform(std::move(effects));
  }
}

// -- packets ------------------------------------------------------------------

void version_client::to_server(store_id to, version_message x) {
  cluster_.send(host_, version_cluster::node_of(to),
                {std::move(x), version_part::client, ticket_, false, false, 0});
}

void version_client::to_primary(version_message x) {
  if (at_.primary != store_id{})
    to_server(at_.primary, std::move(x));
}

void version_client::on_datagram(const datagram& packet) {
  const auto& there = cluster_.packet(packet);
  if (there.life != host_.life() || there.ticket != ticket_ || !there.answer)
    return;
  const auto x = there;
  if (const auto* y = std::get_if<sim_located>(&x.what)) {
    if (step_ == step::locating)
      located(*y);
    return;
  }
  if (step_ != step::working)
    return;
  if (read_)
    read_answer(*node_at(packet.from.ip), x);
  else if (put_)
    put_answer(x);
}

} // namespace dfs::sim
