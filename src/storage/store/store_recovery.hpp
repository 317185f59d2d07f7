#pragma once

#include "storage/store/store_core.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace dfs::storage {

/// Builds a store's table from its log, and brings the files in line with it.
/// Once per start, before anything else.
///
/// A damaged stretch of the log takes those chunks out of service whose records
/// it held, unless a later record says everything anew: one record is known by
/// its neighbour, several by the tallies behind them. If nothing tells whose
/// they were, every chunk goes that no later record vouches for.
class store_recovery : public log_visitor {
public:
  explicit store_recovery(store_core& core);

  /// Scans, then repairs. What is wrong goes to `core.damages`.
  /// @returns `ec::configuration` (a newer format), `ec::io_error`, `ec::full`.
  [[nodiscard]] result<nothing> run();

  void on_record(const record_header& header, std::string_view meta,
                 std::string_view data) override;
  void on_hole(const log_hole& hole) override;

private:
  /// Data in the log that may not be in its chunk's file.
  struct redo {
    log_position record;
    log_position data;
    std::uint64_t file = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
  };
  /// A chunk that cannot be trusted, and what is left of it in the log.
  struct broken_chunk {
    std::string why;
    log_position data;
    std::uint32_t length = 0;
    std::uint64_t file = 0; ///< One that the log has lost sight of.
  };
  /// Where the bytes of a packed chunk in quarantine are, if not in a file.
  struct aside {
    log_position data;
    std::uint32_t length = 0;
  };
  class counter;

  void replace(chunk_id id);
  [[nodiscard]] bool follows(const record_header& header);
  void on_created(const record_header& header, std::string_view meta);
  void on_packed(const record_header& header, std::string_view meta);
  void on_mutation(const record_header& header, std::string_view meta);
  void on_versioned(const record_header& header, std::string_view meta);
  void on_state(const record_header& header, std::string_view meta);
  void on_quarantined(const record_header& header, std::string_view meta);
  void on_checkpoint(std::string_view meta);
  void on_segments(std::string_view meta);
  void on_tally(std::string_view meta);
  void note_redo(const record_header& header, std::uint64_t file,
                 std::uint32_t offset);
  void break_chunk(chunk_id id, const std::string& why);
  void settle_holes();
  [[nodiscard]] result<nothing> settle_segments();
  [[nodiscard]] result<nothing> settle_files();
  [[nodiscard]] bool can_be_rewritten(chunk_id id, const loose_chunk& x) const;
  [[nodiscard]] result<nothing>
  rewrite(chunk_id id, loose_chunk& x, const std::vector<redo>& steps);
  [[nodiscard]] result<nothing> settle_quarantine();
  [[nodiscard]] result<nothing> set_broken_aside();

  store_core& core_;
  std::unordered_map<chunk_id, std::vector<redo>> redo_;
  std::map<chunk_id, broken_chunk> broken_;
  std::map<chunk_id, aside> aside_;
  std::vector<log_hole> holes_; ///< Of which it is not known whose they are.
  /// Whose records are lost, and where.
  std::vector<std::pair<chunk_id, std::string>> lost_;
  std::vector<std::uint32_t> listed_; ///< Segments, as the log says.
  std::uint32_t listed_by_ = 0;       ///< Which segment says so.
  bool damaged_ = false;
};

} // namespace dfs::storage
