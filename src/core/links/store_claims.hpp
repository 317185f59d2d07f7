#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "messages/chunk_status.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::core {

/// Which node serves a store: its proven name and its group address. Two lives
/// of one process manager share a place; a copy of a data directory that runs
/// on another machine does not.
struct store_place {
  std::string name;
  endpoint address;

  bool operator==(const store_place&) const = default;
};

/// "chunk-1 at 10.0.0.5:7401".
[[nodiscard]] std::string to_string(const store_place& x);

/// "store 00000000000000ab is served by X, and Y says that it is its own".
[[nodiscard]] std::string describe_claim(store_id store,
                                         const store_place& holder,
                                         const store_place& refused);

/// Registrations of a store that another node holds: the view of one
/// directory. Pure.
///
///  K1  A claim is reported as a conflict only after both nodes were heard:
///      the refused node registered, and the holder spoke after that. So a data
///      directory that moves from one machine to another is no conflict.
class store_claims {
public:
  /// Without a new registration the refused node is taken for gone.
  static constexpr std::chrono::seconds claim_life{10};
  /// Conflicts beyond these are refused, too, and not reported one by one.
  static constexpr std::size_t claims_max = 256;

  struct claim {
    store_id store;
    store_place holder;
    store_place refused;
    instant last{};        ///< Registration of the refused node.
    bool conflict = false; ///< K1.
  };

  /// A registration was refused. May be repeated.
  void refuse(store_id store, const store_place& holder,
              const store_place& refused, instant now);

  /// The holder has spoken. @returns the claim that has just become a conflict,
  /// once for each pair of nodes: for the log.
  std::optional<claim> heard(store_id store, instant now);

  /// The store has a new holder, or none.
  void settle(store_id store);

  /// Of now, by store.
  [[nodiscard]] std::vector<claim> conflicts(instant now) const;

private:
  void expire(instant now);

  std::map<store_id, claim> claims_;
};

/// For `status`: STORE_TWICE for each conflict.
/// @param what Which part of the store: "chunks", "versions".
[[nodiscard]] std::vector<msg::health_finding>
find_conflicts(const std::vector<store_claims::claim>& conflicts,
               std::string_view what);

} // namespace dfs::core
