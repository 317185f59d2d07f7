#pragma once

#include "storage/versions/content_store.hpp"
#include "storage/versions/group_store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rocksdb {
class Env;
} // namespace rocksdb

namespace dfs::storage {

struct version_store_options {
  /// As of chunk volumes; `known`, `mode` and `on_failure` are set here.
  store_options chunks;
  durability mode = durability::durable;
  /// Kept free where the rows are, for removals: below it contents are refused.
  std::uint64_t rows_reserve = 64u << 20;
  /// An unfinished content that nothing is added to goes after this; for a
  /// whole one `content_store::due` asks then.
  std::chrono::milliseconds staged_life{std::chrono::hours{1}};
  /// Called once when rows cannot be written: the process is to end. On any
  /// thread; must not block, nor call the store.
  std::function<void(const error&)> on_rows_failure;
  /// The same of a volume (`content_store::tick` says what is lost).
  std::function<void(const std::string& path, const error&)> on_volume_failure;
  rocksdb::Env* env = nullptr; ///< For tests, of the rows.
};

/// All that a file server keeps: contents and rows of its replica groups
/// (docs/formats/version_store.md). One process holds it at a time.
class version_store {
public:
  /// Opens it, or makes it. Pending rows are decided, what nobody names goes.
  /// A volume that is not there, or broken, is left out, as long as there is
  /// another one: what was on it is lost.
  /// @param volumes Directories for contents, one on each disk.
  /// @param rows Directory for rows.
  /// @returns `ec::in_use`; `ec::configuration` (another node's or cluster's,
  ///   vanished; no volume is there); `ec::unsupported` (a newer format);
  ///   `ec::integrity` (rows that are damaged, or fewer than were durable: it
  ///   has to come as a new store); `ec::io_error`, `ec::full`. One line.
  [[nodiscard]] static result<std::unique_ptr<version_store>>
  open(file_io& io, const std::vector<std::string>& volumes,
       const std::string& rows, const store_owner& owner,
       version_store_options options);

  /// As `close`.
  ~version_store();
  version_store(const version_store&) = delete;
  version_store& operator=(const version_store&) = delete;

  /// Syncs everything, and ends. Who waits is told. May be repeated.
  void close();

  [[nodiscard]] content_store& contents() {
    return *contents_;
  }
  [[nodiscard]] group_store& groups() {
    return *groups_;
  }
  /// Those that are there.
  [[nodiscard]] const std::vector<std::unique_ptr<chunk_store>>&
  volumes() const {
    return volumes_;
  }
  /// That were ever made durable here. Never less than before, unless the disk
  /// went back to an older state.
  [[nodiscard]] std::uint64_t rows() const {
    return metadata_->durable_sequence();
  }
  /// What the start found wrong: a line each.
  [[nodiscard]] const std::vector<std::string>& troubles() const {
    return troubles_;
  }

  /// To be called a few times a second: sends what waits too long, frees,
  /// abandons. @returns contents that are lost since.
  std::vector<msg::put_id> tick(instant now);

private:
  struct recovery;

  version_store() = default;

  std::unique_ptr<metadata_store> metadata_;
  std::vector<std::unique_ptr<chunk_store>> volumes_;
  std::unique_ptr<row_writer> rows_;
  std::unique_ptr<content_store> contents_;
  std::unique_ptr<group_store> groups_;
  std::vector<std::string> troubles_;
  std::optional<instant> deferred_since_;
};

} // namespace dfs::storage
