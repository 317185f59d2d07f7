#include "support/bench_figures.hpp"

#include <CLI/CLI.hpp>

#include <atomic>
#include <barrier>
#include <charconv>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

// dfs-etcd_bench: puts to etcd through its JSON gateway, each client a thread
// with a connection of its own that asks again when it was answered. For the
// reference rows of ./dev bench queue. Prints lines of `name value unit`.

namespace {

using namespace dfs::bench;

struct workload {
  std::vector<std::uint16_t> ports; ///< Of the members; clients spread.
  std::size_t clients = 1;
  std::size_t operations = 1'000;
  std::size_t value_bytes = 16;
};

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits
    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8
              | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j])
                                      : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

class http_client {
public:
  explicit http_client(std::uint16_t port)
    : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to)
        != 0)
      fail("connect");
  }

  ~http_client() {
    ::close(socket_);
  }

  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  void put(std::string_view key, std::string_view value) {
    const auto body = fmt::format(R"({{"key":"{}","value":"{}"}})", base64(key),
                                  base64(value));
    const auto request
      = fmt::format("POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nContent-Type: "
                    "application/json\r\nContent-Length: {}\r\n\r\n{}",
                    body.size(), body);
    std::string_view left = request;
    while (!left.empty()) {
      const auto written = ::write(socket_, left.data(), left.size());
      if (written <= 0)
        fail("write");
      left.remove_prefix(static_cast<std::size_t>(written));
    }
    read_answer();
  }

private:
  void read_answer() {
    auto end = held_.find("\r\n\r\n");
    for (; end == std::string::npos; end = held_.find("\r\n\r\n"))
      read_more();
    const auto head = held_.substr(0, end);
    if (!head.starts_with("HTTP/1.1 200"))
      fail(head.substr(0, head.find('\r')), 0);
    const std::string_view name = "Content-Length: ";
    const auto at = head.find(name);
    if (at == std::string::npos)
      fail("an answer without a length", 0);
    std::size_t length = 0;
    std::from_chars(head.data() + at + name.size(), head.data() + head.size(),
                    length);
    while (held_.size() < end + 4 + length)
      read_more();
    held_.erase(0, end + 4 + length);
  }

  void read_more() {
    char buffer[4096];
    const auto got = ::read(socket_, buffer, sizeof buffer);
    if (got <= 0)
      fail("the connection is lost");
    held_.append(buffer, static_cast<std::size_t>(got));
  }

  int socket_;
  std::string held_;
};

void run(const workload& what) {
  std::vector<std::vector<double>> times(what.clients);
  std::atomic<std::size_t> next{0};
  std::barrier begin{static_cast<std::ptrdiff_t>(what.clients) + 1};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < what.clients; ++i)
    threads.emplace_back([&, i] {
      http_client client{what.ports[i % what.ports.size()]};
      const std::string value(what.value_bytes, 'v');
      begin.arrive_and_wait();
      for (auto n = next++; n < what.operations; n = next++) {
        const auto asked = bench_clock::now();
        client.put(fmt::format("key{:08}", n), value);
        times[i].push_back(seconds_since(asked) * 1e6);
      }
    });
  begin.arrive_and_wait();
  const auto began = bench_clock::now();
  for (auto& x : threads)
    x.join();
  const auto took = seconds_since(began);
  std::vector<double> all;
  for (const auto& x : times)
    all.insert(all.end(), x.begin(), x.end());
  print_figure("rate", static_cast<double>(what.operations) / took, "ops/s");
  print_figure("p50", quantile(all, 0.5), "us");
  print_figure("p99", quantile(all, 0.99), "us");
}

} // namespace

int main(int argc, char** argv) {
  workload what;
  CLI::App app{"measures an etcd on loopback"};
  app.add_option("--ports", what.ports, "of its members")->required();
  app.add_option("--clients", what.clients, "[1]")->check(CLI::Range(1, 256));
  app.add_option("--operations", what.operations, "[1000]")
    ->check(CLI::PositiveNumber);
  app.add_option("--value", what.value_bytes, "bytes [16]");
  CLI11_PARSE(app, argc, argv);
  run(what);
}
