// What the namespace costs without network and front door: memory for a file,
// operations of the core, a start with many files, and the actor with a disk
// under it. Prints one line of JSON for each figure.

#include "actors/namespace_keeper.hpp"
#include "actors/namespace_rows.hpp"
#include "actors/support/from_caf.hpp"
#include "messages/register.hpp"
#include "support/fake_allocator.hpp"
#include "support/resident_memory.hpp"
#include "support/temp_dir.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>

namespace dfs {
namespace {

using clock_type = std::chrono::steady_clock;

constexpr unix_milliseconds start{std::chrono::hours{480'000}};

struct settings {
  std::uint64_t files = 1'000'000;
  std::uint64_t per_directory = 1'000;
  std::uint64_t listed = 100'000;
  std::uint64_t changes = 20'000;
  std::string directory; ///< Of the metadata; empty: a temporary one.
};

[[noreturn]] void give_up(const error& why) {
  fmt::print(stderr, "namespace_bench: {}\n", why.context);
  std::exit(1);
}

template <class T>
T need(result<T> x) {
  if (!x)
    give_up(x.error());
  return *std::move(x);
}

void report(const std::string& what, double value, const char* unit) {
  fmt::print("{{\"what\": \"{}\", \"value\": {:.1f}, \"unit\": \"{}\"}}\n",
             what, value, unit);
  std::fflush(stdout);
}

double seconds_since(clock_type::time_point began) {
  return std::chrono::duration<double>(clock_type::now() - began).count();
}

/// "/d0000123/file-000000123456" with a name of 18 to 20 bytes.
std::string path_of(const settings& s, std::uint64_t i) {
  return fmt::format("/d{:07}/file-name-{:010}", i / s.per_directory, i);
}

msg::commit_file file_at(const settings& s, std::uint64_t i) {
  msg::commit_file made;
  // Spread, as clients' random numbers are.
  made.request = core::mixed(i + 1);
  made.path = path_of(s, i);
  made.parents = true;
  auto& chunk = made.chunks.emplace_back();
  chunk.grant.chunk = chunk_id{(std::uint64_t{1} << 40) + i};
  chunk.grant.version = chunk_version{1};
  chunk.grant.chain.resize(3);
  chunk.extent = {chunk_version{1}, mutation_serial{1}, 1'024, 1'024};
  return made;
}

/// Makes files `from` to `to`; their rows go to the store, if there is one.
void fill(core::file_tree& tree, const settings& s, std::uint64_t from,
          std::uint64_t to, storage::metadata_store* store) {
  for (auto i = from; i < to; ++i) {
    core::tree_changes out;
    need(tree.apply(file_at(s, i), start, out));
    if (store)
      store->commit(actors::encode_rows(out.rows), {});
    if (store && i % 10'000 == 0)
      need(store->commit_now({}));
  }
}

std::unique_ptr<core::file_tree> new_tree() {
  auto tree = std::make_unique<core::file_tree>(core::tree_config{});
  core::tree_changes out;
  need(tree->begin_life(master_term{1}, start, out));
  return tree;
}

void measure_memory(const settings& s) {
  auto tree = new_tree();
  const auto first = s.files / 10;
  fill(*tree, s, 0, first, nullptr);
  const auto before = test::resident_memory();
  const auto began = clock_type::now();
  fill(*tree, s, first, s.files, nullptr);
  const auto made = static_cast<double>(s.files - first);
  report("core: files made", made / seconds_since(began), "1/s");
  report("memory for a file, its request remembered",
         static_cast<double>(test::grown_since(before)) / made, "bytes");
  core::tree_changes out;
  need(tree->apply(core::collect_garbage{1}, start + std::chrono::minutes{20},
                   out));
  report("memory for a file, its request forgotten",
         static_cast<double>(test::grown_since(before)) / made, "bytes");
  const auto looked = clock_type::now();
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < s.files; ++i)
    found += tree->status(path_of(s, core::mixed(i) % s.files)).answer ? 1 : 0;
  report("core: stat, with making its path",
         static_cast<double>(found) / seconds_since(looked), "1/s");
}

void list_all(const core::file_tree& tree, bool names_only,
              std::uint64_t count) {
  const auto began = clock_type::now();
  std::uint64_t seen = 0;
  for (int round = 0; round < 10; ++round) {
    msg::list_directory asked{"/big", {}, 0, names_only, {}};
    for (auto more = true; more;) {
      const auto page = need(tree.list(asked).answer);
      seen += page.entries.size();
      more = page.more;
      asked.after = page.next;
    }
  }
  if (seen != 10 * count)
    give_up(fail(ec::integrity, "entries are missing"));
  report(names_only ? "core: entries listed, names only"
                    : "core: entries listed, with length and time",
         static_cast<double>(seen) / seconds_since(began), "1/s");
}

void measure_lists(const settings& s) {
  auto tree = new_tree();
  core::tree_changes out;
  need(tree->apply(msg::make_directory{1, "/big"}, start, out));
  for (std::uint64_t i = 0; i < s.listed; ++i) {
    // In an order that scatters neighbours over memory.
    const auto name = core::mixed(i) % 10'000'000'000;
    need(tree->apply(
      msg::create_file{i + 2, fmt::format("/big/file-name-{:010}", name)},
      start, out));
    out = {};
  }
  list_all(*tree, true, s.listed);
  list_all(*tree, false, s.listed);
}

std::unique_ptr<storage::metadata_store>
open_store(const std::string& directory) {
  storage::metadata_options options;
  options.cluster = 1;
  return need(storage::metadata_store::open(directory, std::move(options)));
}

void measure_start(const settings& s, const std::string& directory) {
  {
    auto store = open_store(directory);
    const auto term = need(store->next_term());
    auto tree = need(actors::load_file_tree(*store, {}, term, start));
    fill(*tree, s, 0, s.files, store.get());
    need(store->commit_now({}));
  }
  const auto before = test::resident_memory();
  const auto began = clock_type::now();
  auto store = open_store(directory);
  report("start: store opened", seconds_since(began) * 1e3, "ms");
  const auto term = need(store->next_term());
  const auto read = clock_type::now();
  const auto tree = need(actors::load_file_tree(*store, {}, term, start));
  report(fmt::format("start: {} files loaded", tree->totals().files),
         seconds_since(read) * 1e3, "ms");
  report("start: memory for a file, store included",
         static_cast<double>(test::grown_since(before))
           / static_cast<double>(s.files),
         "bytes");
}

// -- the actor ----------------------------------------------------------------

struct bench_config : caf::actor_system_config {
  bench_config() {
    msg::register_messages(*this);
    set("scheduler.max-threads", 2u);
  }
};

/// Keeps some requests under way until all are answered.
template <class Reply, class Request>
struct load_state {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::promise<void> done;
};

template <class Reply, class Request>
double measure_requests(caf::actor_system& sys,
                        const actors::namespace_keeper_actor& keeper,
                        std::uint64_t count, std::uint64_t in_flight,
                        std::function<Request(std::uint64_t)> make) {
  auto state = std::make_shared<load_state<Reply, Request>>();
  auto load = [=](caf::event_based_actor* self, caf::unit_t) {
    auto next = std::make_shared<std::function<void()>>();
    *next = [=] {
      if (state->sent == count)
        return;
      self->request(keeper, caf::infinite, make(state->sent++))
        .then(
          [=](const Reply&) {
            if (++state->answered == count)
              state->done.set_value();
            else
              (*next)();
          },
          [](const caf::error& x) { give_up(actors::from_caf(x)); });
    };
    for (std::uint64_t i = 0; i < in_flight; ++i)
      (*next)();
  };
  const auto began = clock_type::now();
  sys.spawn(load, caf::unit);
  state->done.get_future().wait();
  return static_cast<double>(count) / seconds_since(began);
}

void measure_actor(const settings& s, const std::string& directory) {
  auto store = open_store(directory);
  actors::namespace_keeper_options options;
  options.store = store.get();
  options.term = need(store->next_term());
  options.clock = [] { return start; };
  options.tree = need(actors::load_namespace(options));
  bench_config config;
  caf::actor_system sys{config};
  const auto chunks = sys.spawn(test::fake_allocator,
                                std::make_shared<test::allocator_script>());
  options.chunks = [chunks] { return chunks; };
  const auto keeper = sys.spawn(actors::namespace_keeper, options);
  const auto create = [&](std::uint64_t first) {
    return [first](std::uint64_t i) {
      return msg::create_file{core::mixed(first + i),
                              fmt::format("/new-{:010}", first + i)};
    };
  };
  std::uint64_t first = std::uint64_t{1} << 32;
  for (const std::uint64_t in_flight : {1, 8, 64}) {
    const auto count = in_flight == 1 ? s.changes / 10 : s.changes;
    report(
      fmt::format("actor: empty files made, durable, {} at once", in_flight),
      measure_requests<msg::file_status, msg::create_file>(
        sys, keeper, count, in_flight, create(first)),
      "1/s");
    first += count;
  }
  report("actor: files with a chunk made, durable, 8 at once",
         measure_requests<msg::file_status, msg::commit_file>(
           sys, keeper, s.changes, 8,
           [&](std::uint64_t i) { return file_at(s, first + i); }),
         "1/s");
  report("actor: stat, 32 at once",
         measure_requests<msg::file_status, msg::get_status>(
           sys, keeper, 10 * s.changes, 32,
           [&](std::uint64_t i) {
             return msg::get_status{path_of(s, core::mixed(i) % s.files)};
           }),
         "1/s");
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(chunks, caf::exit_reason::user_shutdown);
}

} // namespace
} // namespace dfs

int main(int argc, char** argv) {
  dfs::settings s;
  CLI::App app{"Measures the namespace of the master."};
  app.add_option("--files", s.files, "how many, in all");
  app.add_option("--listed", s.listed, "entries of the directory to be listed");
  app.add_option("--changes", s.changes, "durable changes by the actor");
  app.add_option("--directory", s.directory, "for the metadata");
  CLI11_PARSE(app, argc, argv);
  const dfs::test::temp_dir place;
  const auto directory = s.directory.empty() ? place / "metadata" : s.directory;
  dfs::measure_memory(s);
  dfs::measure_lists(s);
  dfs::measure_start(s, directory);
  dfs::measure_actor(s, directory);
  return 0;
}
