#include "fileserver/multicast/multicast_log.hpp"

#include "fileserver/multicast/log_rows.hpp"
#include "wire/codec.hpp"

#include <algorithm>
#include <utility>

namespace dfs::fileserver {

namespace {

constexpr std::size_t page_bytes = 1u << 20;

error damaged(const std::string& what) {
  return fail(ec::integrity, "the log of the group: " + what);
}

template <class Row>
result<Row> decode_row(std::string_view bytes, const std::string& what) {
  auto row = wire::decode<Row>(bytes);
  if (!row)
    return damaged(what + " is no such thing");
  if (row->format == 0)
    return damaged(what + " has no format");
  if (row->format > log_row_format)
    return fail(ec::unsupported, "the log of the group was written by a newer "
                                 "version");
  return row;
}

} // namespace

result<std::unique_ptr<multicast_log>>
multicast_log::open(storage::file_io& io, const std::string& directory,
                    options how) {
  storage::ordered_log_options options;
  options.owner = how.owner;
  options.salt = how.salt;
  options.on_failure = std::move(how.on_failure);
  const auto remedy = options.remedy;
  auto log = storage::ordered_log::open(io, directory, std::move(options));
  if (!log)
    return log.error();
  std::unique_ptr<multicast_log> made{new multicast_log};
  made->log_ = *std::move(log);
  if (auto recovered = made->recover(); !recovered) {
    auto why = recovered.error();
    if (why.code == ec::integrity)
      why.context += ". Try: " + remedy;
    return why;
  }
  return made;
}

// -- at a start ---------------------------------------------------------------

result<nothing> multicast_log::recover() {
  const auto& was = log_->found();
  last_ = was.last;
  if (was.promise.empty() && !was.snapshot) {
    if (was.last != 0)
      return damaged("messages without a record");
    return done;
  }
  core::stored_group group;
  if (auto read = recover_snapshot(group); !read)
    return read;
  auto keep = ~std::uint64_t{0};
  if (!was.promise.empty()) {
    auto row = decode_row<log_record_row>(was.promise, "its record");
    if (!row)
      return row.error();
    // The state that replaced all is newer than what was promised before.
    if (row->era >= era_) {
      era_ = row->era;
      keep = row->keep;
      group.final = std::max(group.final, row->final);
      group.record = std::move(row->record);
    }
  }
  if (auto read = recover_items(group, keep); !read)
    return read;
  found_.group = std::move(group);
  return done;
}

result<nothing> multicast_log::recover_snapshot(core::stored_group& group) {
  if (!log_->found().snapshot)
    return done;
  std::optional<log_state_row> head;
  std::string state;
  auto read
    = log_->read_snapshot([&](std::string_view page) -> result<nothing> {
        if (head) {
          state += page;
          return done;
        }
        auto row = decode_row<log_state_row>(page, "the head of its snapshot");
        if (!row)
          return row.error();
        head = *std::move(row);
        return done;
      });
  if (!read)
    return read;
  if (!head)
    return damaged("its snapshot is empty");
  auto position = core::decode_position(head->position);
  if (!position || position->k != *log_->found().snapshot)
    return damaged("its snapshot is of another place");
  group.position = *std::move(position);
  group.final = group.position.k;
  era_ = head->era;
  group.record = std::move(head->record);
  state_bytes_ = state.size();
  found_.state = std::move(state);
  return done;
}

result<nothing>
multicast_log::recover_items(core::stored_group& group, std::uint64_t keep) {
  for (auto k = group.position.k + 1; k <= last_; ++k) {
    const auto bytes = log_->read(k);
    if (!bytes)
      return bytes.error();
    auto row = decode_row<log_item_row>(*bytes, "message " + std::to_string(k));
    if (!row)
      return row.error();
    if (row->era < era_ && k > keep) {
      // The power went between the record that voids it and the cut.
      last_ = k - 1;
      log_->cut(last_, {});
      break;
    }
    grown_ += bytes->size();
    group.final = std::max(group.final, row->final);
    group.items.push_back(std::move(row->body));
  }
  group.final = std::min(group.final, last_);
  return done;
}

// -- effects ------------------------------------------------------------------

void multicast_log::append(const core::append_items& x, callback durable) {
  auto k = x.first;
  for (const auto& body : x.items) {
    log_item_row row;
    row.era = era_;
    row.final = x.final;
    row.body = body;
    auto bytes = wire::encode(row);
    grown_ += bytes.size();
    const bool is_last = k == x.first + x.items.size() - 1;
    last_ = k;
    log_->append(k++, std::move(bytes),
                 is_last ? std::move(durable) : callback{});
  }
}

void multicast_log::record(const core::store_record& x, callback durable) {
  log_record_row row;
  row.era = ++era_;
  row.keep = x.keep;
  row.final = x.final;
  row.record = x.record;
  // First what voids them, then the cut: never the one without the other.
  log_->promise(wire::encode(row), std::move(durable));
  if (x.keep < last_) {
    last_ = x.keep;
    log_->cut(last_, {});
  }
}

result<nothing>
multicast_log::replace(const core::replace_state& x, callback durable) {
  draft_.reset(); // Of the state that this one replaces.
  auto draft = write_state(x.position, x.state, ++era_, x.record);
  if (!draft)
    return draft.error();
  last_ = x.position.k;
  grown_ = 0;
  state_bytes_ = x.state.size();
  log_->install(*std::move(draft),
                storage::ordered_log::snapshot_kind::replacement,
                std::move(durable));
  // A later checkpoint has no record of its own.
  log_record_row row;
  row.era = era_;
  row.keep = ~std::uint64_t{0};
  row.final = x.position.k;
  row.record = x.record;
  log_->promise(wire::encode(row), {});
  return done;
}

// -- states -------------------------------------------------------------------

result<std::unique_ptr<storage::snapshot_draft>>
multicast_log::write_state(const core::order_position& position,
                           std::string_view state, std::uint64_t era,
                           const core::group_record& record) const {
  // The one before may be on its way into the log.
  auto draft = log_->begin_snapshot(position.k, true);
  if (!draft)
    return draft.error();
  log_state_row head;
  head.era = era;
  head.position = core::encode(position);
  head.record = record;
  if (auto added = (*draft)->add(wire::encode(head)); !added)
    return added.error();
  for (; !state.empty();
       state.remove_prefix(std::min(page_bytes, state.size())))
    if (auto added = (*draft)->add(state.substr(0, page_bytes)); !added)
      return added.error();
  if (auto synced = (*draft)->sync(); !synced)
    return synced.error();
  return draft;
}

result<nothing> multicast_log::write(const core::order_position& position,
                                     std::string_view state) {
  draft_.reset();
  // Of era 0: the record beside it counts.
  auto draft = write_state(position, state, 0, {});
  if (!draft)
    return draft.error();
  draft_ = *std::move(draft);
  draft_bytes_ = state.size();
  return done;
}

bool multicast_log::install(callback installed) {
  if (!draft_)
    return false;
  grown_ = 0;
  state_bytes_ = draft_bytes_;
  log_->install(std::move(draft_),
                storage::ordered_log::snapshot_kind::checkpoint,
                std::move(installed));
  return true;
}

} // namespace dfs::fileserver
