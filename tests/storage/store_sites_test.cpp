#include "support/volume_lives.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::file_call;
using dfs::test::volume_lives;

// Every place at which a store changes anything on its disk, by name, from the
// making of a volume to its last close, each refused: with EIO, with ENOSPC.
// The list below fails when a place is added, or is no longer reached.

namespace {

const std::set<std::string> all_sites{
  "make_directory chunks",
  "make_directory chunks/XX",
  "make_directory log",
  "make_directory quarantine",
  "make_directory volume",
  "open chunks/XX/C.F",
  "open identity",
  "open identity.draft",
  "open log/N.log",
  "open log/next",
  "open quarantine/C.F.draft",
  "remove chunks/XX/C.F",
  "remove log/N.log",
  "remove log/next",
  "remove quarantine/C.F",
  "rename chunks/XX/C.F",
  "rename identity.draft",
  "rename log/next",
  "rename quarantine/C.F.draft",
  "sync chunks/XX/C.F",
  "sync identity.draft",
  "sync log/N.log",
  "sync log/next",
  "sync quarantine/C.F.draft",
  "sync_directory /",
  "sync_directory chunks",
  "sync_directory chunks/XX",
  "sync_directory log",
  "sync_directory quarantine",
  "sync_directory volume",
  "write chunks/XX/C.F",
  "write identity.draft",
  "write log/N.log",
  "write log/next",
  "write quarantine/C.F.draft",
};

const char* name_of(file_call kind) {
  switch (kind) {
    case file_call::open:
      return "open";
    case file_call::read:
      return "read";
    case file_call::write:
      return "write";
    case file_call::sync:
      return "sync";
    case file_call::truncate:
      return "truncate";
    case file_call::rename:
      return "rename";
    case file_call::remove:
      return "remove";
    case file_call::sync_directory:
      return "sync_directory";
    case file_call::make_directory:
      return "make_directory";
    case file_call::list:
      return "list";
    case file_call::count:
      break;
  }
  return "?";
}

/// "write log/N.log": the call, and the kind of file.
std::string site_of(file_call kind, std::string path) {
  path = path == "/volume" ? "volume" : path.substr(path.find('/', 1) + 1);
  if (path.starts_with("log/") && path.ends_with(".log"))
    path = "log/N.log";
  for (const auto* place : {"quarantine/", "chunks/"}) {
    if (!path.starts_with(place))
      continue;
    const auto name = path.rfind('/') + 1;
    const auto draft = path.ends_with(".draft") ? ".draft" : "";
    path
      = name == std::string{place}.size() && *place == 'c'
          ? "chunks/XX"
          : std::string{place} + (*place == 'c' ? "XX/" : "") + "C.F" + draft;
  }
  return fmt::format("{} {}", name_of(kind), path);
}

struct call {
  file_call kind{};
  std::uint64_t number = 0; ///< Of its kind.
  std::string site;
};

/// A volume is made, used, closed, opened, killed in its work, loses its power,
/// is opened again, and closed.
struct whole_life {
  whole_life() {
    x.options.on_failure
      = [this](const error&) { failures += x.files.dead() ? 0 : 1; };
    x.files.on_call = [this](file_call kind, std::uint64_t number,
                             const std::string& path, bool refused) {
      if (quiet)
        return;
      if (refused)
        refused_at.insert(site_of(kind, path));
      calls.push_back({kind, number, site_of(kind, path)});
    };
  }

  void arm() {
    if (!planned)
      return;
    const auto made = x.files.calls(planned->kind);
    const auto first = planned->number;
    if (made < first + count)
      x.files.fail(planned->kind, first > made ? first - made : 0, with,
                   first > made ? count : first + count - made);
  }

  std::unique_ptr<chunk_store> open() {
    auto store = x.open();
    if (!store) {
      ++refusals;
      why = std::exchange(x.trouble, {});
      store = x.open(); // It is tried again, as a supervisor does.
    }
    if (!store) {
      x.files.heal();
      x.trouble.clear();
      store = x.open();
    }
    return store;
  }

  /// @returns what was wrong.
  std::string run() {
    arm();
    for (int life = 0; life < 4; ++life) {
      auto store = open();
      if (!store)
        return "does not open any more: " + x.trouble;
      if (life > 0) {
        x.files.heal();
        quiet = true;
        if (auto wrong = x.model.settle(*store); !wrong.empty())
          return fmt::format("life {}: {}", life, wrong);
        quiet = false;
        arm();
      }
      x.work.forget_all();
      x.run(*store, life == 0 ? 150 : 60);
      if (!x.trouble.empty())
        return fmt::format("life {}: {}", life, x.trouble);
      failed = failed || store->usage().failed;
      if (life == 1 || life == 2) {
        x.files.die(0); // And no clean end.
        store.reset();
        x.files.lose_power(x.random, life == 1 ? sim::power_loss::nothing
                                               : sim::power_loss::torn);
        arm();
      }
    }
    return {};
  }

  volume_lives x{7}; ///< This seed sets small chunks aside, too.
  std::optional<call> planned;
  ec with = ec::io_error;
  std::uint64_t count = 1;
  std::vector<call> calls;
  bool quiet = false; ///< Not the store's calls, but this test's.
  std::set<std::string> refused_at;
  std::string why;
  int failures = 0;
  int refusals = 0;
  bool failed = false;
};

bool changes_something(file_call kind) {
  return kind != file_call::read && kind != file_call::list;
}

/// Which calls to refuse: of each site the first ones, then some.
std::vector<call> plan() {
  whole_life life;
  EXPECT_EQ(life.run(), "");
  std::map<std::string, int> seen;
  std::vector<call> chosen;
  for (const auto& x : life.calls) {
    if (!changes_something(x.kind))
      continue;
    const auto n = ++seen[x.site];
    if (n <= 5 || n % 20 == 0)
      chosen.push_back(x);
  }
  return chosen;
}

std::set<std::string> sites_in(const std::vector<call>& calls) {
  std::set<std::string> sites;
  for (const auto& x : calls)
    sites.insert(x.site);
  return sites;
}

TEST(StoreSites, AreAllNamed) {
  EXPECT_EQ(sites_in(plan()), all_sites);
}

TEST(StoreSites, FailForGoodOrRefuseTheStart) { // DESIGN 7
  std::set<std::string> reached;
  for (const auto& planned : plan()) {
    SCOPED_TRACE(fmt::format("{} ({})", planned.site, planned.number));
    whole_life life;
    life.planned = planned;
    life.x.work.allowed = {ec::io_error};
    ASSERT_EQ(life.run(), "");
    // One that nobody hears of would be lost.
    EXPECT_TRUE(life.failed || life.refusals > 0 || life.failures > 0);
    EXPECT_LE(life.failures, 1);
    reached.insert(life.refused_at.begin(), life.refused_at.end());
    life.x.files.lose_power(life.x.random, sim::power_loss::torn);
    life.x.work.allowed = {};
    ASSERT_EQ(life.x.live(20), "");
  }
  EXPECT_EQ(reached, all_sites);
}

TEST(StoreSites, GoOnWhenThereIsRoomAgain) { // SPEC G16
  std::set<std::string> reached;
  for (const auto& planned : plan()) {
    SCOPED_TRACE(fmt::format("{} ({})", planned.site, planned.number));
    whole_life life;
    life.planned = planned;
    life.with = ec::full;
    life.count = 3;
    life.x.work.allowed = {ec::full};
    // A sync that failed has lost data, whatever it says.
    const auto syncs = planned.kind == file_call::sync
                       || planned.kind == file_call::sync_directory;
    if (syncs)
      life.x.work.allowed.push_back(ec::io_error);
    ASSERT_EQ(life.run(), "");
    if (!syncs)
      EXPECT_EQ(life.failures, 0);
    reached.insert(life.refused_at.begin(), life.refused_at.end());
    life.x.files.lose_power(life.x.random, sim::power_loss::torn);
    life.x.work.allowed = {};
    ASSERT_EQ(life.x.live(20), "");
  }
  EXPECT_EQ(reached, all_sites);
}

} // namespace
