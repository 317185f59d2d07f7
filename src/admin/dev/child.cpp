#include "admin/dev/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace dfs::admin {

namespace {

/// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void
become(const char* program, char* const* arguments, int log, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // Ctrl-C reaches the whole foreground group; the children must hear of it
  // from their parent, in its order.
  setpgid(0, 0);
  if (getppid() != parent)
    _exit(127); // The parent died before PDEATHSIG was set.
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(program, arguments);
  _exit(127);
}

} // namespace

result<pid_t> start_child(const std::filesystem::path& program,
                          const std::vector<std::string>& arguments,
                          const std::filesystem::path& log) {
  const int out
    = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0)
    return fail(ec::io_error,
                "cannot write " + log.string() + ": " + std::strerror(errno));
  auto words = arguments;
  words.insert(words.begin(), program.string());
  std::vector<char*> pointers;
  for (auto& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const auto parent = getpid();
  const auto pid = fork();
  if (pid == 0)
    become(program.c_str(), pointers.data(), out, parent);
  const int reason = errno;
  close(out);
  if (pid < 0)
    return fail(ec::io_error,
                std::string{"cannot fork: "} + std::strerror(reason));
  return pid;
}

std::optional<ended_child> reap_child() {
  int status = 0;
  const auto pid = waitpid(-1, &status, WNOHANG);
  if (pid <= 0)
    return std::nullopt;
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return ended_child{pid, "killed by signal " + std::to_string(number) + " ("
                              + strsignal(number) + ")"};
  }
  return ended_child{pid, "exit status " + std::to_string(WEXITSTATUS(status))};
}

} // namespace dfs::admin
