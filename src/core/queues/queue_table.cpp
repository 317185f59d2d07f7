#include "core/queues/queue_table.hpp"

#include "base/assert.hpp"
#include "core/queues/queue_limits.hpp"
#include "core/queues/row_hash.hpp"

#include <limits>
#include <utility>

namespace dfs::core {

void add_item(row_hash& to, const msg::queue_item* item) {
  if (item == nullptr) {
    to.add(0);
    return;
  }
  to.add(item->is_bytes ? 2 : 1)
    .add(static_cast<std::uint64_t>(item->number))
    .add(item->bytes);
}

std::uint64_t queue_table::hash_of(queue_id id, const queue& x) {
  return row_hash{1}.add(id.value()).add(x.label).add(x.popped).value();
}

std::uint64_t queue_table::hash_of(queue_id id, std::uint64_t serial,
                                   const msg::queue_item& item) {
  row_hash hash{2};
  hash.add(id.value()).add(serial);
  add_item(hash, &item);
  return hash.value();
}

std::optional<queue_id> queue_table::find(const std::string& label) const {
  const auto found = labels_.find(label);
  if (found == labels_.end())
    return std::nullopt;
  return found->second;
}

const queue_table::queue* queue_table::get(queue_id id) const {
  const auto found = queues_.find(id);
  return found == queues_.end() ? nullptr : &found->second;
}

namespace {

// Of a scattered id: the low ones are the request's, those above count.
constexpr unsigned scatter_bits = 31;
constexpr auto scatter_mask = (std::uint64_t{1} << scatter_bits) - 1;

} // namespace

bool queue_table::has_ids() const {
  return next_.value() >> scatter_bits < scatter_mask;
}

queue_id queue_table::create(const std::string& label,
                             std::optional<std::uint32_t> scatter) {
  auto id = next_;
  if (scatter)
    id = queue_id{((next_.value() >> scatter_bits) + 1) << scatter_bits
                  | (*scatter & scatter_mask)};
  next_ = id.next();
  auto& made = queues_[id];
  made.label = label;
  DFS_ASSERT(labels_.emplace(label, id).second); // I1
  hash_ += hash_of(id, made);
  return id;
}

std::uint64_t queue_table::destroy(queue_id id) {
  const auto found = queues_.find(id);
  DFS_ASSERT(found != queues_.end());
  const auto& gone = found->second;
  const auto count = gone.items.size();
  hash_ -= hash_of(id, gone) + gone.item_hashes;
  bytes_ -= gone.item_bytes;
  items_ -= count;
  labels_.erase(gone.label);
  queues_.erase(found);
  return count;
}

std::uint64_t queue_table::push(queue_id id, shared_item item) {
  auto& to = queues_.at(id);
  const auto hash = hash_of(id, to.popped + to.items.size() + 1, *item);
  to.item_hashes += hash;
  hash_ += hash;
  to.item_bytes += cost_of(*item);
  bytes_ += cost_of(*item);
  ++items_;
  to.items.push_back(std::move(item));
  return to.items.size();
}

shared_item queue_table::pop(queue_id id) {
  auto& from = queues_.at(id);
  DFS_ASSERT(!from.items.empty());
  auto item = std::move(from.items.front());
  from.items.pop_front();
  const auto hash = hash_of(id, from.popped + 1, *item);
  hash_ -= hash_of(id, from) + hash;
  from.item_hashes -= hash;
  ++from.popped;
  hash_ += hash_of(id, from);
  from.item_bytes -= cost_of(*item);
  bytes_ -= cost_of(*item);
  --items_;
  return item;
}

bool queue_table::load_next(queue_id next) {
  next_ = next;
  return next != queue_id{}
         && next.value() <= std::numeric_limits<std::int64_t>::max();
}

bool queue_table::load(msg::queue_row row) {
  const auto ascends = queues_.empty() || queues_.rbegin()->first < row.queue;
  if (!ascends || row.queue == queue_id{} || row.queue >= next_
      || !labels_.emplace(row.label, row.queue).second)
    return false;
  auto& made = queues_[row.queue];
  made.label = std::move(row.label);
  made.popped = row.popped;
  hash_ += hash_of(row.queue, made);
  return true;
}

bool queue_table::load(msg::queue_item_row row) {
  const auto to = queues_.find(row.queue);
  if (to == queues_.end()
      || row.serial != to->second.popped + to->second.items.size() + 1)
    return false;
  push(row.queue, std::make_shared<msg::queue_item>(std::move(row.item)));
  return true;
}

void queue_table::check() const {
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;
  for (const auto& [id, x] : queues_) {
    DFS_ASSERT(id < next_);
    DFS_ASSERT(find(x.label) == id);
    auto serial = x.popped;
    for (const auto& item : x.items) {
      hash += hash_of(id, ++serial, *item);
      bytes += cost_of(*item);
    }
    hash += hash_of(id, x);
    items += x.items.size();
  }
  DFS_ASSERT(labels_.size() == queues_.size());
  DFS_ASSERT(items == items_);
  DFS_ASSERT(bytes == bytes_);
  DFS_ASSERT(hash == hash_);
}

} // namespace dfs::core
