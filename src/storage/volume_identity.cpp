#include "storage/volume_identity.hpp"

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "base/key_lines.hpp"

#include <sys/random.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace dfs::storage {

namespace {

constexpr auto lock_name = "lock";
constexpr auto identity_name = "identity";
constexpr std::size_t identity_bytes_max = 4096;
constexpr std::uint64_t identity_format = 1;
constexpr auto damaged = "is damaged; restore it from a backup, or take the "
                         "volume out of the configuration";

error refuse(const std::string& path, const std::string& what) {
  return fail(ec::configuration, "volume " + path + ": " + what);
}

// What an attempt that was cut short leaves behind counts as empty.
result<bool> is_empty(file_io& io, const std::string& path) {
  auto names = io.list(path);
  if (!names && names.error().code == ec::not_found)
    return true;
  if (!names)
    return names.error();
  return std::all_of(names->begin(), names->end(), [](const auto& name) {
    return name == lock_name || name == "lost+found"
           || name.rfind("identity.", 0) == 0;
  });
}

result<volume_identity> read_identity(file_io& io, const std::string& path) {
  auto text
    = read_small_file(io, path + "/" + identity_name, identity_bytes_max);
  if (!text && text.error().code == ec::not_found)
    return refuse(path, "is not empty and no volume; name an empty or a new "
                        "directory");
  if (!text)
    return text.error();
  auto found = parse_volume_identity(*text);
  if (!found) {
    auto why = refuse(path, "its identity " + found.error().context);
    if (found.error().code == ec::malformed)
      why.code = ec::malformed;
    return why;
  }
  return found;
}

result<nothing> check_owner(const std::string& path, const store_owner& found,
                            const store_owner& wanted) {
  if (found.cluster != wanted.cluster)
    return refuse(path, fmt::format("belongs to cluster {}, this node to {}; "
                                    "name another directory",
                                    found.cluster, wanted.cluster));
  if (found.node != wanted.node)
    return refuse(path, fmt::format("belongs to the node with store {:016x}, "
                                    "this one is {:016x}; name another "
                                    "directory",
                                    found.node.value(), wanted.node.value()));
  return done;
}

result<nothing> check_not_emptied(const std::string& path,
                                  std::span<const known_volume> known) {
  for (const auto& x : known) {
    if (x.path == path)
      return fail(ec::not_found,
                  fmt::format("volume {}: is empty, but held volume {:016x}; "
                              "mount its disk, or name another directory",
                              path, x.id.value()));
  }
  return done;
}

// Durably: its name is in another directory.
result<nothing> make_directory(file_io& io, const std::string& path) {
  if (auto made = io.make_directory(path); !made)
    return made;
  const auto slash = path.find_last_not_of('/') == std::string::npos
                       ? std::string::npos
                       : path.rfind('/', path.find_last_not_of('/'));
  if (slash == std::string::npos)
    return io.sync_directory(".");
  return io.sync_directory(slash == 0 ? "/" : path.substr(0, slash));
}

result<nothing>
make_identity(file_io& io, const std::string& path, const store_owner& owner) {
  volume_identity identity{owner, {}};
  while (identity.volume == store_id{}) {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) == sizeof number)
      identity.volume = store_id{number};
  }
  auto written = replace_file(io, path, identity_name, to_text(identity));
  DFS_CRASH_POINT("store.volume_made");
  return written;
}

} // namespace

std::string to_text(const volume_identity& x) {
  auto text = fmt::format("format = {}\ncluster = {}\nnode = {:016x}\n"
                          "volume = {:016x}\n",
                          identity_format, x.owner.cluster,
                          x.owner.node.value(), x.volume.value());
  text += fmt::format("crc32c = {:08x}\n", crc32c(text));
  return text;
}

result<volume_identity> parse_volume_identity(std::string_view text) {
  std::map<std::string, std::string> lines;
  std::uint64_t format = 0;
  if (!parse_key_lines(text, lines)
      || !parse_whole_number(lines["format"], 10, format))
    return fail(ec::malformed, damaged);
  if (format > identity_format)
    return fail(ec::unsupported,
                fmt::format("has format {}, this program reads up to {}; run a "
                            "newer dfsnode",
                            format, identity_format));
  std::uint64_t crc = 0;
  std::uint64_t node = 0;
  std::uint64_t volume = 0;
  const auto summed = text.substr(0, text.rfind("crc32c = "));
  if (!parse_whole_number(lines["crc32c"], 16, crc) || crc != crc32c(summed)
      || !parse_whole_number(lines["node"], 16, node)
      || !parse_whole_number(lines["volume"], 16, volume) || volume == 0)
    return fail(ec::malformed, damaged);
  return volume_identity{{lines["cluster"], store_id{node}}, store_id{volume}};
}

result<held_volume> hold_volume(file_io& io, const std::string& path,
                                const store_owner& owner,
                                std::span<const known_volume> known) {
  const auto empty = is_empty(io, path);
  if (!empty)
    return empty.error();
  // Judged before anything is written: a refused directory stays as it was.
  if (*empty) {
    if (auto fresh = check_not_emptied(path, known); !fresh)
      return fresh.error();
    if (auto made = make_directory(io, path); !made)
      return made.error();
  } else {
    auto found = read_identity(io, path);
    if (!found)
      return found.error();
    if (auto ours = check_owner(path, found->owner, owner); !ours)
      return ours.error();
  }
  auto lock = io.lock(path + "/" + lock_name);
  if (!lock && lock.error().code == ec::in_use)
    return fail(ec::in_use,
                fmt::format("volume {} is in use by process {}; stop it, or "
                            "name another directory",
                            path, lock.error().context));
  if (!lock)
    return lock.error();
  if (*empty) {
    // Another process may have made it since.
    const auto made
      = read_small_file(io, path + "/" + identity_name, identity_bytes_max);
    if (!made && made.error().code == ec::not_found) {
      if (auto fresh = make_identity(io, path, owner); !fresh)
        return fresh.error();
    }
  }
  auto identity = read_identity(io, path);
  if (!identity)
    return identity.error();
  if (auto ours = check_owner(path, identity->owner, owner); !ours)
    return ours.error();
  return held_volume{*std::move(identity), *std::move(lock)};
}

} // namespace dfs::storage
