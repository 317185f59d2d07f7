#pragma once

#include "client/file_session.hpp"
#include "client/versions/version_places.hpp"
#include "client/versions/version_port.hpp"
#include "client/versions/writer_pool.hpp"
#include "core/versions/put_machine.hpp"
#include "core/versions/read_machine.hpp"

#include <cstdint>
#include <memory>

namespace dfs::client {

/// What all operations on versioned files of a client share; outlives them. One
/// thread.
struct version_session {
  boost::asio::io_context& io;
  master_port& master;
  version_port& servers;
  std::shared_ptr<version_places> places;
  std::shared_ptr<writer_pool> writers;
  std::shared_ptr<memory_budget> memory;
  std::shared_ptr<net::buffer_pool> buffers;
  server_health health;
  core::put_config put{};
  core::read_config read{};
  std::uint64_t spread = 0; ///< Rises: operations begin at different servers.
};

} // namespace dfs::client
