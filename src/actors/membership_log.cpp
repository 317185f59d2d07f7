#include "actors/membership_log.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace dfs::actors {

namespace {

std::string printable(std::string text) {
  for (auto& byte : text)
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f)
      byte = '?';
  return text;
}

/// A field between spaces: never empty, never with a space in it.
std::string field(std::string text) {
  text = printable(std::move(text));
  for (auto& byte : text)
    if (byte == ' ')
      byte = '_';
  return text.empty() ? "-" : text;
}

result<int> open_file(const std::string& path) {
  const auto descriptor
    = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (descriptor < 0)
    return fail(ec::configuration,
                "membership log " + path + " cannot be opened for writing: "
                  + std::generic_category().message(errno)
                  + "; make its directory, or choose another path "
                    "(group.log)");
  return descriptor;
}

} // namespace

std::string
membership_log_line(const msg::member_changed& event, unix_milliseconds when) {
  const auto& member = event.member;
  return fmt::format(
    "{} {} {} {} {} {}", utc_text(when), to_string(event.change),
    to_string(member.id), field(member.name),
    field(msg::roles_to_string(member.roles)), printable(event.cause));
}

/// What the thread works off. A thread that hangs in a disk outlives the log,
/// and keeps this.
struct membership_log::writer {
  struct entry {
    std::string line; ///< Empty: open the file again.
    unix_milliseconds when;
  };

  writer(std::string file, int opened, trouble_handler handler)
    : path{std::move(file)},
      descriptor{opened},
      on_trouble{std::move(handler)} {
    // nop
  }
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  ~writer() {
    ::close(descriptor);
  }

  void tell(const char* what, const error& why) const {
    if (on_trouble)
      on_trouble(what, why);
  }

  void post(entry what) {
    {
      const std::lock_guard lock{guard};
      if (waiting.size() < waiting_max) {
        waiting.push_back(std::move(what));
        wake.notify_all();
        return;
      }
    }
    tell(line_lost, fail(ec::busy, "membership log " + path
                                     + ": too many lines wait for the disk"));
  }

  void run() {
    std::unique_lock lock{guard};
    for (;;) {
      wake.wait(lock, [this] { return ends || !waiting.empty(); });
      if (waiting.empty())
        return;
      const auto what = waiting.front(); // Counts as waiting until it is done.
      lock.unlock();
      if (what.line.empty())
        open_again();
      else
        put(what.line);
      lock.lock();
      waiting.pop_front();
      idle.notify_all();
    }
  }

  void put(const std::string& line) const {
    const auto written = ::write(descriptor, line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size()))
      tell(line_lost, fail(ec::io_error, "membership log " + path + ": "
                                           + std::generic_category().message(
                                             written < 0 ? errno : ENOSPC)));
  }

  void open_again() {
    const auto fresh = open_file(path);
    if (!fresh) {
      tell("the membership log stays as it is", fresh.error());
      return;
    }
    ::close(descriptor);
    descriptor = *fresh;
  }

  bool flush(std::chrono::milliseconds most) {
    std::unique_lock lock{guard};
    return idle.wait_for(lock, most, [this] { return waiting.empty(); });
  }

  static constexpr auto line_lost = "a line of the membership log is lost";

  const std::string path;
  int descriptor; ///< The thread's own.
  const trouble_handler on_trouble;
  std::mutex guard;
  std::condition_variable wake;
  std::condition_variable idle;
  std::deque<entry> waiting;
  bool ends = false;
};

result<membership_log>
membership_log::open(std::string path, trouble_handler on_trouble) {
  if (path.empty())
    return membership_log{nullptr};
  const auto descriptor = open_file(path);
  if (!descriptor)
    return descriptor.error();
  auto to = std::make_shared<writer>(std::move(path), *descriptor,
                                     std::move(on_trouble));
  std::thread{[to] { to->run(); }}.detach();
  return membership_log{std::move(to)};
}

membership_log::membership_log(std::shared_ptr<writer> to)
  : writer_{std::move(to)} {
  // nop
}

membership_log::membership_log(membership_log&& other) noexcept = default;

membership_log& membership_log::operator=(membership_log&& other) noexcept {
  std::swap(writer_, other.writer_);
  return *this;
}

membership_log::~membership_log() {
  if (!writer_)
    return;
  flush(goodbye_max);
  const std::lock_guard lock{writer_->guard};
  writer_->ends = true;
  writer_->wake.notify_all();
}

void membership_log::write(const msg::member_changed& event,
                           unix_milliseconds when) {
  if (writer_)
    writer_->post({membership_log_line(event, when) + "\n", when});
}

void membership_log::reopen(unix_milliseconds now) {
  if (writer_)
    writer_->post({{}, now});
}

std::chrono::milliseconds
membership_log::oldest_wait(unix_milliseconds now) const {
  if (!writer_)
    return {};
  const std::lock_guard lock{writer_->guard};
  return writer_->waiting.empty() ? std::chrono::milliseconds{0}
                                  : now - writer_->waiting.front().when;
}

bool membership_log::flush(std::chrono::milliseconds most) {
  return !writer_ || writer_->flush(most);
}

} // namespace dfs::actors
