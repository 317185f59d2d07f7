#include "net/data_server.hpp"

#include "net/connection_server.hpp"
#include "net/data_connection.hpp"

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

/// All of it in the server's thread.
class data_server::core final
  : public connection_server<data_house, data_connection> {
public:
  explicit core(const std::shared_ptr<data_house>& house)
    : connection_server{house->loop->io(), house} {
    // nop
  }

protected:
  std::chrono::milliseconds shortest_limit() const override {
    const auto& limits = house().options.limits;
    return std::min({limits.handshake_timeout, limits.idle_timeout,
                     limits.frame_timeout, limits.write_timeout});
  }

  void closed() override {
    house().handlers.request = [](auto&&...) {};
    house().handlers.closed = [](auto&&...) {};
  }
};

data_server::data_server(std::shared_ptr<data_loop> loop,
                         data_server_options options, data_handlers handlers) {
  if (!options.clock)
    options.clock = [] {
      return std::chrono::duration_cast<wire::unix_ms>(
        std::chrono::system_clock::now().time_since_epoch());
    };
  auto house = std::shared_ptr<data_house>{new data_house{
    .loop = std::move(loop),
    .options = std::move(options),
    .handlers = std::move(handlers),
  }};
  core_ = std::make_shared<core>(std::move(house));
}

data_server::~data_server() {
  core_->end();
}

void data_server::close() {
  core_->end();
}

result<nothing> data_server::listen(const asio::ip::tcp::endpoint& where) {
  return core_->listen(where, "data");
}

asio::ip::tcp::endpoint data_server::address() const {
  return core_->address();
}

void data_server::drain(std::chrono::milliseconds patience,
                        std::function<void()> drained) {
  core_->drain(patience, std::move(drained));
}

data_server_counters data_server::counters() const {
  const auto& house = core_->house();
  return {.connections = core_->connections,
          .unverified = core_->unverified,
          .open = house.open,
          .client_bytes = house.client_bytes,
          .accepted = core_->accepted,
          .requests = house.requests,
          .refused = house.refused,
          .refused_hello = house.refused_hello,
          .refused_busy = house.refused_busy,
          .closed_malformed = house.closed_malformed,
          .closed_timeouts = house.closed_timeouts,
          .pauses = house.pauses};
}

} // namespace dfs::net
