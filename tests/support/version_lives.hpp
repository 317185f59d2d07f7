#pragma once

#include "support/faulty_env.hpp"
#include "support/simulated_files.hpp"
#include "support/temp_dir.hpp"
#include "support/version_puts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

/// A version store on simulated disks, opened again and again, random work on
/// it, and what it must hold: each file is as one of its commits made it, none
/// older than the last one that was called back.
class version_lives {
public:
  static constexpr std::uint64_t groups = 2;
  static constexpr std::uint64_t files_of_group = 3;

  explicit version_lives(std::uint64_t seed) : random{seed} {
    options.chunks.threads = false;
    options.chunks.chunk_bytes_max = 128 * 1024;
    options.chunks.packed_bytes_max = 4'096;
    options.chunks.segment_bytes = 48 * 1024;
    options.chunks.reserve_bytes_max = 0;
    options.rows_reserve = 0;
    options.env = rows_disk.env.get();
  }
  ~version_lives() {
    rows_disk.disk->release_syncs();
  }
  version_lives(const version_lives&) = delete;
  version_lives& operator=(const version_lives&) = delete;

  /// @returns what is wrong. Nothing opened and nothing wrong: no power.
  std::string open() {
    auto opened = storage::version_store::open(
      files, volumes, place / "rows", {"00112233445566ff", store_id{7}},
      options);
    if (!opened)
      return files.dead() ? std::string{} : "open: " + opened.error().context;
    store = *std::move(opened);
    auto bad = settle();
    return files.dead() ? std::string{} : bad;
  }

  /// Random work, until the steps are done or the power is gone.
  std::string run(std::uint64_t steps) {
    for (std::uint64_t i = 0; i < steps && !files.dead(); ++i)
      step();
    const std::lock_guard lock{guard};
    return wrong;
  }

  /// The end of the process; with `power` what was not synced is lost, too.
  void crash(bool power, sim::power_loss loss) {
    {
      const std::lock_guard lock{guard};
      over = true;
    }
    rows_disk.disk->powered = !power;
    if (!files.dead())
      files.die(0);
    rows_disk.disk->release_syncs();
    store.reset();
    if (power) {
      rows_disk.disk->cut_power();
      files.lose_power(random, loss);
    } else {
      files.heal();
      disk.close_all();
    }
    rows_disk.disk->powered = true;
    over = false;
  }

  void run_volumes() {
    for (const auto& volume : store->volumes())
      volume->run_once();
  }

  rng random;
  sim::disk disk;
  simulated_files files{disk};
  temp_dir place{memory_directory_path()};
  faulty_env rows_disk;
  std::vector<std::string> volumes{"/v1"};
  storage::version_store_options options;
  std::unique_ptr<storage::version_store> store;
  std::uint64_t acked = 0;

private:
  /// A commit's word about one file.
  struct file_word {
    std::optional<msg::file_state> state;
    std::size_t commit = 0;
  };
  struct group_model {
    std::map<inode_id, std::vector<file_word>> files; ///< In order.
    std::vector<std::pair<group_ballot, std::size_t>> promises;
    /// Of each commit, what it said of which file.
    std::vector<std::map<inode_id, std::optional<msg::file_state>>> commits{{}};
    std::size_t acked = 0; ///< The last commit that was called back.
  };

  void step() {
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return put();
      case 4:
        return promise();
      case 5:
        return become();
      case 6:
        return forget();
      case 7:
        return settle_one();
      case 8:
        return random.one_in(2) ? rows_disk.disk->hold_syncs()
                                : rows_disk.disk->release_syncs();
      case 9:
        now += std::chrono::milliseconds{random.below(900)};
        return static_cast<void>(store->tick(now));
      case 10:
        return drop_unnamed();
      default:
        return run_volumes();
    }
  }

  group_id any_group() {
    return group_id{1 + random.below(groups)};
  }
  inode_id any_file() {
    return inode_id{1 + random.below(files_of_group)};
  }

  msg::file_state new_state(const msg::put_id& put, std::size_t bytes) {
    auto state = state_with(put, bytes, ++serial);
    sizes[put] = bytes;
    return state;
  }

  std::optional<msg::put_id> new_content(std::size_t& bytes) {
    const msg::put_id put{put_writer{++writer}, 1};
    bytes = random.below(random.one_in(3) ? 300'000 : 3'000);
    const auto parts = 1 + random.below(100'000);
    if (bring(store->contents(), put, content_of(put, bytes), parts))
      return put;
    if (!files.dead())
      complain("a content cannot be brought");
    return std::nullopt;
  }

  void put() {
    std::size_t bytes = 0;
    const auto put = new_content(bytes);
    if (!put || random.one_in(10))
      return; // Never named.
    msg::row_changes changes{
      msg::file_change{any_file(), new_state(*put, bytes)}};
    if (random.one_in(3)) // Another file, with the same content.
      changes.push_back(msg::file_change{any_file(), new_state(*put, bytes)});
    commit(any_group(), std::move(changes), {*put});
  }

  void promise() {
    msg::group_row row;
    row.promised = group_ballot{++serial};
    commit(any_group(), {row}, {});
  }

  void become() {
    if (!random.one_in(3))
      return;
    std::size_t bytes = 0;
    const auto put = new_content(bytes);
    if (!put)
      return;
    msg::installed_group next;
    for (std::uint64_t i = 1; i <= files_of_group; ++i)
      if (!random.one_in(3))
        next.files[inode_id{i}] = new_state(*put, bytes);
    if (random.one_in(2))
      return commit(any_group(), {msg::next_change{next}, msg::become_next{}},
                    {*put});
    become_in_parts(any_group(), next, *put);
  }

  /// The parts alone, of which the model sees nothing; then that they are all.
  void become_in_parts(group_id group, const msg::installed_group& next,
                       const msg::put_id& put) {
    bool first = true;
    const auto ends = !random.one_in(5);
    const auto contents = ends ? std::vector{put} : std::vector<msg::put_id>{};
    for (const auto& [file, state] : next.files) {
      msg::next_part part{std::exchange(first, false), {}};
      part.files[file] = state;
      if (random.one_in(8)) {
        commit(group, {part}, contents); // Begun, and begun again.
        part.first = true;
        // What came before is to come again.
        for (const auto& [other, y] : next.files)
          if (other <= file)
            part.files[other] = y;
      }
      commit(group, {std::move(part)}, contents);
    }
    if (first || !ends)
      return;
    said_next[group] = next;
    commit(group,
           {msg::next_whole{next.set, next.forgotten, 0}, msg::become_next{}},
           contents);
  }

  void forget() {
    commit(any_group(), {msg::file_change{any_file(), {}}}, {});
  }

  void settle_one() {
    const auto group = any_group();
    const auto file = any_file();
    std::unique_lock lock{guard};
    const auto& words = model[group].files[file];
    if (words.empty() || !words.back().state)
      return;
    const auto stamp = words.back().state->stamp;
    lock.unlock();
    commit(group, {msg::settled_change{file, stamp}}, {});
  }

  void commit(group_id group, msg::row_changes changes,
              const std::vector<msg::put_id>& contents) {
    std::size_t number = 0;
    {
      const std::lock_guard lock{guard};
      number = note(group, changes);
    }
    store->groups().commit(group, std::move(changes), contents,
                           [this, group, number](const auto& outcome) {
                             on_durable(group, number, outcome);
                           });
  }

  std::size_t note(group_id group, const msg::row_changes& changes) {
    auto& x = model[group];
    const auto number = x.commits.size();
    auto& said = x.commits.emplace_back();
    for (const auto& each : changes) {
      if (const auto* change = std::get_if<msg::file_change>(&each))
        said[change->file] = change->state;
      if (const auto* row = std::get_if<msg::group_row>(&each))
        x.promises.emplace_back(row->promised, number);
      if (const auto* next = std::get_if<msg::next_change>(&each))
        note_all(said, *next->next);
      if (std::holds_alternative<msg::next_whole>(each))
        note_all(said, said_next.at(group));
    }
    for (const auto& [file, state] : said)
      x.files[file].push_back({state, number});
    return number;
  }

  static void note_all(std::map<inode_id, std::optional<msg::file_state>>& said,
                       const msg::installed_group& next) {
    for (std::uint64_t i = 1; i <= files_of_group; ++i) {
      const auto found = next.files.find(inode_id{i});
      said[inode_id{i}] = found == next.files.end()
                            ? std::nullopt
                            : std::optional{found->second};
    }
  }

  void on_durable(group_id group, std::size_t number,
                  const result<nothing>& outcome) {
    const std::lock_guard lock{guard};
    if (over || !rows_disk.disk->powered)
      return;
    auto& x = model[group];
    if (!outcome) {
      if (!files.dead())
        wrong += "a commit fails: " + outcome.error().context + "\n";
      return;
    }
    if (number != x.acked + 1)
      wrong += "commits are called back out of order\n";
    x.acked = number;
    ++acked;
  }

  void complain(const std::string& what) {
    const std::lock_guard lock{guard};
    wrong += what + "\n";
  }

  /// What no file names any more, whichever of its commits counts.
  void drop_unnamed() {
    std::set<msg::put_id> named;
    {
      const std::lock_guard lock{guard};
      for (const auto& [group, x] : model)
        for (const auto& [file, words] : x.files)
          for (std::size_t i = 0; i < words.size(); ++i)
            if (words[i].state
                && (i + 1 == words.size() || words[i + 1].commit > x.acked))
              named.insert(words[i].state->manifest.versions.front().content);
    }
    for (const auto& put : store->contents().list())
      if (!named.contains(put))
        store->contents().remove(put);
  }

  // -- after a start ----------------------------------------------------------

  std::string settle() {
    const auto rows = store->groups().load();
    if (!rows)
      return "load: " + rows.error().context;
    std::set<msg::put_id> named;
    std::uint64_t pieces = 0;
    for (std::uint64_t i = 1; i <= groups; ++i) {
      const auto found = rows->find(group_id{i});
      const auto now_there
        = found == rows->end() ? msg::replica_rows{} : found->second;
      if (auto bad = settle_group(model[group_id{i}], now_there); !bad.empty())
        return fmt::format("group {}: {}", i, bad);
      for (const auto& [file, state] : now_there.files)
        named.insert(state.manifest.versions.front().content);
    }
    for (const auto& put : store->contents().list()) {
      if (named.erase(put) == 0)
        return "a content is there that no file names";
      const auto row = store->contents().find(put);
      pieces += row->pieces.size();
      const auto bytes = read_whole(store->contents(), put, row->bytes + 1);
      if (!bytes)
        return "a content cannot be read: " + bytes.error().context;
      if (*bytes != content_of(put, sizes[put]))
        return fmt::format("content {} of {} bytes has {}, or others",
                           put.writer.value(), sizes[put], bytes->size());
    }
    if (!named.empty()) {
      const auto lost = store->contents().lost();
      const bool is_lost
        = std::ranges::find(lost, *named.begin()) != lost.end();
      std::string why;
      for (const auto& x : store->troubles())
        why += "; " + x;
      return fmt::format("content {}/{} is {}{}", named.begin()->writer.value(),
                         named.begin()->sequence,
                         is_lost ? "lost" : "not there, and has no row", why);
    }
    std::uint64_t chunks = 0;
    for (const auto& volume : store->volumes())
      chunks += volume->list().size();
    return chunks == pieces
             ? std::string{}
             : fmt::format("{} chunks of contents, {} there", pieces, chunks);
  }

  /// The model begins anew with what is there.
  static std::string
  settle_group(group_model& x, const msg::replica_rows& now) {
    std::map<inode_id, std::size_t> seen;
    for (std::uint64_t i = 1; i <= files_of_group; ++i) {
      const inode_id file{i};
      const auto there = now.files.find(file);
      const auto at = commit_of(
        x, file, there == now.files.end() ? nullptr : &there->second);
      if (!at)
        return fmt::format("file {} is as no commit made it", i);
      seen[file] = *at;
    }
    if (auto torn = torn_commit(x, seen); torn)
      return fmt::format("commit {} is there in part", *torn);
    group_ballot least;
    auto known = now.group.promised == group_ballot{};
    for (const auto& [ballot, number] : x.promises) {
      if (number <= x.acked)
        least = ballot;
      known = known || ballot == now.group.promised;
    }
    if (now.group.promised < least || !known)
      return "a promise is gone";
    x = {};
    x.promises = {{now.group.promised, 0}};
    for (const auto& [file, state] : now.files)
      x.files[file].push_back({state, 0});
    return {};
  }

  /// The latest commit that may have left the file so; none older than what was
  /// called back.
  static std::optional<std::size_t>
  commit_of(group_model& x, inode_id file, const msg::file_state* there) {
    const auto same = [&](const std::optional<msg::file_state>& word) {
      if (!word || there == nullptr)
        return !word && there == nullptr;
      return word->stamp == there->stamp && word->manifest == there->manifest;
    };
    const auto& words = x.files[file];
    for (auto i = words.rbegin(); i != words.rend(); ++i) {
      if (same(i->state))
        return i->commit;
      if (i->commit <= x.acked)
        return std::nullopt;
    }
    return there == nullptr ? std::optional<std::size_t>{0} : std::nullopt;
  }

  /// A commit that is there for one file is there for all.
  static std::optional<std::size_t>
  torn_commit(const group_model& x,
              const std::map<inode_id, std::size_t>& seen) {
    for (const auto& [file, number] : seen)
      for (const auto& [other, state] : x.commits[number])
        // Which of several removals it was cannot be seen.
        if (x.commits[number].at(file) && seen.at(other) < number)
          return number;
    return std::nullopt;
  }

  std::mutex guard;
  std::map<group_id, group_model> model;
  std::map<group_id, msg::installed_group> said_next;
  std::map<msg::put_id, std::size_t> sizes;
  std::string wrong;
  bool over = false;
  instant now{};
  std::uint64_t serial = 0;
  std::uint64_t writer = 0;
};

} // namespace dfs::test
