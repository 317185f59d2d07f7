#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <future>
#include <string>
#include <thread>

namespace dfs::roles {

/// An event loop with a thread of its own. Planes that must not wait for each
/// other have one each (ARCHITECTURE.md, "Threads of a server").
class io_thread {
public:
  /// @param name At most 15 bytes; `top -H` shows it.
  explicit io_thread(std::string name) : name_{std::move(name)} {
    // nop
  }

  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  ~io_thread() {
    stop();
  }

  /// Until then handlers wait: sockets can be bound, and given up again,
  /// without anything having happened.
  void start();

  /// Cuts what is left. Safe to repeat.
  void stop();

  /// Lets handlers that are due and work that ends by itself run out, then ends
  /// the thread.
  void finish();

  /// Runs `call` on the thread and waits for it. Not from the thread itself.
  template <class Call>
  void sync(Call call) {
    if (!thread_.joinable()) {
      call();
      return;
    }
    std::promise<void> over;
    boost::asio::post(io_, [&] {
      call();
      over.set_value();
    });
    over.get_future().wait();
  }

  [[nodiscard]] boost::asio::io_context& io() {
    return io_;
  }

private:
  std::string name_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    work_{io_.get_executor()};
  std::thread thread_;
};

} // namespace dfs::roles
