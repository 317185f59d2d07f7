#pragma once

#include "messages/version_master.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace dfs::fileserver {

/// What a file server has to tell the master: gathered, so that it travels in
/// few messages. Any thread.
class news_box {
public:
  /// @param wake Called when there is news after there was none; must not
  ///   block.
  explicit news_box(std::function<void()> wake) : wake_{std::move(wake)} {
    // nop
  }

  template <class News>
  void put(News x) {
    {
      const std::lock_guard guard{mutex_};
      add(std::move(x));
      if (std::exchange(woken_, true))
        return;
    }
    if (wake_)
      wake_();
  }

  /// All that has come since, at most `msg::group_page_max` of a kind; asked
  /// again while there is more. `store`, `boot` and `term` are the caller's.
  [[nodiscard]] msg::group_news take();
  [[nodiscard]] bool empty() const;

private:
  void add(msg::group_led x) {
    news_.led.push_back(x);
  }
  void add(msg::group_resigned x) {
    news_.resigned.push_back(x);
  }
  void add(msg::group_sealed x) {
    news_.sealed.push_back(x);
  }
  void add(msg::group_installed x) {
    news_.installed.push_back(x);
  }
  void add(msg::group_activated x) {
    news_.activated.push_back(x);
  }
  void add(msg::group_rejoined x) {
    news_.rejoined.push_back(x);
  }
  void add(msg::group_refused x) {
    news_.refused.push_back(x);
  }
  void add(msg::unlink_file x) {
    news_.unlink.push_back(x);
  }
  void add(msg::group_testimony x) {
    news_.testimonies.push_back(std::move(x));
  }
  /// Of a file only the newest counts: puts come by the thousand.
  void add(msg::version_note x) {
    notes_.insert_or_assign(std::pair{x.group, x.file}, std::move(x));
  }

  mutable std::mutex mutex_;
  std::function<void()> wake_;
  bool woken_ = false;
  msg::group_news news_;
  std::map<std::pair<group_id, inode_id>, msg::version_note> notes_;
};

} // namespace dfs::fileserver
