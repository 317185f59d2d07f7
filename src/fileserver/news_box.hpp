#pragma once

#include "core/versions/note_ledger.hpp"
#include "messages/version_master.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace dfs::fileserver {

/// What a file server has to tell the master: gathered, so that it travels in
/// few messages. Any thread.
class news_box {
public:
  /// @param wake Called at the first news after `begin_taking`; must not block.
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

  /// Before all is taken: what comes from here on wakes again.
  void begin_taking();

  /// All that has come since, at most `msg::group_page_max` of a kind; asked
  /// again while there is more. `store`, `boot` and `term` are the caller's.
  [[nodiscard]] msg::group_news take();
  [[nodiscard]] bool empty() const;

  /// Runs what `use` does with the notes for the master's names, and what it
  /// returns.
  template <class Use>
  auto with_notes(Use use) {
    const std::lock_guard guard{mutex_};
    return use(notes_);
  }

  /// Groups whose primary here asks up to where it has told.
  [[nodiscard]] std::vector<group_id> take_asked();

  /// What was asked of a former master: who still wants it asks again.
  void drop_asks();

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
  /// Asked again while there is no master: one of a file is enough.
  void add(const msg::unlink_file& x) {
    unlink_.insert_or_assign({x.group, x.file}, x);
  }
  void add(msg::group_testimony x) {
    news_.testimonies.push_back(std::move(x));
  }
  void add(const msg::noted_version& x) {
    notes_.put(x);
  }
  void add(const msg::told_group& x) {
    notes_.put(x);
  }
  void add(group_id told_asked) {
    asked_.insert(told_asked);
  }
  [[nodiscard]] bool has_none() const;

  mutable std::mutex mutex_;
  std::function<void()> wake_;
  bool woken_ = false;
  msg::group_news news_; ///< All but `unlink`.
  std::map<std::pair<group_id, inode_id>, msg::unlink_file> unlink_;
  core::note_ledger notes_;
  std::set<group_id> asked_;
};

} // namespace dfs::fileserver
