#include "core/queues/snapshot_pages.hpp"

#include "core/queues/queue_rules.hpp"

#include <string>
#include <utility>

namespace dfs::core {

namespace {

/// About what a row takes besides its text and item, encoded.
constexpr std::size_t row_bytes = 48;

bool is_full(std::size_t bytes) {
  return bytes >= msg::queue_page_bytes;
}

error wrong(const std::string& why) {
  return fail(ec::malformed, "the snapshot of the queues " + why);
}

} // namespace

// -- writing ------------------------------------------------------------------

snapshot_writer::snapshot_writer(queue_machine state)
  : state_{std::move(state)},
    queue_{state_.queues().all().begin()},
    items_of_{queue_},
    session_{state_.sessions().all().begin()},
    answers_of_{session_} {
  // nop
}

std::optional<msg::queue_page> snapshot_writer::next() {
  if (over_)
    return std::nullopt;
  msg::queue_page page;
  page.number = number_++;
  if (page.number == 0)
    page.heads.push_back({state_.sequence(), state_.clock(),
                          state_.queues().next(), state_.queues().all().size(),
                          state_.queues().items(),
                          state_.sessions().all().size(),
                          state_.sessions().answers(), state_.state_hash()});
  std::size_t bytes = 0;
  add_queues(page, bytes);
  add_items(page, bytes);
  add_sessions(page, bytes);
  add_answers(page, bytes);
  over_ = !is_full(bytes);
  page.last = over_;
  return page;
}

void snapshot_writer::add_queues(msg::queue_page& page, std::size_t& bytes) {
  const auto end = state_.queues().all().end();
  for (; queue_ != end && !is_full(bytes); ++queue_) {
    const auto& [id, x] = *queue_;
    page.queues.push_back({id, x.label, x.popped});
    bytes += row_bytes + x.label.size();
  }
}

void snapshot_writer::add_items(msg::queue_page& page, std::size_t& bytes) {
  const auto end = state_.queues().all().end();
  while (items_of_ != end && !is_full(bytes)) {
    const auto& [id, x] = *items_of_;
    if (item_ == x.items.size()) {
      ++items_of_;
      item_ = 0;
      continue;
    }
    const auto& item = *x.items[item_++];
    page.items.push_back({id, x.popped + item_, item});
    bytes += row_bytes + item.bytes.size();
  }
}

void snapshot_writer::add_sessions(msg::queue_page& page, std::size_t& bytes) {
  const auto end = state_.sessions().all().end();
  for (; session_ != end && !is_full(bytes); ++session_) {
    const auto& [id, x] = *session_;
    page.sessions.push_back({id, x.first, x.used});
    bytes += row_bytes;
  }
}

void snapshot_writer::add_answers(msg::queue_page& page, std::size_t& bytes) {
  const auto end = state_.sessions().all().end();
  while (answers_of_ != end && !is_full(bytes)) {
    const auto& [id, x] = *answers_of_;
    const auto at
      = answer_ ? x.answers.upper_bound(*answer_) : x.answers.begin();
    if (at == x.answers.end()) {
      ++answers_of_;
      answer_.reset();
      continue;
    }
    const auto& [number, told] = *at;
    answer_ = number;
    page.answers.push_back({id, number, told.verb, told.status, told.value,
                            told.item ? *told.item : msg::queue_item{},
                            told.place});
    bytes += row_bytes + page.answers.back().item.bytes.size();
  }
}

// -- loading ------------------------------------------------------------------

result<nothing> snapshot_loader::take(msg::queue_page page) {
  if (page.format > msg::queue_page_format)
    return fail(ec::unsupported, "a snapshot of the queues of format "
                                   + std::to_string(page.format));
  if (broken_ || over_ || page.format < 1 || page.number != next_
      || page.heads.size() != (next_ == 0 ? 1u : 0u) || !take_head(page)
      || !take_rows(page)) {
    broken_ = true;
    return wrong("has a page that cannot be, after " + std::to_string(next_));
  }
  ++next_;
  over_ = page.last;
  return done;
}

bool snapshot_loader::take_head(const msg::queue_page& page) {
  if (page.heads.empty())
    return true;
  head_ = page.heads.front();
  made_.sequence_ = head_.sequence;
  made_.clock_ = head_.clock;
  return made_.queues_.load_next(head_.next_queue)
         && head_.queues <= limits_.queues && head_.items <= limits_.items
         && head_.sessions <= limits_.sessions;
}

bool snapshot_loader::take_rows(msg::queue_page& page) {
  for (auto& row : page.queues)
    if (!check_label(row.label) || !made_.queues_.load(std::move(row)))
      return false;
  for (auto& row : page.items)
    if (!check_item(row.item) || !made_.queues_.load(std::move(row)))
      return false;
  for (const auto& row : page.sessions)
    if (!made_.sessions_.load(row, made_.clock_))
      return false;
  for (auto& row : page.answers)
    if (!check_item(row.item) || !made_.sessions_.load(std::move(row)))
      return false;
  // Memory is taken for no more than was announced.
  return made_.queues_.all().size() <= head_.queues
         && made_.queues_.items() <= head_.items
         && made_.sessions_.all().size() <= head_.sessions
         && made_.sessions_.answers() <= head_.answers;
}

result<queue_machine> snapshot_loader::finish() {
  if (broken_ || !over_)
    return wrong("is not whole");
  over_ = false;
  if (made_.queues_.all().size() != head_.queues
      || made_.queues_.items() != head_.items
      || made_.sessions_.all().size() != head_.sessions
      || made_.sessions_.answers() != head_.answers)
    return wrong("has fewer rows than it says");
  if (made_.state_hash() != head_.state_hash)
    return wrong("is not what was written: the hash of the state differs");
  return std::move(made_);
}

} // namespace dfs::core
