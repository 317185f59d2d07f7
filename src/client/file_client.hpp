#pragma once

#include "client/byte_source.hpp"
#include "client/cluster_client.hpp"
#include "client/data_links.hpp"
#include "client/disk_thread.hpp"
#include "client/file_reader.hpp"
#include "client/file_session.hpp"
#include "client/file_view.hpp"
#include "client/file_writer.hpp"
#include "client/master_session.hpp"
#include "client/versions/content_reader.hpp"
#include "client/versions/version_links.hpp"
#include "client/versions/version_view.hpp"
#include "client/versions/version_writer.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace dfs::client {

/// Files of a cluster, for a thread that waits: everything that file operations
/// share, and the loop that they run on. One thread at a time; it is the one
/// that all callbacks come on.
class file_client {
public:
  /// File data in memory at once, all transfers together.
  static constexpr std::size_t memory_max = 32 * 1024 * 1024;

  /// Reads the credential; connects at the first request.
  /// @returns `ec::configuration`.
  [[nodiscard]] static result<std::unique_ptr<file_client>>
  open(const client_options& options);

  /// @param io Null: one of its own. Several clients may share one; nobody runs
  ///           it any more once one of them has ended.
  file_client(net::tls_context tls, connection_options options,
              std::shared_ptr<boost::asio::io_context> io = nullptr);
  ~file_client();
  file_client(const file_client&) = delete;
  file_client& operator=(const file_client&) = delete;

  /// Ctrl-C and SIGTERM end what runs with `ec::cancelled`, in order.
  void catch_signals();

  /// One request to the master. Errors: see `master_session::call`.
  template <class Request>
  [[nodiscard]] result<typename msg::method<Request>::reply>
  ask(const Request& request, std::chrono::milliseconds timeout = {}) {
    using reply = typename msg::method<Request>::reply;
    return wait<reply>([&](std::function<void(result<reply>)> then) {
      master_->call<Request>(request, timeout, std::move(then));
    });
  }

  /// Errors: as of `file_view::open`.
  [[nodiscard]] result<std::shared_ptr<file_view>>
  open_file(const std::string& path, std::chrono::milliseconds timeout,
            bool raw = false);

  /// Errors: as of `file_writer::start`.
  [[nodiscard]] result<msg::file_status>
  write_file(std::shared_ptr<byte_source> source, file_write what);

  /// @returns how many bytes. Errors: as of `file_reader::start`.
  [[nodiscard]] result<std::uint64_t> read_file(std::shared_ptr<file_view> view,
                                                std::shared_ptr<byte_sink> sink,
                                                range_read what);

  /// Errors: as of `version_view::open`.
  [[nodiscard]] result<std::shared_ptr<version_view>>
  open_versions(const std::string& path, std::chrono::milliseconds timeout,
                bool bytes = false);

  /// @param source Null: none is needed. Errors: as of `version_writer::start`.
  [[nodiscard]] result<version_made>
  write_version(std::shared_ptr<byte_source> source, version_write what);

  /// @returns how many bytes. Errors: as of `content_reader::start`.
  [[nodiscard]] result<std::uint64_t>
  read_version(std::shared_ptr<version_view> view,
               std::shared_ptr<byte_sink> sink, content_read what);

  /// Runs the loop until what `start` began has answered.
  /// @param cancel Called once at a signal; it makes the answer come soon.
  ///   Without it a signal ends the waiting.
  template <class T>
  [[nodiscard]] result<T>
  wait(const std::function<void(std::function<void(result<T>)>)>& start,
       std::function<void()> cancel = {}) {
    // Shared: an answer may come when nobody waits any more.
    auto answer = std::make_shared<std::optional<result<T>>>();
    const auto end = [answer] { *answer = fail(ec::cancelled, "interrupted"); };
    if (interrupted_)
      return fail(ec::cancelled, "interrupted");
    cancel_ = cancel ? std::move(cancel) : end;
    start([answer](result<T> x) {
      if (!*answer)
        answer->emplace(std::move(x));
    });
    run_until([&] { return answer->has_value(); });
    cancel_ = nullptr;
    return **std::move(answer);
  }

  /// Handles events until `condition` holds; it is asked after each of them.
  void run_until(const std::function<bool()>& condition);

  [[nodiscard]] bool interrupted() const {
    return interrupted_;
  }
  [[nodiscard]] file_session& session() {
    return session_;
  }
  [[nodiscard]] version_session& versions() {
    return versions_;
  }
  [[nodiscard]] disk_thread& disk() {
    return disk_;
  }
  [[nodiscard]] boost::asio::io_context& io() {
    return *io_;
  }

private:
  struct port;

  std::shared_ptr<boost::asio::io_context> io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    work_{io_->get_executor()};
  std::shared_ptr<master_session> master_;
  std::unique_ptr<port> port_;
  std::shared_ptr<net::buffer_pool> buffers_;
  std::shared_ptr<server_links> links_;
  data_links chunks_at_;
  version_links versions_at_;
  file_session session_;
  version_session versions_;
  disk_thread disk_{*io_};
  boost::asio::signal_set signals_{*io_};
  std::function<void()> cancel_; ///< Of what is waited for.
  bool interrupted_ = false;
};

} // namespace dfs::client
