#include "client/queues/queue_links.hpp"

#include "messages/member.hpp"

#include <utility>
#include <vector>

namespace dfs::client {

namespace {

using std::chrono::milliseconds;

/// While answers are due.
constexpr milliseconds watch_interval{250};

/// Silence after which a server is asked for a sign of life.
constexpr milliseconds silence_max{500};

/// For that sign. Longer than a busy server takes.
constexpr milliseconds probe_patience{2'000};

/// Whoever waits for a server longer asks another one.
constexpr milliseconds connect_max{1'000};

instant now() {
  return instant::clock::now();
}

core::queue_greeting_heard heard_in(const msg::queue_greeted& x) {
  core::queue_greeting_heard made;
  made.birth = x.now;
  made.primary = x.primary;
  for (const auto& row : x.servers)
    if (!row.stream.empty()) {
      made.others.push_back(row.stream);
      if (row.in_primary)
        made.primaries.push_back(row.stream);
    }
  return made;
}

template <class Request>
raw_call once(const Request& request) {
  raw_call made;
  made.method = msg::method<Request>::number;
  made.name = msg::method<Request>::name;
  // The connection sends it once and says whether it may have arrived: who
  // counts on that sends it again.
  made.kind = msg::effect::changes;
  made.message = wire::encode(request);
  return made;
}

} // namespace

queue_links::queue_links(boost::asio::io_context& io, net::tls_context tls,
                         connection_options options)
  : io_{io},
    tls_{std::move(tls)},
    options_{std::move(options)},
    timer_{io} {
  options_.connect_timeout = std::min(options_.connect_timeout, connect_max);
}

queue_links::~queue_links() {
  close();
}

queue_links::link& queue_links::link_to(const std::string& server) {
  auto& x = links_[server];
  if (!x.way) {
    auto options = options_;
    options.contacts = {server};
    x.way = std::make_shared<connection>(io_, tls_, std::move(options));
  }
  return x;
}

// -- greetings ----------------------------------------------------------------

void queue_links::greet(const core::queue_greet& what, greeted then) {
  link_to(what.server)
    .way->call<msg::queue_greeting>(
      {}, {.timeout = what.timeout, .id = {}},
      [weak = weak_from_this(), server = what.server,
       then = std::move(then)](const auto& heard) {
        if (const auto self = weak.lock(); self && !self->closed_)
          self->on_greeting(server, heard, then);
      });
}

void queue_links::on_greeting(const std::string& server,
                              const result<msg::queue_greeted>& heard,
                              const greeted& then) {
  if (heard)
    return then(heard_in(*heard), {});
  if (heard.error().code != ec::unsupported)
    return then(heard.error(), {});
  ask_members(server, heard.error(), then);
}

/// It has no queues, but knows everybody.
void queue_links::ask_members(const std::string& server, const error& reason,
                              const greeted& then) {
  link_to(server).way->call<msg::list_members>(
    {}, {.timeout = probe_patience, .id = {}},
    [reason, then](const result<msg::member_list>& list) {
      std::vector<std::string> others;
      if (list)
        for (const auto& x : list->members)
          if (has(x.roles, msg::role::fileserver) && x.stream_port != 0)
            others.push_back(to_string(x.stream_address()));
      then(reason, std::move(others));
    });
}

// -- requests -----------------------------------------------------------------

void queue_links::send(const core::queue_send& what, answered then) {
  auto& to = link_to(what.server);
  const auto number = ++last_number_;
  if (to.open.empty())
    to.heard = now();
  to.open.emplace(number, std::move(then));
  const auto reads = what.request.verb == msg::queue_verb::find
                     || what.request.verb == msg::queue_verb::top
                     || what.request.verb == msg::queue_verb::size;
  auto request = reads ? once(msg::read_queue{what.request})
                       : once(msg::change_queue{what.request, what.patience});
  request.answered = [weak = weak_from_this(), server = what.server,
                      number](result<std::string_view> bytes) {
    if (const auto self = weak.lock(); self && !self->closed_)
      self->on_answer(server, number,
                      bytes ? wire::decode<msg::queue_answer>(*bytes)
                            : result<msg::queue_answer>{bytes.error()});
  };
  to.way->start(std::move(request), {.timeout = what.timeout, .id = {}});
  watch();
}

void queue_links::on_answer(const std::string& server, std::uint64_t number,
                            result<msg::queue_answer> answer) {
  const auto to = links_.find(server);
  if (to == links_.end())
    return;
  if (answer)
    to->second.heard = now();
  if (auto found = to->second.open.extract(number))
    found.mapped()(std::move(answer));
}

// -- signs of life ------------------------------------------------------------

void queue_links::watch() {
  if (std::exchange(watching_, true))
    return;
  timer_.expires_after(watch_interval);
  timer_.async_wait([weak = weak_from_this()](auto failed) {
    const auto self = weak.lock();
    if (failed || !self || self->closed_)
      return;
    self->watching_ = false;
    self->probe_silent();
  });
}

void queue_links::probe_silent() {
  auto due = false;
  for (auto& [server, x] : links_) {
    due = due || !x.open.empty();
    if (!x.open.empty() && !x.probing && now() - x.heard >= silence_max)
      probe(server, x);
  }
  if (due)
    watch();
}

void queue_links::probe(const std::string& server, link& to) {
  to.probing = true;
  to.way->call<msg::echo>(
    {}, {.timeout = probe_patience, .id = {}},
    [weak = weak_from_this(), server](const result<msg::echo>& said) {
      const auto self = weak.lock();
      if (!self || self->closed_)
        return;
      const auto x = self->links_.find(server);
      if (x == self->links_.end())
        return;
      x->second.probing = false;
      x->second.heard = now();
      if (!said && said.error().code == ec::timed_out)
        self->drop(server);
    });
}

/// What was sent there may or may not have arrived.
void queue_links::drop(const std::string& server) {
  auto lost = links_.extract(server);
  lost.mapped().way->close();
  for (auto& [number, then] : std::exchange(lost.mapped().open, {}))
    then(fail(ec::outcome_unknown, server + " does not answer any more"));
}

void queue_links::close() {
  closed_ = true;
  timer_.cancel();
  for (auto& [server, x] : links_)
    x.way->close();
  links_.clear();
}

} // namespace dfs::client
