#pragma once

#include "chunkserver/chunk_hands.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

/// A data server and disks that do as the test says, at once unless `held`.
/// One thread.
class fake_hands final : public chunkserver::chunk_hands {
public:
  // What it answers.
  std::vector<msg::led_chunk> leading;
  std::vector<msg::chunk_state> chunks;
  std::optional<error> refuses; ///< Every order, and the term.
  condition state;
  bool held = false; ///< Nothing is answered before `let_go`.

  // What was asked.
  boot_instant lease_until;
  std::vector<std::pair<std::uint64_t, boot_instant>> noted;
  std::map<lease_epoch, boot_instant> renewed;
  std::vector<lease_epoch> ended;
  int clocks_forgotten = 0;
  std::vector<lease_epoch> lives;
  std::vector<msg::chunk_state> revoked;
  std::vector<chunk_id> verified;
  std::vector<std::string> orders;
  std::vector<msg::fence_chunk> fences;
  boot_instant taken_until;
  std::vector<master_term> persisted;
  std::optional<std::chrono::milliseconds> drained;

  /// What was held is answered.
  void let_go() {
    held = false;
    for (auto& answer : std::exchange(waiting_, {}))
      answer();
  }

  void begin_life(lease_epoch granted) override {
    lives.push_back(granted);
  }
  void set_node_lease(boot_instant until) override {
    lease_until = until;
  }
  void note_heartbeat(std::uint64_t sequence, boot_instant sent) override {
    noted.emplace_back(sequence, sent);
  }
  void
  renew_leases(std::vector<lease_epoch> epochs, boot_instant until) override {
    for (const auto x : epochs)
      renewed[x] = until;
  }
  void end_leases(std::vector<lease_epoch> epochs) override {
    ended.insert(ended.end(), epochs.begin(), epochs.end());
  }
  void forget_clocks() override {
    ++clocks_forgotten;
  }
  void revoke(std::vector<msg::chunk_state> what,
              std::function<void()> done) override {
    later([this, what = std::move(what), done = std::move(done)] {
      revoked.insert(revoked.end(), what.begin(), what.end());
      done();
    });
  }
  void led_since(std::uint64_t after, std::size_t most,
                 std::function<void(core::led_page)> done) override {
    later([this, after, most, done = std::move(done)] {
      core::led_page page{{}, after, true};
      for (auto i = after; i < leading.size() && page.leases.size() < most; ++i)
        page.leases.push_back(leading[i]);
      page.upto = after + page.leases.size();
      page.complete = page.upto >= leading.size();
      done(std::move(page));
    });
  }
  void led(chunk_id after, std::size_t most,
           std::function<void(std::vector<msg::led_chunk>)> done) override {
    later([this, after, most, done = std::move(done)] {
      std::vector<msg::led_chunk> found;
      for (const auto& x : leading)
        if (x.chunk > after && found.size() < most)
          found.push_back(x);
      for (const auto& x : leading)
        if (x.chunk <= after && found.size() < most)
          found.push_back(x);
      done(std::move(found));
    });
  }
  void fence(const msg::fence_chunk& order,
             callback<msg::chunk_state> done) override {
    orders.emplace_back("fence");
    fences.push_back(order);
    answer(std::move(done), state_of(order.chunk));
  }
  void take_lease(msg::take_lease order, boot_instant until,
                  callback<msg::lease_taken> done) override {
    orders.emplace_back("take");
    taken_until = until;
    answer(std::move(done), msg::lease_taken{state_of(order.grant.chunk), {}});
  }
  void release(chunk_id chunk, lease_epoch,
               callback<msg::lease_released> done) override {
    orders.emplace_back("release");
    answer(std::move(done), msg::lease_released{state_of(chunk), true});
  }
  void copy(msg::copy_chunk order, callback<msg::chunk_state> done) override {
    orders.emplace_back("copy");
    answer(std::move(done), order.wanted);
  }
  void remove(std::vector<msg::chunk_state> what,
              callback<std::vector<chunk_id>> done) override {
    orders.emplace_back("remove");
    std::vector<chunk_id> gone;
    for (const auto& x : what)
      gone.push_back(x.chunk);
    answer(std::move(done), std::move(gone));
  }
  void verify(std::vector<chunk_id> what) override {
    verified.insert(verified.end(), what.begin(), what.end());
  }
  void list(std::function<void(core::replica_list)> done) override {
    later([this, done = std::move(done)] { done({chunks, {}}); });
  }
  void
  persist_mark(const msg::master_mark& mark, callback<nothing> done) override {
    persisted.push_back(mark.term);
    answer(std::move(done), nothing{});
  }
  [[nodiscard]] condition look() const override {
    return state;
  }
  void drain(std::chrono::milliseconds patience,
             std::function<void()> done) override {
    drained = patience;
    later(std::move(done));
  }

  static msg::chunk_state state_of(chunk_id chunk) {
    return {chunk, {chunk_version{5}, mutation_serial{6}, 7, 7}};
  }

private:
  void later(std::function<void()> what) {
    if (held)
      waiting_.push_back(std::move(what));
    else
      what();
  }

  template <class T>
  void answer(callback<T> done, T good) {
    later([this, done = std::move(done), good = std::move(good)] {
      if (refuses)
        done(*refuses);
      else
        done(good);
    });
  }

  std::vector<std::function<void()>> waiting_;
};

} // namespace dfs::test
