#pragma once

#include "admin/file_transfer.hpp"
#include "messages/namespace.hpp"

#include <cstdint>
#include <functional>
#include <string>

// What puts, copies and gets of trees share.

namespace dfs::admin {

/// What the files of a tree came to.
class tree_report {
public:
  tree_report(verb_context& context, std::string name)
    : context_{context},
      shown_{context.out, std::move(name), std::nullopt} {
    // nop
  }

  void failed(error why, const std::string& file);

  void left_out() {
    ++left_out_;
  }

  /// Nothing more is done.
  [[nodiscard]] error stopped(const error& why, const std::string& target);

  result<exit_code> finish(const std::string& target);

  [[nodiscard]] progress& shown() {
    return shown_;
  }

private:
  /// A disk that is full fails a million files: nobody reads that.
  static constexpr std::uint64_t complaints_max = 20;

  verb_context& context_;
  progress shown_;
  std::uint64_t failures_ = 0;
  std::uint64_t left_out_ = 0;
  ec first_ = ec::io_error;
};

using entry_visit = std::function<result<nothing>(const msg::list_entry&)>;

/// Every entry of a directory of the cluster, page by page. A directory that
/// cannot be listed is complained about. @returns as `side_by_side::begin`.
result<nothing> each_entry(client::file_client& files, tree_report& report,
                           const std::string& path, const entry_visit& visit);

/// @returns `ec::not_directory` for a file, with advice; what the master says.
result<nothing> check_directory(verb_context& context,
                                client::file_client& files,
                                const std::string& path);

} // namespace dfs::admin
