#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

// Judges the frames of CAF's BASP (0.17.6) before CAF sees their first byte.
// CAF trusts whoever is connected: one header makes it allocate 4 GiB, a forged
// message ends any actor or recurses until the stack is gone. Layout and
// reasons: docs/protocols/gate.md.

namespace dfs::wire {

/// Why a connection must be closed.
enum class basp_fault : std::uint8_t {
  unknown_operation,
  payload_too_long,
  payload_length,       ///< Does not fit the operation.
  no_handshake,         ///< Something else came first.
  unexpected_handshake, ///< The other side's, or one too many.
  malformed_handshake,  ///< Or one that names another node than before.
  malformed_message,
};

/// For logs and metrics; a literal.
[[nodiscard]] std::string_view to_string(basp_fault x);

struct basp_limits {
  /// Bytes, at least `basp_filter::prefix_bytes`. A frame is in memory whole
  /// before CAF reads it, on both sides.
  std::uint32_t payload_bytes_max = 256 * 1024;
  /// Registered names that a message may consist of; others are dropped. Only
  /// types whose fields are bounded by the bytes they take: no `@message`,
  /// `@charbuf`, `@exit`, and no struct with such a field.
  std::set<std::string, std::less<>> types;
};

/// Who speaks: the side that connected, or the one that accepted.
enum class basp_side : std::uint8_t { client, server };

struct basp_counters {
  std::uint64_t passed = 0;  ///< Frames.
  std::uint64_t dropped = 0; ///< Frames that were left out.
  /// Frames for CAF's own servants. Left out, too, but every CAF sends some.
  std::uint64_t muted = 0;
};

/// One direction of one connection. Pure: verdicts depend on the bytes alone,
/// not on how they are cut into pieces.
///
///  I1  What is passed is a sequence of whole allowed frames, and at its end
///  the
///      beginning of one that is allowed.
///  I2  Holds at most `header_bytes + prefix_bytes` back.
///  I3  The first frame is the speaker's handshake, and all frames that name a
///      speaker name that one.
///  I4  After a fault nothing more is passed.
class basp_filter {
public:
  static constexpr std::size_t header_bytes = 32;
  /// Must hold a handshake's node id, or all type names of a message.
  static constexpr std::size_t prefix_bytes = 1024;
  static constexpr std::size_t node_id_bytes = 32;
  /// Of a server's handshake: node id, application names, interface.
  static constexpr std::uint32_t handshake_bytes_max = 4096;

  /// @param limits Must outlive the filter.
  basp_filter(const basp_limits& limits, basp_side speaker);

  /// Appends to `out` what may pass of these bytes.
  /// @returns the fault that the connection must be closed for.
  [[nodiscard]] std::optional<basp_fault>
  feed(std::string_view bytes, std::string& out);

  /// CAF's serialized node id from the handshake; empty before it.
  [[nodiscard]] const std::string& speaker() const {
    return speaker_;
  }

  [[nodiscard]] const basp_counters& counters() const {
    return counters_;
  }

  /// What the last dropped frame was dropped for: the name of a type that is
  /// not on the list, or words. At most 80 bytes; empty when none was dropped.
  [[nodiscard]] const std::string& last_dropped() const {
    return last_dropped_;
  }

private:
  using fault = std::optional<basp_fault>;

  void take(std::string_view& bytes, std::size_t wanted);
  void pass_rest(std::string_view& bytes, std::string& out);
  fault judge_header();
  fault judge_handshake_header();
  fault judge_payload();
  fault judge_handshake(std::string_view payload);
  fault judge_node_pair(std::string_view payload);
  fault judge_message(std::string_view message, bool inside_error);
  fault judge_error(std::string_view bytes);
  void drop(std::string_view why);

  const basp_limits& limits_;
  basp_side side_;
  std::string speaker_;
  std::string head_; ///< Header and first bytes of the current payload.
  std::uint32_t payload_bytes_ = 0;
  std::uint32_t left_ = 0; ///< Of a payload that is judged; still to come.
  int handshakes_ = 0;
  bool in_payload_ = false; ///< The current header is judged.
  bool dropping_ = false;
  bool muting_ = false; ///< Dropping what is nobody's fault.
  fault fault_;
  basp_counters counters_;
  std::string last_dropped_;
};

} // namespace dfs::wire
