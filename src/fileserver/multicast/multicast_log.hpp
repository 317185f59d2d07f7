#pragma once

#include "base/result.hpp"
#include "core/multicast/multicast_effects.hpp"
#include "storage/ordered_log/ordered_log.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::fileserver {

/// What a server of a group remembers, in a `storage::ordered_log`
/// (docs/protocols/multicast.md, On disk): what `core::multicast_machine` wants
/// stored, as bytes, and back at a start. One thread, but for `write`.
class multicast_log {
public:
  using callback = storage::ordered_log::callback;

  struct options {
    store_id owner;
    std::uint32_t salt = 0; ///< Random.
    /// On the commit thread: nothing is written any more.
    std::function<void(const error&)> on_failure;
  };

  /// What was there.
  struct found {
    std::optional<core::stored_group> group; ///< Nothing: it is new.
    std::optional<std::string> state; ///< Of the service, at the position.
  };

  /// @returns as `ordered_log::open`; `ec::unsupported` (written by a newer
  ///   version), `ec::integrity`.
  [[nodiscard]] static result<std::unique_ptr<multicast_log>>
  open(storage::file_io& io, const std::string& directory, options how);

  /// Once.
  [[nodiscard]] found take_found() {
    return std::move(found_);
  }

  // -- effects, in their order; `durable` is called on the commit thread ------

  void append(const core::append_items& x, callback durable);
  void record(const core::store_record& x, callback durable);
  /// Waits for the disk. @param durable Not called after an error.
  [[nodiscard]] result<nothing>
  replace(const core::replace_state& x, callback durable);

  // -- checkpoints: the service's state, so that the log may begin later ------

  /// Bytes of items since the last one.
  [[nodiscard]] std::uint64_t grown() const {
    return grown_;
  }
  /// Of the last one's state.
  [[nodiscard]] std::uint64_t state_bytes() const {
    return state_bytes_;
  }
  /// Waits for the disk; any one thread, while no other one calls `replace`,
  /// `install` or this. What is written waits for `install`, or for the next
  /// state, which makes it void. @returns as `ordered_log::begin_snapshot`.
  [[nodiscard]] result<nothing>
  write(const core::order_position& position, std::string_view state);
  /// @returns whether something had been written.
  bool install(callback installed);

private:
  multicast_log() = default;

  [[nodiscard]] result<nothing> recover();
  [[nodiscard]] result<nothing> recover_snapshot(core::stored_group& group);
  [[nodiscard]] result<nothing>
  recover_items(core::stored_group& group, std::uint64_t keep);
  [[nodiscard]] result<std::unique_ptr<storage::snapshot_draft>>
  write_state(const core::order_position& position, std::string_view state,
              std::uint64_t era, const core::group_record& record) const;

  std::unique_ptr<storage::ordered_log> log_;
  /// A checkpoint that is written. There can be one at a time.
  std::unique_ptr<storage::snapshot_draft> draft_;
  std::uint64_t draft_bytes_ = 0; ///< Of its state.
  found found_;
  std::uint64_t last_ = 0; ///< Place of the last item handed in.
  /// Counts what voids items: those of an older era than the last record's, and
  /// above its `keep`, do not count.
  std::uint64_t era_ = 0;
  std::uint64_t grown_ = 0;
  std::uint64_t state_bytes_ = 0;
};

} // namespace dfs::fileserver
