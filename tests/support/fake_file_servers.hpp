#pragma once

#include "base/crc32c.hpp"
#include "client/versions/version_session.hpp"
#include "core/versions/manifest_rules.hpp"
#include "wire/codec.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

/// A master and the file servers of one group in one object, for operations on
/// versioned files: no sockets. A put is applied at once by all members that
/// are there; `down` and `hung` servers and the hooks make the faults.
class fake_file_servers final : public client::master_port,
                                public client::version_port {
public:
  struct replica {
    std::map<inode_id, msg::file_state> files;
    std::map<msg::put_id, std::string> contents;
    std::map<msg::put_id, std::string> staged; ///< Not whole yet.
  };

  static constexpr group_id group{7};
  static constexpr std::size_t memory_max = 32 * 1024 * 1024;

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
    io.get_executor()};
  client::version_session session{
    io,
    *this,
    *this,
    std::make_shared<client::version_places>(io, *this),
    std::make_shared<client::writer_pool>(*this),
    std::make_shared<client::memory_budget>(io, memory_max),
    std::make_shared<net::buffer_pool>(),
    {}};

  std::map<std::string, inode_id> names;
  std::map<inode_id, version_number> shown; ///< By names; else zero.
  std::map<store_id, replica> replicas;
  msg::group_location where;
  std::set<store_id> down; ///< Refuse connections.
  std::set<store_id> hung; ///< Never answer.
  bool master_down = false;
  std::chrono::milliseconds master_takes{0}; ///< For each answer.
  msg::name_lease names_lease;               ///< With each answer about a name.
  std::uint64_t position = 5;                ///< Of the master's log.
  /// A primary that cannot be reached is replaced when a client says so.
  bool appoints = true;
  std::map<std::string, int> asked; ///< Of the master, by name.
  std::map<store_id, int> reads;    ///< Of contents, by server.
  std::map<store_id, int> states;   ///< Read, by server.
  std::map<store_id, int> frames;   ///< Staged first at that server.
  std::vector<msg::put_id> put_ids; ///< As they came.
  /// A server's answer instead of its own; called before anything is done.
  std::function<std::optional<error>(store_id, const msg::put_bytes&)> on_put;
  /// The master's answer instead of its own.
  std::function<std::optional<error>(const msg::create_versioned&)> on_create;
  /// As `on_put`, after it was done: the answer is lost.
  std::function<std::optional<error>(store_id)> after_put;
  std::function<std::optional<error>(store_id, const msg::stage_content&)>
    on_stage;
  std::function<std::optional<error>(store_id, const msg::read_content&)>
    on_read;
  /// Spoils what a server sends.
  std::function<void(store_id, std::string&)> spoil;

  /// @param rule N servers, 1 to N, the first of them the primary.
  explicit fake_file_servers(msg::quorum_rule rule = {}) {
    where.set = {group, group_epoch{11}, rule, {}};
    for (std::uint8_t i = 1; i <= rule.copies; ++i) {
      where.set.servers.push_back(store(i));
      where.servers.push_back({store(i),
                               {*ip_address::parse("127.0.0.1"),
                                static_cast<std::uint16_t>(9'000 + i)}});
      replicas[store(i)];
    }
    where.primary = store(1);
  }

  static store_id store(int number) {
    return store_id{static_cast<std::uint64_t>(number)};
  }

  /// Runs until `answered` is set.
  template <class T>
  result<T> wait(std::optional<result<T>>& answered) {
    while (!answered)
      io.run_one();
    return *answered;
  }

  /// As the primary has it.
  [[nodiscard]] const msg::file_manifest& manifest(const std::string& path) {
    return replicas[where.primary].files[names.at(path)].manifest;
  }

  /// The newest bytes that W have.
  [[nodiscard]] std::string content(const std::string& path) {
    const auto* newest = core::newest_of(manifest(path));
    return newest ? replicas[where.primary].contents[newest->content] : "";
  }

  // -- data ports -------------------------------------------------------------

  void put(const msg::version_server& to, msg::put_bytes what,
           const client::piece& data, duration,
           answer<msg::put_done> then) override {
    put_ids.push_back(what.what.put);
    at_server(to, then, [=, this]() -> result<msg::put_done> {
      if (on_put)
        if (auto refused = on_put(to.store, what))
          return *refused;
      if (auto wrong = not_led_by(to.store, what.what.epoch))
        return *wrong;
      auto& own = replicas[to.store];
      const auto& x = what.what;
      const auto bytes = std::string{data.bytes.view()};
      const bool brings
        = x.kind == msg::version_kind::content && x.content == x.put;
      if (brings && !own.contents.contains(x.put)) {
        if (data.crcs != client::block_crcs(bytes, 0)
            || crc32c(bytes) != x.checksum || bytes.size() != x.bytes)
          return fail(ec::integrity, "bytes");
      } else if (brings && crc32c(own.contents[x.put]) != x.checksum) {
        return fail(ec::integrity, "staged bytes");
      }
      auto made = apply(to.store, x, brings, bytes);
      if (made && after_put)
        if (auto lost = after_put(to.store))
          return *lost;
      return made;
    });
  }

  void settle(const msg::version_server& to, const msg::ask_settle_put& x,
              duration, answer<msg::put_settled> then) override {
    at_server(to, then, [=, this]() -> result<msg::put_settled> {
      if (auto wrong = not_led_by(to.store, x.what.epoch))
        return *wrong;
      auto& state = replicas[to.store].files[x.what.file];
      const auto known = core::look_up(state.manifest, x.what.put);
      using kind = core::put_knowledge::kind;
      if (known.what == kind::known)
        return msg::put_settled{x.what.put, known.version};
      if (known.what != kind::open)
        return fail(ec::not_found, "too long ago");
      state.manifest = core::bar(state.manifest, x.what.put);
      spread(to.store, x.what.file);
      return msg::put_settled{x.what.put, {}};
    });
  }

  void settle(const msg::version_server& to, const msg::ask_settle_file& x,
              duration, answer<msg::file_settled> then) override {
    at_server(to, then, [=, this]() -> result<msg::file_settled> {
      if (auto wrong = not_led_by(to.store, x.what.epoch))
        return *wrong;
      return msg::file_settled{x.what.file,
                               replicas[to.store].files[x.what.file]};
    });
  }

  void read_state(const msg::version_server& to, const msg::read_state& x,
                  duration, answer<client::state_answer> then) override {
    ++states[to.store];
    at_server(to, then, [=, this]() -> result<client::state_answer> {
      client::state_answer reply;
      if (x.what.epoch != where.set.epoch) {
        reply.head.said.refused.push_back(
          {x.what.group, x.what.file, where.set.epoch, {}, ec::stale});
        return reply;
      }
      const auto& own = replicas[to.store];
      const auto known = own.files.find(x.what.file);
      const auto state
        = known == own.files.end() ? msg::file_state{} : known->second;
      reply.head.said.what.push_back(
        {x.what.group, x.what.epoch, x.what.file, {}, state, 0});
      const auto* newest = core::newest_of(state.manifest);
      if (!x.bytes || !newest || newest->bytes > msg::inline_content_max)
        return reply;
      const auto held = own.contents.find(newest->content);
      if (held == own.contents.end())
        return reply;
      reply.head.crcs = client::block_crcs(held->second, 0);
      reply.bytes = sent(to.store, held->second);
      return reply;
    });
  }

  void finish(const msg::version_server& to, const msg::ask_finish_write& x,
              duration,
              answer<msg::replica_said<msg::manifest_accepted>> then) override {
    at_server(to, then,
              [=, this]() -> result<msg::replica_said<msg::manifest_accepted>> {
                const auto& from = replicas[x.what.holder];
                auto& own = replicas[to.store];
                own.files[x.what.file] = from.files.at(x.what.file);
                own.contents.insert(from.contents.begin(), from.contents.end());
                return msg::replica_said<msg::manifest_accepted>{
                  {{x.what.group, x.what.epoch, x.what.file, x.what.stamp}},
                  {}};
              });
  }

  void stage(const msg::version_server& to, msg::stage_content x,
             const client::piece& data, duration,
             answer<msg::content_staged> then) override {
    ++frames[to.store];
    at_server(to, then, [=, this]() -> result<msg::content_staged> {
      if (on_stage)
        if (auto refused = on_stage(to.store, x))
          return *refused;
      const auto bytes = data.bytes.view();
      if (data.crcs != client::block_crcs(bytes, 0)
          || bytes.size() > msg::stage_bytes)
        return fail(ec::integrity, "frame");
      msg::content_staged reply{x.content, x.offset + bytes.size(), {}};
      auto chain = x.chain;
      chain.insert(chain.begin(), to);
      for (const auto& each : chain) {
        if (each.store != to.store
            && (down.contains(each.store) || hung.contains(each.store)))
          continue; // It fetches the content later.
        auto& own = replicas[each.store];
        auto& there = own.staged[x.content];
        if (x.offset > there.size())
          return fail(ec::invalid_argument, "a gap");
        if (x.offset == there.size())
          there += bytes;
        if (x.whole && (there.size() != x.bytes || crc32c(there) != x.checksum))
          return fail(ec::integrity, "checksum of all");
        if (x.whole)
          own.contents[x.content] = std::exchange(there, {});
        reply.holders.push_back(each.store);
      }
      return reply;
    });
  }

  void read(const msg::version_server& to, const msg::read_content& x, duration,
            answer<client::content_answer> then) override {
    ++reads[to.store];
    at_server(to, then, [=, this]() -> result<client::content_answer> {
      if (on_read)
        if (auto refused = on_read(to.store, x))
          return *refused;
      const auto& own = replicas[to.store].contents;
      const auto held = own.find(x.content);
      if (held == own.end())
        return fail(ec::not_found, "not here");
      if (x.offset % msg::block_size != 0)
        return fail(ec::invalid_argument, "not a block");
      const auto bytes = held->second.substr(x.offset, x.length);
      client::content_answer reply;
      reply.head = {held->second.size(), client::block_crcs(bytes, 0)};
      reply.bytes = sent(to.store, bytes);
      return reply;
    });
  }

  // -- the master -------------------------------------------------------------

  result<msg::file_located> on(const msg::locate_file& x) {
    const auto known = names.find(x.path);
    if (known == names.end())
      return fail(ec::not_found, x.path + " does not exist");
    msg::file_located found;
    found.status.path = x.path;
    found.status.inode = known->second;
    if (const auto it = shown.find(known->second); it != shown.end())
      found.status.version = it->second;
    found.status.where = msg::storage_class::versioned;
    found.looked_up_at = position;
    found.group = where;
    found.names = names_lease;
    return found;
  }

  result<msg::file_located> on(const msg::create_versioned& x) {
    if (on_create)
      if (auto refused = on_create(x))
        return *refused;
    names.try_emplace(x.path, inode_id{100 + names.size()});
    return on(msg::locate_file{x.path});
  }

  result<msg::group_location> on(const msg::locate_group& x) {
    if (appoints && x.unreachable == where.primary)
      appoint();
    return where;
  }

  result<msg::writer_numbered> on(const msg::number_writer&) {
    return msg::writer_numbered{put_writer{++writers_}};
  }

  /// Somebody who is there becomes primary, with everything that anybody of
  /// the living has.
  void appoint() {
    for (const auto next : where.set.servers)
      if (!down.contains(next) && !hung.contains(next)) {
        where.primary = next;
        return;
      }
    where.primary = {};
  }

private:
  template <class T, class Act>
  void
  at_server(const msg::version_server& to, const answer<T>& then, Act act) {
    boost::asio::post(io, [this, to, then, act = std::move(act)] {
      if (down.contains(to.store))
        return then(fail(ec::unavailable, "connection refused"));
      if (hung.contains(to.store)) {
        waiting_.push_back([then] {});
        return;
      }
      then(act());
    });
  }

  std::optional<error> not_led_by(store_id who, group_epoch epoch) const {
    if (epoch != where.set.epoch)
      return fail(ec::not_primary, "another set");
    if (who != where.primary)
      return fail(ec::not_primary, "another primary");
    return std::nullopt;
  }

  result<msg::put_done> apply(store_id primary, const msg::put_file& x,
                              bool brings, const std::string& bytes) {
    using kind = core::put_knowledge::kind;
    auto& own = replicas[primary];
    auto& state = own.files[x.file];
    const auto known = core::look_up(state.manifest, x.put);
    if (known.what == kind::known && known.version != version_number{})
      return msg::put_done{x.put, known.version, present()};
    if (known.what == kind::forgotten)
      return fail(ec::stale, "take a new writer number");
    if (known.what != kind::open)
      return fail(ec::cancelled, "barred, or overtaken");
    if (present() < where.set.rule.write)
      return fail(ec::no_redundancy, "too few file servers");
    const auto* newest = core::newest_of(state.manifest);
    if (x.kind == msg::version_kind::deleted
        && (!newest || newest->kind == msg::version_kind::deleted))
      return fail(ec::not_found, "nothing to be deleted");
    if (brings && !own.contents.contains(x.put))
      own.contents[x.put] = bytes;
    state.manifest = core::add_version(
      state.manifest,
      {x.shown, x.kind, x.put, x.content, x.bytes, x.checksum, 1'000}, {},
      1'000);
    spread(primary, x.file);
    return msg::put_done{x.put, newest_number(state), present()};
  }

  void spread(store_id primary, inode_id file) {
    auto& own = replicas[primary];
    auto& state = own.files[file];
    state.stamp = {group_ballot{3}, state.stamp.serial + 1};
    state.settled = true;
    for (const auto other : where.set.servers) {
      if (down.contains(other) || hung.contains(other))
        continue;
      replicas[other].files[file] = state;
      for (const auto& [put, bytes] : own.contents)
        replicas[other].contents[put] = bytes;
    }
  }

  static version_number newest_number(const msg::file_state& x) {
    return x.manifest.versions.front().number;
  }

  [[nodiscard]] std::uint8_t present() const {
    return static_cast<std::uint8_t>(where.set.servers.size() - down.size()
                                     - hung.size());
  }

  net::data_buffer sent(store_id from, std::string bytes) {
    if (spoil)
      spoil(from, bytes);
    if (bytes.empty())
      return {};
    auto buffer = session.buffers->take(bytes.size());
    bytes.copy(buffer.data(), bytes.size());
    return buffer;
  }

  void start(client::raw_call call, std::chrono::milliseconds patience,
             bool) override {
    ++asked[std::string{call.name}];
    const auto in_time = master_takes <= patience;
    const auto answer = [this, in_time, call = std::move(call)] {
      if (!in_time)
        return call.answered(fail(ec::timed_out, "a slow master"));
      if (master_down)
        return call.answered(fail(ec::unavailable, "no master"));
      const auto reply = try_each<msg::locate_file, msg::create_versioned,
                                  msg::locate_group, msg::number_writer>(call);
      if (reply)
        call.answered(std::string_view{*reply});
      else
        call.answered(reply.error());
    };
    if (master_takes.count() > 0)
      client::after(io, std::min(master_takes, patience), answer);
    else
      boost::asio::post(io, answer);
  }

  template <class First, class... Others>
  result<std::string> try_each(const client::raw_call& call) {
    if (call.method == msg::method<First>::number) {
      auto reply = on(*wire::decode<First>(call.message));
      if (!reply)
        return reply.error();
      return wire::encode(*reply);
    }
    if constexpr (sizeof...(Others) > 0)
      return try_each<Others...>(call);
    return fail(ec::unsupported, std::string{call.name});
  }

  std::uint64_t writers_ = 0;
  std::vector<std::function<void()>> waiting_; ///< At hung servers, for ever.
};

} // namespace dfs::test
