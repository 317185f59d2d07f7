#include "core/groups/order_book.hpp"

namespace dfs::core {

// Of all lists of one message: the longest ones have some 100 bytes.
static_assert(msg::group_page_max * 140 < 16 * 1024);

order_book::page& order_book::open(store_id to) {
  auto& pages = pages_[to];
  if (pages.empty() || pages.back().entries >= msg::group_page_max)
    pages.emplace_back();
  ++pages.back().entries;
  return pages.back();
}

void order_book::mention(page& on, const std::vector<store_id>& stores) {
  on.mentioned.insert(stores.begin(), stores.end());
}

void order_book::add(store_id to, const msg::seal_group& x) {
  open(to).orders.seal.push_back(x);
}

void order_book::add(store_id to, const msg::install_group& x) {
  auto& on = open(to);
  mention(on, x.set.servers);
  mention(on, x.sources);
  on.orders.install.push_back(x);
}

void order_book::add(store_id to, const msg::fill_group& x) {
  auto& on = open(to);
  mention(on, x.set.servers);
  mention(on, x.sources);
  on.orders.fill.push_back(x);
}

void order_book::add(store_id to, const msg::activate_group& x) {
  open(to).orders.activate.push_back(x);
}

void order_book::add(store_id to, const msg::rejoin_group& x) {
  auto& on = open(to);
  mention(on, x.sources);
  on.orders.rejoin.push_back(x);
}

void order_book::add(store_id to, const msg::lead_group& x) {
  auto& on = open(to);
  mention(on, x.set.servers);
  on.orders.lead.push_back(x);
}

void order_book::add(store_id to, const msg::file_unlinked& x) {
  open(to).orders.unlinked.push_back(x);
}

void order_book::add(store_id to, const msg::drop_group& x) {
  open(to).orders.drop.push_back(x);
}

void order_book::add(store_id to, const msg::purge_file& x) {
  open(to).orders.purge.push_back(x);
}

void order_book::testify(store_id to, group_id x) {
  open(to).orders.testify.push_back(x);
}

} // namespace dfs::core
