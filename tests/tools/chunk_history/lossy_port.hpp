#pragma once

#include "base/rng.hpp"
#include "client/data_port.hpp"
#include "client/file_session.hpp"

#include <chrono>
#include <utility>

namespace dfs::history {

/// The data ports of all servers, of which some answers to writes are lost; who
/// asked hears that only after a while in which others may write.
class lossy_port final : public client::data_port {
public:
  lossy_port(boost::asio::io_context& io, client::data_port& servers,
             std::uint64_t seed)
    : io_{io},
      servers_{servers},
      random_{seed} {
    // nop
  }

  void write(const msg::chunk_replica& to, msg::write_chunk what,
             const client::piece& data, duration patience,
             answer<msg::chunk_changed> then) override {
    if (!random_.one_in(12))
      return servers_.write(to, std::move(what), data, patience,
                            std::move(then));
    const duration late{random_.below(250)};
    servers_.write(to, std::move(what), data, patience,
                   [this, late, then = std::move(then)](const auto&) {
                     client::after(io_, late, [then] {
                       then(fail(ec::no_redundancy, "the answer was lost"));
                     });
                   });
  }

  void append(const msg::chunk_replica& to, msg::append_record what,
              const client::piece& data, duration patience,
              answer<msg::chunk_changed> then) override {
    servers_.append(to, std::move(what), data, patience, std::move(then));
  }

  void settle(const msg::chunk_replica& to, const msg::settle_append& what,
              duration patience, answer<msg::append_settled> then) override {
    servers_.settle(to, what, patience, std::move(then));
  }

  void read(const msg::chunk_replica& to, const msg::read_chunk& what,
            duration patience, answer<client::bytes_read> then) override {
    servers_.read(to, what, patience, std::move(then));
  }

  void extent(const msg::chunk_replica& to, const msg::get_extent& what,
              duration patience, answer<msg::chunk_extent> then) override {
    servers_.extent(to, what, patience, std::move(then));
  }

private:
  boost::asio::io_context& io_;
  client::data_port& servers_;
  rng random_;
};

} // namespace dfs::history
