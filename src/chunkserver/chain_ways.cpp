#include "chunkserver/chain.hpp"

#include "base/crash_point.hpp"

#include <chrono>
#include <utility>

// The ways on which changes leave this server.

namespace dfs::chunkserver {

namespace {

/// A successor may have set aside what it knew of a chunk after such a rest.
constexpr std::chrono::seconds grant_again_after{5};

/// A chain that broke between two others is tried again after this: what is
/// spread costs the primary's line more.
constexpr std::chrono::seconds torn_for{60};
constexpr std::size_t torn_max = 1'024; ///< Forgotten beyond: it breaks again.

msg::replicate message_of(const replica& x, const bulk_change& y) {
  return {.chunk = x.chunk,
          .version = x.order.version(),
          .epoch = x.place.grant->epoch,
          .serial = y.change.serial,
          .kind = static_cast<std::uint8_t>(y.change.kind),
          .offset = y.change.offset,
          .length = y.change.length,
          .ack = y.ack,
          .writer = y.change.writer,
          .sequence = y.change.sequence,
          .committed = x.order.committed(),
          .crcs = y.crcs,
          .grant = {}};
}

} // namespace

/// Each of the others is told that it stands alone behind the primary.
void chain::spread(const replica_ptr& x, const bulk_change& change,
                   const chain_links::replicated& done) {
  const auto whole = x->place.grant;
  auto message = message_of(*x, change);
  auto pair = *whole;
  for (std::size_t i = 1; i < whole->chain.size(); ++i) {
    pair.chain = {whole->chain.front(), whole->chain[i]};
    send(x, change, message, i, pair, done);
  }
  x->passed_on = state_.leases.now();
}

void chain::send_alone(const replica_ptr& x, const bulk_change& change,
                       std::size_t place, chain_links::replicated done) {
  auto pair = *x->place.grant;
  pair.chain = {pair.chain.front(), pair.chain[place]};
  auto message = message_of(*x, change);
  send(x, change, message, place, pair, std::move(done));
  x->passed_on = state_.leases.now();
}

bool chain::is_torn(const replica& x) const {
  if (x.place.behind() < 2)
    return false;
  const auto& all = x.place.grant->chain;
  const auto it
    = torn_.find({all[x.place.index + 1].store, all[x.place.index + 2].store});
  return it != torn_.end() && state_.leases.now() < it->second;
}

void chain::note_torn(const replica& x) {
  if (!x.order.leads() || x.place.behind() < 2)
    return;
  if (torn_.size() >= torn_max)
    torn_.clear();
  const auto& all = x.place.grant->chain;
  torn_[{all[1].store, all[2].store}] = state_.leases.now() + torn_for;
}

void chain::pass_on(const replica_ptr& x, const bulk_change& change,
                    chain_links::replicated done) {
  auto message = message_of(*x, change);
  send(x, change, message, x->place.index + 1, *x->place.grant,
       std::move(done));
  x->passed_on = state_.leases.now();
}

/// @param place Of who gets it. @param grant Told where it is not known.
void chain::send(const replica_ptr& x, const bulk_change& change,
                 msg::replicate& message, std::size_t place,
                 const msg::chunk_grant& grant, chain_links::replicated done) {
  const auto& peer = x->place.grant->chain[place];
  const auto connection = state_.links.connection(peer, x->chunk);
  x->told.resize(x->place.grant->chain.size());
  message.grant.clear();
  if (connection == 0 || connection != x->told[place]
      || state_.leases.now() - x->passed_on > grant_again_after)
    message.grant.push_back(grant);
  x->told[place] = connection;
  if (x->order.leads())
    x->announced = message.committed;
  state_.links.replicate(peer, message, change.data, std::move(done));
  DFS_CRASH_POINT("data.forwarded");
}

} // namespace dfs::chunkserver
