#include "base/crash_point.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace dfs {

namespace {

std::string content_of(const std::string& path) {
  const auto file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return {};
  char text[256];
  const auto size = ::read(file, text, sizeof text);
  ::close(file);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size))
                  : std::string{};
}

class crash_plan {
public:
  crash_plan() {
    const auto* at = std::getenv("DFS_CRASH_AT");
    const auto* list = std::getenv("DFS_CRASH_LIST");
    set(at != nullptr ? at : "", list != nullptr ? list : "");
  }

  void set(std::string_view at, std::string_view list) {
    const std::lock_guard guard{mutex_};
    list_ = list;
    seen_.clear();
    orders_.clear();
    order_.clear();
    left_ = 0;
    if (at.starts_with('@'))
      orders_ = at.substr(1);
    else if (!at.empty())
      obey(at);
    idle_ = order_.empty() && orders_.empty() && list_.empty();
  }

  [[nodiscard]] bool idle() const {
    return idle_;
  }

  void pass(std::string_view name) {
    const std::lock_guard guard{mutex_};
    if (!orders_.empty())
      obey(content_of(orders_));
    if (!list_.empty())
      note(name);
    if (name != name_ || left_ == 0 || --left_ > 0)
      return;
    if (rest_.empty())
      ::kill(::getpid(), SIGKILL);
    take_step();
  }

private:
  // The same order again changes nothing.
  void obey(std::string_view order) {
    if (order == order_)
      return;
    order_ = order;
    rest_ = order;
    take_step();
  }

  // The first of the rest.
  void take_step() {
    const auto step = rest_.substr(0, rest_.find(','));
    rest_.erase(0, step.size() + 1);
    const auto colon = step.rfind(':');
    name_ = step.substr(0, colon);
    left_ = 1;
    if (colon != std::string::npos)
      std::from_chars(step.data() + colon + 1, step.data() + step.size(),
                      left_);
  }

  void note(std::string_view name) {
    if (::access(list_.c_str(), F_OK) != 0)
      seen_.clear();
    if (!seen_.emplace(name).second)
      return;
    const auto line = std::string{name} + "\n";
    const auto file
      = ::open(list_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
      return;
    (void) !::write(file, line.data(), line.size());
    ::close(file);
  }

  std::atomic<bool> idle_{true};
  std::mutex mutex_;
  std::string list_;   ///< Where names are noted.
  std::string orders_; ///< Where orders come from, if not the environment.
  std::string order_;
  std::string rest_; ///< Of it, behind the step that is waited for.
  std::string name_;
  std::uint64_t left_ = 0;
  std::set<std::string, std::less<>> seen_;
};

crash_plan& plan() {
  static crash_plan the_plan;
  return the_plan;
}

} // namespace

void pass_crash_point(const char* name) noexcept {
  if (!plan().idle())
    plan().pass(name);
}

void plan_crash(std::string_view at, std::string_view list) {
  plan().set(at, list);
}

} // namespace dfs
