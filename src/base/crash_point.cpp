#include "base/crash_point.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace dfs {

namespace {

class crash_plan {
public:
  crash_plan() {
    if (const auto* list = std::getenv("DFS_CRASH_LIST"))
      list_ = list;
    const auto* at = std::getenv("DFS_CRASH_AT");
    if (at == nullptr)
      return;
    const std::string_view text{at};
    const auto colon = text.rfind(':');
    name_ = text.substr(0, colon);
    left_ = 1;
    if (colon != std::string_view::npos)
      std::from_chars(text.data() + colon + 1, text.data() + text.size(),
                      left_);
  }

  [[nodiscard]] bool idle() const {
    return name_.empty() && list_.empty();
  }

  void pass(std::string_view name) {
    const std::lock_guard guard{mutex_};
    if (!list_.empty() && seen_.emplace(name).second)
      note(name);
    if (name == name_ && left_ > 0 && --left_ == 0)
      ::kill(::getpid(), SIGKILL);
  }

private:
  void note(std::string_view name) const {
    const auto line = std::string{name} + "\n";
    const auto file
      = ::open(list_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
      return;
    (void) !::write(file, line.data(), line.size());
    ::close(file);
  }

  std::mutex mutex_;
  std::string list_;
  std::string name_;
  std::uint64_t left_ = 0;
  std::set<std::string, std::less<>> seen_;
};

} // namespace

void pass_crash_point(const char* name) noexcept {
  static crash_plan plan;
  if (!plan.idle())
    plan.pass(name);
}

} // namespace dfs
