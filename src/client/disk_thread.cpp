#include "client/disk_thread.hpp"

#include <boost/asio/post.hpp>

#include <atomic>
#include <thread>
#include <utility>

namespace dfs::client {

namespace asio = boost::asio;

struct disk_thread::state {
  asio::io_context work{1};
  asio::executor_work_guard<asio::io_context::executor_type> open{
    work.get_executor()};
  std::thread thread;
  std::atomic<bool> ended{false};
  std::atomic<bool> hangs{false}; ///< What runs may wait for ever.
};

disk_thread::disk_thread(asio::io_context& io)
  : io_{io},
    state_{std::make_shared<state>()} {
  // nop
}

disk_thread::~disk_thread() {
  state_->ended = true;
  state_->work.stop();
  if (!state_->thread.joinable())
    return;
  if (state_->hangs)
    state_->thread.detach(); // It owns what it uses.
  else
    state_->thread.join();
}

void disk_thread::run(std::function<void()> work, std::function<void()> then,
                      bool may_hang) {
  if (!state_->thread.joinable())
    state_->thread = std::thread{[own = state_] { own->work.run(); }};
  asio::post(state_->work,
             [own = state_.get(), &io = io_, work = std::move(work),
              then = std::move(then), may_hang] {
               own->hangs = may_hang;
               work();
               own->hangs = false;
               if (!own->ended)
                 asio::post(io, then);
             });
}

} // namespace dfs::client
