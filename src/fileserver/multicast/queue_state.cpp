#include "fileserver/multicast/queue_state.hpp"

#include "core/queues/snapshot_pages.hpp"
#include "messages/queue_inspect.hpp"
#include "wire/codec.hpp"

#include <cstdint>
#include <utility>

namespace dfs::fileserver {

std::string encode_state(core::queue_machine state) {
  std::string out;
  core::snapshot_writer pages{std::move(state)};
  while (const auto page = pages.next()) {
    const auto bytes = wire::encode(*page);
    for (unsigned shift = 0; shift < 32; shift += 8)
      out.push_back(static_cast<char>(bytes.size() >> shift));
    out += bytes;
  }
  return out;
}

result<core::queue_machine> decode_state(std::string_view bytes) {
  core::snapshot_loader loader;
  while (!bytes.empty()) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4 && i < bytes.size(); ++i)
      size |= static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[i]))
              << (8 * i);
    if (bytes.size() < 4 || bytes.size() - 4 < size)
      return fail(ec::malformed, "a snapshot of the queues is cut short");
    auto page = wire::decode<msg::queue_page>(bytes.substr(4, size));
    if (!page)
      return page.error();
    if (auto taken = loader.take(*std::move(page)); !taken)
      return taken.error();
    bytes.remove_prefix(4 + size);
  }
  return loader.finish();
}

} // namespace dfs::fileserver
