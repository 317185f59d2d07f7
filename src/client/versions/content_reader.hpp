#pragma once

#include "client/range_reader.hpp"
#include "client/versions/content_fetch.hpp"
#include "client/versions/version_session.hpp"
#include "client/versions/version_view.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace dfs::client {

struct content_read : range_read {
  msg::file_version version; ///< Of the view.
};

/// Brings a version, or a part of it, from several servers.
///
///  I1  Each part is checked (`content_fetch`, I1); a whole version also has
///      the checksum that its manifest says, or it ends with `ec::integrity`.
///
/// One thread, that of the session.
class content_reader final : public range_reader {
public:
  /// @param view Open.
  content_reader(version_session& session, std::shared_ptr<version_view> view,
                 std::shared_ptr<byte_sink> sink, const content_read& what);

private:
  [[nodiscard]] std::shared_ptr<content_reader> self();

  void prepare() override;
  bool ask_next() override;
  [[nodiscard]] bool through() const override;
  void handing_on(const piece& x) override;
  [[nodiscard]] result<nothing> verify() const override;
  [[nodiscard]] bool whole() const;

  version_session& session_;
  std::shared_ptr<version_view> view_;
  msg::file_version version_;
  std::uint32_t checksum_ = 0; ///< Of what was handed on.
};

/// A version as a source. @param view Open.
class content_source final : public read_source {
public:
  content_source(version_session& session, std::shared_ptr<version_view> view,
                 msg::file_version version);

  [[nodiscard]] std::optional<std::uint64_t> length() const override;

private:
  [[nodiscard]] std::shared_ptr<range_reader>
  reader_of(range_read what, std::shared_ptr<byte_sink> sink) override;

  version_session& session_;
  std::shared_ptr<version_view> view_;
  msg::file_version version_;
};

} // namespace dfs::client
