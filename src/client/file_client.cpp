#include "client/file_client.hpp"

#include "client/grant_pool.hpp"

#include <csignal>
#include <utility>

namespace dfs::client {

struct file_client::port final : master_port {
  explicit port(std::shared_ptr<master_session> to) : session{std::move(to)} {
    // nop
  }

  void start(raw_call call, std::chrono::milliseconds patience,
             bool repeat) override {
    session->start(std::move(call), patience, repeat);
  }

  std::shared_ptr<master_session> session;
};

result<std::unique_ptr<file_client>>
file_client::open(const client_options& options) {
  if (options.connection.contacts.empty())
    return fail(ec::configuration, "no contact is configured");
  auto tls = net::make_tls_context(options.tls);
  if (!tls)
    return tls.error();
  return std::make_unique<file_client>(*std::move(tls), options.connection);
}

file_client::file_client(net::tls_context tls, connection_options options,
                         std::shared_ptr<boost::asio::io_context> io)
  : io_{io ? std::move(io) : std::make_shared<boost::asio::io_context>(1)},
    master_{std::make_shared<master_session>(*io_, tls, std::move(options))},
    port_{std::make_unique<port>(master_)},
    buffers_{std::make_shared<net::buffer_pool>()},
    links_{std::make_shared<server_links>(*io_, tls, master_, buffers_)},
    chunks_at_{links_},
    versions_at_{links_},
    session_{*io_,
             *port_,
             chunks_at_,
             nullptr,
             std::make_shared<memory_budget>(*io_, memory_max),
             buffers_,
             {}},
    versions_{*io_,
              *port_,
              versions_at_,
              std::make_shared<version_places>(*io_, *port_),
              std::make_shared<writer_pool>(*port_),
              session_.memory,
              buffers_,
              {}} {
  session_.grants = std::make_shared<grant_pool>(session_);
}

file_client::~file_client() {
  session_.memory->close();
  master_->close();
}

void file_client::catch_signals() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  signals_.async_wait([this](auto failed, int) {
    if (failed)
      return;
    interrupted_ = true;
    // A second one ends the process: whoever is in such a hurry may.
    signals_.clear();
    if (const auto cancel = std::exchange(cancel_, nullptr))
      cancel();
  });
}

void file_client::run_until(const std::function<bool()>& condition) {
  while (!condition()) {
    io_->restart();
    io_->run_one();
  }
}

result<std::shared_ptr<file_view>>
file_client::open_file(const std::string& path,
                       std::chrono::milliseconds timeout, bool raw) {
  auto view = std::make_shared<file_view>(session_, path, timeout, raw);
  const auto opened
    = wait<nothing>([&](auto then) { view->open(std::move(then)); });
  if (!opened)
    return opened.error();
  return view;
}

result<msg::file_status>
file_client::write_file(std::shared_ptr<byte_source> source, file_write what) {
  auto writer = std::make_shared<file_writer>(session_, std::move(source),
                                              std::move(what));
  return wait<msg::file_status>(
    [&](auto then) { writer->start(std::move(then)); },
    [writer] { writer->cancel(); });
}

result<std::uint64_t> file_client::read_file(std::shared_ptr<file_view> view,
                                             std::shared_ptr<byte_sink> sink,
                                             range_read what) {
  auto reader = std::make_shared<file_reader>(session_, std::move(view),
                                              std::move(sink), std::move(what));
  return wait<std::uint64_t>([&](auto then) { reader->start(std::move(then)); },
                             [reader] { reader->cancel(); });
}

result<std::shared_ptr<version_view>>
file_client::open_versions(const std::string& path,
                           std::chrono::milliseconds timeout, bool bytes) {
  auto view = std::make_shared<version_view>(versions_, path, timeout, bytes);
  const auto opened
    = wait<nothing>([&](auto then) { view->open(std::move(then)); });
  if (!opened)
    return opened.error();
  return view;
}

result<version_made>
file_client::write_version(std::shared_ptr<byte_source> source,
                           version_write what) {
  auto writer = std::make_shared<version_writer>(versions_, std::move(source),
                                                 std::move(what));
  return wait<version_made>([&](auto then) { writer->start(std::move(then)); },
                            [writer] { writer->cancel(); });
}

result<std::uint64_t>
file_client::read_version(std::shared_ptr<version_view> view,
                          std::shared_ptr<byte_sink> sink, content_read what) {
  auto reader = std::make_shared<content_reader>(
    versions_, std::move(view), std::move(sink), std::move(what));
  return wait<std::uint64_t>([&](auto then) { reader->start(std::move(then)); },
                             [reader] { reader->cancel(); });
}

} // namespace dfs::client
