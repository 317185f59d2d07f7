#include "admin/fsck/examine_versions.hpp"

#include "admin/master.hpp"
#include "base/counted.hpp"
#include "client/file_client.hpp"
#include "messages/version_admin_methods.hpp"

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

namespace dfs::admin {

namespace {

using namespace std::chrono_literals;

/// Files whose groups are asked at once.
constexpr std::size_t at_once = 32;

/// A put of this moment: its note is on its way.
constexpr auto note_takes = 1s;

/// A primary that was asked tells the master within this time.
constexpr auto mending_takes = 5s;

std::string shown_by(const msg::versioned_entry& x) {
  if (x.newest == version_number{})
    return "no file";
  if (x.hidden)
    return "no file: it was deleted";
  return fmt::format("version {} of {}", x.newest.value(),
                     counted(x.length, "byte"));
}

std::string kept_as(const msg::file_version* x) {
  if (x == nullptr)
    return "no version";
  if (x->kind != msg::version_kind::content)
    return fmt::format("a deletion, version {}", x->number.value());
  return fmt::format("version {} of {}", x->number.value(),
                     counted(x->bytes, "byte"));
}

bool is_true(const msg::versioned_entry& row, const msg::file_version* x) {
  if (x == nullptr)
    return row.newest == version_number{};
  const bool hidden = x->kind != msg::version_kind::content;
  return row.newest == x->number && row.hidden == hidden
         && row.length == (hidden ? 0 : x->bytes)
         && row.modified_ms == x->time_ms;
}

class list_checker {
public:
  list_checker(verb_context& context, client::file_client& files,
               fsck_report& to)
    : context_{context},
      files_{files},
      to_{to} {
    // nop
  }

  result<nothing> run(const std::vector<fsck_walk::named>& all) {
    for (const auto& x : all) {
      files_.run_until([&] { return open_ < at_once || files_.interrupted(); });
      if (files_.interrupted())
        return fail(ec::cancelled, "interrupted");
      look_at(x);
    }
    files_.run_until([&] { return open_ == 0 || files_.interrupted(); });
    context_.out.progress({});
    return files_.interrupted() ? fail(ec::cancelled, "interrupted")
                                : look_again();
  }

private:
  struct suspect {
    fsck_walk::named what;
    std::shared_ptr<client::version_view> view;
    std::string first; ///< What was wrong.
    bool lost = false; ///< The group has nothing of it.
  };

  void look_at(const fsck_walk::named& x) {
    ++open_;
    if (!x.row.hidden)
      ++to_.files;
    auto view = std::make_shared<client::version_view>(
      files_.versions(), x.path, context_.transfer_timeout());
    view->open([this, x, view](const result<nothing>& opened) {
      --open_;
      if (opened)
        return hold_against(x, view);
      if (opened.error().code == ec::not_found)
        return; // Removed since it was listed.
      to_.findings.push_back(
        {x.path,
         {},
         "UNAVAILABLE",
         damage::heals,
         "its group does not answer: " + opened.error().context});
    });
  }

  void hold_against(const fsck_walk::named& x,
                    const std::shared_ptr<client::version_view>& view) {
    const auto* newest = newest_in(*view);
    if (newest != nullptr)
      to_.versions += view->versions().size();
    if (view->place().status.inode != x.row.file || is_true(x.row, newest))
      return; // Another file has the name, or all is well.
    suspects_.push_back({x, view,
                         fmt::format("the master's names show {}, its group "
                                     "has {}",
                                     shown_by(x.row), kept_as(newest)),
                         newest == nullptr && !x.row.hidden});
  }

  static const msg::file_version* newest_in(const client::version_view& view) {
    return view.versions().empty() ? nullptr : &view.versions().front();
  }

  // What changed meanwhile is right by then, or has changed again.
  result<nothing> look_again() {
    const auto begun = instant::clock::now();
    bool asked = false;
    while (!suspects_.empty()) {
      const auto passed = instant::clock::now() - begun;
      pause(200ms);
      auto left = std::exchange(suspects_, {});
      for (auto& x : left)
        if (!is_right_now(x))
          suspects_.push_back(std::move(x));
        else if (asked)
          add(x, damage::none, "mended");
      if (passed >= note_takes + mending_takes)
        break;
      if (passed >= note_takes && !std::exchange(asked, true))
        for (const auto& x : suspects_)
          have_it_told(x);
    }
    for (const auto& x : suspects_)
      add(x, x.lost ? damage::loss : damage::heals,
          "it was not mended; see docs/runbook.md");
    return done;
  }

  void add(const suspect& x, damage how, std::string_view then) {
    to_.findings.push_back({x.what.path,
                            {},
                            "LISTED_WRONG",
                            how,
                            fmt::format("{}: {}", x.first, then)});
  }

  bool is_right_now(suspect& x) {
    const auto row
      = ask_master(context_, msg::list_versioned{x.what.path, {}, 1});
    if (!row || row->entries.empty()
        || row->entries.front().file != x.what.row.file)
      return true; // Removed, or another file by now.
    const auto opened = files_.open_versions(x.what.path, 5s);
    if (!opened)
      return opened.error().code == ec::not_found;
    x.view = *opened;
    return is_true(row->entries.front(), newest_in(*x.view));
  }

  // A primary that is asked what counts notes it for the names again.
  void have_it_told(const suspect& x) {
    const auto& at = x.view->group();
    for (const auto& server : at.servers)
      if (server.store == at.primary)
        (void) files_.wait<msg::file_settled>([&](auto then) {
          files_.versions().servers.settle(
            {server.store, server.data},
            msg::ask_settle_file{
              {at.set.group, at.set.epoch, x.what.row.file, {}}},
            1s, std::move(then));
        });
  }

  void pause(std::chrono::milliseconds time) {
    boost::asio::steady_timer timer{files_.io()};
    timer.expires_after(time);
    bool over = false;
    timer.async_wait([&](auto) { over = true; });
    files_.run_until([&] { return over; });
  }

  verb_context& context_;
  client::file_client& files_;
  fsck_report& to_;
  std::size_t open_ = 0;
  std::vector<suspect> suspects_;
};

} // namespace

result<nothing> examine_versions(verb_context& context, const fsck_walk& walk,
                                 fsck_report& to) {
  if (walk.versioned.empty())
    return done;
  const auto files = context.files();
  if (!files)
    return files.error();
  return list_checker{context, **files, to}.run(walk.versioned);
}

} // namespace dfs::admin
