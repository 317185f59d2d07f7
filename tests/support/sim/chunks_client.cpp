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
  if (cluster_.idle()) {
    next(100ms);
    return;
  }
  if (cluster_.steady(host_.index()) && cluster_.file(0) != nullptr) {
    write_steadily(*cluster_.file(0));
    return;
  }
  const auto n = static_cast<std::uint32_t>(
    host_.random().below(cluster_.options().files));
  const auto dice = host_.random().below(100);
  if (dice < 8)
    put();
  else if (dice < 12 && !own_.empty())
    remove_one();
  else if (dice < 15 && !cluster_.full().empty())
    read(cluster_.full()[host_.random().below(cluster_.full().size())]);
  else if (const auto* fresh = cluster_.file(n); fresh == nullptr)
    next(100ms);
  else if (meet(*fresh); dice < 35)
    write(fresh->chunk);
  else if (dice < 55)
    append(n);
  else
    read(fresh->chunk);
}

/// A new chunk has a grant from the start, if its file was made a moment ago.
void chunk_client::meet(const msg::chunk_grant& fresh) {
  if (!known_.contains(fresh.chunk) && host_.random().one_in(2))
    known_[fresh.chunk].grant = fresh;
}

// -- changes ------------------------------------------------------------------

void chunk_client::write_steadily(const msg::chunk_grant& file) {
  if (!waits_since_ || waits_for_ != file.chunk)
    waits_since_ = cluster_.world().now(); // True time.
  waits_for_ = file.chunk;
  meet(file);
  write(file.chunk);
}

void chunk_client::write(chunk_id chunk) {
  auto& known = known_[chunk];
  if (!known.grant) {
    lease(chunk);
    return;
  }
  if (!known.open)
    begin_write(known);
  auto x = *known.open;
  x.grant = *known.grant;
  send(x, [this, chunk, x](const result<sim_written>& y) {
    auto& again = known_[chunk];
    if (y) {
      again.open.reset();
      waits_since_.reset();
      ++acknowledged_;
      cluster_.witness().acknowledged(chunk, y->extent.serial, x, x.offset);
      return;
    }
    // Not there, or not known; and of that writer nothing follows.
    const auto code = y.error().code;
    if (code == ec::outcome_unknown || code == ec::invalid_argument
        || code == ec::chunk_full) {
      again.open.reset();
      again.value = 0;
      waits_since_.reset(); // Answered, too.
    }
  });
}

/// The other one of the same writer, or the first one of another: over what is
/// there, or a little beyond.
void chunk_client::begin_write(known_chunk& known) {
  auto& random = host_.random();
  if (known.value != 0 && identity_of(known.value).sequence == 1) {
    ++known.value;
  } else {
    known.value = new_value();
    known.since = known.committed;
  }
  const auto size = cluster_.options().config.chunk_size;
  auto& x = known.open.emplace();
  x.value = known.value;
  x.since = known.since;
  // Often in the same place: writers are to meet.
  const auto end = std::min(random.one_in(2) ? known.end : 8u, known.end);
  x.offset = static_cast<std::uint32_t>(random.below(end + 1));
  x.length = 1 + static_cast<std::uint32_t>(random.below(8));
  x.length = std::max(1u, std::min(x.length, size - std::min(x.offset, size)));
}

/// What every change has in common. @param then Before anything else is done.
void chunk_client::send(const sim_write& x,
                        std::function<void(const result<sim_written>&)> then) {
  const auto primary = x.grant.chain[0];
  rpc_.call<sim_write>(
    primary.data, x, data_timeout,
    [this, chunk = x.grant.chunk, primary,
     then = std::move(then)](const result<sim_written>& y) {
      auto& again = known_[chunk];
      then(y);
      if (y) {
        again.committed = std::max(again.committed, y->extent.serial);
        again.end = std::max(again.end, y->extent.padded_from);
        next(up_to(host_.random(), 60ms));
        return;
      }
      const auto code = y.error().code;
      if (code != ec::busy && code != ec::chunk_full && again.grant) {
        again.tried = again.grant->version;
        again.grant.reset();
        if (code == ec::timed_out)
          again.failed.insert(primary.store);
      }
      next(10ms + up_to(host_.random(), 50ms));
    });
}

// -- appends ------------------------------------------------------------------

/// A record is tried until it is decided: where the file has a new chunk since,
/// it must not be in the old one before it may be in that.
void chunk_client::append(std::uint32_t n) {
  auto& record = records_[n];
  if (!record) {
    const auto chunk = cluster_.file(n)->chunk;
    record = sim_write{};
    record->kind = core::change_kind::append;
    record->value = new_value();
    record->length = 1 + static_cast<std::uint32_t>(host_.random().below(12));
    put_record(*record, chunk);
  }
  const auto chunk = record->grant.chunk;
  auto& known = known_[chunk];
  if (!known.grant) {
    lease(chunk);
    return;
  }
  record->grant = *known.grant;
  if (record->since != mutation_serial{}
      && (chunk != cluster_.file(n)->chunk || host_.random().one_in(6)))
    record->kind = core::change_kind::bar;
  if (record->kind == core::change_kind::bar) {
    settle(n, *record);
    return;
  }
  record->since = mutation_serial{1}; // It has been sent.
  send(*record, [this, n, x = *record](const result<sim_written>& y) {
    if (y) {
      records_[n].reset();
      ++acknowledged_;
      cluster_.witness().acknowledged(x.grant.chunk, y->extent.serial, x,
                                      y->offset);
    } else if (y.error().code == ec::chunk_full) {
      full(n, x.grant.chunk);
    }
  });
}

/// Nobody else has that place among this client's records of the chunk.
void chunk_client::put_record(sim_write& record, chunk_id chunk) {
  record.kind = core::change_kind::append;
  record.grant.chunk = chunk;
  record.writer = writer_id{1'000'000'000 + host_.index()};
  record.sequence = ++known_[chunk].records;
  record.since = {};
}

/// Certainly not there: into the next chunk.
void chunk_client::full(std::uint32_t n, chunk_id chunk) {
  cluster_.next_chunk(n, chunk);
  auto& record = records_[n];
  if (const auto* fresh = cluster_.file(n))
    put_record(*record, fresh->chunk);
  else
    record.reset();
}

void chunk_client::settle(std::uint32_t n, const sim_write& record) {
  send(record, [this, n, record](const result<sim_written>& y) {
    if (!y)
      return;
    const auto chunk = record.grant.chunk;
    auto there = record;
    there.kind = core::change_kind::append;
    auto& mine = records_[n];
    if (y->done) {
      mine.reset();
      cluster_.witness().acknowledged(chunk, y->extent.serial, there,
                                      y->offset);
      return;
    }
    cluster_.witness().barred(chunk, there);
    const auto* now = cluster_.file(n);
    if (now != nullptr && now->chunk != chunk)
      put_record(*mine, now->chunk);
    else
      mine.reset();
  });
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
                again.end = std::max(again.end, y->extent.padded_from);
                again.failed.clear();
                next(up_to(host_.random(), 5ms));
                return;
              }
              if (y.error().code == ec::not_found)
                give_up(chunk);
              next(50ms + up_to(host_.random(), 200ms));
            });
}

/// Of a record in a chunk that a restore took from its file, nobody will ever
/// know more.
void chunk_client::give_up(chunk_id chunk) {
  for (auto& [n, record] : records_)
    if (record && record->grant.chunk == chunk
        && (cluster_.file(n) == nullptr || cluster_.file(n)->chunk != chunk))
      record.reset();
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
  const auto& known = known_[chunk];
  const auto& place = *known.place;
  sim_read x{chunk, place.committed.version, place.committed.serial, 0, 0};
  x.offset = static_cast<std::uint32_t>(
    host_.random().below(std::max(known.end, place.committed.length) + 4));
  x.length = 1 + static_cast<std::uint32_t>(host_.random().below(16));
  x.whole_blocks = cluster_.rots() && host_.random().one_in(3);
  const auto least = cluster_.witness().newest(chunk, x.offset, x.length);
  rpc_.call<sim_read>(
    whom.data, x, ask_timeout,
    [this, x, least, whom](const result<sim_bytes>& y) {
      const auto code = !y                           ? y.error().code
                        : sum_of(y->cells) != y->sum ? ec::integrity
                                                     : ec{};
      if (code != ec{}) {
        report(x.chunk, whom.store, code);
        settle_read(x.chunk, code);
        return;
      }
      ++reads_;
      cluster_.witness().read(x, least, *y, chunk_cluster::node_of(whom.store));
      next(up_to(host_.random(), 40ms));
    });
}

/// As `chunk_reader`: a hint.
void chunk_client::report(chunk_id chunk, store_id store, ec why) {
  if (!cluster_.rots() || (why != ec::integrity && why != ec::not_found))
    return;
  rpc_.call(chunk_cluster::at(chunk_cluster::master()),
            msg::report_replica{chunk, store, static_cast<std::uint8_t>(why)},
            ask_timeout, [](const auto&) {});
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
    sim_write x;
    x.grant = grant;
    x.value = new_value() | put_value;
    x.offset = extent.length;
    x.length = 1 + static_cast<std::uint32_t>(host_.random().below(8));
    rpc_.call<sim_write>(grant.chain[0].data, x, data_timeout,
                         [this, x, left](const result<sim_written>& y) {
                           if (!y) {
                             next(50ms); // Given up: an orphan.
                             return;
                           }
                           cluster_.witness().acknowledged(
                             x.grant.chunk, y->extent.serial, x, x.offset);
                           auto now = y->extent;
                           now.length = now.padded_from = x.offset + x.length;
                           put_more(x.grant, now, left - 1);
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
