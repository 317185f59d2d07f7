#pragma once

#include "support/store_model.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

/// Random changes of a few chunks, on a store and its model at once.
class store_workload {
public:
  static constexpr std::uint32_t chunk_bytes = 3 * storage::block_bytes;

  static storage::store_options options() {
    storage::store_options x;
    x.chunk_bytes_max = chunk_bytes;
    x.packed_bytes_max = 4'096;
    x.segment_bytes = 48 * 1024;
    x.checkpoint_bytes = 32 * 1024;
    x.reserve_bytes_max = 64 * 1024;
    x.threads = false;
    return x;
  }

  store_workload(store_model& model, rng& random)
    : model_{model},
      random_{random} {
    // nop
  }

  /// One change, question or round of the store's own work.
  /// @returns what went wrong that must not, or nothing.
  std::string step(storage::chunk_store& store) {
    store_ = &store;
    const auto id = chunk_id{1 + random_.below(chunks)};
    auto now = model_.chunks[id].now();
    if (!now.there)
      return random_.one_in(3) ? copy(id) : create(id);
    switch (random_.below(24)) {
      case 0:
        return remove(id);
      case 1:
        return set_version(id, now);
      case 2:
        return pad_or_bar(id, now);
      case 3:
        return truncate(id);
      case 4:
        return quarantine(id);
      case 5:
      case 6:
      case 7:
      case 8:
        return overwrite(id, now);
      case 9:
      case 10:
        return extend(id, now, 20'000 + random_.below(90'000));
      case 11:
      case 12:
      case 13:
        store.run_once();
        return {};
      case 14:
      case 15:
      case 16:
        ask_durable(id);
        return {};
      case 17:
        return check(id);
      case 18:
        return copy(id);
      default:
        return extend(id, now, 1 + random_.below(3'000));
    }
  }

  void ask_durable(chunk_id id) {
    const auto count = model_.applied(id);
    if (random_.one_in(3))
      return ask_all_durable();
    store_->when_durable(id, [this, id, count](const result<nothing>& x) {
      if (x)
        model_.durable(id, count);
      ++(x ? confirmed : refused);
    });
  }

  void ask_all_durable() {
    std::vector<std::pair<chunk_id, std::uint64_t>> counts;
    for (const auto& [each, ignored] : model_.chunks)
      counts.emplace_back(each, model_.applied(each));
    store_->when_durable([this, counts](const result<nothing>& x) {
      for (const auto& [each, count] : counts) {
        if (x)
          model_.durable(each, count);
      }
      ++(x ? confirmed : refused);
    });
  }

  void ask_all_durable(storage::chunk_store& store) {
    store_ = &store;
    ask_all_durable();
  }

  void forget_all() {
    earlier_.clear();
  }

  std::uint64_t confirmed = 0;
  std::uint64_t refused = 0;
  std::uint64_t changed = 0;
  /// Codes that a change may be refused with; nothing has changed then.
  std::vector<ec> allowed;

private:
  static constexpr std::uint64_t chunks = 7;

  /// Whether a change was made; a refusal must be one that is allowed.
  bool made(const result<nothing>& outcome, const char* what) {
    if (outcome) {
      ++changed;
      return true;
    }
    const auto code = outcome.error().code;
    if (std::find(allowed.begin(), allowed.end(), code) == allowed.end())
      complaint_ += fmt::format("{}: {} ({})\n", what, to_string(code),
                                outcome.error().context);
    return false;
  }

  std::string complain() {
    return std::exchange(complaint_, {});
  }

  std::string create(chunk_id id) {
    chunk_snapshot after;
    after.there = true;
    after.version = chunk_version{1 + random_.below(3)};
    if (made(store_->create(id, after.version), "create")) {
      model_.add(id, after);
      earlier_[id].clear();
    }
    return complain();
  }

  std::string copy(chunk_id id) {
    chunk_snapshot after;
    after.there = true;
    after.version = chunk_version{5};
    after.serial = mutation_serial{1 + random_.below(9)};
    after.content
      = pattern(1 + random_.below(random_.one_in(2) ? 3'000 : 100'000),
                random_.below(1'000'000));
    after.length = static_cast<std::uint32_t>(after.content.size());
    if (random_.one_in(3)) {
      after.padded_from = after.length;
      after.length = chunk_bytes;
    }
    if (random_.one_in(2))
      after.appends = {{writer_id{3}, 7, 0, 1}, {writer_id{4}, 9, 1, 1}};
    if (after.serial.value() % 3 == 0)
      after.writes = {{{writer_id{12}, 4, after.serial}}, {}};
    if (!made(store_->begin_copy(id, after.serial.value() % 2 == 0
                                       ? storage::copy_cache::past
                                       : storage::copy_cache::through),
              "begin_copy"))
      return complain();
    for (std::size_t at = 0; at < after.content.size(); at += 65'536) {
      const auto part = after.content.substr(at, 65'536);
      const chunk_change data{id,  {}, {}, {}, static_cast<std::uint32_t>(at),
                              part};
      if (!made(
            store_->copy_data(id, static_cast<std::uint32_t>(at), data.data()),
            "copy_data"))
        return complain();
    }
    if (random_.one_in(8))
      return complain(); // Never finished: never there.
    if (random_.one_in(8) && made(store_->drop_copy(id), "drop_copy"))
      return complain();
    if (!made(store_->sync_copy(id), "sync_copy"))
      return complain();
    const storage::chunk_state state{id, after.version, after.serial,
                                     after.length, after.padded_from};
    if (made(store_->finish_copy(state, after.appends, after.writes),
             "finish_copy")) {
      model_.add(id, after);
      earlier_[id].clear();
    }
    return complain();
  }

  std::string change(chunk_id id, chunk_snapshot now,
                     storage::mutation_kind kind, std::uint32_t offset,
                     std::string data, writer_id writer = {},
                     std::uint64_t sequence = 0) {
    const chunk_change x{id,   now.version, now.serial.next(), kind, offset,
                         data, writer,      sequence};
    auto what = x.what();
    if (kind == storage::mutation_kind::pad)
      what.length = chunk_bytes - offset;
    if (!made(store_->apply(what, x.data()), "apply"))
      return complain();
    const auto before = now;
    now.serial = what.serial;
    if (kind == storage::mutation_kind::pad) {
      now.padded_from = offset;
      now.length = chunk_bytes;
    }
    if (offset < now.content.size() && !data.empty())
      earlier_[id].clear();
    else
      earlier_[id].push_back(before);
    if (offset + data.size() > now.content.size())
      now.content.resize(offset + data.size());
    now.content.replace(offset, data.size(), data);
    if (!now.padded_from)
      now.length = static_cast<std::uint32_t>(now.content.size());
    if (kind == storage::mutation_kind::append
        || kind == storage::mutation_kind::bar) {
      std::erase_if(now.appends,
                    [&](const auto& e) { return e.writer == writer; });
      now.appends.push_back({writer, sequence, offset, what.length});
      now.appends = store_model::by_writer(now.appends);
    }
    if (kind == storage::mutation_kind::write && writer != writer_id{})
      now.writes.note({writer, sequence, what.serial});
    model_.add(id, now);
    return complain();
  }

  /// Of one that is to happen once, or of nobody. Takes no random number, so
  /// that what a seed does stays the same.
  static std::pair<writer_id, std::uint64_t>
  somebody(const chunk_snapshot& now, std::uint64_t place) {
    const auto dice = now.serial.value() * 7 + place;
    if (dice % 3 != 0)
      return {};
    return {writer_id{11 + dice % 4}, 1 + dice % 1'000};
  }

  std::string
  extend(chunk_id id, const chunk_snapshot& now, std::uint64_t bytes) {
    const auto room = chunk_bytes - now.content.size();
    if (now.padded_from || room == 0)
      return remove(id);
    auto data
      = pattern(std::min<std::uint64_t>(bytes, room), random_.below(1'000'000));
    const auto end = static_cast<std::uint32_t>(now.content.size());
    const auto [who, sequence] = somebody(now, end);
    if (random_.one_in(2))
      return change(id, now, storage::mutation_kind::write, end, data, who,
                    sequence);
    return change(id, now, storage::mutation_kind::append, end, data,
                  writer_id{1 + random_.below(4)}, 1 + random_.below(1'000));
  }

  std::string overwrite(chunk_id id, const chunk_snapshot& now) {
    if (now.content.empty())
      return {};
    const auto size = now.content.size();
    const auto offset = random_.below(size);
    const auto limit = now.padded_from ? size - offset : chunk_bytes - offset;
    const auto bytes = 1 + random_.below(random_.one_in(4) ? 80'000 : 5'000);
    const auto [who, sequence] = somebody(now, offset);
    return change(
      id, now, storage::mutation_kind::write,
      static_cast<std::uint32_t>(offset),
      pattern(std::min<std::uint64_t>(bytes, limit), random_.below(1'000'000)),
      who, sequence);
  }

  std::string pad_or_bar(chunk_id id, const chunk_snapshot& now) {
    const auto end = static_cast<std::uint32_t>(now.content.size());
    if (random_.one_in(2))
      return now.padded_from
               ? std::string{}
               : change(id, now, storage::mutation_kind::bar, end, {},
                        writer_id{1 + random_.below(4)}, random_.below(1'000));
    if (now.padded_from || end == chunk_bytes)
      return {};
    return change(id, now, storage::mutation_kind::pad, end, {});
  }

  std::string set_version(chunk_id id, chunk_snapshot now) {
    now.version = now.version.next();
    if (made(store_->set_version(id, now.version), "set_version")) {
      model_.add(id, now);
      for (auto& x : earlier_[id])
        x.version = now.version;
    }
    return complain();
  }

  std::string truncate(chunk_id id) {
    auto& known = earlier_[id];
    if (known.empty())
      return {};
    const auto back = random_.below(known.size());
    auto after = known[back];
    auto outcome = store_->truncate(id, after.serial, after.length);
    // Not known any more, or not yet durable: it says so.
    if (!outcome
        && (outcome.error().code == ec::unsupported
            || outcome.error().code == ec::busy))
      return {};
    if (!made(outcome, "truncate"))
      return complain();
    known.resize(back);
    // What a writer did before may be forgotten, but nothing else remembered.
    const auto appends = store_model::by_writer(*store_->appends(id));
    for (const auto& x : appends) {
      if (std::find(after.appends.begin(), after.appends.end(), x)
          == after.appends.end())
        complaint_ += "truncate remembers an append that it undid\n";
    }
    after.appends = appends;
    auto writes = *store_->writes(id);
    for (const auto& x : writes.entries) {
      if (x.serial > after.serial)
        complaint_ += "truncate remembers a write that it undid\n";
    }
    for (const auto& x : after.writes.entries) {
      const auto* found = writes.find(x.writer);
      if ((found == nullptr || !(*found == x)) && writes.forgotten < x.serial)
        complaint_ += "truncate does not know what it has forgotten\n";
    }
    after.writes = std::move(writes);
    model_.add(id, after);
    return complain();
  }

  std::string remove(chunk_id id) {
    if (made(store_->remove(id), "remove")) {
      model_.add(id, {});
      earlier_[id].clear();
    }
    return complain();
  }

  std::string quarantine(chunk_id id) {
    if (!random_.one_in(3))
      return {};
    if (made(store_->quarantine(id), "quarantine")) {
      model_.add(id, {});
      earlier_[id].clear();
      if (random_.one_in(2))
        made(store_->purge_quarantined(id), "purge");
    }
    return complain();
  }

  std::string check(chunk_id id) {
    const auto& now = model_.chunks[id].now();
    const auto found = store_model::look(*store_, id);
    if (found == now)
      return {};
    // A failed volume answers nothing.
    if (std::find(allowed.begin(), allowed.end(), ec::io_error)
        != allowed.end())
      return {};
    return fmt::format("chunk {} reads differently\n", id.value());
  }

  store_model& model_;
  rng& random_;
  storage::chunk_store* store_ = nullptr;
  std::string complaint_;
  /// By additions alone: what a truncation can go back to.
  std::map<chunk_id, std::vector<chunk_snapshot>> earlier_;
};

} // namespace dfs::test
