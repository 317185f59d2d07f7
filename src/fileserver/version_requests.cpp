#include "fileserver/version_requests.hpp"

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "core/versions/manifest_rules.hpp"
#include "wire/codec.hpp"
#include "wire/data_frame.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace dfs::fileserver {

namespace {

/// Nothing is here of that group.
msg::group_refused unknown(group_id group, inode_id file) {
  return {group, file, {}, {}, ec::unavailable};
}

template <class T>
inode_id file_of(const T& x) {
  if constexpr (requires { x.file; })
    return x.file;
  else
    return {};
}

void answer_bulk(const net::data_request& to, const std::string& bytes) {
  if (bytes.size() > wire::data_bytes_max)
    return to.from->refuse(to.id, fail(ec::unsupported,
                                       "the group has more files than go into "
                                       "one answer"));
  const auto memory = std::make_shared<const std::string>(bytes);
  net::data_views views;
  if (!memory->empty())
    views.push_back({*memory, memory});
  to.from->answer(to.id, wire::encode(msg::bulk_said{crc32c(*memory), {}}),
                  std::move(views));
}

} // namespace

// -- groups -------------------------------------------------------------------

void group_table::load(std::map<group_id, msg::replica_rows> rows) {
  for (auto& [group, x] : rows) {
    auto host
      = std::make_shared<replica_host>(state_, desk_, group, std::move(x));
    host->doubt(true);
    hosts_.emplace(group, std::move(host));
  }
}

replica_host* group_table::find(group_id x) {
  const auto it = hosts_.find(x);
  return it == hosts_.end() ? nullptr : it->second.get();
}

replica_host& group_table::at(group_id x) {
  auto& place = hosts_[x];
  if (!place)
    place
      = std::make_shared<replica_host>(state_, desk_, x, msg::replica_rows{});
  return *place;
}

void group_table::each(const std::function<void(replica_host&)>& what) {
  for (auto& [group, host] : hosts_)
    what(*host);
}

// -- requests -----------------------------------------------------------------

void version_requests::on_request(const net::data_request& x) {
  using enum msg::version_method;
  using wire::operation;
  switch (static_cast<msg::version_method>(x.method)) {
    case put:
      return on_put(x);
    case settle_put:
      return on_settle_put(x);
    case settle_file:
      return on_settle_file(x);
    case read_state:
      return on_read_state(x);
    case finish:
      if (const auto what
          = read<msg::ask_finish_write>(x, operation::read, false))
        ask_replica<msg::manifest_accepted>(x, what->what);
      return;
    case promise:
      if (const auto what = read<msg::ask_promise>(x, operation::read, true))
        ask_replica<msg::ballot_promised>(x, what->what);
      return;
    case accept:
      return on_accept(x);
    case commit:
      return on_commit(x);
    case list:
      if (const auto what = read<msg::ask_list>(x, operation::read, true))
        ask_bulk(x, what->what);
      return;
    case forget:
      if (const auto what = read<msg::ask_forget>(x, operation::read, true))
        ask_replica<msg::file_forgotten>(x, what->what);
      return;
    case find_outcome:
      if (const auto what = read<msg::ask_outcome>(x, operation::read, true))
        ask_replica<msg::outcome_found>(x, what->what);
      return;
    case fetch_group:
      if (const auto what = read<msg::ask_group>(x, operation::read, true))
        ask_bulk(x, what->what);
      return;
    case stage:
      return desk_.on_stage(x);
    case read_content:
      return desk_.on_read(x);
    case hello:
      break;
  }
  if (x.id != request_id{})
    x.from->refuse(x.id, fail(ec::unsupported, "an unknown request"));
}

/// @returns nothing: it has been refused.
template <class Request>
std::optional<Request>
version_requests::read(const net::data_request& x, wire::operation right,
                       bool servers_only) {
  const auto tell = [&](const error& why) {
    if (x.id != request_id{})
      x.from->refuse(x.id, why);
  };
  const auto& peer = x.from->peer();
  if (servers_only && !peer.server) {
    tell(fail(ec::denied, "only servers ask that"));
    return std::nullopt;
  }
  if (!peer.may(right)) {
    tell(fail(ec::denied, right == wire::operation::write
                            ? "writing needs the right to write"
                            : "reading needs the right to read"));
    return std::nullopt;
  }
  auto what = wire::decode<Request>(x.message);
  if (!what) {
    tell(fail(ec::malformed, what.error().context));
    return std::nullopt;
  }
  return *std::move(what);
}

template <class Answer, class Request>
void version_requests::ask_replica(const net::data_request& x,
                                   const Request& what) {
  msg::replica_said<Answer> said;
  auto* host = groups_.find(what.group);
  if (host == nullptr) {
    said.refused.push_back(unknown(what.group, file_of(what)));
    return x.from->answer(x.id, wire::encode(said));
  }
  host->ask(what, [from = x.from,
                   id = x.id](const result<core::replica_answer>& answer) {
    if (!answer)
      return from->refuse(id, answer.error());
    msg::replica_said<Answer> reply;
    if (const auto* good = std::get_if<Answer>(&*answer))
      reply.what.push_back(*good);
    else if (const auto* bad = std::get_if<msg::group_refused>(&*answer))
      reply.refused.push_back(*bad);
    from->answer(id, wire::encode(reply));
  });
}

template <class Request>
void version_requests::ask_bulk(const net::data_request& x,
                                const Request& what) {
  auto* host = groups_.find(what.group);
  if (host == nullptr)
    return x.from->answer(
      x.id, wire::encode(msg::bulk_said{0, {unknown(what.group, {})}}));
  // The message is only there during the call.
  net::data_request to;
  to.from = x.from;
  to.id = x.id;
  host->ask(what, [to](const result<core::replica_answer>& answer) {
    if (!answer)
      return to.from->refuse(to.id, answer.error());
    if (const auto* bad = std::get_if<msg::group_refused>(&*answer))
      return to.from->answer(to.id, wire::encode(msg::bulk_said{0, {*bad}}));
    if (const auto* files = std::get_if<msg::files_listed>(&*answer))
      return answer_bulk(to, wire::encode(*files));
    if (const auto* all = std::get_if<msg::group_fetched>(&*answer))
      return answer_bulk(to, wire::encode(*all));
  });
}

// -- of clients ---------------------------------------------------------------

void version_requests::on_put(const net::data_request& x) {
  const auto message = read<msg::put_bytes>(x, wire::operation::write, false);
  if (!message)
    return;
  const auto& what = message->what;
  const auto tell = [&](const error& why) { x.from->refuse(x.id, why); };
  if (state_.draining)
    return tell(fail(ec::shutting_down));
  auto* host = groups_.find(what.group);
  if (host == nullptr || !host->is_primary())
    return tell(fail(ec::not_primary, "another server leads this group"));
  if (what.kind == msg::version_kind::closed)
    return tell(
      fail(ec::invalid_argument, "a version of that kind is not put"));
  const bool own
    = what.kind == msg::version_kind::content && what.content == what.put;
  small_content along;
  if (own && (!message->crcs.empty() || what.bytes == 0)) {
    if (what.bytes != x.data.size() || what.bytes > msg::inline_content_max)
      return tell(fail(ec::invalid_argument, "its length is not as it says"));
    if (auto taken = desk_.take(what.put, x.data, message->crcs, what.checksum);
        !taken)
      return tell(taken.error());
    along = {x.data, message->crcs};
  }
  DFS_CRASH_POINT("versions.put_came");
  host->put(what, std::move(along),
            [from = x.from, id = x.id](const result<msg::put_done>& answer) {
              if (!answer)
                return from->refuse(id, answer.error());
              from->answer(id, wire::encode(*answer));
            });
}

void version_requests::on_settle_put(const net::data_request& x) {
  const auto what = read<msg::ask_settle_put>(x, wire::operation::write, false);
  if (!what)
    return;
  auto* host = groups_.find(what->what.group);
  if (host == nullptr)
    return x.from->refuse(x.id, fail(ec::not_primary, "another server leads"));
  host->settle(what->what, [from = x.from,
                            id = x.id](const result<msg::put_settled>& answer) {
    if (!answer)
      return from->refuse(id, answer.error());
    from->answer(id, wire::encode(*answer));
  });
}

void version_requests::on_settle_file(const net::data_request& x) {
  const auto what = read<msg::ask_settle_file>(x, wire::operation::read, false);
  if (!what)
    return;
  auto* host = groups_.find(what->what.group);
  if (host == nullptr)
    return x.from->refuse(x.id, fail(ec::not_primary, "another server leads"));
  host->settle(what->what, [from = x.from, id = x.id](
                             const result<msg::file_settled>& answer) {
    if (!answer)
      return from->refuse(id, answer.error());
    from->answer(id, wire::encode(*answer));
  });
}

void version_requests::on_read_state(const net::data_request& x) {
  const auto what = read<msg::read_state>(x, wire::operation::read, false);
  if (!what)
    return;
  msg::state_read reply;
  auto* host = groups_.find(what->what.group);
  if (host == nullptr) {
    reply.said.refused.push_back(unknown(what->what.group, what->what.file));
    return x.from->answer(x.id, wire::encode(reply));
  }
  host->ask(what->what, [this, from = x.from, id = x.id, bytes = what->bytes,
                         known = what->known](
                          const result<core::replica_answer>& answer) {
    if (!answer)
      return from->refuse(id, answer.error());
    msg::state_read said;
    if (const auto* bad = std::get_if<msg::group_refused>(&*answer))
      said.said.refused.push_back(*bad);
    const auto* good = std::get_if<msg::file_state_read>(&*answer);
    if (good != nullptr)
      said.said.what.push_back(*good);
    const auto* newest
      = good != nullptr ? core::newest_of(good->state.manifest) : nullptr;
    if (!bytes || newest == nullptr
        || newest->kind != msg::version_kind::content
        || newest->content == known || newest->bytes == 0
        || newest->bytes > msg::inline_content_max
        || !desk_.holds(newest->content))
      return from->answer(id, wire::encode(said));
    desk_.read_small(newest->content, [this, from, id, said](
                                        result<small_content> content) mutable {
      if (!content) // Without: it reads them elsewhere.
        return from->answer(id, wire::encode(said));
      state_.counts.bytes_read += content->bytes.size();
      said.crcs = std::move(content->crcs);
      net::data_views views;
      views.push_back({content->bytes.view(), content->bytes.keep()});
      from->answer(id, wire::encode(said), std::move(views));
    });
  });
}

// -- of servers ---------------------------------------------------------------

void version_requests::on_accept(const net::data_request& x) {
  const auto message = read<msg::accept_bytes>(x, wire::operation::read, true);
  if (!message)
    return;
  const auto& what = message->what;
  if (const auto* newest = core::newest_of(what.manifest);
      newest && !message->crcs.empty() && newest->bytes == x.data.size())
    // Without them it fetches the content: from whoever asks.
    (void) desk_.take(newest->content, x.data, message->crcs, newest->checksum);
  DFS_CRASH_POINT("versions.accept_came");
  msg::replica_said<msg::manifest_accepted> said;
  auto* host = groups_.find(what.group);
  if (host == nullptr) {
    said.refused.push_back(unknown(what.group, what.file));
    return x.from->answer(x.id, wire::encode(said));
  }
  host->ask(
    what, message->from,
    [from = x.from, id = x.id](const result<core::replica_answer>& answer) {
      if (!answer)
        return from->refuse(id, answer.error());
      msg::replica_said<msg::manifest_accepted> reply;
      if (const auto* good = std::get_if<msg::manifest_accepted>(&*answer))
        reply.what.push_back(*good);
      else if (const auto* bad = std::get_if<msg::group_refused>(&*answer))
        reply.refused.push_back(*bad);
      from->answer(id, wire::encode(reply));
    });
}

void version_requests::on_commit(const net::data_request& x) {
  const auto what = read<msg::tell_commit>(x, wire::operation::read, true);
  if (!what)
    return;
  if (auto* host = groups_.find(what->what.group))
    host->tell(what->what);
}

} // namespace dfs::fileserver
