#include "core/versions/manifest_rules.hpp"
#include "core/versions/replica_machine.hpp"
#include "core/versions/takeover.hpp"
#include "support/resident_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <utility>

// What a large replica group costs the one loop of a file server: the longest
// call, and all of them, while the group is installed on a new server, becomes
// active, is surveyed, and is wiped.
//
//   dfs-group_bench [FILES]      200,000 unless said otherwise

namespace {

using namespace dfs;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

constexpr group_id group{1};
constexpr group_epoch old_epoch{100};
constexpr group_epoch new_epoch{200};
const std::vector<store_id> servers{store_id{1}, store_id{2}, store_id{3}};

struct meter {
  std::chrono::nanoseconds longest{0};
  std::chrono::nanoseconds all{0};
  std::size_t calls = 0;

  template <class Work>
  auto operator()(Work work) {
    const auto began = clock_type::now();
    auto out = work();
    const auto took = clock_type::now() - began;
    longest = std::max<std::chrono::nanoseconds>(longest, took);
    all += took;
    ++calls;
    return out;
  }
  void print(const char* what, std::size_t memory) const {
    fmt::print("{:34} {:>8} calls, longest {:8.2f} ms, all {:8.2f} s, "
               "{} MiB resident\n",
               what, calls,
               std::chrono::duration<double>(longest).count() * 1e3,
               std::chrono::duration<double>(all).count(), memory >> 20);
  }
};

/// Five versions, and as many writers as a manifest remembers in the end.
msg::file_state state(std::uint64_t file) {
  core::keep_policy keep;
  msg::file_manifest x;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    msg::file_version v;
    v.put = v.content = {put_writer{file * 8 + i}, 1};
    v.bytes = 1'000;
    x = core::add_version(std::move(x), v, keep, 0);
  }
  return {{group_ballot{50}, 5}, true, std::move(x)};
}

core::replica_rows rows_of(std::uint64_t files, core::replica_role role) {
  core::replica_rows rows;
  rows.group.role = role;
  rows.group.set = {group, old_epoch, {3, 2, 2}, servers};
  rows.group.promised = group_ballot{100};
  for (std::uint64_t i = 1; i <= files; ++i)
    rows.files.emplace_hint(rows.files.end(), inode_id{i}, state(i));
  return rows;
}

struct bench {
  core::replica_machine source;
  core::replica_machine target{store_id{4}, group, {}, {}};
  std::deque<core::replica_effect> todo;
  instant now = instant{} + 1h;
  meter fetched;
  meter stored;
  meter came;
  meter ticks;
  std::size_t bytes = 0;
  bool installed = false;

  explicit bench(std::uint64_t files)
    : source{
      store_id{1}, group, rows_of(files, core::replica_role::sealed), {}} {
    // nop
  }

  void add(core::replica_effects more) {
    for (auto& x : more)
      todo.push_back(std::move(x));
  }
  void run() {
    while (!todo.empty()) {
      auto x = std::move(todo.front());
      todo.pop_front();
      std::visit([&](auto& one) { perform(one); }, x);
    }
  }
  void perform(core::answer_asker& x) {
    installed
      = installed || std::holds_alternative<msg::group_installed>(x.what);
  }
  void perform(core::store_rows& x) {
    add(stored([&] { return target.stored(x.ticket, now); }));
  }
  void perform(core::ask_replica& x) {
    const auto& ask = std::get<msg::fetch_group>(x.what);
    auto said = fetched([&] { return source.fetch(1, ask); });
    auto* answer = std::get_if<core::answer_asker>(&said.front());
    if (auto* page = std::get_if<msg::group_fetched>(&answer->what))
      add(fetched([&] { return target.on_fetched(x.to, *page, now); }));
  }
  void perform(core::fetch_content& x) {
    if (!target.holds(x.version.content))
      add(came([&] { return target.content_held(x.version.content, now); }));
  }
  void perform(core::drop_contents&) {
    // nop
  }
  void tick_while(const auto& goes_on) {
    for (int i = 0; i < 2'000'000 && goes_on(); ++i) {
      now += 50ms;
      add(ticks([&] { return target.tick(now); }));
      run();
    }
  }
};

void survey(const core::replica_rows& rows) {
  core::takeover takes{
    {group, new_epoch, {3, 2, 2}, servers}, group_ballot{300}, servers[0]};
  for (const auto x : servers)
    takes.promised(x, {group, group_ballot{300}, 0});
  meter pages;
  for (const auto x : servers)
    for (auto it = rows.files.begin(); !takes.listed_all(x);) {
      msg::files_listed page{
        group, group_ballot{300}, takes.listed_to(x), {}, false};
      for (; it != rows.files.end() && page.files.size() < 4'096; ++it)
        page.files.push_back({it->first, it->second.stamp, true});
      page.last = it == rows.files.end();
      pages([&] { return takes.listed(x, page); });
    }
  pages.print("survey of three lists", test::resident_memory());
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t files
    = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  bench x{files};
  fmt::print("{} files of 5 versions; the source alone: {} MiB resident\n",
             files, test::resident_memory() >> 20);
  x.add(x.target.install(
    1,
    {{group, new_epoch, {3, 2, 2}, {servers[0], servers[1], store_id{4}}},
     old_epoch,
     {servers[0], servers[1]}},
    x.now));
  x.run();
  x.tick_while([&] { return !x.installed; });
  x.fetched.print("pages, made and merged", test::resident_memory());
  x.came.print("contents that came", test::resident_memory());
  x.stored.print("parts stored", test::resident_memory());
  meter activated;
  x.add(activated([&] { return x.target.activate(2, {group, new_epoch}); }));
  x.run();
  activated.print("activation", test::resident_memory());
  meter standing;
  for (int i = 0; i < 1'000; ++i)
    standing([&] { return x.target.bytes() + x.target.missing(); });
  standing.print("what a beat tells", test::resident_memory());
  survey(x.target.rows());
  x.ticks = {};
  x.stored = {};
  x.add(x.target.drop({group, group_epoch{300}}));
  x.run();
  x.stored.print("the wipe", test::resident_memory());
  x.tick_while([&] { return x.target.bytes() != 0; });
  x.ticks.print("ticks until all contents are gone", test::resident_memory());
  return x.installed ? 0 : 1;
}
