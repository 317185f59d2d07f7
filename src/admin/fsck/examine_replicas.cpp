#include "admin/fsck/examine.hpp"
#include "base/counted.hpp"
#include "client/cluster_client.hpp"
#include "messages/chunk_admin_methods.hpp"
#include "messages/chunk_control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace dfs::admin {

namespace {

using namespace std::chrono_literals;

/// For one answer, in which a server reads some hundred MiB from a busy disk.
constexpr auto patience = 60s;

/// A server, what is to be verified there, and what it said.
struct reading {
  store_id store;
  std::string name;
  std::shared_ptr<client::cluster_client> client;
  const std::vector<chunk_id>* chunks = nullptr;
  std::vector<msg::verified_replica> answers;
  std::optional<error> fault;
};

/// Counted by all threads, drawn by whoever comes when it is time.
class verified_bar {
public:
  verified_bar(output& out, std::uint64_t total) : out_{out}, total_{total} {
    // nop
  }
  ~verified_bar() {
    out_.progress({});
  }
  verified_bar(const verified_bar&) = delete;
  verified_bar& operator=(const verified_bar&) = delete;

  void add(const msg::replicas_verified& x) {
    const std::lock_guard lock{guard_};
    replicas_ += x.replicas.size();
    for (const auto& replica : x.replicas)
      bytes_ += replica.extent.length;
    const auto now = instant::clock::now();
    if (!out_.how().progress || now < drawn_ + 100ms)
      return;
    drawn_ = now;
    out_.progress(fmt::format("fsck  {} of {} replicas verified  {}", replicas_,
                              total_, bytes_text(bytes_)));
  }

private:
  std::mutex guard_;
  output& out_;
  std::uint64_t total_;
  std::uint64_t replicas_ = 0;
  std::uint64_t bytes_ = 0;
  instant drawn_{};
};

void read_all(reading& x, verified_bar& bar) {
  for (auto next = x.chunks->begin(); next != x.chunks->end();) {
    const auto count
      = std::min<std::ptrdiff_t>(msg::chunk_page_max, x.chunks->end() - next);
    client::call_options options;
    options.timeout = patience;
    const auto said
      = x.client->call(msg::verify_replicas{{next, next + count}}, options);
    if (!said) {
      x.fault = said.error();
      return;
    }
    if (said->replicas.empty()) {
      x.fault = fail(ec::malformed, "an empty answer");
      return;
    }
    bar.add(*said);
    next += static_cast<std::ptrdiff_t>(said->replicas.size());
    x.answers.insert(x.answers.end(), said->replicas.begin(),
                     said->replicas.end());
  }
}

/// Connections are made one after another: the context is for one thread.
result<std::vector<reading>>
connect_all(verb_context& context,
            const std::vector<msg::server_status>& servers,
            const fsck_walk& walk) {
  std::vector<reading> all;
  for (const auto& server : servers) {
    const auto held = walk.held.find(server.store);
    if (held == walk.held.end())
      continue;
    reading x{server.store, server.name, nullptr, &held->second, {}, {}};
    auto client = context.cluster_at(server.name);
    if (client)
      x.client = *client;
    else
      x.fault = client.error();
    all.push_back(std::move(x));
    context.reset(); // Its next question is for any server.
  }
  return all;
}

void judge(const std::vector<reading>& all, const server_names& names,
           const fsck_walk& walk, fsck_report& to) {
  std::map<chunk_id, std::vector<replica_outcome>> outcomes;
  auto unread = walk.out_of_reach;
  for (const auto& x : all) {
    for (const auto& answer : x.answers)
      outcomes[answer.chunk].push_back({x.store, answer});
    for (auto n = x.answers.size(); n < x.chunks->size(); ++n)
      ++unread[(*x.chunks)[n]];
    if (x.fault)
      to.findings.push_back(
        {{},
         {},
         "NOT_VERIFIED",
         damage::heals,
         fmt::format("{} on {}: {}",
                     counted(x.chunks->size() - x.answers.size(), "replica"),
                     x.name,
                     x.fault->context.empty() ? to_string(x.fault->code)
                                              : x.fault->context),
         {x.name}});
  }
  for (const auto& [chunk, found] : outcomes) {
    const auto missed = unread.find(chunk);
    add_deep_findings(to, walk.paths[walk.path_of.at(chunk)], chunk, found,
                      missed == unread.end() ? 0 : missed->second, names);
  }
}

} // namespace

result<nothing> examine_replicas(verb_context& context,
                                 const std::vector<msg::server_status>& servers,
                                 const server_names& names,
                                 const fsck_walk& walk, fsck_report& to) {
  auto all = connect_all(context, servers, walk);
  if (!all)
    return all.error();
  std::uint64_t total = 0;
  for (const auto& x : *all)
    total += x.chunks->size();
  {
    verified_bar bar{context.out, total};
    std::vector<std::thread> threads;
    for (auto& x : *all)
      if (!x.fault)
        threads.emplace_back([&x, &bar] { read_all(x, bar); });
    for (auto& thread : threads)
      thread.join();
  }
  judge(*all, names, walk, to);
  return done;
}

} // namespace dfs::admin
