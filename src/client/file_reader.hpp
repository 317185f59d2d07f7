#pragma once

#include "client/chunk_reader.hpp"
#include "client/file_session.hpp"
#include "client/file_view.hpp"
#include "client/range_reader.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace dfs::client {

/// Brings a range of a file: over chunks and their replicas, and checked
/// (`chunk_reader`, I1). The end of a growing file is where it is when the
/// reader gets there.
///
/// One thread, that of the session.
class file_reader final : public range_reader {
public:
  /// @param view Open.
  file_reader(file_session& session, std::shared_ptr<file_view> view,
              std::shared_ptr<byte_sink> sink, range_read what);

private:
  [[nodiscard]] std::shared_ptr<file_reader> self();

  bool ask_next() override;
  [[nodiscard]] bool through() const override;
  void read_piece(const stretch& what);
  void make_padding(std::uint32_t length);
  void end_told(std::uint64_t where, bool early);

  file_session& session_;
  std::shared_ptr<file_view> view_;
  bool end_asked_ = false; ///< A piece that tells the end is on its way.
  /// Where the last such piece ended early.
  std::optional<std::uint64_t> asked_end_at_;
  bool through_ = false; ///< Nothing more is to be asked for.
};

/// A file of the cluster as a source. @param view Open.
class cluster_source final : public read_source {
public:
  cluster_source(file_session& session, std::shared_ptr<file_view> view);

  [[nodiscard]] std::optional<std::uint64_t> length() const override;

private:
  [[nodiscard]] std::shared_ptr<range_reader>
  reader_of(range_read what, std::shared_ptr<byte_sink> sink) override;

  file_session& session_;
  std::shared_ptr<file_view> view_;
};

} // namespace dfs::client
