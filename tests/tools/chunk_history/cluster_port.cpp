#include "cluster_port.hpp"

#include "base/assert.hpp"
#include "base/rng.hpp"
#include "client/file_appender.hpp"
#include "client/file_client.hpp"
#include "client/piece.hpp"
#include "client/range_writer.hpp"
#include "lossy_port.hpp"
#include "messages/namespace_methods.hpp"
#include "messages/upload_methods.hpp"
#include "settings/bundle.hpp"
#include "settings/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace dfs::history {

namespace {

using std::chrono::milliseconds;

/// Collects what is read.
class memory_sink final : public client::byte_sink {
public:
  void write(std::uint64_t, client::piece bytes,
             std::function<void(result<nothing>)> then) override {
    content.append(bytes.bytes.view());
    then(done);
  }

  std::string content;
};

class cluster_port final : public file_port {
public:
  cluster_port(const client::client_options& options, milliseconds timeout,
               std::uint64_t seed)
    : options_{options},
      files_{open(options)},
      timeout_{timeout},
      requests_{seed},
      loser_{files_->session().io, files_->session().servers, seed + 1} {
    // nop
  }

  result<nothing>
  put(const std::string& path, const std::string& bytes) override {
    client::file_write what;
    what.path = path;
    what.force = true;
    what.timeout = timeout_;
    return ended(files_->write_file(
      std::make_shared<client::memory_source>(bytes), std::move(what)));
  }

  result<nothing> create(const std::string& path) override {
    msg::create_file request;
    request.path = path;
    return change(request);
  }

  result<nothing> remove(const std::string& path) override {
    msg::remove_entry request;
    request.path = path;
    return change(request);
  }

  result<nothing>
  rename(const std::string& from, const std::string& to) override {
    msg::rename_entry request;
    request.from = from;
    request.to = to;
    return change(request);
  }

  // A file that is replaced while it is read is not found any more, and the
  // other one is.
  result<std::string> get(const std::string& path) override {
    for (int tries = 0; tries < 10; ++tries) {
      auto view = files_->open_file(path, timeout_);
      if (!view)
        return view.error();
      auto bytes = range(*view, {});
      if (bytes || bytes.error().code != ec::not_found)
        return bytes;
    }
    return fail(ec::unavailable, path + " is replaced all the time");
  }

  // Mostly through a view of some age: what it does not know of was written, or
  // led elsewhere, since.
  result<std::string> read(const std::string& path, std::uint64_t offset,
                           std::uint32_t length) override {
    auto& view = views_[path];
    if (!view || requests_.one_in(16)) {
      auto opened = files_->open_file(path, timeout_);
      if (!opened)
        return opened.error();
      view = *std::move(opened);
    }
    client::range_read what;
    what.begin = offset;
    what.end = offset + length;
    auto bytes = range(view, what);
    if (!bytes)
      view = nullptr;
    return bytes;
  }

  // As `write --offset` does: sent again until it is answered, under the same
  // identity. Some answers are lost on purpose: faults of servers seldom lose
  // one of a write that others overwrite before it is repeated. What ends
  // without an answer is repeated as people are told to: by somebody else.
  result<nothing> write(const std::string& path, std::uint64_t offset,
                        const std::string& bytes) override {
    client::range_write what;
    what.path = path;
    what.offset = offset;
    what.timeout = timeout_;
    std::uint64_t acknowledged = 0;
    what.progress = [&](std::uint64_t more) { acknowledged += more; };
    const auto writer = std::make_shared<client::range_writer>(
      lossy_, std::make_shared<client::memory_source>(bytes), std::move(what));
    const auto written = files_->wait<std::uint64_t>(
      [&](auto then) { writer->start(std::move(then)); });
    if (const auto name = writer->name(); !written && name)
      return write_again(path, offset, bytes, *name);
    if (!written && acknowledged > 0)
      return fail(ec::outcome_unknown, written.error().context);
    return ended(written);
  }

  // One appender for as long as nothing fails, as a program would.
  result<std::uint64_t>
  append(const std::string& path, const std::string& record) override {
    auto& row = appenders_[path];
    auto& appender = row.appender;
    auto& records = row.records;
    if (records.size() == records_max)
      appender = nullptr;
    if (!appender) {
      records.clear();
      auto made = std::make_shared<client::file_appender>(files_->session(),
                                                          path, timeout_);
      const auto opened = files_->wait<nothing>(
        [&](auto then) { made->open(std::move(then)); });
      if (!opened)
        return opened.error();
      appender = std::move(made);
    }
    records.push_back(record);
    const auto added = files_->wait<client::append_done>(
      [&](auto then) { appender->append(record, std::move(then)); });
    if (added)
      return added->position;
    const auto name = std::exchange(appender, nullptr)->name();
    if (added.error().code != ec::outcome_unknown || !name)
      return added.error();
    return append_again(path, records, *name);
  }

  // What the master says of a running lease is as old as the last heartbeat:
  // how far the file goes now its primaries say.
  result<std::vector<replica_bytes>>
  replicas(const std::string& path) override {
    const auto view = files_->open_file(path, timeout_);
    if (!view)
      return view.error();
    if (const auto asked = files_->wait<nothing>(
          [&](auto then) { (*view)->find_end(std::move(then)); });
        !asked)
      return asked.error();
    std::vector<replica_bytes> found;
    for (std::uint32_t i = 0; i < (*view)->chunks(); ++i) {
      const auto& chunk = (*view)->chunk(i);
      for (const auto& to : chunk.replicas) {
        auto x = replica(i, chunk, to);
        // A change of which nobody knows any more whether it is committed: as
        // any reader would, the master is asked for a primary that decides.
        if (!x && x.error().code == ec::not_primary)
          (void) files_->ask(msg::lease_chunk{chunk.chunk, {}, {}}, timeout_);
        if (!x)
          return x.error();
        found.push_back(*std::move(x));
      }
    }
    return found;
  }

private:
  /// An appender's, before another one is made: whoever repeats the last one
  /// has to repeat them all.
  static constexpr std::size_t records_max = 64;

  /// Tries of somebody else until he gives up, too.
  static constexpr int repetitions_max = 3;

  static std::unique_ptr<client::file_client>
  open(const client::client_options& options) {
    auto files = client::file_client::open(options);
    DFS_ASSERT(files);
    return *std::move(files);
  }

  /// By a client that knows the name and the bytes, and nothing else.
  result<nothing> write_again(const std::string& path, std::uint64_t offset,
                              const std::string& bytes,
                              client::write_name name) {
    error why{ec::outcome_unknown, path};
    for (int i = 0; i < repetitions_max; ++i) {
      const auto other = open(options_);
      client::range_write what{.path = path, .offset = offset};
      what.timeout = timeout_;
      what.earlier = name;
      const auto writer = std::make_shared<client::range_writer>(
        other->session(), std::make_shared<client::memory_source>(bytes),
        std::move(what));
      const auto written = other->wait<std::uint64_t>(
        [&](auto then) { writer->start(std::move(then)); });
      if (written)
        return done;
      why = written.error();
      // The first name is as good as the next one.
      if (const auto next = writer->name(); next && requests_.one_in(2))
        name = *next;
    }
    return fail(ec::outcome_unknown, why.context);
  }

  result<std::uint64_t> append_again(const std::string& path,
                                     const std::vector<std::string>& records,
                                     client::append_name name) {
    error why{ec::outcome_unknown, path};
    for (int i = 0; i < repetitions_max; ++i) {
      const auto other = open(options_);
      const auto again = std::make_shared<client::file_appender>(
        other->session(), path, timeout_, name);
      const auto opened = other->wait<nothing>(
        [&](auto then) { again->open(std::move(then)); });
      if (!opened) {
        why = opened.error();
        continue;
      }
      result<client::append_done> last = why;
      for (const auto& each : records)
        again->append(each, [&](const auto& x) { last = x; });
      const auto all = other->wait<nothing>(
        [&](auto then) { again->flush(std::move(then)); });
      if (all && last && last->earlier) // It is there, nobody asked where.
        return fail(ec::outcome_unknown, path + ": done by an earlier try");
      if (all && last)
        return last->position;
      why = all ? last.error() : all.error();
      if (const auto next = again->name(); next && requests_.one_in(2))
        name = *next;
      again->cancel(); // Nobody answers into this try any more.
    }
    return fail(ec::outcome_unknown, why.context);
  }

  template <class T>
  static result<nothing> ended(const result<T>& x) {
    return x ? result<nothing>{done} : x.error();
  }

  template <class Request>
  result<nothing> change(Request request) {
    request.request = 1 + requests_.below(~0ull);
    return ended(files_->ask(request, timeout_));
  }

  result<std::string> range(const std::shared_ptr<client::file_view>& view,
                            const client::range_read& what) {
    auto sink = std::make_shared<memory_sink>();
    const auto read = files_->read_file(view, sink, what);
    if (!read)
      return read.error();
    return std::move(sink->content);
  }

  result<replica_bytes> replica(std::uint32_t index,
                                const msg::chunk_location& chunk,
                                const msg::chunk_replica& to) {
    replica_bytes x;
    x.chunk = index;
    x.where = fmt::format("chunk {} of index {} at {} (serial {})",
                          chunk.chunk.value(), index, to_string(to.data),
                          chunk.committed.serial.value());
    msg::read_chunk request;
    request.chunk = chunk.chunk;
    request.version = chunk.committed.version;
    request.serial = chunk.committed.serial;
    const auto end = client::data_end(chunk.committed);
    while (x.bytes.size() < end) {
      request.offset = static_cast<std::uint32_t>(x.bytes.size());
      request.length = std::min(msg::data_max, end - request.offset);
      auto answer = files_->wait<client::bytes_read>([&](auto then) {
        files_->session().servers.read(to, request, timeout_, std::move(then));
      });
      if (!answer)
        return fail(answer.error().code,
                    x.where + ": " + answer.error().context);
      if (client::block_crcs(answer->bytes.view(), request.offset)
          != answer->head.crcs)
        return fail(ec::integrity, x.where + " has wrong checksums");
      if (answer->bytes.size() == 0)
        break; // Shorter than it should be: the others will not be.
      x.bytes.append(answer->bytes.view());
    }
    return x;
  }

  struct row_of_appends {
    std::shared_ptr<client::file_appender> appender;
    std::vector<std::string> records; ///< All that it was given.
  };

  client::client_options options_;
  std::unique_ptr<client::file_client> files_;
  milliseconds timeout_;
  rng requests_;
  lossy_port loser_;
  /// Of writes at an offset.
  client::file_session lossy_{files_->session().io,
                              files_->session().master,
                              loser_,
                              files_->session().grants,
                              files_->session().memory,
                              files_->session().buffers,
                              {}};
  std::map<std::string, std::shared_ptr<client::file_view>> views_;
  std::map<std::string, row_of_appends> appenders_;
};

} // namespace

result<make_port> cluster_ports(const std::string& config, int timeout_ms) {
  const auto loaded = settings::load({config, {}, {}}, settings::any_client);
  if (!loaded)
    return loaded.error();
  const auto now = std::chrono::floor<std::chrono::seconds>(
    std::chrono::system_clock::now());
  const auto bundle = settings::read_user_bundle(loaded->client.bundle, now);
  if (!bundle)
    return bundle.error();
  client::client_options options;
  options.tls = bundle->files;
  for (const auto& contact : loaded->client.contacts)
    options.connection.contacts.push_back(to_string(contact));
  options.connection.timeout = milliseconds{timeout_ms};
  options.connection.program = "chunk_history";
  auto serial = std::make_shared<std::atomic<std::uint64_t>>(0);
  const auto start = static_cast<std::uint64_t>(
    std::chrono::steady_clock::now().time_since_epoch().count());
  return make_port{[=]() -> std::unique_ptr<file_port> {
    return std::make_unique<cluster_port>(options, milliseconds{timeout_ms},
                                          start + ++*serial);
  }};
}

} // namespace dfs::history
