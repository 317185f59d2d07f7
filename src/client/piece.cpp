#include "client/piece.hpp"

#include "base/crc32c.hpp"

#include <algorithm>

namespace dfs::client {

std::vector<std::uint32_t>
block_crcs(std::string_view bytes, std::uint32_t offset) {
  std::vector<std::uint32_t> crcs;
  crcs.reserve(bytes.size() / msg::block_size + 2);
  std::size_t part = msg::block_size - offset % msg::block_size;
  for (; !bytes.empty(); part = msg::block_size) {
    part = std::min(part, bytes.size());
    crcs.push_back(crc32c(bytes.substr(0, part)));
    bytes.remove_prefix(part);
  }
  return crcs;
}

} // namespace dfs::client
