#include "storage/ordered_log/ordered_log.hpp"

#include "base/assert.hpp"
#include "storage/durable_mark.hpp"
#include "storage/ordered_log/log_engine.hpp"

#include <fmt/format.h>

#include <limits>
#include <mutex>
#include <thread>
#include <utility>

namespace dfs::storage {

namespace {

/// Names beside the directory and in it.
std::string mark_of(const std::string& directory) {
  return directory + ".made";
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// Were all blocks found that the mark knows to have been durable?
result<nothing> check_length(const std::string& directory,
                             const recovered_log& found,
                             const std::optional<mark_value>& mark) {
  const auto blocks = found.next_block - 1;
  if (!mark || mark->position <= blocks)
    return done;
  const auto last = found.segments.empty() ? 1 : found.segments.rbegin()->first;
  return fail(ec::integrity,
              fmt::format("the log in {} ends at block {} in {}, and {} were "
                          "durable: it was shortened, its end is damaged, or "
                          "an older copy was put back",
                          directory, blocks, segment_name(last),
                          mark->position));
}

error with_remedy(error why, const std::string& remedy) {
  if (why.code == ec::integrity && why.context.find("Try:") == why.context.npos)
    why.context += ". Try: bring the missing files back, or " + remedy;
  return why;
}

error vanished(const std::string& directory, const std::string& remedy) {
  return fail(ec::configuration,
              "the log in " + directory
                + " has vanished: what was promised is not known. Try: bring "
                  "it back, or "
                + remedy);
}

/// What is there, and whether it is all that was durable.
/// @param made There has been a log.
result<recovered_log> look_at(file_io& io, const std::string& directory,
                              const ordered_log_options& options, bool made) {
  auto found = recover_log(io, directory, options.owner);
  if (!found)
    return found;
  if (made && found->segments.empty() && found->leftovers.empty()
      && !found->has_spare)
    return vanished(directory, options.remedy);
  const auto mark = read_mark(io, directory);
  if (!mark)
    return mark.error();
  if (auto whole = check_length(directory, *found, *mark); !whole)
    return whole.error();
  if (made && found->segments.empty())
    return fail(ec::integrity, "the log in " + directory
                                 + " has nothing left that can be read");
  return found;
}

} // namespace

// -- opening ------------------------------------------------------------------

result<std::unique_ptr<ordered_log>>
ordered_log::open(file_io& io, const std::string& directory,
                  ordered_log_options options) {
  DFS_ASSERT(options.owner != store_id{});
  const auto mark = io.open(mark_of(directory), open_mode::existing);
  if (!mark && mark.error().code != ec::not_found)
    return mark.error();
  // Judged before it is made: what was moved away can be moved back.
  if (const auto listed = io.list(directory);
      mark && !listed && listed.error().code == ec::not_found)
    return vanished(directory, options.remedy);
  if (auto made = io.make_directory(directory); !made)
    return made.error();
  auto held = io.lock(directory + "/lock");
  if (!held)
    return held.error();
  auto found = look_at(io, directory, options, static_cast<bool>(mark));
  if (!found)
    return with_remedy(found.error(), options.remedy);
  const auto owner = options.owner.value();
  const auto sync = options.sync;
  auto made
    = std::make_unique<log_engine>(io, directory, std::move(options), *found);
  made->held = *std::move(held);
  if (auto ready = made->writer.prepare(*found); !ready)
    return ready.error();
  made->segments = made->writer.segments();
  if (!mark) {
    const auto parent = parent_of(directory);
    if (auto synced = io.sync_directory(parent); !synced)
      return synced.error();
    const auto name = directory.substr(directory.rfind('/') + 1) + ".made";
    if (auto marked = replace_file(io, parent, name, "ordered log\n"); !marked)
      return marked.error();
  }
  if (sync) {
    auto beside = open_mark(io, directory, {owner, 0, made->writer.safe()});
    if (!beside)
      return with_remedy(beside.error(), made->options.remedy);
    made->writer.set_mark(*std::move(beside));
  }
  std::unique_ptr<ordered_log> log{new ordered_log{std::move(made)}};
  if (log->engine_->options.threads) {
    auto* self = log->engine_.get();
    self->committer = std::thread{[self] { self->run(); }};
    self->helper = std::thread{[self] { self->run_helper(); }};
  }
  return log;
}

ordered_log::ordered_log(std::unique_ptr<log_engine> made)
  : engine_{std::move(made)} {
  // nop
}

ordered_log::~ordered_log() {
  {
    const std::lock_guard lock{engine_->guard};
    engine_->stopping = true;
  }
  engine_->wake.notify_one();
  engine_->wake_helper.notify_one();
  if (!engine_->options.threads) {
    while (engine_->commit_round()) {
    }
    return;
  }
  engine_->committer.join();
  engine_->helper.join();
}

const ordered_log::start& ordered_log::found() const {
  return engine_->begin;
}

// -- what is handed in --------------------------------------------------------

void ordered_log::append(std::uint64_t sequence, std::string bytes,
                         callback durable) {
  DFS_ASSERT(bytes.size() <= ordered_message_bytes_max);
  DFS_ASSERT(bytes.size() + log_message_head_bytes
             <= engine_->writer.records_bytes_max());
  engine_->push({log_entry_kind::message, sequence, std::move(bytes), nullptr,
                 false, std::move(durable)});
}

void ordered_log::promise(std::string bytes, callback durable) {
  DFS_ASSERT(!bytes.empty());
  DFS_ASSERT(bytes.size() <= engine_->options.promise_bytes_max);
  engine_->push({log_entry_kind::promise, 0, std::move(bytes), nullptr, false,
                 std::move(durable)});
}

void ordered_log::cut(std::uint64_t sequence, callback durable) {
  engine_->push(
    {log_entry_kind::cut, sequence, {}, nullptr, false, std::move(durable)});
}

result<std::unique_ptr<snapshot_draft>>
ordered_log::begin_snapshot(std::uint64_t sequence, bool waits) {
  {
    std::unique_lock lock{engine_->guard};
    if (waits)
      engine_->no_draft.wait(lock, [this] { return !engine_->drafting; });
    if (std::exchange(engine_->drafting, true))
      return fail(ec::busy, "another snapshot is being written");
  }
  auto made = snapshot_draft::create(engine_->io, engine_->directory,
                                     engine_->options.owner, sequence,
                                     [self = engine_.get()] {
                                       const std::lock_guard lock{self->guard};
                                       self->drafting = false;
                                       self->no_draft.notify_all();
                                     });
  return made;
}

void ordered_log::install(std::unique_ptr<snapshot_draft> draft,
                          snapshot_kind kind, callback installed) {
  if (auto synced = draft->sync(); !synced) {
    draft.reset();
    return installed(synced);
  }
  const auto sequence = draft->sequence();
  engine_->push({log_entry_kind::snapshot,
                 sequence,
                 {},
                 std::move(draft),
                 kind == snapshot_kind::replacement,
                 std::move(installed)});
}

// -- the commit thread --------------------------------------------------------

void ordered_log::run_once() {
  DFS_ASSERT(!engine_->options.threads);
  engine_->commit_round();
  engine_->help();
}

// -- reading ------------------------------------------------------------------

result<std::string> ordered_log::read(std::uint64_t sequence) const {
  log_place place;
  std::shared_ptr<open_file> file;
  {
    const std::lock_guard lock{engine_->index};
    const auto behind = engine_->last - sequence;
    if (sequence > engine_->last || behind >= engine_->messages.size())
      return fail(ec::not_found,
                  "message " + std::to_string(sequence) + " is not in the log");
    place = engine_->messages[engine_->messages.size() - 1 - behind];
    file = engine_->segments.at(place.segment).file;
  }
  std::string bytes(log_message_head_bytes + place.bytes, '\0');
  const auto got = file->read(place.offset - log_message_head_bytes, bytes);
  if (!got)
    return got.error();
  const auto head = std::string_view{bytes}.substr(0, log_message_head_bytes);
  if (*got < bytes.size()
      || !is_message(head, sequence,
                     std::string_view{bytes}.substr(head.size())))
    return fail(ec::integrity, "message " + std::to_string(sequence)
                                 + " of the log is damaged");
  bytes.erase(0, log_message_head_bytes);
  return bytes;
}

std::pair<std::uint64_t, std::uint64_t> ordered_log::readable() const {
  const std::lock_guard lock{engine_->index};
  if (engine_->messages.empty())
    return {0, 0};
  return {engine_->last - engine_->messages.size() + 1, engine_->last};
}

result<nothing> ordered_log::read_snapshot(
  const std::function<result<nothing>(std::string_view page)>& each) const {
  std::optional<snapshot_about> about;
  {
    const std::lock_guard lock{engine_->index};
    about = engine_->about;
  }
  if (!about)
    return fail(ec::not_found, "there is no snapshot");
  return read_snapshot_pages(
    engine_->io,
    engine_->directory + "/"
      + snapshot_name(about->first_segment, about->sequence),
    *about, each);
}

std::uint64_t ordered_log::free_bytes() const {
  const auto space = engine_->io.space(engine_->directory);
  return space ? space->available : std::numeric_limits<std::uint64_t>::max();
}

} // namespace dfs::storage
