#include "wire/basp_filter.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::wire {

namespace {

using namespace std::string_view_literals;

// Header, big endian: operation u8, two unused, flags u8, payload length u32,
// operation data u64, source actor u64, destination actor u64.
enum operation : std::uint8_t {
  server_handshake = 0,
  client_handshake = 1,
  direct_message = 2,
  routed_message = 3,
  monitor_message = 4,
  down_message = 5,
  heartbeat = 6,
};

constexpr std::size_t flags_at = 3;
constexpr std::size_t length_at = 4;
constexpr std::uint8_t named_receiver_flag = 1;

// A client sends its handshake when it connects, and once more to select the
// connection when it has seen the server's.
constexpr int client_handshakes_max = 2;

constexpr std::size_t last_dropped_bytes_max = 80;

// A node id of the only kind that 0.17.6 makes: this atom, "default", then
// process id u32 and 20 bytes that name the host.
constexpr auto node_id_kind = "\x00\x00\x3e\x9a\xab\x9b\xac\x79"sv;

// Error: code u8, category u64, then a message, its context.
constexpr std::size_t error_head_bytes = 9;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint32_t length_in(std::string_view header) {
  std::uint32_t length = 0;
  for (auto at = length_at; at < length_at + 4; ++at)
    length = length << 8 | byte_at(header, at);
  return length;
}

bool is_node_id(std::string_view bytes) {
  return bytes.size() == basp_filter::node_id_bytes
         && bytes.substr(0, node_id_kind.size()) == node_id_kind;
}

} // namespace

std::string_view to_string(basp_fault x) {
  switch (x) {
    case basp_fault::unknown_operation:
      return "unknown operation";
    case basp_fault::payload_too_long:
      return "payload over the limit";
    case basp_fault::payload_length:
      return "payload length that does not fit the operation";
    case basp_fault::no_handshake:
      return "no handshake";
    case basp_fault::unexpected_handshake:
      return "unexpected handshake";
    case basp_fault::malformed_handshake:
      return "malformed handshake";
    case basp_fault::malformed_message:
      return "malformed message";
  }
  return "unknown fault";
}

basp_filter::basp_filter(const basp_limits& limits, basp_side speaker)
  : limits_{limits},
    side_{speaker} {
  DFS_ASSERT(limits.payload_bytes_max >= prefix_bytes);
}

std::optional<basp_fault>
basp_filter::feed(std::string_view bytes, std::string& out) {
  while (!fault_ && !bytes.empty()) {
    if (left_ > 0) {
      pass_rest(bytes, out);
      continue;
    }
    if (!in_payload_) {
      take(bytes, header_bytes);
      if (head_.size() < header_bytes)
        break;
      fault_ = judge_header();
      in_payload_ = true;
      if (fault_ || payload_bytes_ > 0)
        continue;
    }
    const auto prefix = std::min<std::size_t>(payload_bytes_, prefix_bytes);
    take(bytes, header_bytes + prefix);
    if (head_.size() < header_bytes + prefix)
      break;
    dropping_ = false;
    muting_ = false;
    if (fault_ = judge_payload(); fault_)
      break;
    ++(muting_     ? counters_.muted
       : dropping_ ? counters_.dropped
                   : counters_.passed);
    if (!dropping_)
      out += head_;
    left_ = payload_bytes_ - static_cast<std::uint32_t>(prefix);
    head_.clear();
    in_payload_ = false;
  }
  return fault_;
}

void basp_filter::take(std::string_view& bytes, std::size_t wanted) {
  const auto count = std::min(wanted - head_.size(), bytes.size());
  head_ += bytes.substr(0, count);
  bytes.remove_prefix(count);
}

void basp_filter::pass_rest(std::string_view& bytes, std::string& out) {
  const auto count = std::min<std::size_t>(left_, bytes.size());
  if (!dropping_)
    out += bytes.substr(0, count);
  bytes.remove_prefix(count);
  left_ -= static_cast<std::uint32_t>(count);
}

basp_filter::fault basp_filter::judge_header() {
  const auto operation = byte_at(head_, 0);
  payload_bytes_ = length_in(head_);
  if (operation > heartbeat)
    return basp_fault::unknown_operation;
  if (payload_bytes_ > limits_.payload_bytes_max)
    return basp_fault::payload_too_long;
  if ((payload_bytes_ == 0) != (operation == heartbeat))
    return basp_fault::payload_length;
  if (operation == server_handshake || operation == client_handshake)
    return judge_handshake_header();
  if (handshakes_ == 0)
    return basp_fault::no_handshake;
  if (operation == monitor_message && payload_bytes_ != 2 * node_id_bytes)
    return basp_fault::payload_length;
  return std::nullopt;
}

basp_filter::fault basp_filter::judge_handshake_header() {
  const auto client = side_ == basp_side::client;
  if (byte_at(head_, 0) != (client ? client_handshake : server_handshake)
      || ++handshakes_ > (client ? client_handshakes_max : 1))
    return basp_fault::unexpected_handshake;
  if (client ? payload_bytes_ != node_id_bytes
             : payload_bytes_ > handshake_bytes_max)
    return basp_fault::payload_length;
  return std::nullopt;
}

basp_filter::fault basp_filter::judge_payload() {
  const auto payload = std::string_view{head_}.substr(header_bytes);
  switch (byte_at(head_, 0)) {
    case server_handshake:
    case client_handshake:
      return judge_handshake(payload);
    case direct_message:
      // The first number counts actors that the answer would pass through. Ours
      // never do, and each one would be a handle of any node.
      if (payload[0] != 0)
        return basp_fault::malformed_message;
      // By name one reaches CAF's own servants: configuration and spawning. It
      // asks for the latter on each new connection, and does without.
      if ((byte_at(head_, flags_at) & named_receiver_flag) != 0) {
        dropping_ = true;
        muting_ = true;
        return std::nullopt;
      }
      return judge_message(payload.substr(1), false);
    case routed_message: // Between two other nodes: there are no relays here.
      drop("a message for another node");
      return std::nullopt;
    case monitor_message:
      return judge_node_pair(payload);
    case down_message:
      if (auto fault = judge_node_pair(payload); fault)
        return fault;
      return judge_error(payload.substr(2 * node_id_bytes));
    default:
      return std::nullopt;
  }
}

basp_filter::fault basp_filter::judge_handshake(std::string_view payload) {
  const auto id = payload.substr(0, node_id_bytes);
  if (!is_node_id(id) || (!speaker_.empty() && id != speaker_))
    return basp_fault::malformed_handshake;
  speaker_ = id;
  return std::nullopt;
}

// Speaker and receiver. CAF would believe any speaker, and pass on what is for
// another receiver.
basp_filter::fault basp_filter::judge_node_pair(std::string_view payload) {
  if (payload.size() < 2 * node_id_bytes)
    return basp_fault::payload_length;
  if (payload.substr(0, node_id_bytes) != speaker_
      || !is_node_id(payload.substr(node_id_bytes, node_id_bytes)))
    drop("a foreign speaker");
  return std::nullopt;
}

// Message: u16 0, varint length, "@<>+type+type…", values.
basp_filter::fault
basp_filter::judge_message(std::string_view message, bool inside_error) {
  if (message.size() < 3 || message[0] != 0 || message[1] != 0)
    return basp_fault::malformed_message;
  std::size_t length = byte_at(message, 2) & 0x7f;
  std::size_t at = 3;
  if ((byte_at(message, 2) & 0x80) != 0) {
    // Two digits name up to 16 KiB, and the prefix is shorter than that.
    if (message.size() < 4 || (byte_at(message, 3) & 0x80) != 0)
      return basp_fault::malformed_message;
    length |= std::size_t{byte_at(message, at++)} << 7;
  }
  if (message.size() - at < length)
    return basp_fault::malformed_message;
  auto names = message.substr(at, length);
  if (names.substr(0, 3) != "@<>" || (length > 3 && names[3] != '+'))
    return basp_fault::malformed_message;
  if (names == "@<>+@error" && !inside_error)
    return judge_error(message.substr(at + length));
  for (names.remove_prefix(3); !names.empty();) {
    const auto end = std::min(names.find('+', 1), names.size());
    const auto name = names.substr(1, end - 1);
    if (limits_.types.find(name) == limits_.types.end())
      drop(name.empty() ? "an empty name of a type" : name);
    names.remove_prefix(end);
  }
  return std::nullopt;
}

// The context of an error is a message again, where errors do not nest.
basp_filter::fault basp_filter::judge_error(std::string_view bytes) {
  if (bytes.size() < error_head_bytes)
    return basp_fault::malformed_message;
  return judge_message(bytes.substr(error_head_bytes), true);
}

void basp_filter::drop(std::string_view why) {
  dropping_ = true;
  last_dropped_ = why.substr(0, last_dropped_bytes_max);
}

} // namespace dfs::wire
