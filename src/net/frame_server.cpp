#include "net/frame_server.hpp"

#include "net/connection_server.hpp"
#include "net/frame_connection.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

std::uint64_t answer_port::next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// All of it in the server's thread.
class frame_server::core final
  : public connection_server<frame_house, frame_connection> {
public:
  core(asio::io_context& io, std::shared_ptr<frame_house> shared)
    : connection_server{io, std::move(shared)} {
    house().relieve = [this] { relieve(); };
  }

protected:
  std::chrono::milliseconds shortest_limit() const override {
    const auto& limits = house().options.limits;
    return std::min({limits.handshake_timeout, limits.idle_timeout,
                     limits.ping_after, limits.frame_timeout,
                     limits.write_timeout});
  }

  void begins_to_drain() override {
    house().handlers.draining();
  }

  void before_closing() override {
    const auto none = [](auto&&...) {};
    house().handlers = {none, none, none, none};
    house().relieve = none;
  }

private:
  /// Too much is unsent: closes connections until it is not.
  void relieve() {
    house().relief_due = false;
    std::vector<frame_connection*> whose;
    std::vector<unsent_load> loads;
    table().each([&](frame_connection& x) {
      if (const auto load = x.load(); load.bytes > 0) {
        whose.push_back(&x);
        loads.push_back(load);
      }
    });
    const auto most = house().options.limits.write_queues_bytes_max;
    for (const auto i : choose_to_close(std::move(loads), most))
      whose[i]->close_as_slow();
  }
};

frame_server::frame_server(asio::io_context& io,
                           std::shared_ptr<tls_source> tls,
                           std::shared_ptr<const wire::key_ring> keys,
                           frame_server_options options,
                           frame_handlers handlers) {
  if (!options.clock)
    options.clock = [] {
      return std::chrono::duration_cast<wire::unix_ms>(
        std::chrono::system_clock::now().time_since_epoch());
    };
  auto house = std::shared_ptr<frame_house>{new frame_house{
    .io = io,
    .options = std::move(options),
    .handlers = std::move(handlers),
    .tls = std::move(tls),
    .keys = std::move(keys),
  }};
  core_ = std::make_shared<core>(io, std::move(house));
}

frame_server::~frame_server() {
  core_->end();
}

result<nothing> frame_server::listen(const asio::ip::tcp::endpoint& where) {
  return core_->listen(where, "stream");
}

asio::ip::tcp::endpoint frame_server::address() const {
  return core_->address();
}

void frame_server::replace_keys(std::shared_ptr<const wire::key_ring> keys) {
  core_->house().keys = std::move(keys);
}

void frame_server::drain(std::chrono::milliseconds patience,
                         std::function<void()> drained) {
  core_->drain(patience, std::move(drained));
}

frame_counters frame_server::counters() const {
  const auto& house = core_->house();
  return {.connections = core_->connections,
          .unverified = core_->unverified,
          .outstanding = house.outstanding,
          .unsent_bytes = house.queued_bytes,
          .accepted = core_->accepted,
          .refused_tls = house.refused_tls,
          .refused_tokens = house.refused_tokens,
          .refused_busy = house.refused_busy,
          .closed_malformed = house.closed_malformed,
          .closed_timeouts = house.closed_timeouts,
          .closed_slow = house.closed_slow,
          .closed_idle = house.closed_idle,
          .requests = house.requests,
          .answers = house.answers};
}

std::vector<principal_counters> frame_server::principals() const {
  return core_->principals().snapshot();
}

} // namespace dfs::net
