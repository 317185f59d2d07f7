#pragma once

#include "client/versions/state_reader.hpp"
#include "client/versions/version_session.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::client {

/// A versioned file as its readers see it: its kept versions, as old as `open`.
/// One thread.
class version_view : public std::enable_shared_from_this<version_view> {
public:
  using answer = std::function<void(result<nothing>)>;

  /// @param bytes Those of the newest version, if they are few, are to come at
  ///   once.
  version_view(version_session& session, std::string path,
               std::chrono::milliseconds timeout, bool bytes = false);

  /// No older than anything that was acknowledged before (SPEC V4). May be
  /// repeated. Errors: those of `msg::locate_file` and of `state_reader`.
  void open(answer then);

  /// The newest, if it has bytes. Errors: `ec::not_found`, also when it was
  /// deleted, with advice.
  [[nodiscard]] result<msg::file_version> newest() const;

  /// Errors: `ec::not_found`, naming those there are.
  [[nodiscard]] result<msg::file_version> version(version_number number) const;

  /// Newest first; none: nobody has put anything.
  [[nodiscard]] const std::vector<msg::file_version>& versions() const {
    return found_.state.manifest.versions;
  }
  [[nodiscard]] const file_place& place() const {
    return place_;
  }
  /// Who keeps it.
  [[nodiscard]] const msg::group_location& group() const {
    return session_.places->group(place_.group);
  }
  /// Have the newest version.
  [[nodiscard]] const std::vector<store_id>& holders() const {
    return found_.holders;
  }
  /// All of the newest version, if it came.
  [[nodiscard]] const std::optional<piece>& bytes() const {
    return found_.bytes;
  }
  [[nodiscard]] const std::string& path() const {
    return path_;
  }
  [[nodiscard]] std::chrono::milliseconds timeout() const {
    return timeout_;
  }

private:
  /// What is under way at once for a name that is remembered.
  struct opening;

  void joined(const opening& x);
  void look_up(answer then);
  void read(bool looked_up, answer then);

  version_session& session_;
  std::string path_;
  std::chrono::milliseconds timeout_;
  bool bytes_;
  file_place place_;
  inode_id doubted_; ///< Is not there, or closed: does the name still mean it?
  state_found found_;
};

/// "3 to 7".
[[nodiscard]] std::string
version_numbers(const std::vector<msg::file_version>& newest_first);

} // namespace dfs::client
