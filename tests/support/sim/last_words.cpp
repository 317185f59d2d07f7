#include "support/sim/last_words.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>

namespace dfs::sim::last_words {

namespace {

// Plain memory: a handler may not touch a string that is being changed.
std::array<char, 512> words;
volatile std::sig_atomic_t length = 0;

void on_abort(int) {
  if (length > 0) {
    // Nothing can be done if even this fails.
    [[maybe_unused]] const auto written
      = write(STDERR_FILENO, words.data(), static_cast<std::size_t>(length));
  }
  std::signal(SIGABRT, SIG_DFL);
  std::raise(SIGABRT);
}

} // namespace

void set(const std::string& replay) {
  clear();
  if (replay.empty())
    return;
  std::signal(SIGABRT, on_abort);
  const auto line = "replay: " + replay + "\n";
  const auto size = std::min(line.size(), words.size());
  std::copy_n(line.begin(), size, words.begin());
  length = static_cast<std::sig_atomic_t>(size);
}

void clear() {
  length = 0;
}

} // namespace dfs::sim::last_words
