#pragma once

#include "support/sim/versions.hpp"

#include <cstddef>
#include <optional>

namespace dfs::sim {

/// Asks what became of puts of others, of now and of long ago, as `dfsnode
/// request` does; in the end of all that are not told yet.
class version_asker_client : public process {
public:
  version_asker_client(node& host, version_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override;
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override;

private:
  void choose();
  void locate();
  void over();

  node& host_;
  version_cluster& cluster_;
  std::optional<std::size_t> put_; ///< Asked for: of `version_cluster::told`.
  store_id failed_;                ///< Has not answered as a primary does.
  std::uint64_t ticket_ = 0;       ///< Of the last message.
  instant next_{};
  instant until_{};
};

} // namespace dfs::sim
