#pragma once

#include "admin/output.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dfs::admin {

/// What a transfer has done: a bar with rate and time left while it runs, on a
/// terminal only, and a line when it is over.
///
///   put big.iso   [#########>           ]  45 %  231.0 MiB of 512.0 MiB  310.2
///   MiB/s  0.91s left
class progress {
public:
  /// @param total Bytes; nothing: not known.
  progress(output& out, std::string what, std::optional<std::uint64_t> total);

  /// Erases the bar.
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// So many bytes more.
  void add(std::uint64_t bytes);

  /// Of a tree: files that are complete.
  void add_file();

  /// More is to be done than was known.
  void add_total(std::uint64_t bytes);

  [[nodiscard]] std::uint64_t bytes() const {
    return bytes_;
  }
  [[nodiscard]] std::uint64_t files() const {
    return files_;
  }
  [[nodiscard]] std::chrono::nanoseconds elapsed() const;

  /// "512.0 MiB in 1.50s, 341.3 MiB/s"
  [[nodiscard]] std::string summary() const;

  /// The same for programs.
  void add_to(record& x) const;

  /// The bar as it is at a moment; for tests.
  [[nodiscard]] std::string line(instant now) const;

private:
  void draw();
  void erase();

  output& out_;
  std::string what_;
  std::optional<std::uint64_t> total_;
  std::uint64_t bytes_ = 0;
  std::uint64_t files_ = 0;
  instant began_;
  instant drawn_;
  bool visible_ = false;
};

} // namespace dfs::admin
