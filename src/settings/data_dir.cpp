#include "settings/data_dir.hpp"

#include "base/crc32c.hpp"
#include "base/key_lines.hpp"
#include "settings/pki.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

namespace dfs::settings {

namespace {

constexpr auto lock_name = "lock";
constexpr auto identity_name = "identity";
constexpr std::size_t identity_bytes_max = 4096;
constexpr std::uint64_t format_version = 1;

error refuse(ec code, const std::string& path, const std::string& what) {
  return fail(code, path + ": " + what);
}

error unusable(const std::string& path, const error& why,
               const std::string& mend) {
  return fail(ec::configuration,
              fmt::format("node.data_dir {}: {}; {}", path, why.context, mend));
}

// What `flock` protects is the file's inode: the file is never removed.
result<file_descriptor> take_lock(const std::string& path) {
  const auto name = join(path, lock_name);
  file_descriptor lock{
    ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock)
    return unusable(path, system_failure("cannot create " + name),
                    "let this user write there");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return unusable(path, system_failure("cannot lock " + name),
                      "put it on a local disk");
    const auto holder = read_file(name, 32);
    const auto who = holder && !holder->empty()
                       ? fmt::format("process {}", *holder)
                       : std::string{"another process"};
    return refuse(ec::in_use, "node.data_dir " + path,
                  fmt::format("is in use by {}; stop it, or name another "
                              "directory",
                              who));
  }
  // For the message above only; a pid that is not written costs its number.
  const auto pid = std::to_string(::getpid());
  if (::ftruncate(lock.get(), 0) == 0)
    (void) !::pwrite(lock.get(), pid.data(), pid.size(), 0);
  return lock;
}

// True if `path` is a directory with nothing in it; false if with something.
result<bool> is_empty_directory(const std::string& path) {
  const std::unique_ptr<DIR, decltype(&::closedir)> open{
    ::opendir(path.c_str()), ::closedir};
  if (!open)
    return unusable(path, system_failure("cannot open it"),
                    "name a directory that this user may read and write");
  while (const auto* entry = ::readdir(open.get())) {
    // A lock and a draft are what an attempt that was cut short leaves behind.
    const std::string_view name{entry->d_name};
    if (name != "." && name != ".." && name != lock_name
        && name.rfind("identity.", 0) != 0)
      return false;
  }
  return true;
}

result<nothing> check_owner(const std::string& path,
                            const directory_owner& found,
                            const directory_owner& wanted) {
  if (found.cluster != wanted.cluster)
    return refuse(ec::configuration, "node.data_dir " + path,
                  fmt::format("belongs to cluster {}, this node's bundle to "
                              "{}; name another directory or another bundle",
                              found.cluster, wanted.cluster));
  if (found.node != wanted.node)
    return refuse(ec::configuration, "node.data_dir " + path,
                  fmt::format("belongs to node '{}', this is '{}'; name "
                              "another directory or another bundle",
                              found.node, wanted.node));
  return done;
}

result<directory_identity> read_identity(const std::string& path) {
  const auto name = join(path, identity_name);
  auto text = read_file(name, identity_bytes_max);
  if (!text && text.error().code == ec::not_found)
    return refuse(ec::configuration, "node.data_dir " + path,
                  "is not empty and no data directory; name an empty or a new "
                  "directory");
  if (!text)
    return unusable(path, text.error(), "let this user read it");
  auto found = parse_identity(*text);
  if (!found)
    return refuse(ec::configuration, name, found.error().context);
  return found;
}

directory_identity fresh_identity(const directory_owner& owner) {
  directory_identity x{owner, {}, {}};
  while (x.store == store_id{}) {
    std::uint64_t number = 0;
    const auto bytes = random_bytes(sizeof number);
    std::memcpy(&number, bytes.data(), sizeof number);
    x.store = store_id{number};
  }
  return x;
}

result<nothing> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0)
    return done; // Durable with the first name in it, or made again.
  if (errno == EEXIST)
    return done;
  const auto why = system_failure("cannot create it");
  return unusable(path, why,
                  why.code == ec::not_found
                    ? "create " + parent_of(path) + " first"
                    : "let this user write to " + parent_of(path));
}

} // namespace

std::string to_text(const directory_identity& x) {
  auto text
    = fmt::format("format = {}\ncluster = {}\nnode = {}\n"
                  "store = {:016x}\nlast_start_ms = {}\n",
                  format_version, x.owner.cluster, x.owner.node,
                  x.store.value(), x.last_start.time_since_epoch().count());
  text += fmt::format("crc32c = {:08x}\n", crc32c(text));
  return text;
}

result<directory_identity> parse_identity(std::string_view text) {
  std::map<std::string, std::string> lines;
  const bool readable = parse_key_lines(text, lines);
  std::uint64_t format = 0;
  if (!readable || !parse_whole_number(lines["format"], 10, format))
    return fail(ec::malformed, "is damaged; restore it from a backup, or start "
                               "with a new directory");
  if (format > format_version)
    return fail(ec::unsupported,
                fmt::format("has format {}, this program reads up to {}; run a "
                            "newer dfsnode",
                            format, format_version));
  std::uint64_t crc = 0;
  std::uint64_t store = 0;
  std::uint64_t start = 0;
  const auto summed = text.substr(0, text.rfind("crc32c = "));
  if (!parse_whole_number(lines["crc32c"], 16, crc) || crc != crc32c(summed)
      || !parse_whole_number(lines["store"], 16, store) || store == 0
      || !parse_whole_number(lines["last_start_ms"], 10, start))
    return fail(ec::malformed, "is damaged; restore it from a backup, or start "
                               "with a new directory");
  return directory_identity{{lines["cluster"], lines["node"]},
                            store_id{store},
                            unix_milliseconds{std::chrono::milliseconds{
                              static_cast<std::int64_t>(start)}}};
}

data_dir::data_dir(std::string path, file_descriptor lock,
                   directory_identity identity, novelty made)
  : path_{std::move(path)},
    lock_{std::move(lock)},
    identity_{std::move(identity)},
    made_{made} {
  // nop
}

result<data_dir>
data_dir::open(const std::string& path, const directory_owner& owner) {
  novelty fresh;
  fresh.directory = ::access(path.c_str(), F_OK) != 0;
  if (auto made = make_directory(path); !made)
    return made.error();
  auto empty = is_empty_directory(path);
  if (!empty)
    return empty.error();
  // Judged before the lock file is made: nothing is written to what is refused.
  if (!*empty) {
    auto found = read_identity(path);
    if (!found)
      return found.error();
    if (auto ours = check_owner(path, found->owner, owner); !ours)
      return ours.error();
  }
  if (::access(path.c_str(), W_OK | X_OK) != 0)
    return unusable(path, system_failure("cannot write to it"),
                    "let this user write there");
  auto lock = take_lock(path);
  if (!lock)
    return lock.error();
  fresh.identity
    = *empty && ::access(join(path, identity_name).c_str(), F_OK) != 0;
  if (fresh.identity) {
    if (::chmod(path.c_str(), 0700) != 0)
      return unusable(path, system_failure("cannot set its mode"),
                      "give it to the user who runs this node");
    auto written = write_file(join(path, identity_name),
                              to_text(fresh_identity(owner)), 0600);
    if (!written)
      return unusable(path, written.error(), "let this user write there");
  }
  // Read under the lock: the process that held it may have gone on meanwhile.
  auto identity = read_identity(path);
  if (!identity)
    return identity.error();
  if (auto ours = check_owner(path, identity->owner, owner); !ours)
    return ours.error();
  return data_dir{path, *std::move(lock), *std::move(identity), fresh};
}

std::string data_dir::holder(const std::string& path) {
  const auto name = join(path, lock_name);
  const file_descriptor lock{::open(name.c_str(), O_RDONLY | O_CLOEXEC)};
  // Shared, and gone at once: who holds a directory holds it alone.
  if (!lock || ::flock(lock.get(), LOCK_SH | LOCK_NB) == 0
      || errno != EWOULDBLOCK)
    return {};
  const auto pid = read_file(name, 32);
  return pid && !pid->empty() ? *pid : "?";
}

void data_dir::forget_if_new() {
  const auto made = std::exchange(made_, {});
  if (!made.identity)
    return;
  ::unlink(join(path_, identity_name).c_str());
  ::unlink(join(path_, lock_name).c_str());
  if (made.directory)
    ::rmdir(path_.c_str()); // Refused if anything is left there.
}

result<unix_milliseconds> data_dir::next_start(unix_milliseconds now) {
  auto next = identity_;
  next.last_start
    = std::max(now, identity_.last_start + std::chrono::milliseconds{1});
  auto written = write_file(join(path_, identity_name), to_text(next), 0600);
  if (!written)
    return written.error();
  identity_ = std::move(next);
  return identity_.last_start;
}

} // namespace dfs::settings
