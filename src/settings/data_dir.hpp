#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/utc_time.hpp"
#include "settings/files.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace dfs::settings {

/// Whose data a directory holds.
struct directory_owner {
  std::string cluster; ///< 16 hex digits.
  std::string node;    ///< As in its certificate.

  bool operator==(const directory_owner&) const = default;
};

/// What stands in the file `identity` (docs/formats/data_dir.md).
struct directory_identity {
  directory_owner owner;
  store_id store;               ///< Random, never zero, never changes.
  unix_milliseconds last_start; ///< The newest incarnation's stamp.

  bool operator==(const directory_identity&) const = default;
};

[[nodiscard]] std::string to_text(const directory_identity& x);

/// @returns `ec::malformed`, or `ec::unsupported` for a newer format.
[[nodiscard]] result<directory_identity> parse_identity(std::string_view text);

/// A node's data directory, held for the life of the process: nobody else can
/// open it meanwhile. Holds the node's view of itself. Not for several threads.
///
///  I1  At most one process holds a directory (flock on the file `lock`).
///  I2  A stamp that `next_start` returned is on the disk, and larger than all
///      that this directory ever gave: no two incarnations share one.
///  I3  The store id never changes.
class data_dir {
public:
  /// Opens, or creates (0700) where there is nothing or an empty directory.
  /// Writes nothing into a directory that it refuses.
  /// @returns `ec::in_use` (another process holds it), `ec::configuration`
  ///   (another node's or cluster's, not empty and no data directory, damaged,
  ///   of a newer format, or not writable): both end a start with status 2. The
  ///   context is one line with how to mend.
  [[nodiscard]] static result<data_dir>
  open(const std::string& path, const directory_owner& owner);

  /// Who holds the directory `path`: a pid, or "?" if it left none; empty if
  /// nobody does or it cannot be said. Writes nothing.
  [[nodiscard]] static std::string holder(const std::string& path);

  /// The stamp of a new incarnation: `now`, or one more than the last.
  /// @returns `ec::io_error`, `ec::denied`; the stamp is not to be used then.
  [[nodiscard]] result<unix_milliseconds> next_start(unix_milliseconds now);

  /// Undoes an `open` that made the directory's identity, for a start that came
  /// to nothing: removes what it wrote, and the directory if `open` made it and
  /// nothing else is in it. Does nothing to a directory that held an identity
  /// before.
  void forget_if_new();

  /// This start made it.
  [[nodiscard]] bool is_new() const {
    return made_.identity;
  }

  [[nodiscard]] const std::string& path() const {
    return path_;
  }
  [[nodiscard]] const directory_identity& identity() const {
    return identity_;
  }
  [[nodiscard]] store_id store() const {
    return identity_.store;
  }

private:
  /// What `open` has made.
  struct novelty {
    bool directory = false;
    bool identity = false;
  };

  data_dir(std::string path, file_descriptor lock, directory_identity identity,
           novelty made);

  std::string path_;
  file_descriptor lock_;
  directory_identity identity_;
  novelty made_;
};

} // namespace dfs::settings
