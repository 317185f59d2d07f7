#pragma once

#include "client/byte_source.hpp"
#include "client/disk_thread.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

// Local files, pipes and terminals as sources and sinks of transfers.

namespace dfs::client {

/// A local file's bytes, or what standard input gives. Notices a file that
/// changes or vanishes while it is read.
class local_source final : public byte_source {
public:
  /// @param path "-" is standard input. @returns `ec::not_found`,
  ///   `ec::is_directory`, `ec::denied` (no permission), `ec::io_error`.
  [[nodiscard]] static result<std::shared_ptr<local_source>>
  open(const std::string& path, disk_thread& disk);

  ~local_source() override;

  [[nodiscard]] std::optional<std::uint64_t> length() const override;
  [[nodiscard]] bool rewinds() const override;
  void read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<piece>)> then) override;
  /// What there is, without waiting for more; nothing only at the end. For who
  /// reads one after another, from zero.
  void read_some(std::uint64_t offset, net::data_buffer into,
                 std::function<void(result<net::data_buffer>)> then);
  [[nodiscard]] std::string fingerprint() const override;
  void verify(std::function<void(result<nothing>)> then) override;

private:
  struct file;

  local_source(std::shared_ptr<const file> opened, disk_thread& disk);

  std::shared_ptr<const file> file_; ///< Shared with the thread.
  disk_thread& disk_;
};

/// A local file that is complete or not there: bytes go under a temporary name
/// beside it, and `commit` syncs and renames. Or a stream: standard output.
class local_sink final : public byte_sink {
public:
  /// Creates the temporary file; an existing target is replaced in the end. A
  /// device or a pipe is written to, as a stream, and stays what it is.
  /// @returns `ec::not_found` (no such directory), `ec::denied`,
  ///   `ec::is_directory`, `ec::io_error`.
  [[nodiscard]] static result<std::shared_ptr<local_sink>>
  create(const std::string& path, disk_thread& disk);

  /// To a descriptor that stays open, such as 1.
  [[nodiscard]] static std::shared_ptr<local_sink>
  to_stream(int descriptor, std::string name, disk_thread& disk);

  /// Removes what was not committed.
  ~local_sink() override;

  void write(std::uint64_t offset, piece bytes,
             std::function<void(result<nothing>)> then) override;

  /// After the last write was answered. @param durable Synced first.
  void commit(bool durable, std::function<void(result<nothing>)> then);

private:
  struct file;

  local_sink(std::shared_ptr<file> opened, disk_thread& disk);

  std::shared_ptr<file> file_; ///< Shared with the thread.
  disk_thread& disk_;
};

} // namespace dfs::client
