#include "roles/io_thread.hpp"

#include <pthread.h>

namespace dfs::roles {

void io_thread::start() {
  thread_ = std::thread{[this] {
    pthread_setname_np(pthread_self(), name_.c_str());
    io_.run();
  }};
}

void io_thread::stop() {
  io_.stop();
  if (thread_.joinable())
    thread_.join();
}

void io_thread::finish() {
  work_.reset();
  if (thread_.joinable())
    thread_.join();
}

} // namespace dfs::roles
