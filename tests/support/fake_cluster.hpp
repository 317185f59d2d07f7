#pragma once

#include "base/crc32c.hpp"
#include "client/file_session.hpp"
#include "client/grant_pool.hpp"
#include "support/repeated_change.hpp"
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

/// A master and its chunkservers in one object, for file operations: no
/// sockets, no leases that end by themselves. Changes are applied at once on
/// the whole set; `down` and `hung` servers and the hooks make the faults.
class fake_cluster final : public client::master_port,
                           public client::data_port {
public:
  static constexpr std::uint32_t chunk_size = 4 * 1024 * 1024;

  struct chunk {
    msg::chunk_grant grant; ///< Of the present lease.
    msg::chunk_extent extent;
    msg::chunk_extent known; ///< To the master.
    std::string bytes;
    bool leased = true;
    std::map<std::pair<writer_id, std::uint64_t>, std::uint32_t> appends;
    std::map<writer_id, std::uint64_t> barred;
    msg::recent_writes writes;

    /// As if too many others had written.
    void forget_writers() {
      writes = {.entries = {}, .forgotten = extent.serial};
    }
  };

  struct file {
    inode_id inode;
    std::vector<chunk_id> chunks;
  };

  struct upload {
    std::string path;
    std::string source;
    std::vector<chunk_id> chunks;
  };

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
    io.get_executor()};
  client::file_session session{
    io,
    *this,
    *this,
    nullptr,
    std::make_shared<client::memory_budget>(io, memory_max),
    std::make_shared<net::buffer_pool>(),
    {}};
  static constexpr std::size_t memory_max = 32 * 1024 * 1024;

  std::map<std::string, file> files;
  std::map<inode_id, upload> uploads;
  /// Replicas that files in a directory have; 3 where nothing is said.
  std::map<std::string, std::uint8_t> replicas_in;
  std::map<chunk_id, chunk> chunks;
  std::set<store_id> down; ///< Refuse connections.
  std::set<store_id> hung; ///< Never answer.
  bool master_down = false;
  int servers = 4;
  std::size_t memory_used_most = 0;
  std::map<std::string, int> asked; ///< Of the master, by name.
  std::map<store_id, int> reads;    ///< By server.
  std::vector<msg::report_replica> reports;
  /// A server's answer instead of its own; called before anything is done.
  std::function<std::optional<error>(store_id, const msg::write_chunk&)>
    on_write;
  /// The same after it was done: the answer is lost.
  std::function<std::optional<error>(store_id)> after_change;
  std::function<std::optional<error>(store_id)> on_append;
  std::function<std::optional<error>(store_id, const msg::read_chunk&)> on_read;
  /// Spoils what a server sends.
  std::function<void(store_id, std::string&)> spoil;
  /// The master's answer instead of its own.
  std::function<std::optional<error>(const std::string& name)> on_master;
  /// The same after it was done.
  std::function<std::optional<error>(const std::string& name)> after_master;

  fake_cluster() {
    session.grants = std::make_shared<client::grant_pool>(session);
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

  /// What a reader should see.
  [[nodiscard]] std::string content(const std::string& path) const {
    std::string all;
    for (const auto id : files.at(path).chunks) {
      const auto& x = chunks.at(id);
      all += x.bytes.substr(0, std::min(x.extent.padded_from, x.extent.length));
    }
    return all;
  }

  /// A file that is simply there. @param leased It grows: the master does not
  /// know how long its last chunk is.
  void add_file(const std::string& path, const std::string& bytes,
                bool leased = false) {
    auto& x = files[path];
    x = {inode_id{++next_}, {}};
    for (std::size_t at = 0; at < bytes.size(); at += chunk_size) {
      const auto grant = make_chunk();
      auto& part = chunks[grant.chunk];
      part.bytes = bytes.substr(at, chunk_size);
      set_length(part);
      part.leased = leased && at + chunk_size >= bytes.size();
      if (!part.leased)
        part.known = part.extent;
      x.chunks.push_back(grant.chunk);
    }
  }

  // -- data ports -------------------------------------------------------------

  void write(const msg::chunk_replica& to, msg::write_chunk what,
             const client::piece& data, duration,
             answer<msg::chunk_changed> then) override {
    memory_used_most = std::max(memory_used_most, session.memory->bytes_used());
    at_server(to, then, [=, this]() -> result<msg::chunk_changed> {
      if (on_write)
        if (auto refused = on_write(to.store, what))
          return *refused;
      auto* x = led(to, what.chunk, what.version, what.epoch);
      if (x == nullptr)
        return fail(ec::stale, "another version");
      if (auto sick = set_is_sick(*x))
        return *sick;
      if (what.offset > x->bytes.size())
        return fail(ec::invalid_argument, "beyond the end");
      if (data.crcs != client::block_crcs(data.bytes.view(), what.offset))
        return fail(ec::integrity, "crc");
      if (!what.once.empty())
        if (auto told = done_before(*x, what))
          return *told;
      const auto view = data.bytes.view();
      if (x->bytes.size() < what.offset + view.size())
        x->bytes.resize(what.offset + view.size());
      x->bytes.replace(what.offset, view.size(), view);
      set_length(*x);
      if (!what.once.empty())
        x->writes.note(
          {what.once[0].writer, what.once[0].sequence, x->extent.serial});
      if (after_change)
        if (auto lost = after_change(to.store))
          return *lost;
      return msg::chunk_changed{what.offset, x->extent};
    });
  }

  void append(const msg::chunk_replica& to, msg::append_record what,
              const client::piece& data, duration,
              answer<msg::chunk_changed> then) override {
    at_server(to, then, [=, this]() -> result<msg::chunk_changed> {
      if (on_append)
        if (auto refused = on_append(to.store))
          return *refused;
      auto* x = led(to, what.chunk, what.version, what.epoch);
      if (x == nullptr)
        return fail(ec::stale, "another version");
      if (auto sick = set_is_sick(*x))
        return *sick;
      if (x->barred[what.writer] >= what.sequence)
        return fail(ec::cancelled, "barred");
      const auto key = std::pair{what.writer, what.sequence};
      const auto view = data.bytes.view();
      if (const auto known = x->appends.lower_bound(key);
          known != x->appends.end() && known->first.first == what.writer) {
        if (known->first != key)
          return fail(ec::invalid_argument, "a later record is here");
        if (x->bytes.substr(known->second, view.size()) != view)
          return fail(ec::invalid_argument, "another record is here");
        return msg::chunk_changed{known->second, x->extent};
      }
      if (view.size() > chunk_size / 4)
        return fail(ec::invalid_argument, "too long");
      if (x->extent.padded_from < x->extent.length
          || x->bytes.size() + view.size() > chunk_size) {
        if (x->extent.padded_from == x->extent.length)
          ++serial_of(*x);
        x->extent.padded_from = static_cast<std::uint32_t>(x->bytes.size());
        x->extent.length = chunk_size;
        return fail(ec::chunk_full, "padded");
      }
      const auto offset = static_cast<std::uint32_t>(x->bytes.size());
      x->appends[key] = offset;
      x->bytes += view;
      set_length(*x);
      if (after_change)
        if (auto lost = after_change(to.store))
          return *lost;
      return msg::chunk_changed{offset, x->extent};
    });
  }

  void settle(const msg::chunk_replica& to, const msg::settle_append& what,
              duration, answer<msg::append_settled> then) override {
    at_server(to, then, [=, this]() -> result<msg::append_settled> {
      auto* x = led(to, what.chunk, what.version, what.epoch);
      if (x == nullptr)
        return fail(ec::stale, "another version");
      const auto key = std::pair{what.writer, what.sequence};
      const auto known = x->appends.lower_bound(key);
      if (known != x->appends.end() && known->first == key)
        return msg::append_settled{true, known->second, x->extent};
      if (known != x->appends.end() && known->first.first == what.writer)
        return fail(ec::invalid_argument, "a later record is here");
      // A chunk that is closed takes no record any more, barred or not.
      if (x->extent.padded_from == x->extent.length
          && x->extent.length < chunk_size)
        x->barred[what.writer] = what.sequence;
      return msg::append_settled{false, 0, x->extent};
    });
  }

  void read(const msg::chunk_replica& to, const msg::read_chunk& what, duration,
            answer<client::bytes_read> then) override {
    memory_used_most = std::max(memory_used_most, session.memory->bytes_used());
    ++reads[to.store];
    at_server(to, then, [=, this]() -> result<client::bytes_read> {
      if (on_read)
        if (auto refused = on_read(to.store, what))
          return *refused;
      const auto found = chunks.find(what.chunk);
      if (found == chunks.end() || !is_in_set(found->second, to.store))
        return fail(ec::not_found, "no such chunk here");
      const auto& x = found->second;
      if (x.extent.version < what.version || x.extent.serial < what.serial)
        return fail(ec::stale, "old");
      const auto from = std::min<std::size_t>(what.offset, x.bytes.size());
      auto bytes = x.bytes.substr(from, what.length);
      client::bytes_read reply{
        {x.extent, client::block_crcs(bytes, what.offset)}, {}};
      if (spoil)
        spoil(to.store, bytes);
      if (!bytes.empty()) {
        reply.bytes = session.buffers->take(bytes.size());
        bytes.copy(reply.bytes.data(), bytes.size());
      }
      return reply;
    });
  }

  void extent(const msg::chunk_replica& to, const msg::get_extent& what,
              duration, answer<msg::chunk_extent> then) override {
    at_server(to, then, [=, this]() -> result<msg::chunk_extent> {
      const auto found = chunks.find(what.chunk);
      if (found == chunks.end() || !is_in_set(found->second, to.store))
        return fail(ec::not_found, "no such chunk here");
      if (found->second.extent.serial < what.serial)
        return fail(ec::stale, "old");
      return found->second.extent;
    });
  }

  // -- the master -------------------------------------------------------------

  result<msg::chunks_allocated> on(const msg::allocate_chunks& x) {
    msg::chunks_allocated made;
    if (files.contains(x.path) && !x.force && !answers_.contains(x.request))
      return fail(ec::exists, x.path + " exists");
    const auto wanted = replicas_in.find(x.path.substr(0, x.path.rfind('/')));
    made.replication = x.replication;
    if (x.replication == 0)
      made.replication = wanted == replicas_in.end() ? 3 : wanted->second;
    made.chunk_size = chunk_size;
    if (servers - static_cast<int>(down.size()) < 2)
      return fail(ec::too_few_servers, "too few servers");
    for (std::uint32_t i = 0; i < x.count; ++i)
      made.grants.push_back(make_chunk(made.replication));
    return made;
  }

  result<msg::file_status> on(const msg::commit_file& x) {
    if (files.contains(x.path) && !x.force)
      return fail(ec::exists, x.path + " exists");
    std::vector<chunk_id> ids;
    for (const auto& each : x.chunks) {
      if (chunks[each.grant.chunk].grant.version != each.grant.version)
        return fail(ec::stale, "another version");
      ids.push_back(each.grant.chunk);
      chunks[ids.back()].known = each.extent;
    }
    files[x.path] = {inode_id{++next_}, ids};
    return status(x.path);
  }

  result<msg::upload_status> on(const msg::begin_upload& x) {
    if (files.contains(x.path) && !x.force)
      return fail(ec::exists, x.path + " exists");
    const inode_id id{++next_};
    uploads[id] = {x.path, x.source, {}};
    return upload_status(id);
  }

  result<msg::upload_status> on(const msg::extend_upload& x) {
    auto& up = uploads.at(x.upload);
    if (x.first > up.chunks.size() || x.chunks.size() > 16)
      return fail(ec::invalid_argument, "a gap");
    for (const auto& each : x.chunks) {
      if (chunks[each.grant.chunk].grant.version != each.grant.version)
        return fail(ec::stale, "another version");
      up.chunks.push_back(each.grant.chunk);
      chunks[up.chunks.back()].known = each.extent;
    }
    return upload_status(x.upload);
  }

  result<msg::file_status> on(const msg::finish_upload& x) {
    const auto up = uploads.extract(x.upload);
    if (up.empty())
      return fail(ec::not_found, "there is no such upload");
    files[up.mapped().path] = {x.upload, up.mapped().chunks};
    return status(up.mapped().path);
  }

  result<msg::upload_status> on(const msg::abort_upload& x) {
    auto gone = upload_status(x.upload);
    uploads.erase(x.upload);
    return gone;
  }

  result<msg::upload_status> on(const msg::find_upload& x) {
    for (const auto& [id, up] : uploads)
      if (up.path == x.path)
        return upload_status(id);
    return fail(ec::not_found, "no upload to " + x.path);
  }

  result<msg::file_layout> on(const msg::open_file& x) {
    if (!files.contains(x.path))
      return fail(ec::not_found, x.path + " does not exist");
    msg::file_layout layout;
    layout.status = status(x.path);
    layout.chunk_size = chunk_size;
    layout.first = x.first;
    const auto& ids = files.at(x.path).chunks;
    for (std::size_t i = x.first; i < ids.size() && i < x.first + 64; ++i)
      layout.chunks.push_back(location(ids[i]));
    return layout;
  }

  result<msg::chunk_leased> on(const msg::lease_chunk& x) {
    const auto found = chunks.find(x.chunk);
    if (found == chunks.end())
      return fail(ec::not_found, "no such chunk");
    return lease(found->second);
  }

  result<msg::chunk_leased> on(const msg::add_chunk& x) {
    auto& ids = files.at(x.path).chunks;
    if (!ids.empty() && ids.back() == x.last)
      chunks[x.last].known = x.extent;
    if ((ids.empty() ? chunk_id{} : ids.back()) == x.last)
      ids.push_back(make_chunk().chunk);
    auto& last = chunks[ids.back()];
    return msg::chunk_leased{last.grant, last.extent};
  }

  result<msg::replica_reported> on(const msg::report_replica& x) {
    reports.push_back(x);
    return msg::replica_reported{};
  }

  /// Makes somebody primary of those that are there.
  result<msg::chunk_leased> lease(chunk& x) {
    auto chain = x.grant.chain;
    std::erase_if(chain, [&](const auto& each) {
      return down.contains(each.store) || hung.contains(each.store);
    });
    if (chain.empty())
      return fail(ec::integrity, "no replica is left");
    if (chain != x.grant.chain || !x.leased) {
      x.grant.chain = chain;
      x.grant.version = x.grant.version.next();
      x.grant.epoch = x.grant.epoch.next();
      x.grant.fresh = false;
      x.extent.version = x.grant.version;
      x.leased = true;
    }
    return msg::chunk_leased{x.grant, x.extent};
  }

private:
  void start(client::raw_call call, std::chrono::milliseconds,
             bool repeat) override {
    ++asked[std::string{call.name}];
    boost::asio::post(io, [this, call = std::move(call), repeat] {
      const std::string name{call.name};
      if (master_down)
        return call.answered(fail(ec::unavailable, "no master"));
      if (on_master)
        if (auto refused = on_master(name))
          return call.answered(*refused);
      auto reply = dispatch(call);
      if (after_master && repeat && after_master(name))
        reply = dispatch(call); // Asked again with the same number.
      if (reply)
        call.answered(std::string_view{*reply});
      else
        call.answered(reply.error());
    });
  }

  result<std::string> dispatch(const client::raw_call& call) {
    return try_each<msg::allocate_chunks, msg::commit_file, msg::begin_upload,
                    msg::extend_upload, msg::finish_upload, msg::abort_upload,
                    msg::find_upload, msg::open_file, msg::lease_chunk,
                    msg::add_chunk, msg::report_replica>(call);
  }

  template <class First, class... Others>
  result<std::string> try_each(const client::raw_call& call) {
    if (call.method == msg::method<First>::number)
      return once(*wire::decode<First>(call.message));
    if constexpr (sizeof...(Others) > 0)
      return try_each<Others...>(call);
    return fail(ec::unsupported, std::string{call.name});
  }

  /// The same number, the same answer; of what changes something.
  template <class Request>
  result<std::string> once(const Request& x) {
    std::uint64_t number = 0;
    if constexpr (msg::method<Request>::kind == msg::effect::changes
                  && requires { x.request; }) {
      number = x.request;
      DFS_ASSERT(number != 0);
      if (const auto known = answers_.find(number); known != answers_.end())
        return may_be(x, known->second.first)
                 ? result<std::string>{known->second.second}
                 : fail(ec::invalid_argument, "used for another change");
    }
    auto reply = on(x);
    if (!reply)
      return reply.error();
    auto bytes = wire::encode(*reply);
    if (number != 0)
      answers_[number] = {msg::method<Request>::number, bytes};
    return bytes;
  }

  template <class T>
  void at_server(const msg::chunk_replica& to, const answer<T>& then,
                 std::function<result<T>()> act) {
    boost::asio::post(io, [=, this] {
      if (down.contains(to.store))
        return then(fail(ec::unavailable, "connection refused"));
      if (hung.contains(to.store))
        return waiting_.push_back([then] { static_cast<void>(then); });
      then(act());
    });
  }

  template <class T, class Work>
  void
  at_server(const msg::chunk_replica& to, const answer<T>& then, Work act) {
    at_server(to, then, std::function<result<T>()>{std::move(act)});
  }

  chunk* led(const msg::chunk_replica& to, chunk_id id, chunk_version version,
             lease_epoch epoch) {
    const auto found = chunks.find(id);
    if (found == chunks.end())
      return nullptr;
    const auto& grant = found->second.grant;
    return grant.version == version && grant.epoch == epoch
               && grant.chain.front() == to
             ? &found->second
             : nullptr;
  }

  /// What a repetition is told, and who is not to be trusted.
  static std::optional<result<msg::chunk_changed>>
  done_before(const chunk& x, const msg::write_chunk& what) {
    const auto& once = what.once.front();
    const auto* known = x.writes.find(once.writer);
    if (known == nullptr && once.since < x.writes.forgotten)
      return fail(ec::outcome_unknown, "forgotten");
    const auto last = known == nullptr ? 0 : known->sequence;
    if (once.sequence > last + 1)
      return fail(ec::busy, "a gap");
    if (once.sequence <= last)
      return msg::chunk_changed{what.offset, x.extent};
    return std::nullopt;
  }

  std::optional<error> set_is_sick(const chunk& x) const {
    for (const auto& each : x.grant.chain)
      if (down.contains(each.store) || hung.contains(each.store))
        return fail(ec::no_redundancy, "a replica failed");
    return std::nullopt;
  }

  static bool is_in_set(const chunk& x, store_id who) {
    return std::any_of(x.grant.chain.begin(), x.grant.chain.end(),
                       [&](const auto& each) { return each.store == who; });
  }

  struct serial_counter {
    chunk& x;
    void operator++() {
      x.extent.serial = mutation_serial{x.extent.serial.value() + 1};
    }
  };
  static serial_counter serial_of(chunk& x) {
    return {x};
  }

  static void set_length(chunk& x) {
    ++serial_of(x);
    x.extent.version = x.grant.version;
    x.extent.length = static_cast<std::uint32_t>(x.bytes.size());
    x.extent.padded_from = x.extent.length;
  }

  msg::chunk_grant make_chunk(std::size_t replicas = 3) {
    msg::chunk_grant grant;
    grant.chunk = chunk_id{++next_};
    grant.version = chunk_version{1};
    grant.epoch = lease_epoch{++next_};
    grant.fresh = true;
    grant.replicas_min = 2;
    grant.lease_ms = 60'000;
    grant.chunk_size = chunk_size;
    for (int i = 0; i < servers && grant.chain.size() < replicas; ++i) {
      const auto number = 1 + (static_cast<int>(next_) + i) % servers;
      if (!down.contains(store(number)))
        grant.chain.push_back({store(number),
                               {*ip_address::parse("127.0.0.1"),
                                static_cast<std::uint16_t>(9'000 + number)}});
    }
    chunks[grant.chunk].grant = grant;
    chunks[grant.chunk].extent.version = grant.version;
    chunks[grant.chunk].known.version = grant.version;
    return grant;
  }

  msg::chunk_location location(chunk_id id) const {
    const auto& x = chunks.at(id);
    auto known = x.known;
    known.version = x.grant.version;
    return {id, known, x.leased, x.grant.chain,
            x.leased ? x.grant.chain.front().store : store_id{}};
  }

  msg::file_status status(const std::string& path) const {
    msg::file_status x;
    x.path = path;
    x.inode = files.at(path).inode;
    x.length = content(path).size();
    x.chunks = static_cast<std::uint32_t>(files.at(path).chunks.size());
    return x;
  }

  msg::upload_status upload_status(inode_id id) const {
    const auto& up = uploads.at(id);
    msg::upload_status x{id, up.path, up.source, 0, 0};
    for (const auto each : up.chunks)
      x.length += chunks.at(each).extent.length;
    x.chunks = static_cast<std::uint32_t>(up.chunks.size());
    return x;
  }

  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::pair<std::uint16_t, std::string>> answers_;
  std::vector<std::function<void()>> waiting_; ///< At hung servers, for ever.
};

} // namespace dfs::test
