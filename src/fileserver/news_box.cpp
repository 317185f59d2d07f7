#include "fileserver/news_box.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::fileserver {

namespace {

template <class T>
std::vector<T> take_page(std::vector<T>& from) {
  const auto count = std::min(from.size(), msg::group_page_max);
  const auto end = from.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<T> page{std::make_move_iterator(from.begin()),
                      std::make_move_iterator(end)};
  from.erase(from.begin(), end);
  return page;
}

} // namespace

bool news_box::has_none() const {
  const auto& x = news_;
  return x.led.empty() && x.resigned.empty() && x.sealed.empty()
         && x.installed.empty() && x.activated.empty() && x.rejoined.empty()
         && x.refused.empty() && x.testimonies.empty() && unlink_.empty();
}

msg::group_news news_box::take() {
  const std::lock_guard guard{mutex_};
  msg::group_news page;
  page.led = take_page(news_.led);
  page.resigned = take_page(news_.resigned);
  page.sealed = take_page(news_.sealed);
  page.installed = take_page(news_.installed);
  page.activated = take_page(news_.activated);
  page.rejoined = take_page(news_.rejoined);
  page.refused = take_page(news_.refused);
  while (!unlink_.empty() && page.unlink.size() < msg::group_page_max)
    page.unlink.push_back(unlink_.extract(unlink_.begin()).mapped());
  page.testimonies = take_page(news_.testimonies);
  return page;
}

void news_box::begin_taking() {
  const std::lock_guard guard{mutex_};
  woken_ = false;
}

std::vector<group_id> news_box::take_asked() {
  const std::lock_guard guard{mutex_};
  std::vector<group_id> page;
  while (!asked_.empty() && page.size() < msg::notes_page_max)
    page.push_back(asked_.extract(asked_.begin()).value());
  return page;
}

void news_box::drop_asks() {
  const std::lock_guard guard{mutex_};
  unlink_.clear();
}

bool news_box::empty() const {
  const std::lock_guard guard{mutex_};
  return has_none();
}

} // namespace dfs::fileserver
