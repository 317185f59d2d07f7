#include "support/sim/chunks_client.hpp"

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto master_timeout = 7s;
constexpr auto data_timeout = 1500ms;
constexpr auto ask_timeout = 500ms;

} // namespace

chunk_client::chunk_client(node& host, chunk_cluster& cluster)
  : host_{host},
    cluster_{cluster},
    rpc_{host, [&cluster](const endpoint& x) { return cluster.life_of(x); }},
    values_{std::uint64_t{host.index()} << 32 | 1} {
  // nop
}

void chunk_client::on_start() {
  next(up_to(host_.random(), 200ms));
}

void chunk_client::next(std::chrono::nanoseconds after) {
  next_ = host_.now() + after;
}

void chunk_client::on_timer() {
  next_.reset();
  const auto n = static_cast<std::uint32_t>(
    host_.random().below(cluster_.options().files));
  const auto chunk = cluster_.file(n);
  const auto dice = host_.random().below(100);
  if (dice < 8)
    put();
  else if (dice < 12 && !own_.empty())
    remove_one();
  else if (!chunk)
    next(100ms);
  else if (dice < 50)
    write(*chunk);
  else
    read(*chunk);
}

// -- changes ------------------------------------------------------------------

void chunk_client::write(chunk_id chunk) {
  auto& known = known_[chunk];
  if (!known.grant) {
    lease(chunk);
    return;
  }
  if (!known.open)
    begin_write(known);
  const auto value = known.value;
  const auto primary = known.grant->chain[0];
  rpc_.call<sim_write>(
    primary.data, {*known.grant, value, known.since}, data_timeout,
    [this, chunk, value, primary](const result<sim_written>& y) {
      auto& again = known_[chunk];
      if (y) {
        again.open = false;
        again.committed = std::max(again.committed, y->extent.serial);
        ++acknowledged_;
        cluster_.witness().acknowledged(chunk, y->extent.serial, value);
        next(up_to(host_.random(), 60ms));
        return;
      }
      const auto code = y.error().code;
      if (code == ec::outcome_unknown) {
        again.open = false;
        again.value = 0;
      }
      if (code != ec::busy && again.grant) {
        again.tried = again.grant->version;
        again.grant.reset();
        if (code == ec::timed_out)
          again.failed.insert(primary.store);
      }
      next(10ms + up_to(host_.random(), 50ms));
    });
}

/// The other one of the same writer, or the first one of another.
void chunk_client::begin_write(known_chunk& known) {
  known.open = true;
  if (known.value != 0 && identity_of(known.value).sequence == 1) {
    ++known.value;
    return;
  }
  known.value = (values_ += 2) & ~std::uint64_t{1};
  known.since = known.committed;
}

void chunk_client::lease(chunk_id chunk) {
  auto& known = known_[chunk];
  msg::lease_chunk x{chunk, {}, known.tried};
  x.failed.assign(known.failed.begin(), known.failed.end());
  rpc_.call(chunk_cluster::at(chunk_cluster::master()), x, master_timeout,
            [this, chunk](const result<msg::chunk_leased>& y) {
              auto& again = known_[chunk];
              if (y) {
                again.grant = y->grant;
                again.committed = std::max(again.committed, y->extent.serial);
                again.failed.clear();
                next(up_to(host_.random(), 5ms));
              } else {
                next(50ms + up_to(host_.random(), 200ms));
              }
            });
}

// -- reads --------------------------------------------------------------------

void chunk_client::locate(chunk_id chunk) {
  msg::locate_chunks x;
  x.layout.chunks.push_back({chunk, {}, false, {}, {}});
  rpc_.call(chunk_cluster::at(chunk_cluster::master()), x, ask_timeout,
            [this, chunk](const result<msg::file_layout>& y) {
              if (y && !y->chunks.at(0).replicas.empty())
                known_[chunk].place = y->chunks.at(0);
              next(up_to(host_.random(), 30ms));
            });
}

void chunk_client::read(chunk_id chunk) {
  auto& known = known_[chunk];
  // Old locations are believed: what a server may not say, it does not say.
  if (!known.place || host_.random().one_in(40)) {
    locate(chunk);
    return;
  }
  const auto& all = known.place->replicas;
  read_from(chunk, all[host_.random().below(all.size())]);
}

void chunk_client::read_from(chunk_id chunk, const msg::chunk_replica& whom) {
  const auto& place = *known_[chunk].place;
  const auto least = cluster_.witness().newest(chunk);
  rpc_.call<sim_read>(
    whom.data, {chunk, place.committed.version, place.committed.serial},
    ask_timeout, [this, chunk, least, whom](const result<sim_bytes>& y) {
      if (!y) {
        settle_read(chunk, y.error().code);
        return;
      }
      ++reads_;
      cluster_.witness().read(chunk, least, *y,
                              chunk_cluster::node_of(whom.store));
      next(up_to(host_.random(), 40ms));
    });
}

void chunk_client::settle_read(chunk_id chunk, ec code) {
  auto& known = known_[chunk];
  if (code == ec::not_primary && known.place) {
    const auto primary = std::find_if(
      known.place->replicas.begin(), known.place->replicas.end(),
      [&](const auto& x) { return x.store == known.place->primary; });
    if (primary != known.place->replicas.end() && host_.random().one_in(2)) {
      read_from(chunk, *primary);
      return;
    }
    if (host_.random().one_in(3)) {
      lease(chunk);
      return;
    }
  }
  if (host_.random().one_in(4))
    locate(chunk);
  else
    next(10ms + up_to(host_.random(), 60ms));
}

// -- files --------------------------------------------------------------------

void chunk_client::put() {
  rpc_.call(
    chunk_cluster::at(chunk_cluster::master()), msg::allocate_chunks{1, 0, {}},
    ask_timeout, [this](const result<msg::chunks_allocated>& y) {
      if (y)
        put_more(y->grants[0], {},
                 1 + static_cast<std::uint32_t>(host_.random().below(3)));
      else
        next(200ms);
    });
}

void chunk_client::put_more(const msg::chunk_grant& grant,
                            msg::chunk_extent extent, std::uint32_t left) {
  if (left > 0) {
    const auto value = (values_ += 2) | put_value;
    rpc_.call<sim_write>(
      grant.chain[0].data, {grant, value, {}}, data_timeout,
      [this, grant, value, left](const result<sim_written>& y) {
        if (!y) {
          next(50ms); // Given up: an orphan.
          return;
        }
        cluster_.witness().acknowledged(grant.chunk, y->extent.serial, value);
        put_more(grant, y->extent, left - 1);
      });
    return;
  }
  rpc_.call<sim_commit>(chunk_cluster::at(chunk_cluster::master()),
                        {{{grant, extent}}}, data_timeout,
                        [this](const result<sim_committed>& y) {
                          if (y)
                            own_.push_back(y->file);
                          next(up_to(host_.random(), 100ms));
                        });
}

void chunk_client::remove_one() {
  const auto file = own_.back();
  own_.pop_back();
  rpc_.call<sim_remove>(
    chunk_cluster::at(chunk_cluster::master()), {file}, data_timeout,
    [this](const result<sim_removed>&) { next(up_to(host_.random(), 100ms)); });
}

} // namespace dfs::sim
