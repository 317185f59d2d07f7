#include "chunkserver/chain_links.hpp"

#include <algorithm>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// Between two looks at who is silent.
constexpr std::chrono::milliseconds watch_interval{50};

instant now() {
  return instant::clock::now();
}

} // namespace

chain_links::chain_links(std::shared_ptr<net::data_loop> loop,
                         chain_links_options options)
  : loop_{std::move(loop)},
    options_{std::move(options)},
    timer_{loop_->io()} {
  // nop
}

chain_links::link&
chain_links::at(const msg::chunk_replica& peer, std::uint64_t lane) {
  auto& place = links_[{peer.store, peer.data, lane}];
  if (place)
    return *place;
  place = std::make_unique<link>();
  auto* mine = place.get();
  net::data_client_options options{
    .server = peer.data,
    .tls = options_.tls,
    .cluster = options_.cluster,
    .hello = options_.hello,
    .connect_timeout = options_.silent_after,
    .loop = loop_,
  };
  options.welcome = [this, mine, store = peer.store](std::string_view bytes) {
    const auto welcome = wire::decode<msg::data_welcome>(bytes);
    if (!welcome)
      return result<nothing>{welcome.error()};
    if (welcome->store != store)
      return result<nothing>{fail(ec::unavailable, "another server is there")};
    mine->connection = ++connections_;
    return result<nothing>{done};
  };
  options.lost = [mine] { mine->connection = 0; };
  place->client
    = std::make_unique<net::data_client>(loop_->io(), std::move(options));
  return *place;
}

std::uint64_t
chain_links::connection(const msg::chunk_replica& peer, chunk_id chunk) {
  return at(peer, lane_of(chunk)).connection;
}

bool chain_links::heard(const msg::chunk_replica& peer, chunk_id chunk,
                        instant since) {
  const auto& to = at(peer, lane_of(chunk));
  return to.connection != 0 && to.client->heard() >= since;
}

void chain_links::begin(link& x) {
  if (x.client->open_calls() == 0)
    x.waiting_since = now();
  watch_later();
}

void chain_links::replicate(const msg::chunk_replica& peer,
                            const msg::replicate& change,
                            const net::data_buffer& data, replicated done) {
  auto& to = at(peer, lane_of(change.chunk));
  begin(to);
  net::data_views views;
  if (!data.empty())
    views.push_back({data.view(), data.keep()});
  to.client->call(change, std::move(views), options_.stalled_after,
                  [done = std::move(done)](result<msg::replicated> answer,
                                           const net::data_buffer&) {
                    done(std::move(answer));
                  });
}

void chain_links::note_committed(const msg::chunk_replica& peer,
                                 const msg::note_committed& note) {
  at(peer, lane_of(note.chunk)).client->notify(note);
}

void chain_links::close() {
  timer_.cancel();
  for (auto& [where, x] : links_)
    x->client->close(fail(ec::shutting_down, "this server is shutting down"));
}

void chain_links::watch_later() {
  if (std::exchange(watching_, true))
    return;
  timer_.expires_after(watch_interval);
  timer_.async_wait([this](auto failed) {
    if (failed)
      return;
    watching_ = false;
    watch();
  });
}

void chain_links::watch() {
  const auto at = now();
  auto waiting = false;
  for (auto& [where, x] : links_) {
    if (x->client->open_calls() == 0)
      continue;
    waiting = true;
    const auto sign = std::max(x->client->heard(), x->waiting_since);
    if (at - sign < options_.silent_after)
      continue;
    x->connection = 0;
    x->client->close(
      fail(ec::unavailable, to_string(where.where) + " is silent"));
  }
  if (waiting)
    watch_later();
}

} // namespace dfs::chunkserver
