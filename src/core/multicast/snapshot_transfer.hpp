#pragma once

#include "base/time.hpp"
#include "messages/multicast.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::core {

inline constexpr std::size_t snapshot_page_bytes = 1'250;

[[nodiscard]] std::uint64_t snapshot_hash(std::string_view bytes);

/// A state on its way to who is behind: the side that has it. One at a time;
/// goes when nobody has asked for a while.
class snapshot_source {
public:
  /// @param bytes An encoded position, and the state of the service.
  void
  hold(std::uint64_t number, std::uint64_t k, std::string bytes, instant now);
  [[nodiscard]] bool holds() const {
    return number_ != 0;
  }
  [[nodiscard]] std::uint64_t k() const {
    return k_;
  }
  [[nodiscard]] msg::snapshot_offered
  offer(const msg::configuration_id& lineage) const;
  [[nodiscard]] std::vector<msg::page_fetched>
  pages(const msg::fetch_pages& asked, instant now);
  void expire(instant now);
  void drop() {
    number_ = 0;
    bytes_.clear();
  }

private:
  std::uint64_t number_ = 0;
  std::uint64_t k_ = 0;
  std::uint64_t hash_ = 0;
  std::string bytes_;
  instant used_{};
};

/// The side that lacks it: asks for pages, a window at a time, again and again.
class snapshot_fetch {
public:
  /// @pre the offer's size is one that may be.
  snapshot_fetch(server_id from, const msg::snapshot_offered& offer,
                 instant now);

  /// What to ask for now, if anything.
  [[nodiscard]] std::optional<msg::fetch_pages> ask(instant now);
  /// @returns whether it was news.
  bool on_page(const msg::page_fetched& x, instant now);
  [[nodiscard]] bool complete() const {
    return missing_ == 0;
  }
  /// Nothing came for long: begin elsewhere.
  [[nodiscard]] bool stale(instant now) const;
  [[nodiscard]] server_id from() const {
    return from_;
  }
  [[nodiscard]] const msg::snapshot_offered& offer() const {
    return offer_;
  }
  /// @pre complete. @returns nothing when it is not what was offered.
  [[nodiscard]] std::optional<std::string> take();

private:
  server_id from_;
  msg::snapshot_offered offer_;
  std::vector<bool> here_;
  std::size_t missing_;
  std::ptrdiff_t first_ = 0; ///< All pages below are here.
  std::string bytes_;
  std::map<std::uint32_t, instant> asked_;
  instant heard_;
};

} // namespace dfs::core
