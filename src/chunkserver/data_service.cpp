#include "chunkserver/data_service.hpp"

#include "chunkserver/chain.hpp"
#include "chunkserver/copies.hpp"
#include "chunkserver/leases.hpp"
#include "chunkserver/primary.hpp"
#include "chunkserver/reads.hpp"
#include "chunkserver/server_state.hpp"
#include "chunkserver/server_token.hpp"
#include "net/address.hpp"
#include "net/data_thread.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace asio = boost::asio;

namespace dfs::chunkserver {

namespace {

constexpr std::chrono::seconds sweep_interval{1};
/// With many chunks in use a sweep takes long: at most so much of the thread.
constexpr int sweep_share = 100;

/// Chunks of a failed volume, in one turn of the thread.
constexpr std::size_t lost_at_once = 1'000;

/// Idle buffers: what one client's window takes, and a successor's.
constexpr std::size_t idle_buffer_bytes = 48 * 1024 * 1024;

data_service_options filled(data_service_options x) {
  if (!x.clock)
    x.clock = [] {
      return std::chrono::duration_cast<wire::unix_ms>(
        std::chrono::system_clock::now().time_since_epoch());
    };
  return x;
}

} // namespace

class data_service::core {
public:
  core(std::vector<storage::chunk_store*> stores, data_service_options options)
    : thread_{idle_buffer_bytes},
      state{filled(std::move(options)), thread_.loop(), std::move(stores)},
      order{state},
      books{state, order},
      changes{state, order, books},
      bytes{state, order},
      copying{state, order},
      sweeper_{thread_.io()},
      server_{thread_.loop(),
              net::data_server_options{.cluster = state.options.cluster,
                                       .limits = state.options.limits,
                                       .tls = state.options.tls,
                                       .clock = state.options.clock},
              handlers()} {
    // nop
  }

  result<nothing> start(const endpoint& listen) {
    auto listening = server_.listen(net::to_asio<asio::ip::tcp>(listen));
    if (!listening)
      return listening.error();
    address = net::from_asio(server_.address());
    sweep_later();
    thread_.start("dfs-data");
    return done;
  }

  void stop() {
    if (!thread_.runs())
      return;
    thread_.run([this] {
      state.draining = true;
      order.stop();
      sweeper_.cancel();
      copying.stop();
      state.links.close();
      server_.close();
    });
    state.disks.stop();
    state.work->close();
    thread_.end();
  }

  /// In the data thread. @returns False: it has ended.
  bool post(std::function<void()> what) {
    return thread_.post(std::move(what));
  }

  void
  drain(std::chrono::milliseconds patience, std::function<void()> drained) {
    state.draining = true;
    server_.drain(patience, std::move(drained));
  }

  [[nodiscard]] net::data_server_counters traffic() const {
    return server_.counters();
  }

  endpoint address;

private:
  net::data_handlers handlers() {
    return {.hello =
              [this](const net::data_stranger& who, std::string_view hello) {
                return greet(who, hello, identity_of(state.options));
              },
            .request = [this](net::data_request& x) { on_request(x); },
            .closed = [](const auto&) {}};
  }

  void on_request(net::data_request& x) {
    switch (static_cast<msg::data_method>(x.method)) {
      case msg::data_method::write:
        return changes.on_write(x);
      case msg::data_method::append:
        return changes.on_append(x);
      case msg::data_method::settle_append:
        return changes.on_settle(x);
      case msg::data_method::read:
        return bytes.on_read(x);
      case msg::data_method::get_extent:
        return bytes.on_extent(x);
      case msg::data_method::replicate:
        return order.on_replicate(x);
      case msg::data_method::note_committed:
        return order.on_note(x);
      case msg::data_method::get_changes:
        return bytes.on_changes(x);
      case msg::data_method::hello:
        break;
    }
    if (x.id != request_id{})
      x.from->refuse(x.id, fail(ec::unsupported, "an unknown request"));
  }

  void sweep_later(std::chrono::nanoseconds took = {}) {
    sweeper_.expires_after(
      std::max<std::chrono::nanoseconds>(sweep_interval, sweep_share * took));
    sweeper_.async_wait([this](auto failed) {
      if (failed)
        return;
      const net::data_loop::turn turn{*thread_.loop()};
      const auto begin = state.leases.now();
      books.sweep();
      sweep_later(state.leases.now() - begin);
    });
  }

  net::data_thread thread_;

public:
  server_state state;
  chain order;
  leases books;
  primary changes;
  reads bytes;
  copies copying;

private:
  asio::steady_timer sweeper_;
  net::data_server server_;
};

result<std::unique_ptr<data_service>>
data_service::start(const endpoint& listen,
                    std::vector<storage::chunk_store*> volumes,
                    data_service_options options) {
  auto made = std::make_shared<core>(std::move(volumes), std::move(options));
  if (auto started = made->start(listen); !started)
    return started.error();
  return std::unique_ptr<data_service>{new data_service{std::move(made)}};
}

data_service::data_service(std::shared_ptr<core> core)
  : core_{std::move(core)} {
  // nop
}

data_service::~data_service() {
  stop();
}

void data_service::stop() {
  core_->stop();
}

void data_service::drain(std::chrono::milliseconds patience,
                         std::function<void()> drained) {
  if (!core_->post([core = core_.get(), patience, drained] {
        core->drain(patience, drained);
      }))
    drained();
}

endpoint data_service::address() const {
  return core_->address;
}

// -- leases -------------------------------------------------------------------

void data_service::begin_life(lease_epoch granted) {
  core_->post(
    [core = core_.get(), granted] { core->state.former_grants = granted; });
}

void data_service::set_node_lease(boot_instant until) {
  core_->state.leases.set_node_lease(until);
}

void data_service::note_heartbeat(std::uint64_t sequence, boot_instant sent) {
  core_->state.leases.note_heartbeat(sequence, sent);
}

void data_service::renew_leases(std::vector<lease_epoch> epochs,
                                boot_instant until) {
  core_->post([core = core_.get(), epochs = std::move(epochs), until] {
    core->books.renew(epochs, until);
  });
}

void data_service::end_leases(std::vector<lease_epoch> epochs) {
  core_->post([core = core_.get(), epochs = std::move(epochs)] {
    core->books.end(epochs);
  });
}

void data_service::take_lease(msg::take_lease order, boot_instant until,
                              callback<msg::lease_taken> done) {
  if (!core_->post([core = core_.get(), order = std::move(order), until, done] {
        core->books.take(order, until, done);
      }))
    done(fail(ec::shutting_down));
}

void data_service::forget_clocks() {
  core_->state.leases.forget_heartbeats();
  core_->post([core = core_.get()] { core->books.end_all(); });
}

void data_service::fence(chunk_id chunk, chunk_version version,
                         callback<msg::chunk_state> done, bool fresh) {
  if (!core_->post([core = core_.get(), chunk, version, done, fresh] {
        core->books.fence(chunk, version, fresh, done);
      }))
    done(fail(ec::shutting_down));
}

void data_service::revoke(std::vector<msg::chunk_state> chunks,
                          std::function<void()> done) {
  if (!core_->post([core = core_.get(), chunks = std::move(chunks), done] {
        core->books.revoke(chunks);
        done();
      }))
    done(); // Nothing at all is served any more.
}

void data_service::release(chunk_id chunk, lease_epoch epoch,
                           callback<msg::lease_released> done) {
  if (!core_->post([core = core_.get(), chunk, epoch, done] {
        core->books.release(chunk, epoch, done);
      }))
    done(fail(ec::shutting_down));
}

void data_service::led_since(std::uint64_t after, std::size_t most,
                             std::function<void(dfs::core::led_page)> done) {
  if (!core_->post([core = core_.get(), after, most, done] {
        done(core->books.led_since(after, most));
      }))
    done({});
}

void data_service::led(chunk_id from, std::size_t most,
                       std::function<void(std::vector<msg::led_chunk>)> done) {
  if (!core_->post([core = core_.get(), from, most, done] {
        done(core->books.led(from, most));
      }))
    done({});
}

// -- replicas -----------------------------------------------------------------

void data_service::obey(master_term term, std::function<void()> done) {
  if (!core_->post([core = core_.get(), term, done] {
        core->state.obeyed = std::max(core->state.obeyed, term);
        done();
      }))
    done(); // Nothing is copied any more.
}

void data_service::copy(msg::copy_chunk order,
                        callback<msg::chunk_state> done) {
  if (!core_->post([core = core_.get(), order = std::move(order), done] {
        core->copying.copy(order, done);
      }))
    done(fail(ec::shutting_down));
}

void data_service::remove(std::vector<msg::chunk_state> chunks,
                          callback<std::vector<chunk_id>> done) {
  if (!core_->post([core = core_.get(), chunks = std::move(chunks), done] {
        core->books.remove(chunks, done);
      }))
    done(fail(ec::shutting_down));
}

void data_service::verify(chunk_id chunk, callback<nothing> done) {
  if (!core_->post([core = core_.get(), chunk, done] {
        core->copying.verify(chunk, done);
      }))
    done(fail(ec::shutting_down));
}

void data_service::judge_listed(
  std::vector<msg::chunk_state> chunks,
  std::function<void(dfs::core::replica_list)> done) {
  core_->post([core = core_.get(), chunks = std::move(chunks),
               done = std::move(done)]() mutable {
    const auto& state = core->state;
    std::erase_if(chunks, [&](const msg::chunk_state& x) {
      return state.replicas.leaving(x.chunk);
    });
    dfs::core::replica_list all{std::move(chunks), {}};
    for (const auto& x : all.chunks)
      if (x.extent.version < state.revoked.below(x.chunk))
        all.refused.push_back(x.chunk);
    done(std::move(all));
  });
}

void data_service::tell_lost(std::vector<chunk_id> chunks) {
  // In parts: others want the thread, too.
  for (std::size_t i = 0; i < chunks.size(); i += lost_at_once)
    core_->post(
      [core = core_.get(),
       part = std::vector(chunks.begin() + static_cast<std::ptrdiff_t>(i),
                          chunks.begin()
                            + static_cast<std::ptrdiff_t>(
                              std::min(i + lost_at_once, chunks.size())))] {
        const auto& state = core->state;
        for (const auto chunk : part)
          if (state.places.find(chunk) == nullptr && state.options.events.lost)
            state.options.events.lost(chunk);
      });
}

std::vector<msg::chunk_state> data_service::list() const {
  std::vector<msg::chunk_state> all;
  for (const auto* store : core_->state.places.all())
    if (!store->failed()) // What is there was told to be lost.
      for (const auto& x : store->list())
        all.push_back(state_of(x));
  return all;
}

result<msg::chunk_state> data_service::state(chunk_id chunk) const {
  const auto* store = core_->state.places.find(chunk);
  if (store == nullptr)
    return fail(ec::not_found, "the chunk is not here");
  auto found = store->state(chunk);
  if (!found)
    return found.error();
  return state_of(*found);
}

data_counters data_service::counters() const {
  const auto& x = *core_->state.counts;
  const auto traffic = core_->traffic();
  return {.connections = traffic.connections,
          .requests_open = traffic.open,
          .changes_open = x.changes_open,
          .chunks_led = x.chunks_led,
          .buffer_bytes = core_->state.loop->buffers().used_bytes(),
          .requests = traffic.requests,
          .refused = traffic.refused,
          .bytes_read = x.bytes_read,
          .bytes_written = x.bytes_written,
          .bytes_replicated = x.bytes_replicated,
          .bytes_copied = x.bytes_copied,
          .changes = x.changes,
          .leases_failed = x.leases_failed,
          .integrity_faults = x.integrity_faults,
          .cold_reads = x.cold_reads};
}

void data_service::replace_keys(std::shared_ptr<const wire::key_ring> keys) {
  core_->post([core = core_.get(), keys = std::move(keys)] {
    core->state.options.keys = keys;
  });
}

} // namespace dfs::chunkserver
