#include "clients.hpp"
#include "file.hpp"
#include "phases.hpp"

#include "support/bench_content.hpp"
#include "support/bench_figures.hpp"

#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace dfs::bench {

namespace {

std::string
directory_of(const workload& what, std::string_view kind, std::size_t client) {
  return fmt::format("{}/{}-{}-{}", what.dir, kind, what.clients, client);
}

/// Runs `each(path, number)` for all files, every client its share, and prints
/// the rate as `name`.
template <class Each>
void for_each_file(const workload& what, std::string_view name,
                   std::string_view kind, Each&& each) {
  const auto took = run_clients(what.clients, [&](std::size_t client) {
    const auto dir = directory_of(what, kind, client);
    for (auto i = client; i < what.files; i += what.clients)
      each(fmt::format("{}/f{}", dir, i), i);
  });
  print_figure(name, static_cast<double>(what.files) / took, "/s");
}

void make_directories(const workload& what, std::string_view kind) {
  for (std::size_t i = 0; i < what.clients; ++i)
    make_directory(directory_of(what, kind, i));
}

void make_empty(const std::string& path) {
  close_file(open_file(path, O_CREAT | O_EXCL | O_WRONLY), path);
}

std::string one_directory(const workload& what) {
  return what.dir + "/list";
}

} // namespace

void create_small(const workload& what) {
  make_directories(what, "small");
  std::vector<char> bytes(what.file_size);
  fill(bytes, what.seed);
  for_each_file(what, "create", "small",
                [&](const std::string& path, std::size_t i) {
                  auto to = open_file(path, O_CREAT | O_EXCL | O_WRONLY);
                  stamp(bytes, i, 0);
                  write_all(to, bytes);
                  close_file(std::move(to), path);
                });
}

void read_small(const workload& what) {
  // One byte more than there should be, to see the end.
  std::vector<char> room(what.file_size + 1);
  for_each_file(what, "read-small", "small",
                [&](const std::string& path, std::size_t i) {
                  const auto from = open_file(path, O_RDONLY);
                  if (read_all(from, room) != what.file_size
                      || !is_stamped({room.data(), what.file_size}, i, 0))
                    fail(path + ": wrong bytes", 0);
                });
}

void stat_small(const workload& what) {
  for_each_file(what, "stat", "small",
                [&](const std::string& path, std::size_t) {
                  struct stat found {};
                  if (::stat(path.c_str(), &found) != 0)
                    fail("stat " + path);
                  if (static_cast<std::size_t>(found.st_size) != what.file_size)
                    fail(path + ": wrong size", 0);
                });
}

void touch(const workload& what) {
  make_directories(what, "empty");
  for_each_file(what, "touch", "empty",
                [](const std::string& path, std::size_t) { make_empty(path); });
}

void fill_directory(const workload& what) {
  const auto dir = one_directory(what);
  make_directory(dir);
  run_clients(what.clients, [&](std::size_t client) {
    for (auto i = client; i < what.files; i += what.clients)
      make_empty(fmt::format("{}/f{}", dir, i));
  });
}

void list(const workload& what) {
  const auto path = one_directory(what);
  const auto began = bench_clock::now();
  const std::unique_ptr<DIR, int (*)(DIR*)> dir{::opendir(path.c_str()),
                                                ::closedir};
  if (!dir)
    fail("opendir " + path);
  std::size_t found = 0;
  while (const auto* entry = ::readdir(dir.get()))
    found += entry->d_name[0] != '.' ? 1 : 0;
  const auto took = seconds_since(began);
  if (found != what.files)
    fail(fmt::format("{}: {} entries instead of {}", path, found, what.files),
         0);
  print_figure("list", static_cast<double>(found) / took, "/s");
}

} // namespace dfs::bench
