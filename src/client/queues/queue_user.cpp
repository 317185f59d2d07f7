#include "client/queues/queue_user.hpp"

#include "core/queues/queue_rules.hpp"

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
  client_ = std::make_shared<queue_client>(io_, links_, std::move(of_client));
}

queue_user::~queue_user() {
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
