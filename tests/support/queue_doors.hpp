#pragma once

#include "core/queues/queue_machine.hpp"
#include "core/queues/queue_rules.hpp"
#include "support/fake_door.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace dfs::test {

/// Servers with front doors but without a group: one state machine that all of
/// them apply to at once, as if the order were always agreed on.
class queue_doors {
public:
  /// How a server behaves.
  struct manner {
    std::atomic<bool> primary{true};
    std::atomic<bool> queues{true};
    std::atomic<bool> frozen{false}; ///< Takes everything, answers nothing.
    std::atomic<int> swallow{0};     ///< So many answers of changes are lost.
    std::atomic<int> changes{0};     ///< Requests that came.
    std::atomic<int> reads{0};
  };

  queue_doors(const credential_files& node, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      manners_.push_back(std::make_unique<manner>());
    for (std::size_t i = 0; i < count; ++i)
      doors_.push_back(std::make_unique<fake_door>(
        node, [this, i](const net::frame_request& x) { take(i, x); }));
    const std::lock_guard guard{mutex_};
    for (const auto& x : doors_)
      contacts_.push_back(x->server.contact());
  }

  [[nodiscard]] std::vector<std::string> contacts() const {
    return contacts_;
  }

  [[nodiscard]] manner& operator[](std::size_t i) {
    return *manners_[i];
  }

  /// Its connections end, and it is gone.
  void kill(std::size_t i) {
    doors_[i]->server.run([this, i] { doors_[i]->server.server.reset(); });
  }

  /// The clock of the state goes on.
  void tick(int count) {
    const std::lock_guard guard{mutex_};
    for (; count > 0; --count) {
      msg::queue_request x;
      x.verb = msg::queue_verb::tick;
      x.number = machine_.clock().value() + 1;
      (void) apply(x);
    }
  }

  [[nodiscard]] std::uint64_t items() {
    const std::lock_guard guard{mutex_};
    return machine_.queues().items();
  }

  [[nodiscard]] std::size_t sessions() {
    const std::lock_guard guard{mutex_};
    return machine_.sessions().all().size();
  }

private:
  void take(std::size_t i, const net::frame_request& x) {
    if (manners_[i]->frozen)
      return;
    const std::lock_guard guard{mutex_};
    switch (x.method) {
      case msg::method<msg::echo>::number:
        return x.from->answer(x.id, x.message);
      case msg::method<msg::list_members>::number:
        return x.from->answer(x.id, wire::encode(members()));
      case msg::method<msg::queue_greeting>::number:
        return greet(i, x);
      case msg::method<msg::change_queue>::number:
        return change(i, x);
      case msg::method<msg::read_queue>::number:
        return read(i, x);
      default:
        x.from->refuse(x.id, fail(ec::unsupported, "no such request"));
    }
  }

  void greet(std::size_t i, const net::frame_request& x) {
    if (!manners_[i]->queues)
      return x.from->refuse(x.id, fail(ec::unsupported, "no queues here"));
    msg::queue_greeted said;
    said.now = machine_.clock();
    said.primary = manners_[i]->primary;
    for (std::size_t n = 0; n < contacts_.size(); ++n)
      if (manners_[n]->queues)
        said.servers.push_back(
          {{}, "node", contacts_[n], manners_[n]->primary});
    x.from->answer(x.id, wire::encode(said));
  }

  void change(std::size_t i, const net::frame_request& x) {
    ++manners_[i]->changes;
    if (!manners_[i]->primary)
      return x.from->refuse(x.id,
                            fail(ec::not_primary, "the primary is server 1"));
    auto asked = wire::decode<msg::change_queue>(x.message);
    auto answer = apply(asked->request);
    if (answer.status == msg::queue_status::waiting) {
      waiting_.emplace_back(x, asked->request);
      return;
    }
    if (manners_[i]->swallow.fetch_sub(1) > 0)
      x.from->refuse(x.id, fail(ec::timed_out, "the answer is lost"));
    else
      x.from->answer(x.id, wire::encode(answer));
    serve_waiting();
  }

  void read(std::size_t i, const net::frame_request& x) {
    ++manners_[i]->reads;
    auto asked = wire::decode<msg::read_queue>(x.message);
    auto answer = machine_.look(asked->request);
    answer.stale = !manners_[i]->primary;
    x.from->answer(x.id, wire::encode(answer));
  }

  void serve_waiting() {
    for (auto& [x, request] : std::exchange(waiting_, {})) {
      const auto answer = apply(request);
      if (answer.status == msg::queue_status::waiting)
        waiting_.emplace_back(x, request);
      else
        x.from->answer(x.id, wire::encode(answer));
    }
  }

  msg::queue_answer apply(msg::queue_request x) {
    return machine_.apply(++sequence_, std::span{&x, 1}).front();
  }

  [[nodiscard]] msg::member_list members() const {
    msg::member_list all;
    for (std::size_t i = 0; i < doors_.size(); ++i) {
      msg::member_record x;
      const auto port = doors_[i]->server.address.port();
      x.id = {*ip_address::parse("127.0.0.1"), port, 1};
      x.roles = static_cast<msg::role_set>(
        manners_[i]->queues ? msg::role::fileserver : msg::role::chunkserver);
      x.stream_port = port;
      all.members.push_back(x);
    }
    return all;
  }

  std::vector<std::unique_ptr<manner>> manners_;
  std::vector<std::string> contacts_;
  std::mutex mutex_;
  core::queue_machine machine_;
  std::uint64_t sequence_ = 0;
  std::vector<std::pair<net::frame_request, msg::queue_request>> waiting_;
  /// Last: their threads use all of the above.
  std::vector<std::unique_ptr<fake_door>> doors_;
};

} // namespace dfs::test
