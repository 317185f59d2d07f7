#pragma once

#include "support/simulated_files.hpp"
#include "support/store_workload.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace dfs::test {

inline const storage::store_owner test_owner{"00112233445566ff", store_id{7}};

/// More seeds with DFS_STORE_SEEDS=n: so many times as many.
inline std::uint64_t seeds(std::uint64_t usual) {
  const auto* more = std::getenv("DFS_STORE_SEEDS");
  return more != nullptr ? usual * std::strtoull(more, nullptr, 10) : usual;
}

/// A volume on a simulated disk, opened again and again, and what it must hold.
struct volume_lives {
  explicit volume_lives(std::uint64_t seed,
                        storage::durability mode = storage::durability::durable)
    : random{seed},
      work{model, random} {
    options = store_workload::options();
    options.mode = mode;
  }

  std::unique_ptr<storage::chunk_store> open() {
    auto opened
      = storage::chunk_store::open(files, "/volume", test_owner, options);
    if (!opened)
      trouble = "open: " + opened.error().context;
    return opened ? *std::move(opened) : nullptr;
  }

  void run(storage::chunk_store& store, std::uint64_t steps) {
    for (std::uint64_t i = 0; i < steps && trouble.empty(); ++i) {
      if (files.dead()) {
        store.run_once(); // Who waits is told.
        break;
      }
      trouble = work.step(store);
    }
  }

  /// One life. @returns what was wrong at its start or before its end.
  std::string live(std::uint64_t steps) {
    auto store = open();
    if (!store)
      return trouble;
    if (auto wrong = model.settle(*store); !wrong.empty())
      return "after the start: " + wrong;
    if (!store->damages().empty())
      return "damage: " + store->damages().front().what;
    work.forget_all();
    run(*store, steps);
    if (!trouble.empty())
      return trouble;
    if (files.dead() || store->usage().failed)
      return {};
    if (auto wrong = model.differences(*store); !wrong.empty())
      return "before the end: " + wrong;
    return {};
  }

  rng random;
  sim::disk disk;
  simulated_files files{disk};
  store_model model;
  store_workload work;
  storage::store_options options;
  std::string trouble;
};

} // namespace dfs::test
