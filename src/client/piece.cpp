#include "client/piece.hpp"

#include "base/crc32c.hpp"

#include <algorithm>
#include <utility>

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

piece part_of(const piece& x, std::size_t begin, std::size_t length,
              std::uint64_t offset) {
  net::data_buffer bytes{
    std::shared_ptr<char>{x.bytes.keep(), x.bytes.data() + begin}, length};
  const auto in_block = static_cast<std::uint32_t>(offset % msg::block_size);
  auto crcs = block_crcs(bytes.view(), in_block);
  return {std::move(bytes), std::move(crcs), x.room};
}

} // namespace dfs::client
