#pragma once

#include "net/descriptor.hpp"

#include <span>
#include <string>

// Calls of the system that end the program where they fail.

namespace dfs::bench {

using file = net::descriptor;

/// @param flags As for open(2).
[[nodiscard]] file open_file(const std::string& path, int flags);

/// Closes and looks at the result: a file system may refuse bytes that late.
void close_file(file what, const std::string& path);

void make_directory(const std::string& path); ///< Fine if it is there.

void write_all(const file& to, std::span<const char> bytes);

void sync(const file& what);

/// @returns Less than asked for only at the end of the file.
[[nodiscard]] std::size_t read_all(const file& from, std::span<char> room);

/// Cached pages of it are not wanted; with `random` no others in advance.
void forget_pages(const file& what, bool random);

} // namespace dfs::bench
