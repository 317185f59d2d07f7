#pragma once

#include "admin/progress.hpp"
#include "admin/verb.hpp"
#include "client/file_client.hpp"
#include "client/local_files.hpp"
#include "messages/version.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

// What the verbs that move bytes share.

namespace dfs::admin {

/// Adds what a person can try to an error of a transfer (SPEC S7).
/// @param what The file it is about, put in front unless it is named already.
[[nodiscard]] error
explain_transfer(error why, verb_context& context, const std::string& what);

/// The last component; "" of the root.
[[nodiscard]] std::string base_name(const std::string& path);

/// Where something of that name comes to lie if a person says `to`: below it,
/// if it ends with a slash or is a directory, and there otherwise.
/// @returns what asking the master says; `ec::invalid_argument`: nothing that
///   has no name of its own ("" or "-", standard input) goes into a directory.
[[nodiscard]] result<std::string> target_path(verb_context& context,
                                              const std::string& to,
                                              const std::string& name);

struct put_options {
  bool recursive = false;
  bool force = false;
  bool parents = false;
  bool resume = false;

  /// All but `--resume`, which only what is local can do.
  /// @param directory Where the files of a tree go: "PATH".
  void declare(parameters& to, const std::string& from,
               const std::string& directory);
};

/// Stores what a source gives, with a bar, and says what it came to: a file of
/// chunks, or a version, as the place is for.
/// @param said What programs are told of it, before the path.
[[nodiscard]] result<exit_code>
store_file(verb_context& context, std::shared_ptr<client::byte_source> source,
           const std::string& path, const put_options& how, record said);

struct get_range {
  std::uint64_t begin = 0;
  std::optional<std::uint64_t> length; ///< To the end, without.
  bool raw = false;                    ///< Padding, too.
  version_number version;              ///< Of a versioned file; 0: the newest.
};

/// A range of a file of either class to a sink. Checks that what was to be
/// there came. The progress learns the total. @returns how many bytes. Errors:
/// `ec::invalid_argument` when the range begins behind the end.
[[nodiscard]] result<std::uint64_t>
read_range(verb_context& context, const std::string& path,
           const get_range& range, const std::shared_ptr<client::byte_sink>& to,
           progress* shown);

/// The same to standard output, behind what was printed before.
[[nodiscard]] result<std::uint64_t> print_range(verb_context& context,
                                                const std::string& path,
                                                const get_range& range);

/// Transfers side by side, on the loop of a client: a new one begins when one
/// has ended, so that many small files do not wait for each other.
class side_by_side {
public:
  /// So many small files are under way at once: enough to keep three servers'
  /// disks busy with syncs.
  static constexpr std::size_t at_once = 16;

  using ended = std::function<void(result<nothing>)>;

  explicit side_by_side(client::file_client& client) : client_{client} {
    // nop
  }

  /// Begins one, when there is room. @param start Calls back once; what it
  /// returns cancels. @returns `ec::cancelled` after a signal.
  [[nodiscard]] result<nothing>
  begin(const std::function<std::function<void()>(ended)>& start);

  /// Until all have ended. @returns as `begin`.
  [[nodiscard]] result<nothing> finish();

private:
  result<nothing> wait_until_at_most(std::size_t open);

  client::file_client& client_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::function<void()>> open_;
};

} // namespace dfs::admin
