#pragma once

#include "messages/chunk_data.hpp"
#include "net/data_client.hpp"
#include "support/io_thread.hpp"
#include "wire/data_frame.hpp"
#include "wire/key_ring.hpp"
#include "wire/token.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

namespace dfs::test {

/// An encoded hello with a token.
inline std::string hello_of(const std::string& cluster,
                            const std::string& principal, rights right,
                            const wire::key_ring& keys, wire::unix_ms expiry,
                            const std::string& scope = {}) {
  return wire::encode(msg::data_hello{
    .protocol = 1,
    .cluster = cluster,
    .principal = principal,
    .token = wire::mint({.principal = principal,
                         .right = right,
                         .operations = wire::operations_of(right),
                         .scope = scope,
                         .expiry = expiry},
                        keys)});
}

inline wire::unix_ms unix_now() {
  return std::chrono::duration_cast<wire::unix_ms>(
    std::chrono::system_clock::now().time_since_epoch());
}

template <class Reply>
struct data_reply {
  result<Reply> message;
  std::string data;
};

/// A client that waits for its answers, with a thread of its own.
class data_caller {
public:
  explicit data_caller(net::data_client_options options) {
    run([&] {
      client
        = std::make_unique<net::data_client>(thread.io, std::move(options));
    });
  }

  ~data_caller() {
    run([&] { client.reset(); });
  }

  /// In the client's thread; waits for it.
  template <class Function>
  void run(Function function) {
    std::promise<void> ran;
    boost::asio::post(thread.io, [&] {
      function();
      ran.set_value();
    });
    ran.get_future().wait();
  }

  template <class Request>
  using reply_of = data_reply<typename Request::reply>;

  /// Sends; the answer comes later.
  template <class Request>
  std::future<reply_of<Request>>
  start(const Request& message, std::string data = {},
        std::chrono::milliseconds patience = std::chrono::seconds{10}) {
    auto promised = std::make_shared<std::promise<reply_of<Request>>>();
    auto bytes = std::make_shared<const std::string>(std::move(data));
    boost::asio::post(thread.io, [this, message, bytes, patience, promised] {
      net::data_views views;
      if (!bytes->empty())
        views.push_back({*bytes, bytes});
      client->call(
        message, std::move(views), patience,
        [promised](result<typename Request::reply> answer,
                   const net::data_buffer& bulk) {
          promised->set_value({std::move(answer), std::string{bulk.view()}});
        });
    });
    return promised->get_future();
  }

  template <class Request>
  reply_of<Request>
  call(const Request& message, std::string data = {},
       std::chrono::milliseconds patience = std::chrono::seconds{10}) {
    return start(message, std::move(data), patience).get();
  }

  io_thread thread;
  std::unique_ptr<net::data_client> client;
};

} // namespace dfs::test
