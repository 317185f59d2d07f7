#pragma once

#include "messages/version_master.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace dfs::core {

/// Orders for each file server, many in one message, none of which is too long.
class order_book {
public:
  struct page {
    msg::group_orders orders;
    std::set<store_id> mentioned;
    std::size_t entries = 0;
  };

  void add(store_id to, const msg::seal_group& x);
  void add(store_id to, const msg::install_group& x);
  void add(store_id to, const msg::fill_group& x);
  void add(store_id to, const msg::activate_group& x);
  void add(store_id to, const msg::rejoin_group& x);
  void add(store_id to, const msg::lead_group& x);
  void add(store_id to, const msg::file_unlinked& x);
  void add(store_id to, const msg::drop_group& x);
  void add(store_id to, const msg::purge_file& x);
  void testify(store_id to, group_id x);

  /// In the order in which they are to be sent.
  [[nodiscard]] std::map<store_id, std::vector<page>> take() {
    return std::exchange(pages_, {});
  }

private:
  page& open(store_id to);
  static void mention(page& on, const std::vector<store_id>& stores);

  std::map<store_id, std::vector<page>> pages_;
};

} // namespace dfs::core
