#include "support/history/workload.hpp"

#include "support/history/payload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::history {

namespace {

outcome outcome_of(ec code) {
  return code == ec::outcome_unknown || code == ec::cancelled
           ? outcome::unknown
           : outcome::refused;
}

operation begun(std::uint32_t proc, verb op, std::string key) {
  operation x;
  x.proc = proc;
  x.op = op;
  x.key = std::move(key);
  x.call_ns = recorder::now_ns();
  return x;
}

template <class T>
void ended(operation& x, const result<T>& answer) {
  x.ret_ns = recorder::now_ns();
  x.result = answer ? outcome::done : outcome_of(answer.error().code);
}

std::string block_key(const std::string& path, std::uint64_t block) {
  return fmt::format("{}#{}", path, block);
}

// A small file's length follows from its value, so that a cut one shows.
std::size_t small_bytes(std::uint64_t value) {
  return 16 * (1 + value * 2'654'435'761 % 4'000);
}

std::string small_content(const std::string& path, std::uint64_t value) {
  std::string bytes;
  append_cell(bytes, path, 0, value, small_bytes(value));
  return bytes;
}

} // namespace

workload::workload(workload_options options, make_port connect)
  : options_{std::move(options)},
    connect_{std::move(connect)} {
  // nop
}

workload::~workload() {
  stop();
}

std::string workload::file_path(std::uint32_t i) const {
  return fmt::format("{}/file-{}", options_.directory, i);
}

std::string workload::log_path(std::uint32_t i) const {
  return fmt::format("{}/log-{}", options_.directory, i);
}

std::string workload::small_path(std::uint32_t i) const {
  return fmt::format("{}/small-{}", options_.directory, i);
}

result<nothing> workload::prepare() {
  actor self{procs_++, rng{options_.seed}, connect_()};
  for (std::uint32_t i = 0; i < options_.files; ++i) {
    const auto path = file_path(i);
    const auto value = self.unique();
    std::string bytes;
    std::vector<operation> writes;
    for (std::uint32_t block = 0; block < options_.blocks; ++block) {
      writes.push_back(begun(self.proc, verb::write, block_key(path, block)));
      writes.back().cells = cells;
      writes.back().value = value;
      for (std::uint32_t cell = 0; cell < cells; ++cell)
        append_cell(bytes, writes.back().key, cell, value, cell_bytes);
    }
    const auto answer = self.port->put(path, bytes);
    if (!answer)
      return answer.error();
    for (auto& x : writes) {
      ended(x, answer);
      record_.add(std::move(x));
    }
  }
  for (std::uint32_t i = 0; i < options_.logs; ++i)
    if (const auto answer = self.port->create(log_path(i)); !answer)
      return answer.error();
  return done;
}

void workload::start() {
  add_threads(options_.writers, &workload::write_turn, options_.pause);
  add_threads(options_.readers, &workload::read_turn, options_.pause);
  add_threads(options_.appenders, &workload::append_turn, options_.pause);
  add_threads(options_.scanners, &workload::scan_turn, options_.scan_pause);
  add_threads(options_.putters, &workload::put_turn, options_.pause);
  add_threads(options_.movers, &workload::move_turn, options_.pause);
}

void workload::add_threads(std::uint32_t count, turn take,
                           std::chrono::milliseconds pause) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto proc = procs_++;
    {
      const std::lock_guard guard{mutex_};
      ++running_;
    }
    threads_.emplace_back([this, proc, take, pause] {
      run({proc, rng{options_.seed * 1'000 + proc}, connect_()}, take, pause);
    });
  }
}

void workload::run(actor self, turn take, std::chrono::milliseconds pause) {
  for (std::uint32_t i = 0; i < options_.operations_max && pause_for(pause);
       ++i)
    (this->*take)(self);
  const std::lock_guard guard{mutex_};
  --running_;
}

// False: it is time to stop.
bool workload::pause_for(std::chrono::milliseconds time) {
  std::unique_lock lock{mutex_};
  return !stopped_.wait_for(lock, time, [&] { return stopping_; });
}

void workload::stop() {
  {
    const std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  stopped_.notify_all();
  for (auto& x : threads_)
    x.join();
  threads_.clear();
}

bool workload::over() const {
  const std::lock_guard guard{mutex_};
  return running_ == 0;
}

void workload::write_turn(actor& self) {
  const auto path
    = file_path(static_cast<std::uint32_t>(self.random.below(options_.files)));
  // Mostly within a block, where order and wholeness are promised; some cross
  // into others, and into other chunks.
  const auto units = options_.blocks * cells;
  const auto first = static_cast<std::uint32_t>(self.random.below(units));
  const auto length_max
    = self.random.one_in(4) ? 3 * cells : cells - first % cells;
  const auto last = std::min<std::uint32_t>(
    units,
    first + 1 + static_cast<std::uint32_t>(self.random.below(length_max)));
  const auto value = self.unique();
  std::string bytes;
  std::vector<operation> writes;
  for (auto unit = first; unit < last; ++unit) {
    if (unit == first || unit % cells == 0) {
      writes.push_back(
        begun(self.proc, verb::write, block_key(path, unit / cells)));
      writes.back().cell = unit % cells;
      writes.back().cells = 0;
      writes.back().value = value;
    }
    ++writes.back().cells;
    append_cell(bytes, writes.back().key, unit % cells, value, cell_bytes);
  }
  const auto answer
    = self.port->write(path, std::uint64_t{first} * cell_bytes, bytes);
  for (auto& x : writes) {
    ended(x, answer);
    record_.add(std::move(x));
  }
}

void workload::read_turn(actor& self) {
  const auto file
    = static_cast<std::uint32_t>(self.random.below(options_.files));
  const auto first
    = static_cast<std::uint32_t>(self.random.below(options_.blocks));
  const auto count = static_cast<std::uint32_t>(
    self.random.one_in(4) ? 1 + self.random.below(4) : 1);
  read_blocks(self, file_path(file), first,
              std::min(count, options_.blocks - first));
}

void workload::read_blocks(actor& self, const std::string& path,
                           std::uint32_t first, std::uint32_t count) {
  auto x = begun(self.proc, verb::read, path);
  const auto answer = self.port->read(path, std::uint64_t{first} * block_bytes,
                                      count * block_bytes);
  ended(x, answer);
  if (!answer) {
    if (answer.error().code == ec::integrity
        || answer.error().code == ec::not_found)
      record_.flaw(
        fmt::format("{} cannot be read: {}", path, answer.error().context));
    x.result = outcome::unknown; // Not seen, which says nothing.
    record_.add(std::move(x));
    return;
  }
  if (answer->size() != std::size_t{count} * block_bytes) {
    record_.flaw(fmt::format("a read of {} blocks at {} of {} brought {} bytes",
                             count, first, path, answer->size()));
    return;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    x.key = block_key(path, first + i);
    note_block(x,
               std::string_view{*answer}.substr(i * block_bytes, block_bytes));
  }
}

void workload::note_block(operation x, std::string_view bytes) {
  x.cells = cells;
  for (std::uint32_t cell = 0; cell < cells; ++cell) {
    const auto value
      = cell_value(bytes.substr(cell * cell_bytes, cell_bytes), x.key, cell);
    if (!value) {
      record_.flaw(fmt::format("cell {} of {} was read as bytes of no or of "
                               "several writes [{} .. {}]",
                               cell, x.key, x.call_ns, x.ret_ns));
      return;
    }
    x.values.push_back(*value);
  }
  record_.add(std::move(x));
}

void workload::append_turn(actor& self) {
  const auto path
    = log_path(static_cast<std::uint32_t>(self.random.below(options_.logs)));
  auto x = begun(self.proc, verb::append, path);
  x.record = self.unique();
  x.bytes = record_bytes_min
            + self.random.below(options_.record_bytes_max - record_bytes_min);
  const auto answer = self.port->append(path, make_record(x.record, x.bytes));
  ended(x, answer);
  if (answer)
    x.offset = *answer;
  record_.add(std::move(x));
}

void workload::scan_turn(actor& self) {
  scan(self,
       log_path(static_cast<std::uint32_t>(self.random.below(options_.logs))));
}

void workload::scan(actor& self, const std::string& path) {
  auto x = begun(self.proc, verb::scan, path);
  const auto answer = self.port->get(path);
  ended(x, answer);
  replica_content found;
  if (answer)
    find_records(*answer, found);
  else
    x.result = outcome::unknown;
  for (const auto& flaw : found.flaws)
    record_.flaw(fmt::format("a scan of {} [{} .. {}]: {}", path, x.call_ns,
                             x.ret_ns, flaw));
  for (const auto& record : found.records)
    x.records.push_back(record.record);
  record_.add(std::move(x));
}

void workload::put_turn(actor& self) {
  const auto path = small_path(
    static_cast<std::uint32_t>(self.random.below(options_.smalls)));
  if (self.random.one_in(2)) {
    get_small(self, path, path);
    return;
  }
  auto x = begun(self.proc, verb::write, path);
  if (self.random.one_in(5)) {
    const auto answer = self.port->remove(path);
    ended(x, answer);
    x.value = nothing_written;
    if (!answer && answer.error().code == ec::not_found) {
      x.op = verb::read; // Its answer tells that nothing is there.
      x.result = outcome::done;
      x.values = {nothing_written};
    }
  } else {
    x.value = self.unique();
    ended(x, self.port->put(path, small_content(path, x.value)));
  }
  record_.add(std::move(x));
}

std::optional<bool> workload::get_small(actor& self, const std::string& path,
                                        const std::string& key) {
  auto x = begun(self.proc, verb::read, path);
  const auto answer = self.port->get(path);
  ended(x, answer);
  std::optional<bool> there;
  if (answer) {
    there = true;
    const auto value = cell_value(*answer, key, 0);
    if (!value || *value == nothing_written
        || small_bytes(*value) != answer->size()) {
      record_.flaw(fmt::format("{} was read as {} bytes of no or of several "
                               "puts [{} .. {}]",
                               path, answer->size(), x.call_ns, x.ret_ns));
      return there;
    }
    x.values = {*value};
  } else if (answer.error().code == ec::not_found) {
    there = false;
    x.result = outcome::done;
    x.values = {nothing_written};
  } else {
    if (answer.error().code == ec::integrity)
      record_.flaw(fmt::format("{}: {}", path, answer.error().context));
    x.result = outcome::unknown;
  }
  record_.add(std::move(x));
  return there;
}

void workload::move_turn(actor& self) {
  const auto pair = fmt::format("{}/pair-{}-{}", options_.directory, self.proc,
                                self.moving.pair);
  if (self.random.one_in(3)) {
    get_small(self, pair + (self.random.one_in(2) ? "-a" : "-b"), pair);
    return;
  }
  if (!self.moving.there || self.random.one_in(6))
    make_or_delete(self, pair);
  else
    move(self, pair);
}

void workload::make_or_delete(actor& self, const std::string& pair) {
  auto& state = self.moving;
  const auto path = pair + (state.second ? "-b" : "-a");
  auto x = begun(self.proc, verb::write, path);
  x.value = state.there ? nothing_written : self.unique();
  const auto answer = state.there
                        ? self.port->remove(path)
                        : self.port->put(path, small_content(pair, x.value));
  ended(x, answer);
  if (answer) {
    state.there = !state.there;
    state.value = x.value;
  } else if (x.result == outcome::unknown) {
    leave_pair(self, pair, false);
  } else if (answer.error().code == ec::not_found) {
    record_.flaw(fmt::format("{} is not there [{} .. {}], and nobody else "
                             "deletes it: {}",
                             path, x.call_ns, x.ret_ns,
                             answer.error().context));
    leave_pair(self, pair, false);
  }
  record_.add(std::move(x));
}

// To its own client a rename is a deletion and a creation at one time.
void workload::move(actor& self, const std::string& pair) {
  auto& state = self.moving;
  const auto from = pair + (state.second ? "-b" : "-a");
  const auto to = pair + (state.second ? "-a" : "-b");
  auto gone = begun(self.proc, verb::write, from);
  auto come = begun(self.proc, verb::write, to);
  come.value = state.value;
  const auto answer = self.port->rename(from, to);
  ended(gone, answer);
  ended(come, answer);
  if (answer) {
    state.second = !state.second;
  } else if (gone.result == outcome::unknown) {
    leave_pair(self, pair, true);
  } else if (answer.error().code == ec::not_found) {
    record_.flaw(fmt::format("{} cannot be renamed [{} .. {}]: {}", from,
                             gone.call_ns, gone.ret_ns,
                             answer.error().context));
    leave_pair(self, pair, false);
  }
  record_.add(std::move(gone));
  record_.add(std::move(come));
}

void workload::leave_pair(actor& self, const std::string& pair, bool renaming) {
  const std::lock_guard guard{mutex_};
  open_pairs_.push_back({pair, renaming});
  self.moving = {self.moving.pair + 1};
}

} // namespace dfs::history
