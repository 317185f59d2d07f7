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

bool has_none(const msg::group_news& x) {
  return x.led.empty() && x.resigned.empty() && x.sealed.empty()
         && x.installed.empty() && x.activated.empty() && x.rejoined.empty()
         && x.refused.empty() && x.unlink.empty() && x.testimonies.empty();
}

} // namespace

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
  page.unlink = take_page(news_.unlink);
  page.testimonies = take_page(news_.testimonies);
  while (!notes_.empty() && page.notes.size() < msg::group_page_max)
    page.notes.push_back(std::move(notes_.extract(notes_.begin()).mapped()));
  if (has_none(news_) && notes_.empty())
    woken_ = false;
  return page;
}

bool news_box::empty() const {
  const std::lock_guard guard{mutex_};
  return has_none(news_) && notes_.empty();
}

} // namespace dfs::fileserver
