#include "net/data_thread.hpp"

#include "base/assert.hpp"

#include <boost/asio/post.hpp>

#include <future>
#include <utility>

#include <pthread.h>

namespace dfs::net {

data_thread::data_thread(std::size_t idle_buffer_bytes)
  : loop_{std::make_shared<data_loop>(
    io_, std::make_shared<buffer_pool>(idle_buffer_bytes))} {
  // nop
}

data_thread::~data_thread() {
  DFS_ASSERT(!runs());
}

void data_thread::start(const char* name) {
  thread_ = std::thread{[this] { io_.run(); }};
  pthread_setname_np(thread_.native_handle(), name);
}

bool data_thread::post(std::function<void()> what) {
  if (ended_)
    return false;
  boost::asio::post(io_, [this, what = std::move(what)] {
    const data_loop::turn turn{*loop_};
    what();
  });
  return true;
}

void data_thread::run(const std::function<void()>& what) {
  DFS_ASSERT(runs());
  std::promise<void> ran;
  boost::asio::post(io_, [&] {
    what();
    ran.set_value();
  });
  ran.get_future().wait();
}

void data_thread::end() {
  work_.reset();
  io_.stop();
  thread_.join();
  ended_ = true;
}

} // namespace dfs::net
