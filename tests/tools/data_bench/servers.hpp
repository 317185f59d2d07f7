#pragma once

#include "chunkserver/data_service.hpp"
#include "messages/chunk.hpp"
#include "storage/chunk_store.hpp"
#include "support/test_pki.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace dfs::bench {

inline constexpr auto cluster = "0123456789abcdef";

/// Data servers, each a process of its own with its store in `dir`.
class server_processes {
public:
  server_processes(const std::string& dir, std::size_t count,
                   storage::durability mode, bool tls);
  server_processes(const server_processes&) = delete;
  ~server_processes();

  /// A chunk that is on no server yet; each is first in turn.
  [[nodiscard]] msg::chunk_grant grant(chunk_id chunk) const;

  [[nodiscard]] const std::vector<msg::chunk_replica>& replicas() const {
    return replicas_;
  }
  [[nodiscard]] const std::shared_ptr<net::tls_source>& tls() const {
    return tls_;
  }
  /// An encoded hello of a client.
  [[nodiscard]] std::string hello() const;

  /// Processor time that all servers have used.
  [[nodiscard]] double cpu_seconds() const;
  /// The largest resident memory of a server so far.
  [[nodiscard]] double peak_mib() const;

private:
  void run(std::size_t index, int ready, int stop);

  std::string dir_;
  storage::durability mode_;
  test::temporary_directory secrets_;
  test::test_pki pki_{secrets_.path() / "pki"};
  std::vector<std::shared_ptr<net::tls_source>> contexts_;
  std::shared_ptr<net::tls_source> tls_; ///< The client's.
  std::shared_ptr<const wire::key_ring> keys_;
  std::vector<pid_t> processes_;
  std::vector<int> stops_;
  std::vector<msg::chunk_replica> replicas_;
};

} // namespace dfs::bench
