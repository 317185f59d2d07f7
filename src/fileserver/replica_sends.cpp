#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "core/versions/manifest_rules.hpp"
#include "fileserver/replica_host.hpp"
#include "wire/codec.hpp"

// What a host asks of other servers, and of its own replica in their place.

namespace dfs::fileserver {

namespace {

using namespace std::chrono_literals;

/// Of small messages. What is lost is said again by the cores.
constexpr auto patience = 5s;

/// All of a group is read by somebody, and travels.
constexpr auto patience_of_lists = 20s;

template <class T>
result<core::replica_answer> answer_of(const result<msg::replica_said<T>>& x) {
  if (!x)
    return x.error();
  if (!x->what.empty())
    return core::replica_answer{x->what.front()};
  if (!x->refused.empty())
    return core::replica_answer{x->refused.front()};
  return fail(ec::malformed, "an answer that says nothing");
}

template <class T>
result<core::replica_answer>
bulk_answer_of(const result<msg::bulk_said>& x, const net::data_buffer& bytes) {
  if (!x)
    return x.error();
  if (!x->refused.empty())
    return core::replica_answer{x->refused.front()};
  if (crc32c(bytes.view()) != x->crc)
    return fail(ec::malformed, "a list that was damaged on its way");
  const auto list = wire::decode<T>(bytes.view());
  if (!list)
    return list.error();
  return core::replica_answer{*list};
}

result<core::replica_answer> answer_of(const result<msg::state_read>& x) {
  if (!x)
    return x.error();
  return answer_of<msg::file_state_read>(x->said);
}

template <class Reply>
result<core::replica_answer>
any_answer(const result<Reply>& x, const net::data_buffer&) {
  return answer_of(x);
}

} // namespace

void replica_host::deliver(store_id from, group_ballot ballot,
                           const result<core::replica_answer>& x) {
  if (!x || !coordinator_ || coordinator_->over()
      || coordinator_->ballot() != ballot)
    return;
  DFS_CRASH_POINT("versions.answer_heard");
  const auto t = state_.time();
  std::visit(
    [&](const auto& answer) {
      using type = std::decay_t<decltype(answer)>;
      if constexpr (std::is_same_v<type, msg::ballot_promised>)
        run(coordinator_->on_promised(from, answer, t));
      else if constexpr (std::is_same_v<type, msg::file_state_read>)
        run(coordinator_->on_state(from, answer, t));
      else if constexpr (std::is_same_v<type, msg::manifest_accepted>)
        run(coordinator_->on_accepted(from, answer, t));
      else if constexpr (std::is_same_v<type, msg::files_listed>)
        run(coordinator_->on_listed(from, answer, t));
      else if constexpr (std::is_same_v<type, msg::file_forgotten>)
        run(coordinator_->on_forgotten(from, answer));
      else if constexpr (std::is_same_v<type, msg::outcome_found>)
        run(coordinator_->on_found(from, answer));
      else if constexpr (std::is_same_v<type, msg::group_refused>)
        run(coordinator_->on_refused(from, answer));
    },
    *x);
}

void replica_host::perform(core::send_replica& x) {
  std::visit([&](const auto& what) { send(x.to, what); }, x.what);
}

template <class Request>
void replica_host::send_own(const Request& x) {
  ask(x, [this, ballot = coordinator_->ballot()](
           const result<core::replica_answer>& answer) {
    deliver(state_.options.store, ballot, answer);
  });
}

template <class Wire>
void replica_host::send_away(store_id to, const Wire& x, net::data_views data) {
  state_.ask(to, lane::orders, x, std::move(data), patience,
             [self = weak_from_this(), to, ballot = coordinator_->ballot()](
               const auto& answer, const net::data_buffer& bytes) {
               if (const auto host = self.lock())
                 host->deliver(to, ballot, any_answer(answer, bytes));
             });
}

void replica_host::send(store_id to, const msg::promise_ballot& x) {
  if (!coordinator_)
    return;
  if (to == state_.options.store)
    return send_own(x);
  send_away(to, msg::ask_promise{x}, {});
}

void replica_host::send(store_id to, const msg::accept_manifest& x) {
  if (!coordinator_)
    return;
  if (to == state_.options.store)
    return ask(x, to,
               [this, ballot = coordinator_->ballot()](
                 const result<core::replica_answer>& answer) {
                 deliver(state_.options.store, ballot, answer);
               });
  msg::accept_bytes what{x, state_.options.store, {}};
  net::data_views along;
  const auto* newest = core::newest_of(x.manifest);
  if (const auto it = newest ? fresh_.find(newest->content) : fresh_.end();
      it != fresh_.end()) {
    what.crcs = it->second.crcs;
    along.push_back({it->second.bytes.view(), it->second.bytes.keep()});
  }
  DFS_CRASH_POINT("versions.accept_sending");
  send_away(to, what, std::move(along));
}

void replica_host::send(store_id to, const msg::commit_manifest& x) {
  if (to == state_.options.store)
    return tell(x);
  if (const auto it = state_.servers.find(to); it != state_.servers.end())
    state_.links.tell(it->second, static_cast<std::uint64_t>(lane::orders),
                      msg::tell_commit{x});
}

void replica_host::send(store_id to, const msg::read_file_state& x) {
  if (!coordinator_)
    return;
  if (to == state_.options.store)
    return send_own(x);
  send_away(to, msg::read_state{x, false, {}}, {});
}

void replica_host::send(store_id to, const msg::forget_file& x) {
  if (!coordinator_)
    return;
  if (to == state_.options.store)
    return send_own(x);
  send_away(to, msg::ask_forget{x}, {});
}

void replica_host::send(store_id to, const msg::find_outcome& x) {
  if (!coordinator_)
    return;
  if (to == state_.options.store)
    return send_own(x);
  send_away(to, msg::ask_outcome{x}, {});
}

void replica_host::send(store_id to, const msg::list_files& x) {
  if (!coordinator_)
    return;
  if (to == state_.options.store)
    return send_own(x);
  state_.ask(
    to, lane::fetching, msg::ask_list{x}, {}, patience_of_lists,
    [self = weak_from_this(), to, ballot = coordinator_->ballot()](
      const result<msg::bulk_said>& answer, const net::data_buffer& bytes) {
      if (const auto host = self.lock())
        host->deliver(to, ballot,
                      bulk_answer_of<msg::files_listed>(answer, bytes));
    });
}

// -- of the replica -----------------------------------------------------------

void replica_host::perform(core::ask_replica& x) {
  if (const auto* read = std::get_if<msg::read_file_state>(&x.what)) {
    state_.ask(
      x.to, lane::orders, msg::read_state{*read, false, {}}, {}, patience,
      [self = weak_from_this(), life = life_, from = x.to](
        const result<msg::state_read>& answer, const net::data_buffer&) {
        const auto host = self.lock();
        if (!host || host->life_ != life || !answer
            || answer->said.what.empty())
          return;
        host->run(host->machine_->on_state(from, answer->said.what.front(),
                                           host->state_.now()));
      });
    return;
  }
  const auto& fetch = std::get<msg::fetch_group>(x.what);
  state_.ask(
    x.to, lane::fetching, msg::ask_group{fetch}, {}, patience_of_lists,
    [self = weak_from_this(), life = life_, from = x.to, sealed = fetch.sealed](
      const result<msg::bulk_said>& said, const net::data_buffer& bytes) {
      const auto host = self.lock();
      if (!host || host->life_ != life)
        return;
      const auto answer = bulk_answer_of<msg::group_fetched>(said, bytes);
      DFS_CRASH_POINT("versions.group_fetched");
      const auto* page
        = answer ? std::get_if<msg::group_fetched>(&*answer) : nullptr;
      if (page == nullptr)
        return host->machine_->not_fetched(from, sealed);
      host->run(host->machine_->on_fetched(from, *page, host->state_.now()));
    });
}

} // namespace dfs::fileserver
