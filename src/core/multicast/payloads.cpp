#include "core/multicast/payloads.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::core {

namespace {

void put(std::string& out, std::uint64_t x) {
  for (int i = 0; i < 8; ++i)
    out.push_back(static_cast<char>(x >> (8 * i) & 0xff));
}

bool take(std::string_view& in, std::uint64_t& x) {
  if (in.size() < 8)
    return false;
  x = 0;
  for (int i = 7; i >= 0; --i)
    x = x << 8 | static_cast<std::uint8_t>(in[static_cast<std::size_t>(i)]);
  in.remove_prefix(8);
  return true;
}

} // namespace

void pack(std::string& body, std::string_view payload) {
  DFS_ASSERT(packed_bytes(payload.size()) <= msg::multicast_body_bytes_max);
  body.push_back(static_cast<char>(payload.size() & 0xff));
  body.push_back(static_cast<char>(payload.size() >> 8));
  body.append(payload);
}

std::vector<std::string_view> unpack(std::string_view body) {
  std::vector<std::string_view> payloads;
  while (body.size() >= 2) {
    const auto size
      = static_cast<std::size_t>(static_cast<std::uint8_t>(body[0]))
        | static_cast<std::size_t>(static_cast<std::uint8_t>(body[1])) << 8;
    if (size > body.size() - 2)
      break;
    payloads.push_back(body.substr(2, size));
    body.remove_prefix(2 + size);
  }
  return payloads;
}

std::vector<std::pair<msg::body_kind, std::string>>
split(std::string_view payload, std::size_t most) {
  using kind = msg::body_kind;
  std::vector<std::pair<kind, std::string>> pieces;
  // Two at least: `last` alone would be a payload without a beginning.
  const auto piece = std::clamp<std::size_t>((payload.size() + 1) / 2, 1, most);
  while (!payload.empty()) {
    const auto size = std::min(piece, payload.size());
    pieces.emplace_back(pieces.empty() ? kind::first : kind::middle,
                        payload.substr(0, size));
    payload.remove_prefix(size);
  }
  if (!pieces.empty())
    pieces.back().first = kind::last;
  return pieces;
}

std::string encode(const order_position& x) {
  std::string out;
  put(out, x.k);
  put(out, x.chain);
  put(out, x.marks.size());
  for (const auto& [server, mark] : x.marks) {
    put(out, server.value());
    put(out, mark.first.value());
    put(out, mark.second);
  }
  put(out, x.partials.size());
  for (const auto& [server, partial] : x.partials) {
    put(out, server.value());
    put(out, partial.life.value());
    put(out, partial.bytes.size());
    out += partial.bytes;
  }
  return out;
}

std::optional<order_position> decode_position(std::string_view in) {
  order_position x;
  std::uint64_t count = 0;
  if (!take(in, x.k) || !take(in, x.chain) || !take(in, count))
    return std::nullopt;
  while (count-- > 0) {
    std::uint64_t server = 0, life = 0, q = 0;
    if (!take(in, server) || !take(in, life) || !take(in, q))
      return std::nullopt;
    x.marks[server_id{server}] = {life_id{life}, q};
  }
  if (!take(in, count))
    return std::nullopt;
  while (count-- > 0) {
    std::uint64_t server = 0, life = 0, size = 0;
    if (!take(in, server) || !take(in, life) || !take(in, size)
        || size > in.size())
      return std::nullopt;
    x.partials[server_id{server}]
      = {life_id{life}, std::string{in.substr(0, size)}};
    in.remove_prefix(size);
  }
  if (!in.empty())
    return std::nullopt;
  return x;
}

std::vector<std::string> deliver_next(order_position& at,
                                      const msg::message_body& body,
                                      std::uint64_t chain, std::size_t most) {
  using kind = msg::body_kind;
  std::vector<std::string> whole;
  const auto server = body.number.server;
  ++at.k;
  at.chain = chain;
  at.marks[server] = {body.number.life, body.number.q};
  if (body.kind == kind::packed) {
    at.partials.erase(server);
    for (const auto payload : unpack(body.bytes))
      whole.emplace_back(payload);
    return whole;
  }
  if (body.kind == kind::first)
    at.partials[server] = {body.number.life, {}};
  const auto partial = at.partials.find(server);
  // The rest of one whose beginning died with an earlier life, or was too big.
  if (partial == at.partials.end() || partial->second.life != body.number.life)
    return whole;
  if (partial->second.bytes.size() + body.bytes.size() > most) {
    at.partials.erase(partial);
    return whole;
  }
  partial->second.bytes += body.bytes;
  if (body.kind == kind::last) {
    whole.push_back(std::move(partial->second.bytes));
    at.partials.erase(partial);
  }
  return whole;
}

} // namespace dfs::core
