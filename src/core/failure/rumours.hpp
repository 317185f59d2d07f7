#pragma once

#include "core/failure/group_state.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace dfs::core {

/// News on their way to the others. In a small group whoever decides something
/// tells everyone and repeats until each has confirmed; in a large one whoever
/// hears something new passes it on, a limited number of times. Either way it
/// rides on pings and acks, too, and what is lost is found by the digests.
class rumours {
public:
  /// Addresses with news under way. More than a merge of two groups of 500
  /// brings; what is dropped then is found by the digests.
  static constexpr std::size_t hot_max = 1'024;
  /// News with an open confirmation. One per change this node decided.
  static constexpr std::size_t direct_max = 256;
  /// A ping stays small enough for its receiver to answer in bulk.
  static constexpr std::size_t piggyback_bytes_max = 400;

  /// @param originate This node decided it: in a small group it tells everyone.
  void add(group_state& group, const msg::news_item& news, bool originate,
           instant now);

  /// Tells those, until they confirm.
  void tell(group_state& group, const msg::news_item& news,
            std::vector<msg::member_id> whom, instant now);

  void on_ack(const msg::member_id& from, std::uint16_t number);

  void tick(group_state& group, instant now);

  [[nodiscard]] std::optional<instant> next_deadline() const;

  /// What fits on a ping or an ack to `to`; counts as sent.
  std::vector<msg::news_item> piggyback();

  struct progress {
    std::size_t confirmed = 0;
    std::size_t open = 0;
  };

  /// Of news about that incarnation which were told directly.
  [[nodiscard]] progress progress_of(const msg::member_id& about) const;

  void check() const;

private:
  struct hot {
    msg::news_item news;
    unsigned sends_left;
  };

  struct direct {
    msg::news_item news;
    std::set<msg::member_id> open;
    std::size_t confirmed = 0;
    unsigned sends_left;
    instant next_send;
  };

  /// Those sent least come first, ties by address. A thousand join at once, so
  /// the order is kept: sorting it for each packet took most of a node's time.
  using place = std::pair<int, endpoint>; ///< Minus `sends_left`, address.
  [[nodiscard]] static place place_of(const endpoint& address, const hot& x) {
    return {-static_cast<int>(x.sends_left), address};
  }

  std::vector<msg::news_item> take(std::size_t bytes_max);
  void gossip(group_state& group);
  void repeat(group_state& group, instant now);

  std::map<endpoint, hot> hot_;            ///< By the address that it is about.
  std::set<place> order_;                  ///< Of `hot_`, all of it.
  std::map<std::uint16_t, direct> direct_; ///< By number.
  std::optional<instant> next_round_;      ///< While the group is large.
};

/// How often one member sends one piece of news: 4 * ceil(log10(n + 1)), with
/// which push gossip reaches everyone but for about n^-4.
[[nodiscard]] unsigned sends_per_news(std::size_t members);

} // namespace dfs::core
