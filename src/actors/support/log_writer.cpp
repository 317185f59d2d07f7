#include "actors/support/log_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

namespace dfs::actors {

namespace {

// A pipe that polls as writable takes this much without blocking (PIPE_BUF).
constexpr std::size_t chunk_bytes_max = 4'096;

constexpr auto tick = std::chrono::seconds{1};

// How long `stop` waits for a reader who does not read.
constexpr auto goodbye_waits_max = 10;
constexpr auto wait_ms = 100;

int open_log(const std::string& file) {
  return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

/// Without the thread: gives up on a reader who does not read.
void write_plainly(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&ready, 1, wait_ms) == 0)
      return;
    const auto count = ::write(STDERR_FILENO, bytes.data(),
                               std::min(bytes.size(), chunk_bytes_max));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

} // namespace

log_writer::~log_writer() {
  stop();
}

result<nothing> log_writer::start(std::string file, bool json) {
  const std::lock_guard lock{guard_};
  DFS_ASSERT(!started_);
  descriptor_ = STDERR_FILENO;
  if (!file.empty()) {
    descriptor_ = open_log(file);
    if (descriptor_ < 0)
      return fail(ec::configuration, "cannot open the log file " + file + ": "
                                       + std::strerror(errno));
  }
  file_ = std::move(file);
  json_ = json;
  started_ = true;
  stopping_ = false;
  hurry_ = false;
  goodbye_waits_ = 0;
  lost_ = 0;
  lost_told_ = 0;
  thread_ = std::thread{[this] { run(); }};
  return done;
}

void log_writer::reopen() {
  {
    const std::lock_guard lock{guard_};
    reopen_ = true;
  }
  wake_.notify_one();
}

void log_writer::stop() {
  {
    const std::lock_guard lock{guard_};
    if (!started_ || stopping_)
      return;
    stopping_ = true;
    hurry_ = true;
  }
  wake_.notify_one();
  thread_.join();
  const std::lock_guard lock{guard_};
  started_ = false;
}

void log_writer::on_tick(void (*callback)(log_time now)) {
  const std::lock_guard lock{guard_};
  tick_ = callback;
}

void log_writer::write(log_line line) {
  {
    const std::lock_guard lock{guard_};
    if (started_ && !limiter_.admit(line))
      return;
  }
  auto text = format_log_line(line, json_);
  std::unique_lock lock{guard_};
  if (!started_ || stopping_) {
    lock.unlock();
    write_plainly(text);
    return;
  }
  if (queue_.size() >= queued_max) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  queue_.push_back(std::move(text));
  lock.unlock();
  wake_.notify_one();
}

void log_writer::run() {
  std::unique_lock lock{guard_};
  auto next_tick = spdlog::log_clock::now() + tick;
  for (;;) {
    wake_.wait_for(lock, tick,
                   [this] { return stopping_ || reopen_ || !queue_.empty(); });
    const auto now = spdlog::log_clock::now();
    // Also if the wall clock was set back.
    const auto ticks = now >= next_tick || next_tick - now > 2 * tick;
    std::vector<log_line> held_back;
    if (ticks || stopping_) {
      next_tick = now + tick;
      held_back = limiter_.expire(stopping_ ? log_time::max() : now);
    }
    const auto ends = stopping_;
    const auto callback = ticks ? tick_ : nullptr;
    if (std::exchange(reopen_, false) && !file_.empty())
      retry_at_ = now; // Below, without the lock.
    const auto renew = retry_at_ == now;
    auto batch = std::exchange(queue_, {});
    lock.unlock();
    if (renew || (descriptor_ < 0 && now >= retry_at_))
      open_again();
    for (auto& line : held_back) {
      line.time = now;
      batch.push_back(format_log_line(line, json_));
    }
    write_batch(std::move(batch));
    if (callback != nullptr)
      callback(now);
    lock.lock();
    if (ends) {
      close_file();
      return;
    }
  }
}

void log_writer::write_batch(std::deque<std::string> batch) {
  const auto lost = lost_.load(std::memory_order_relaxed);
  if (lost > lost_told_) {
    const log_line news{spdlog::log_clock::now(),
                        spdlog::level::err,
                        "log",
                        "lines lost",
                        {{"lines", lost - lost_told_}}};
    if (put(format_log_line(news, json_)))
      lost_told_ = lost;
  }
  std::string chunk;
  std::uint64_t lines = 0;
  const auto flush = [&] {
    if (!chunk.empty() && !put(chunk))
      lost_.fetch_add(lines, std::memory_order_relaxed);
    chunk.clear();
    lines = 0;
  };
  for (auto& line : batch) {
    if (chunk.size() + line.size() > chunk_bytes_max)
      flush();
    chunk += line;
    ++lines;
  }
  flush();
}

bool log_writer::put(std::string_view bytes) {
  if (descriptor_ < 0)
    return false;
  std::string repaired;
  if (torn_) {
    (repaired = "\n") += bytes;
    bytes = repaired;
  }
  while (!bytes.empty()) {
    pollfd ready{descriptor_, POLLOUT, 0};
    const auto patient = goodbye_waits_ < goodbye_waits_max;
    const auto polled = ::poll(&ready, 1, patient ? wait_ms : 0);
    if (polled == 0 || (polled < 0 && errno == EINTR)) {
      if (hurry_ && ++goodbye_waits_ >= goodbye_waits_max)
        return false;
      continue;
    }
    const auto count = ::write(descriptor_, bytes.data(),
                               std::min(bytes.size(), chunk_bytes_max));
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (count <= 0) {
      if (!file_.empty()) { // A full disk, or one that is gone.
        close_file();
        retry_at_ = spdlog::log_clock::now() + tick;
      }
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
    torn_ = !bytes.empty();
  }
  return true;
}

void log_writer::open_again() {
  const auto fresh = open_log(file_);
  retry_at_ = spdlog::log_clock::now() + tick;
  if (fresh < 0)
    return;
  close_file();
  descriptor_ = fresh;
}

void log_writer::close_file() {
  if (!file_.empty() && descriptor_ >= 0)
    ::close(descriptor_);
  descriptor_ = -1;
}

} // namespace dfs::actors
