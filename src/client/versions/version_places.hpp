#pragma once

#include "base/time.hpp"
#include "client/master_port.hpp"
#include "core/versions/name_lease.hpp"
#include "messages/version_data.hpp"
#include "messages/version_file.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs::client {

/// A versioned file, as its name was looked up.
struct file_place {
  msg::file_status status;
  std::uint64_t looked_up_at = 0; ///< Position of the master's log.
  group_id group;

  [[nodiscard]] bool is_same_file(const file_place& x) const {
    return status.inode == x.status.inode && group == x.group;
  }
};

/// What a client remembers of the master's answers: which file a name is, and
/// who keeps its group. Both may be old. Of a name each operation asks
/// (`confirm`) unless a lease covers it, of a group whoever finds out says so
/// (`refresh`). One thread, that of the operations.
class version_places : public std::enable_shared_from_this<version_places> {
public:
  using duration = std::chrono::milliseconds;
  using found = std::function<void(const result<file_place>&)>;
  using located = std::function<void(const result<nothing>&)>;

  /// Names, and groups, that are remembered; then all are forgotten.
  static constexpr std::size_t remembered_max = 16 * 1024;

  version_places(boost::asio::io_context& io, master_port& master)
    : io_{io},
      master_{master} {
    // nop
  }

  /// The place as it is remembered; null: it is not.
  [[nodiscard]] const file_place* known(const std::string& path) const;

  /// So long an operation waits for the master's word about a remembered name.
  static constexpr duration confirm_patience{1'000};
  /// Then for so long operations do not ask at all.
  static constexpr duration confirm_pause{5'000};
  /// An answer that comes by then counts for the operations that follow.
  static constexpr duration late_patience{15'000};

  /// Asks the master whether a remembered name means the same file still, and
  /// tells what it means now; with a lease of names there is no need to ask. If
  /// the master does not answer in time, what is remembered counts. May call
  /// back at once. @pre `known(path)`.
  /// Errors: `msg::locate_file`.
  void confirm(const std::string& path, duration patience, found then);

  /// Asks the master. Errors: `msg::locate_file`.
  void find(const std::string& path, duration patience, found then);

  /// The same; makes the name. Errors: `msg::create_versioned`.
  void create(const msg::create_versioned& what, duration patience, found then);

  /// The name may mean something else by now.
  void forget(const std::string& path);

  /// Asks who keeps the group now. Errors: `msg::locate_group`.
  /// @param unreachable This primary could not be reached; zero: none.
  /// @param failed What was known of the set did not work.
  void refresh(group_id group, store_id unreachable, bool failed,
               duration patience, located then);

  /// As far as known; an empty set if nothing is.
  [[nodiscard]] const msg::group_location& group(group_id id) const;

  /// Where a server of the group is.
  [[nodiscard]] std::optional<msg::version_server>
  server(group_id group, store_id store) const;

  /// "10.0.0.3:7003, 10.0.0.4:7003"
  [[nodiscard]] std::string
  names(group_id group, const std::vector<store_id>& stores) const;

private:
  /// Where the master's log was when the name was looked up; 0: it is not
  /// known.
  [[nodiscard]] std::uint64_t position_of(const std::string& path) const;

  /// A question about a name, when it was asked.
  struct question {
    std::string path;
    std::uint64_t before = 0; ///< `position_of(path)`.
    boot_instant asked;
  };

  [[nodiscard]] question ask_about(const std::string& path) const;
  void learn(const question& q, const result<msg::file_located>& x,
             const found& then);
  void learn(const msg::group_location& x);

  void without_answer(const file_place& before, const found& then);

  boost::asio::io_context& io_;
  master_port& master_;
  std::map<std::string, file_place> files_;
  std::map<group_id, msg::group_location> groups_;
  core::name_lessee names_;
  instant confirm_from_{}; ///< Before, the master did not answer.
};

} // namespace dfs::client
