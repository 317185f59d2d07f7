#include "admin/dev/control_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace dfs::admin {

namespace {

constexpr auto socket_name = "dev.sock";
constexpr std::size_t line_bytes_max = 1'024;
constexpr std::size_t answer_bytes_max = 64 * 1'024;

/// Longer than starting or stopping a node takes.
constexpr timeval client_patience{30, 0};
constexpr timeval server_patience{1, 0};

/// A socket's path holds 107 bytes, a directory's more: the name goes through
/// the descriptor of the directory.
result<sockaddr_un> address_in(int directory) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path
    = "/proc/self/fd/" + std::to_string(directory) + "/" + socket_name;
  DFS_ASSERT(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

template <class Call>
result<int> with_socket(const std::filesystem::path& directory, Call call) {
  const int at = open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (at < 0)
    return fail(ec::invalid_argument,
                std::string{"cannot look into it: "} + std::strerror(errno));
  const int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_in(at);
  const bool fine
    = made >= 0
      && call(made, reinterpret_cast<const sockaddr*>(&*address)) == 0;
  const int reason = errno;
  close(at);
  if (fine)
    return made;
  if (made >= 0)
    close(made);
  return fail(ec::unavailable, std::strerror(reason));
}

std::string read_line(int from) {
  std::string line;
  char byte = 0;
  while (line.size() < line_bytes_max && read(from, &byte, 1) == 1
         && byte != '\n')
    line.push_back(byte);
  return line;
}

/// Up to where the peer has closed.
std::string read_answer(int from) {
  std::string text(answer_bytes_max, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = read(from, text.data() + size, text.size() - size);
    if (got <= 0)
      break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  if (text.ends_with('\n'))
    text.pop_back();
  return text;
}

void write_line(int to, const std::string& line) {
  const auto bytes = line + "\n";
  // A peer that is gone loses its answer, nothing else.
  (void) !send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void set_patience(int descriptor, const timeval& patience) {
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

} // namespace

result<control_socket>
control_socket::listen(const std::filesystem::path& directory) {
  const auto name = directory / socket_name;
  unlink(name.c_str());
  auto made = with_socket(directory, [](int descriptor, const sockaddr* to) {
    if (bind(descriptor, to, sizeof(sockaddr_un)) != 0)
      return -1;
    return ::listen(descriptor, 8);
  });
  if (!made)
    return fail(ec::io_error,
                "cannot make " + name.string() + ": " + made.error().context);
  return control_socket{*made, name};
}

control_socket::control_socket(int descriptor, std::filesystem::path name)
  : descriptor_{descriptor},
    name_{std::move(name)} {
  // nop
}

control_socket::control_socket(control_socket&& other) noexcept
  : descriptor_{std::exchange(other.descriptor_, -1)},
    name_{std::move(other.name_)} {
  // nop
}

control_socket::~control_socket() {
  if (descriptor_ < 0)
    return;
  close(descriptor_);
  unlink(name_.c_str());
}

void control_socket::serve_one(
  const std::function<std::string(const std::string&)>& answer) const {
  const int peer = accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  if (peer < 0)
    return;
  set_patience(peer, server_patience);
  const auto question = read_line(peer);
  if (!question.empty())
    write_line(peer, answer(question));
  close(peer);
}

result<std::string> ask_control_socket(const std::filesystem::path& directory,
                                       const std::string& question) {
  auto peer = with_socket(directory, [](int descriptor, const sockaddr* to) {
    return connect(descriptor, to, sizeof(sockaddr_un));
  });
  if (!peer && peer.error().code == ec::invalid_argument)
    return fail(peer.error().code,
                directory.string() + ": " + peer.error().context);
  if (!peer)
    return fail(ec::unavailable, "no `dfsnode dev` is running on "
                                   + directory.string()
                                   + "; start one with `dfsnode dev --dir`");
  set_patience(*peer, client_patience);
  write_line(*peer, question);
  const auto line = read_answer(*peer);
  close(*peer);
  if (line.starts_with("ok"))
    return line.size() > 3 ? line.substr(3) : std::string{};
  if (!line.starts_with("error "))
    return fail(ec::unavailable, "`dfsnode dev` gave no answer");
  char* rest = nullptr;
  const auto code = std::strtoul(line.c_str() + 6, &rest, 10);
  return fail(static_cast<ec>(code), *rest == ' ' ? rest + 1 : rest);
}

} // namespace dfs::admin
