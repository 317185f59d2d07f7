#pragma once

#include "core/versions/quorum_classes.hpp"
#include "messages/version.hpp"
#include "messages/version_notes.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace dfs::core {

/// A version as the master's names show it.
[[nodiscard]] inline msg::noted_version
noted(inode_id file, const msg::file_version& x, quorum_class of) {
  return {file, x.number, x.kind, x.bytes, x.time_ms, of};
}

/// Notes for the master's names that have no receipt yet: a file server's view,
/// over all masters that it meets in one life. Pure.
///
///  K1  A note stays until one of these: a receipt for its page; a newer note
///      of its file; its file, which it calls closed, is forgotten;
///      `start_over`.
///  K2  "This group is told" travels when every note that was put before it has
///      its receipt.
class note_ledger {
public:
  struct page {
    std::uint64_t ticket = 0;
    std::vector<msg::noted_version> files;
    std::vector<msg::told_group> told;
  };

  /// Of a file only the newest counts: puts come by the thousand.
  void put(const msg::noted_version& x);
  void put(const msg::told_group& x);

  /// `msg::notes_page_max` of each kind at most, which travel from here on.
  /// Nothing: there is none that may travel.
  [[nodiscard]] std::optional<page> take();
  /// A ticket that is not known belongs to a page that was given back.
  void receipted(std::uint64_t ticket);
  /// The page may not have arrived: it is to be taken again.
  void lost(std::uint64_t ticket);
  /// The name of this file is gone, durably: that it is closed is told.
  void forget_closed(inode_id file);
  /// Another master: all that travels is to be taken again.
  void lose_all();
  /// The master has lost rows behind its receipts, and primaries recall. What
  /// they have said about whole groups holds no more, nor what they say until
  /// `hear_told`. Notes from before go: who recalls has them, too, and knows
  /// whose file has ended since; the master does not, any more.
  void start_over();
  /// The primaries know.
  void hear_told() {
    hears_told_ = true;
  }

  [[nodiscard]] bool has_page() const;
  /// Notes without a receipt.
  [[nodiscard]] std::size_t size() const {
    return open_.size();
  }
  [[nodiscard]] std::size_t travelling() const;

private:
  struct note {
    msg::noted_version what;
    std::uint64_t place = 0; ///< In the order of `put`.
  };
  struct told {
    msg::told_group what;
    std::uint64_t behind = 0; ///< Places up to here have their receipts.
  };
  struct journey {
    std::vector<note> files;
    std::vector<told> groups;
  };

  void put_back(const note& x);
  void put_back(const told& x);
  [[nodiscard]] bool may_travel(const told& x) const;

  std::map<inode_id, note> waiting_;
  std::map<group_id, told> told_;
  std::map<std::uint64_t, journey> journeys_; ///< By ticket.
  std::set<std::uint64_t> open_;              ///< Places without a receipt.
  bool hears_told_ = true;
  std::uint64_t places_ = 0;
  std::uint64_t tickets_ = 0;
  inode_id taken_to_; ///< By turns, so that no file waits for busy ones.
};

} // namespace dfs::core
