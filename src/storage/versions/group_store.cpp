#include "storage/versions/group_store.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <future>
#include <string>
#include <variant>

namespace dfs::storage {

namespace {

constexpr std::size_t group_at = 1;
constexpr std::size_t generation_at = 9;
constexpr std::size_t file_at = 17;
constexpr std::size_t group_key_bytes = 10;
constexpr std::size_t file_key_bytes = 26;
constexpr std::size_t floor_key_bytes = 9;
constexpr std::size_t outcome_key_bytes = 25;

bool is_part(const msg::row_changes& changes) {
  return changes.size() == 1
         && std::holds_alternative<msg::next_part>(changes.front());
}

/// The rows of files that nobody will make use of.
std::vector<row_change> without(group_id group, std::uint64_t generation) {
  return {{version_keys::generation(group, generation),
           {},
           version_keys::generation(group, generation + 1)}};
}

/// Nobody waits for it, and nothing is wrong if it is gone after a crash.
bool may_wait(const msg::row_changes& changes) {
  return !changes.empty()
         && std::all_of(changes.begin(), changes.end(), [](const auto& x) {
              return std::holds_alternative<msg::settled_change>(x)
                     || std::holds_alternative<msg::past_change>(x);
            });
}

error no_key(std::string_view key) {
  return fail(ec::integrity, "the rows of versioned files have a key of "
                               + std::to_string(key.size())
                               + " bytes that is none");
}

/// Puts rows together again. Groups come before files.
struct rows_reader {
  std::map<group_id, msg::replica_rows> rows;
  std::map<group_id, group_layout> layouts;
  std::map<group_id, std::uint64_t> coming;
  result<nothing> outcome = done;

  bool on_group(std::string_view key, std::string_view value) {
    if (key.size() != group_key_bytes)
      return refuse(no_key(key));
    const group_id group{version_keys::number_in(key, group_at)};
    if (key.back() == 'r') {
      auto row = decode_group(value);
      if (!row)
        return refuse(row.error());
      rows[group].group = *std::move(row);
      return true;
    }
    if (key.back() == 'c') {
      const auto generation = decode_coming(value);
      if (!generation)
        return refuse(generation.error());
      coming[group] = *generation;
      return true;
    }
    auto layout = decode_layout(value);
    if (!layout)
      return refuse(layout.error());
    if (layout->next)
      rows[group].next = {layout->next->set, layout->next->forgotten, {}};
    layouts[group] = *std::move(layout);
    return true;
  }

  bool on_file(std::string_view key, std::string_view value) {
    if (key.size() != file_key_bytes)
      return refuse(no_key(key));
    const group_id group{version_keys::number_in(key, group_at)};
    const auto generation = version_keys::number_in(key, generation_at);
    const inode_id file{version_keys::number_in(key, file_at)};
    const auto& layout = layouts[group];
    std::map<inode_id, msg::file_state>* files = nullptr;
    if (generation == layout.generation)
      files = &rows[group].files;
    else if (const auto x = coming.find(group);
             x != coming.end() && x->second == generation)
      return true; // Of an installation that has not ended.
    else if (layout.next && generation == layout.next->generation)
      files = &rows[group].next->files;
    else
      return refuse(fail(ec::integrity, "a file of a generation that is none"));
    if (key.back() == 's')
      return on_settled(*files, file, value);
    auto state = decode_file(value);
    if (!state)
      return refuse(state.error());
    files->insert_or_assign(file, *std::move(state));
    return true;
  }

  // Behind the file's own row, by its key.
  bool on_settled(std::map<inode_id, msg::file_state>& files, inode_id file,
                  std::string_view value) {
    const auto stamp = decode_stamp(value);
    if (!stamp)
      return refuse(stamp.error());
    const auto found = files.find(file);
    if (found != files.end() && found->second.stamp == *stamp)
      found->second.settled = true;
    return true;
  }

  bool on_outcome(std::string_view key, std::string_view value) {
    if (key.size() != floor_key_bytes && key.size() != outcome_key_bytes)
      return refuse(no_key(key));
    auto& past = rows[group_id{version_keys::number_in(key, group_at)}].past;
    if (key.size() == floor_key_bytes) {
      const auto floor = decode_writer(value);
      if (!floor)
        return refuse(floor.error());
      past.floor = *floor;
      return true;
    }
    const auto last = decode_outcome(value);
    if (!last)
      return refuse(last.error());
    past.rows.emplace_hint(
      past.rows.end(),
      msg::outcome_key{inode_id{version_keys::number_in(key, generation_at)},
                       put_writer{version_keys::number_in(key, file_at)}},
      *last);
    return true;
  }

  bool refuse(error why) {
    outcome = std::move(why);
    return false;
  }
};

result<nothing> read_rows(const metadata_store& metadata, rows_reader& reader,
                          const std::string& group) {
  const auto read = [&](std::string_view prefix, auto member) {
    if (!reader.outcome)
      return;
    auto got
      = metadata.for_each(std::string{prefix} + group,
                          [&](std::string_view key, std::string_view value) {
                            return (reader.*member)(key, value);
                          });
    if (!got)
      reader.outcome = got;
  };
  read(version_keys::groups, &rows_reader::on_group);
  read(version_keys::files, &rows_reader::on_file);
  read(version_keys::outcomes, &rows_reader::on_outcome);
  return reader.outcome;
}

} // namespace

group_store::group_store(metadata_store& metadata, row_writer& rows,
                         content_store& contents)
  : metadata_{metadata},
    rows_{rows},
    contents_{contents} {
  // nop
}

result<std::map<group_id, msg::replica_rows>> group_store::load() const {
  rows_reader reader;
  if (auto read = read_rows(metadata_, reader, {}); !read)
    return read.error();
  return std::move(reader.rows);
}

result<msg::replica_rows> group_store::reload(group_id group) {
  if (auto broken = rows_.failure())
    return *broken;
  std::promise<result<nothing>> written;
  {
    const std::lock_guard lock{guard_};
    auto& x = groups_[group];
    DFS_ASSERT(x.queue.empty());
    rows_.commit({}, [&](const auto& outcome) { written.set_value(outcome); });
    x.failed.reset();
  }
  if (auto outcome = written.get_future().get(); !outcome)
    return outcome.error();
  rows_reader reader;
  if (auto read
      = read_rows(metadata_, reader, version_keys::group(group).substr(1, 8));
      !read)
    return read.error();
  return std::move(reader.rows[group]);
}

namespace {

result<nothing>
read_layout(std::string_view key, std::string_view value, group_layout& to) {
  if (key.back() == 'c') { // Before 's'.
    const auto coming = decode_coming(value);
    if (!coming)
      return coming.error();
    to.coming = *coming;
    return done;
  }
  auto layout = decode_layout(value);
  if (!layout)
    return layout.error();
  layout->coming = to.coming;
  to = *std::move(layout);
  return done;
}

} // namespace

result<nothing> group_store::read_layouts(std::uint64_t first_number) {
  next_number_ = first_number;
  result<nothing> outcome = done;
  auto read = metadata_.for_each(
    version_keys::groups, [&](std::string_view key, std::string_view value) {
      if (key.size() != group_key_bytes || key.back() == 'r')
        return true;
      auto& layout
        = groups_[group_id{version_keys::number_in(key, group_at)}].layout;
      outcome = read_layout(key, value, layout);
      return static_cast<bool>(outcome);
    });
  return read ? outcome : read;
}

std::vector<row_change> group_store::rows_of_pending(const pending_row& x) {
  const std::lock_guard lock{guard_};
  return rows_of(x.group, x.changes, groups_[x.group].layout, next_number_++);
}

std::vector<row_change> group_store::rows_without(const pending_row& x) {
  std::vector<row_change> all;
  for (const auto& change : x.changes)
    if (const auto* whole = std::get_if<msg::next_whole>(&change))
      for (auto& row : without(x.group, whole->place))
        all.push_back(std::move(row));
  return all;
}

std::vector<row_change> group_store::rows_of_leavings() {
  std::vector<row_change> all;
  const std::lock_guard lock{guard_};
  for (auto& [group, x] : groups_) {
    if (x.layout.coming == 0)
      continue;
    auto rows = without(group, std::exchange(x.layout.coming, 0));
    all.insert(all.end(), rows.begin(), rows.end());
    all.push_back({version_keys::coming(group), {}});
  }
  return all;
}

void group_store::flush() {
  rows_.flush();
}

// -- commits ------------------------------------------------------------------

void group_store::commit(group_id group, msg::row_changes changes,
                         const std::vector<msg::put_id>& contents,
                         callback durable) {
  auto waits = contents_.unsure(contents);
  std::vector<msg::put_id> awaited;
  for (const auto& x : waits)
    awaited.push_back(x.put);
  auto x = std::make_shared<issued>();
  x->group = group;
  x->changes = std::move(changes);
  x->durable = std::move(durable);
  {
    std::unique_lock lock{guard_};
    auto& state = groups_[group];
    const auto broken = rows_.failure();
    if (broken || state.failed) {
      ready_.emplace_back(std::move(x->durable),
                          broken ? *broken : *state.failed);
      return call(lock);
    }
    for (auto& change : x->changes)
      if (auto* whole = std::get_if<msg::next_whole>(&change))
        whole->place = std::exchange(state.layout.coming, 0);
    write(state, x, std::move(waits));
    take_ready(state);
    call(lock);
  }
  for (const auto& put : awaited)
    contents_.when_bytes_durable(
      put, [this, x](const result<nothing>& outcome) { arrived(x, outcome); });
}

// As it is if nothing can come between, or if it counts for nothing yet; else
// as a pending row, so that the group's changes are made in their order, or
// left out.
void group_store::write(group_state& group, const issued_ptr& x,
                        std::vector<awaited_content> waits) {
  const auto hurry = !waits.empty() || !may_wait(x->changes);
  x->left = waits.size() + (hurry ? 1 : 0);
  std::vector<row_change> rows;
  if (is_part(x->changes) || (waits.empty() && group.pending == 0)) {
    rows = rows_of(x->group, x->changes, group.layout, next_number_++);
  } else {
    x->pending = next_number_++;
    pending_row row{x->group, std::move(waits), std::move(x->changes)};
    rows.push_back({version_keys::pending_of(x->pending), encode(row)});
    x->changes = std::move(row.changes);
    ++group.pending;
  }
  group.queue.push_back(x);
  if (!hurry)
    rows_.defer(std::move(rows));
  else
    rows_.commit(std::move(rows), [this, x](const result<nothing>& outcome) {
      arrived(x, outcome);
    });
}

void group_store::arrived(const issued_ptr& x, const result<nothing>& outcome) {
  std::unique_lock lock{guard_};
  if (!outcome && !x->failed)
    x->failed = outcome.error();
  --x->left;
  take_ready(groups_[x->group]);
  call(lock);
}

void group_store::take_ready(group_state& group) {
  while (!group.queue.empty() && group.queue.front()->left == 0) {
    const auto x = group.queue.front();
    if (x->failed)
      return take_failed(group);
    group.queue.pop_front();
    if (x->pending != 0) {
      auto rows = rows_of(x->group, x->changes, group.layout, next_number_++);
      rows.push_back({version_keys::pending_of(x->pending), {}});
      rows_.defer(std::move(rows));
      --group.pending;
    }
    ready_.emplace_back(std::move(x->durable), done);
  }
}

// What comes after it relies on it.
void group_store::take_failed(group_state& group) {
  group.failed = group.queue.front()->failed;
  for (const auto& x : group.queue) {
    if (x->pending != 0)
      rows_.defer({{version_keys::pending_of(x->pending), {}}});
    for (const auto& change : x->changes)
      if (const auto* whole = std::get_if<msg::next_whole>(&change))
        rows_.defer(without(x->group, whole->place));
    ready_.emplace_back(std::move(x->durable), *group.failed);
  }
  group.queue.clear();
  group.pending = 0;
}

// One at a time, in their order, without the lock.
void group_store::call(std::unique_lock<std::mutex>& lock) {
  if (std::exchange(calling_, true))
    return;
  while (!ready_.empty()) {
    auto [durable, outcome] = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    if (durable)
      durable(outcome);
    lock.lock();
  }
  calling_ = false;
}

} // namespace dfs::storage
