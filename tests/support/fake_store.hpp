#pragma once

#include "storage/chunk_store.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

/// A volume that only knows what its chunks are and how they are; all bytes are
/// 'x', and whatever would change one is refused. Any thread.
class fake_store final : public storage::chunk_store {
public:
  explicit fake_store(std::string path) : path_{std::move(path)} {
    // nop
  }

  /// Runs under the lock that guards what follows.
  template <class Function>
  auto with(Function function) {
    const std::lock_guard lock{guard_};
    return function(*this);
  }

  std::map<chunk_id, std::uint32_t> chunks; ///< And their lengths.
  std::set<chunk_id> bad;
  std::set<chunk_id> unreadable;
  std::vector<chunk_id> verified; ///< In order.
  storage::store_usage figures;
  bool stuck = false;                ///< Nothing becomes durable.
  std::vector<callback> waiting;     ///< For that.
  std::function<void()> before_look; ///< Runs in `usage`, without the lock.

  void close() override {
    // nop
  }
  [[nodiscard]] store_id id() const override {
    return store_id{77};
  }
  [[nodiscard]] const std::string& path() const override {
    return path_;
  }
  result<nothing> create(chunk_id, chunk_version) override {
    return refusal();
  }
  result<nothing>
  apply(const storage::mutation&, const storage::payload&) override {
    return refusal();
  }
  result<nothing> set_version(chunk_id, chunk_version) override {
    return refusal();
  }
  result<nothing> truncate(chunk_id, mutation_serial, std::uint32_t) override {
    return refusal();
  }
  result<nothing> begin_copy(chunk_id, storage::copy_cache) override {
    return refusal();
  }
  result<nothing>
  copy_data(chunk_id, std::uint32_t, const storage::payload&) override {
    return refusal();
  }
  result<nothing> finish_copy(const storage::chunk_state&,
                              std::span<const storage::append_entry>,
                              const msg::recent_writes&) override {
    return refusal();
  }
  result<nothing> sync_copy(chunk_id) override {
    return refusal();
  }
  result<nothing> drop_copy(chunk_id) override {
    return refusal();
  }
  result<nothing> remove(chunk_id) override {
    return refusal();
  }
  result<nothing> quarantine(chunk_id) override {
    return refusal();
  }
  result<nothing> purge_quarantined(chunk_id) override {
    return refusal();
  }
  [[nodiscard]] std::vector<chunk_id> quarantined() const override {
    return {};
  }
  void when_durable(chunk_id, callback done) override {
    when_durable(std::move(done));
  }
  void when_durable(callback done) override {
    {
      const std::lock_guard lock{guard_};
      if (stuck) {
        waiting.push_back(std::move(done));
        return;
      }
    }
    done(nothing{});
  }
  result<storage::read_plan>
  plan_read(chunk_id, std::uint32_t, std::uint32_t) override {
    return refusal();
  }
  result<std::uint32_t>
  read_verified(chunk_id, std::uint32_t, std::span<char> to) override {
    std::fill(to.begin(), to.end(), 'x');
    return static_cast<std::uint32_t>(to.size());
  }
  result<std::uint32_t>
  read_cached(chunk_id, std::uint32_t, std::span<char>) override {
    return refusal();
  }
  result<std::vector<storage::block_fault>> verify(chunk_id chunk) override {
    const std::lock_guard lock{guard_};
    if (chunks.count(chunk) == 0)
      return fail(ec::not_found);
    verified.push_back(chunk);
    if (unreadable.count(chunk) != 0)
      return fail(ec::io_error);
    if (bad.count(chunk) != 0)
      return std::vector<storage::block_fault>{{3, false}};
    return std::vector<storage::block_fault>{};
  }
  result<storage::chunk_state> state(chunk_id chunk) const override {
    const std::lock_guard lock{guard_};
    const auto found = chunks.find(chunk);
    if (found == chunks.end())
      return fail(ec::not_found);
    storage::chunk_state x;
    x.chunk = chunk;
    x.length = found->second;
    return x;
  }
  [[nodiscard]] std::vector<storage::chunk_state> list() const override {
    const std::lock_guard lock{guard_};
    std::vector<storage::chunk_state> all;
    for (const auto& [chunk, length] : chunks) {
      all.emplace_back();
      all.back().chunk = chunk;
      all.back().length = length;
    }
    return all;
  }
  result<std::vector<storage::append_entry>> appends(chunk_id) const override {
    return refusal();
  }
  result<msg::recent_writes> writes(chunk_id) const override {
    return refusal();
  }
  [[nodiscard]] std::optional<storage::append_entry>
  last_append(chunk_id, writer_id) const override {
    return std::nullopt;
  }
  result<std::optional<std::vector<storage::mutation>>>
  mutations_after(chunk_id, mutation_serial) const override {
    return refusal();
  }
  [[nodiscard]] bool failed() const override {
    const std::lock_guard lock{guard_};
    return figures.failed;
  }
  void give_up(const error& why) override {
    std::vector<callback> told;
    {
      const std::lock_guard lock{guard_};
      figures.failed = true;
      told.swap(waiting);
    }
    for (const auto& done : told)
      done(why);
  }
  [[nodiscard]] storage::store_usage usage() const override {
    if (before_look)
      before_look();
    const std::lock_guard lock{guard_};
    return figures;
  }
  [[nodiscard]] std::vector<storage::damage> damages() const override {
    return {};
  }
  void run_once() override {
    // nop
  }

private:
  static error refusal() {
    return fail(ec::unsupported, "a fake store");
  }

  std::string path_;
  mutable std::mutex guard_;
};

} // namespace dfs::test
