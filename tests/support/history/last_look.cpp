#include "support/history/payload.hpp"
#include "support/history/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

// What a workload reads when all is over: what was lost shows, and replicas
// that differ.

namespace dfs::history {

// A file whose rename has an unknown outcome is under one of its names, and
// stays there.
result<nothing> workload::settle_pairs(actor& self) {
  for (const auto& x : open_pairs_) {
    const auto first = get_small(self, x.path + "-a", x.path);
    const auto second = get_small(self, x.path + "-b", x.path);
    if (!first || !second)
      return fail(ec::unavailable, x.path + " cannot be read");
    if (*first && *second)
      record_.flaw(x.path + " is under both names");
    if (x.renaming && !*first && !*second)
      record_.flaw(x.path + " is under neither name");
  }
  return done;
}

result<nothing> workload::look_again(std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  {
    const std::lock_guard guard{mutex_};
    stopping_ = false;
  }
  for (;;) {
    actor self{procs_++, rng{options_.seed}, connect_()};
    auto outcome = read_everything(self);
    if (outcome)
      outcome = compare_replicas(*self.port);
    if (outcome || std::chrono::steady_clock::now() > deadline)
      return outcome;
    pause_for(std::chrono::milliseconds{200});
  }
}

result<nothing> workload::read_everything(actor& self) {
  const auto before = record_.history().size();
  for (std::uint32_t i = 0; i < options_.files; ++i)
    for (std::uint32_t block = 0; block < options_.blocks; block += 8)
      read_blocks(self, file_path(i), block,
                  std::min(8u, options_.blocks - block));
  for (std::uint32_t i = 0; i < options_.logs; ++i)
    scan(self, log_path(i));
  for (std::uint32_t i = 0; i < options_.smalls; ++i)
    get_small(self, small_path(i), small_path(i));
  for (auto i = before; i < record_.history().size(); ++i)
    if (const auto& x = record_.history()[i]; x.result != outcome::done)
      return fail(ec::unavailable, x.key + " cannot be read");
  return settle_pairs(self);
}

result<nothing> workload::compare_replicas(file_port& port) {
  std::vector<std::pair<std::string, std::vector<replica_bytes>>> all;
  for (std::uint32_t i = 0; i < options_.files + options_.logs; ++i) {
    const auto path
      = i < options_.files ? file_path(i) : log_path(i - options_.files);
    auto replicas = port.replicas(path);
    if (!replicas)
      return fail(replicas.error().code,
                  path + ": " + replicas.error().context);
    all.emplace_back(path, *std::move(replicas));
  }
  for (const auto& [path, replicas] : all)
    compare(path, replicas);
  for (std::uint32_t i = 0; i < options_.logs; ++i)
    note_log(all[options_.files + i].first, all[options_.files + i].second);
  return done;
}

// Positions of a log leave padding out, and so does what replicas told.
void workload::note_log(const std::string& path,
                        const std::vector<replica_bytes>& replicas) {
  std::map<std::uint32_t, std::uint64_t> begins;
  std::uint64_t end = 0;
  for (const auto& x : replicas)
    if (begins.emplace(x.chunk, end).second)
      end += x.bytes.size();
  for (const auto& x : replicas) {
    replica_content content;
    content.key = path;
    content.replica = x.where;
    content.begin = begins.at(x.chunk);
    content.end = content.begin + x.bytes.size();
    find_records(x.bytes, content);
    contents_.push_back(std::move(content));
  }
}

void workload::compare(const std::string& path,
                       const std::vector<replica_bytes>& replicas) {
  std::map<std::uint32_t, const replica_bytes*> first;
  for (const auto& x : replicas) {
    ++replicas_compared_;
    const auto& other = *first.emplace(x.chunk, &x).first->second;
    if (other.bytes == x.bytes)
      continue;
    const auto length = std::min(other.bytes.size(), x.bytes.size());
    const auto differ = std::mismatch(
      x.bytes.begin(), x.bytes.begin() + static_cast<std::ptrdiff_t>(length),
      other.bytes.begin());
    record_.flaw(fmt::format("{}: {} has {} bytes, {} has {}; they differ from "
                             "byte {} on",
                             path, other.where, other.bytes.size(), x.where,
                             x.bytes.size(), differ.first - x.bytes.begin()));
  }
}

} // namespace dfs::history
