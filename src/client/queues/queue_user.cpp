#include "client/queues/queue_user.hpp"

#include "core/queues/queue_rules.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace dfs::client {

std::string_view word_for(msg::queue_status status) {
  return core::to_string(status);
}

result<std::unique_ptr<queue_user>>
queue_user::open(const client_options& options) {
  if (options.connection.contacts.empty())
    return fail(ec::configuration, "no contact is configured");
  auto tls = net::make_tls_context(options.tls);
  if (!tls)
    return tls.error();
  return std::make_unique<queue_user>(*std::move(tls), options.connection);
}

queue_user::queue_user(net::tls_context tls, const connection_options& options)
  : links_{std::make_shared<queue_links>(io_, std::move(tls), options)} {
  queue_client_options of_client;
  of_client.contacts = options.contacts;
  of_client.timeout = options.timeout;
  of_client.rules.keep_unknown = true; // People are told how to ask again.
  client_ = std::make_shared<queue_client>(io_, links_, std::move(of_client));
}

queue_user::~queue_user() {
  // Whoever still waits for an answer is not to be called any more.
  if (client_->open() == 0) {
    bool told = false;
    client_->end_session([&] { told = true; });
    run_until([&] { return told; });
  }
  client_->close();
  links_->close();
}

result<msg::queue_answer>
queue_user::ask(msg::queue_request what, std::chrono::milliseconds wait) {
  std::optional<result<msg::queue_answer>> answer;
  client_->call(std::move(what), wait, {},
                [&](auto x) { answer.emplace(std::move(x)); });
  run_until([&] { return answer.has_value(); });
  return *std::move(answer);
}

// -- outcomes that were unknown -----------------------------------------------

namespace {

/// No queue ever has this id.
constexpr queue_id no_queue{std::numeric_limits<std::int64_t>::max()};

bool is_too_late(const msg::queue_answer& x) {
  return x.status == msg::queue_status::session_expired
         || x.status == msg::queue_status::outside_window;
}

/// Uses the number up, without an effect, unless it is used already.
msg::queue_request bar(const queue_name& x) {
  msg::queue_request made;
  made.verb = x.verb == msg::queue_verb::destroy ? msg::queue_verb::pop
                                                 : msg::queue_verb::destroy;
  made.queue = no_queue;
  return made;
}

/// Of a number that is used: any request of its verb gets the answer.
msg::queue_request like(const queue_name& x) {
  msg::queue_request made;
  made.verb = x.verb;
  if (x.verb == msg::queue_verb::create)
    made.label = "?";
  else
    made.queue = no_queue;
  return made;
}

} // namespace

result<msg::queue_answer>
queue_user::ask_numbered(msg::queue_request what, const queue_name& as,
                         std::chrono::milliseconds wait) {
  what.session = as.session;
  what.number = as.number;
  std::optional<result<msg::queue_answer>> answer;
  client_->call_again(std::move(what), wait,
                      [&](auto x) { answer.emplace(std::move(x)); });
  run_until([&] { return answer.has_value(); });
  return *std::move(answer);
}

result<msg::queue_answer>
queue_user::ask_again(msg::queue_request what, const queue_name& earlier,
                      std::chrono::milliseconds wait) {
  if (what.verb != earlier.verb || checksum_of(what) != earlier.checksum)
    return fail(ec::invalid_argument,
                "--request-id was printed by another command. Try: the same "
                "one, with the same input");
  auto answer = ask_numbered(std::move(what), earlier, wait);
  if (answer && is_too_late(*answer))
    return fail(ec::outcome_unknown, "too long ago, it cannot be told any more "
                                     "whether it was done");
  return answer;
}

result<std::optional<msg::queue_answer>>
queue_user::settle(const queue_name& what) {
  const auto ask = [&](msg::queue_request x) -> result<msg::queue_answer> {
    auto answer = ask_numbered(std::move(x), what, {});
    if (!answer && answer.error().code == ec::outcome_unknown)
      return fail(ec::unavailable, answer.error().context);
    if (answer && is_too_late(*answer))
      return fail(ec::not_found, "the session is over");
    return answer;
  };
  const auto barred = ask(bar(what));
  if (!barred)
    return barred.error();
  if (barred->status != msg::queue_status::invalid)
    return std::optional<msg::queue_answer>{};
  auto answer = ask(like(what));
  if (!answer)
    return answer.error();
  return std::optional{*std::move(answer)};
}

std::optional<queue_name>
queue_user::unknown(const msg::queue_request& asked, std::uint64_t done) const {
  const auto& x = client_->unknown();
  if (!x)
    return std::nullopt;
  return queue_name{x->session, x->number, x->verb, done, checksum_of(asked)};
}

// -- the loop -----------------------------------------------------------------

void queue_user::catch_signals(std::initializer_list<int> which) {
  for (const auto each : which)
    signals_.add(each);
  wait_for_signal();
}

void queue_user::wait_for_signal() {
  signals_.async_wait([this](auto failed, int) {
    if (failed)
      return;
    interrupted_ = true;
    client_->end_waits();
    wait_for_signal();
  });
}

bool queue_user::interrupted(bool forget) {
  io_.poll(); // One that came while nobody waited.
  return forget ? std::exchange(interrupted_, false) : interrupted_;
}

void queue_user::run_until(const std::function<bool()>& condition) {
  while (!condition())
    io_.run_one();
}

} // namespace dfs::client
