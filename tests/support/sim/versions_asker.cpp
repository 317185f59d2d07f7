#include "support/sim/versions_asker.hpp"

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto patience = 4s;
constexpr auto again = 300ms;

} // namespace

version_asker_client::version_asker_client(node& host, version_cluster& cluster)
  : host_{host},
    cluster_{cluster} {
  // nop
}

void version_asker_client::on_start() {
  next_ = host_.now() + up_to(host_.random(), 50ms);
}

std::optional<instant> version_asker_client::next_deadline() const {
  return next_;
}

void version_asker_client::on_timer() {
  if (host_.now() < next_)
    return;
  if (put_ && host_.now() < until_)
    return locate();
  over();
  choose();
}

void version_asker_client::over() {
  put_.reset();
  ++ticket_;
  next_ = host_.now() + 1ms + up_to(host_.random(), 20ms);
}

void version_asker_client::choose() {
  const auto& puts = cluster_.told_puts();
  if (puts.empty())
    return;
  put_ = cluster_.resting() ? cluster_.next_untold()
                            : host_.random().below(puts.size());
  if (!put_)
    return;
  until_ = host_.now() + patience;
  failed_ = {};
  locate();
}

void version_asker_client::locate() {
  next_ = host_.now() + again;
  cluster_.send(
    host_, version_cluster::master_node(),
    {sim_locate{0, cluster_.told_puts()[*put_].file, false, false, failed_},
     version_part::client, ++ticket_, false, false, 0});
}

void version_asker_client::on_datagram(const datagram& packet) {
  const auto& there = cluster_.packet(packet);
  if (there.life != host_.life() || there.ticket != ticket_ || !there.answer
      || !put_)
    return;
  const auto x = there;
  const auto& put = cluster_.told_puts()[*put_];
  if (const auto* at = std::get_if<sim_located>(&x.what)) {
    failed_ = at->primary;
    if (at->primary == store_id{})
      return;
    cluster_.send(host_, version_cluster::node_of(at->primary),
                  {msg::settle_put{at->set.group, at->set.epoch, put.file,
                                   put.id, put.looked_up_at},
                   version_part::client, ++ticket_, false, false, 0});
    return;
  }
  if (const auto* s = std::get_if<msg::put_settled>(&x.what)) {
    cluster_.judge_told(*put_, s->version);
    return over();
  }
  const auto* f = std::get_if<sim_failure>(&x.what);
  if (f != nullptr && f->code == ec::not_found) {
    cluster_.judge_told(*put_, std::nullopt);
    return over();
  }
  next_ = host_.now() + 20ms + up_to(host_.random(), 40ms);
}

} // namespace dfs::sim
