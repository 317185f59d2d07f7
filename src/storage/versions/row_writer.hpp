#pragma once

#include "storage/metadata_store.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace dfs::storage {

/// Rows on their way into the metadata store, in batches. Those that nobody
/// waits for go with the next batch. Any thread; callbacks come on the commit
/// thread, in the order of the batches.
class row_writer {
public:
  using callback = metadata_store::callback;

  explicit row_writer(metadata_store& rows);

  /// They go with the next batch. @returns its number.
  std::uint64_t defer(std::vector<row_change> rows);

  /// What was deferred before, and these, all or none. Never calls back at
  /// once. @pre Not closed. @returns the batch.
  std::uint64_t commit(std::vector<row_change> rows, callback durable);

  /// Sends what is deferred; nothing, if nothing is.
  void flush();

  /// Calls back when that batch is durable, which may be at once; sends it.
  void when_durable(std::uint64_t batch, callback durable);

  [[nodiscard]] bool is_durable(std::uint64_t batch) const;
  /// Rows wait for a batch.
  [[nodiscard]] bool has_deferred() const;
  /// Why no row gets there any more; `ec::shutting_down` when closed.
  [[nodiscard]] std::optional<error> failure() const;

  /// Sends what is deferred; later rows are dropped.
  void close();

private:
  void send(std::vector<row_change> rows, callback durable);
  void arrived(std::uint64_t batch, const result<nothing>& outcome);

  mutable std::mutex guard_;
  metadata_store* rows_; ///< Null: closed.
  std::vector<row_change> deferred_;
  std::uint64_t open_ = 1; ///< The batch that has not been sent.
  std::uint64_t durable_ = 0;
  std::optional<error> failed_;
  std::multimap<std::uint64_t, callback> waiting_; ///< By batch.
};

} // namespace dfs::storage
