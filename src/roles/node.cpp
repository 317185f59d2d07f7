#include "roles/node.hpp"

#include "roles/node_parts.hpp"

#include <caf/scoped_actor.hpp>

#include <filesystem>
#include <future>
#include <memory>

namespace dfs::roles {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// How often a node that waits for its group looks whether it is told to stop.
constexpr milliseconds look_around{50};

/// A goodbye is heard within a round trip, or not at all: its peers notice.
constexpr milliseconds goodbye{2'000};

/// After which a subsystem that does not end is left behind.
constexpr milliseconds subsystems_end{5'000};

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

std::vector<std::string> node::leave() {
  auto& all = *parts_;
  if (!all.started)
    return {};
  all.board.set("serving", false, "this node is going");
  if (all.serving)
    all.ports->drain_streams(all.how.settings.node.drain_timeout);
  if (all.chunk_bytes) {
    const auto patience = all.how.settings.node.drain_timeout;
    auto drained = ask<msg::chunkserver_drained>(
      *all.system, all.keeper.get(), msg::drain_chunkserver{patience},
      patience + goodbye);
    (void) drained.wait_for(patience + goodbye);
  }
  if (all.version_bytes)
    all.version_bytes->drain(all.how.settings.node.drain_timeout);
  auto said = ask<msg::group_left>(*all.system, all.detector.get(),
                                   msg::leave_group{}, goodbye);
  (void) said.wait_for(goodbye + 1s);
  all.ports->stop();
  return actors::stop_supervisor(*all.system, std::move(all.supervisor),
                                 subsystems_end);
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
