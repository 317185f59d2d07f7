#include "roles/node.hpp"

#include "roles/node_parts.hpp"

#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>

namespace dfs::roles {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// How often a node that waits for its group looks whether it is told to stop.
constexpr milliseconds look_around{50};

/// Asks without blocking: the answer comes to the future.
template <class Reply, class Handle, class Request>
std::future<result<Reply>> ask(caf::actor_system& system, const Handle& whom,
                               Request request, milliseconds within) {
  auto promise = std::make_shared<std::promise<result<Reply>>>();
  auto answer = promise->get_future();
  auto asking = [=](caf::event_based_actor* self, const Request& question) {
    self->request(whom, within, question)
      .then(
        [=](const Reply& x) { promise->set_value(x); },
        [=](const caf::error& x) { promise->set_value(actors::from_caf(x)); });
  };
  system.spawn(asking, std::move(request));
  return answer;
}

/// Who gives up by itself at a deadline says so a little later.
constexpr milliseconds grace{500};

/// A promise that outlives those who wait for it in vain.
struct ending {
  std::shared_ptr<std::promise<void>> promise
    = std::make_shared<std::promise<void>>();
  std::shared_future<void> future = promise->get_future().share();
};

/// Looks around while it waits. @returns whether it was in time.
template <class Future>
bool wait(Future& x, instant until, const std::function<bool()>& hurried) {
  for (;;) {
    const auto left = until - instant::clock::now();
    const auto some = std::clamp<instant::duration>(left, {}, look_around);
    if (x.wait_for(some) == std::future_status::ready)
      return true;
    if (left <= some || hurried())
      return false;
  }
}

} // namespace

node::node(std::unique_ptr<parts> all) : parts_{std::move(all)} {
  // nop
}

node::~node() = default;

result<std::unique_ptr<node>>
node::prepare(const settings::server_command_line& how,
              std::function<void(int, const std::string&)> give_up) {
  auto all = parts::prepare(how, std::move(give_up));
  if (!all)
    return all.error();
  return std::unique_ptr<node>{new node{*std::move(all)}};
}

result<nothing> node::join(const std::function<bool()>& interrupted) {
  auto& all = *parts_;
  if (auto started = all.start(); !started)
    return started;
  const auto patience = all.how.settings.group.join_timeout;
  auto answer = ask<msg::group_joined>(
    *all.system, all.detector.get(),
    msg::join_group{all.how.settings.group.introducers,
                    msg::has(all.how.roles, msg::role::introducer), patience},
    patience + 5s);
  while (answer.wait_for(look_around) != std::future_status::ready)
    if (interrupted())
      return fail(ec::cancelled, "told to stop before it was in the group");
  auto joined = answer.get();
  if (!joined)
    return all.explain_join(joined.error());
  return all.serve(*joined);
}

void node::reload() {
  auto& log = *actors::log_for("node");
  actors::reopen_log();
  caf::anon_send(parts_->membership.get(), msg::reopen_log{});
  if (auto read = parts_->keys->reload(); !read) {
    actors::log_event(log, spdlog::level::err, "keys kept as they were",
                      {{"why", read.error().context}});
    return;
  }
  parts_->use_keys();
  actors::log_event(log, spdlog::level::info, "logs and keys reloaded");
}

// What clients have in work may need the files of this very node: it comes
// first, but gets half of the time to itself only.
std::vector<std::string>
node::drain(instant until, const std::function<bool()>& hurried) {
  auto& all = *parts_;
  if (!all.started)
    return {};
  all.board.set("serving", false, "this node is going");
  const auto left = [until] {
    return std::max(
      std::chrono::duration_cast<milliseconds>(until - instant::clock::now()),
      milliseconds{0});
  };
  ending streams;
  ending versions;
  std::future<result<msg::chunkserver_drained>> chunks;
  if (all.serving)
    all.ports->drain_streams(left(), streams.promise);
  else
    streams.promise->set_value();
  wait(streams.future, until - left() / 2, hurried);
  if (all.chunk_bytes)
    chunks = ask<msg::chunkserver_drained>(
      *all.system, all.keeper.get(), msg::drain_chunkserver{left()}, left());
  if (all.version_bytes)
    all.version_bytes->drain(
      left(), [promise = versions.promise] { promise->set_value(); });
  else
    versions.promise->set_value();
  if (chunks.valid())
    wait(chunks, until, hurried);
  std::vector<std::string> held;
  if (!wait(versions.future, until + grace, hurried))
    held.emplace_back("the data port of versions");
  if (!wait(streams.future, until + grace, hurried))
    held.emplace_back("the port of requests");
  return held;
}

void node::say_goodbye(milliseconds within) {
  auto& all = *parts_;
  if (!all.started)
    return;
  auto said = ask<msg::group_left>(*all.system, all.detector.get(),
                                   msg::leave_group{}, within);
  (void) said.wait_for(within);
}

std::vector<std::string> node::stop(milliseconds within) {
  auto& all = *parts_;
  if (!all.started)
    return {};
  all.ports->stop();
  return actors::stop_supervisor(*all.system, std::move(all.supervisor),
                                 within);
}

milliseconds node::drain_timeout() const {
  return parts_->how.settings.node.drain_timeout;
}

void node::undo() {
  auto& all = *parts_;
  all.history.reset();
  // With a line in its log it was in the group, if only for a moment: then the
  // directory has a history, and its store id may stand in others' logs.
  std::error_code failed;
  const auto log = all.history_path();
  if (std::filesystem::file_size(log, failed) != 0 || failed)
    return;
  std::filesystem::remove(log, failed);
  all.forget_new_data();
  all.data->forget_if_new();
}

} // namespace dfs::roles
