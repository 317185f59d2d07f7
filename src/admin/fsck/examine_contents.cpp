#include "admin/fsck/examine_versions.hpp"
#include "admin/master.hpp"
#include "base/counted.hpp"
#include "base/crc32c.hpp"
#include "client/file_client.hpp"
#include "messages/chunk_data.hpp"
#include "messages/version_methods.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <utility>

// `fsck --deep` of versions: a reader takes any good copy; here each is read.

namespace dfs::admin {

namespace {

using namespace std::chrono_literals;

/// Of a part, from a busy disk.
constexpr auto part_patience = 10s;

/// One copy of a content, part by part, from one server.
class copy_reading : public std::enable_shared_from_this<copy_reading> {
public:
  enum class verdict : std::uint8_t { good, bad, missing, unread };

  copy_reading(client::version_session& session, msg::version_server from,
               const msg::file_version& what)
    : session_{session},
      from_{std::move(from)},
      what_{what} {
    // nop
  }

  void begin() {
    if (what_.bytes == 0)
      return end(verdict::good);
    const auto length
      = std::min<std::uint64_t>(msg::data_max, what_.bytes - read_);
    session_.servers.read(
      from_, {what_.content, read_, static_cast<std::uint32_t>(length)},
      part_patience,
      [self = shared_from_this(), length](result<client::content_answer> x) {
        self->came(length, std::move(x));
      });
  }

  [[nodiscard]] bool over() const {
    return over_;
  }
  [[nodiscard]] verdict found() const {
    return found_;
  }
  [[nodiscard]] store_id store() const {
    return from_.store;
  }
  [[nodiscard]] const std::string& why() const {
    return why_;
  }

private:
  void came(std::uint64_t length, result<client::content_answer> x) {
    if (!x) {
      why_ = x.error().context.empty() ? std::string{to_string(x.error().code)}
                                       : x.error().context;
      return end(x.error().code == ec::not_found   ? verdict::missing
                 : x.error().code == ec::integrity ? verdict::bad
                                                   : verdict::unread);
    }
    if (x->head.bytes != what_.bytes || x->bytes.size() != length) {
      why_ = "another length";
      return end(verdict::bad);
    }
    checksum_ = crc32c(x->bytes.view(), checksum_);
    read_ += length;
    if (read_ < what_.bytes)
      return begin();
    if (checksum_ != what_.checksum)
      why_ = "another checksum than its writer gave";
    end(checksum_ == what_.checksum ? verdict::good : verdict::bad);
  }

  void end(verdict x) {
    found_ = x;
    over_ = true;
  }

  client::version_session& session_;
  msg::version_server from_;
  msg::file_version what_;
  std::uint64_t read_ = 0;
  std::uint32_t checksum_ = 0;
  bool over_ = false;
  verdict found_ = verdict::unread;
  std::string why_;
};

using verdict = copy_reading::verdict;

class content_checker {
public:
  content_checker(verb_context& context, client::file_client& files,
                  std::map<store_id, std::string> names, fsck_report& to)
    : context_{context},
      files_{files},
      names_{std::move(names)},
      to_{to} {
    // nop
  }

  result<nothing> look_at(const std::string& path) {
    const auto view = files_.open_versions(path, context_.transfer_timeout());
    if (!view) // Told of already, or removed.
      return files_.interrupted() ? fail(ec::cancelled, "interrupted")
                                  : result<nothing>{done};
    std::set<msg::put_id> seen; // Versions may share one.
    for (const auto& version : (*view)->versions())
      if (version.kind == msg::version_kind::content
          && seen.insert(version.content).second)
        if (auto read = read_all(path, version, (*view)->group()); !read)
          return read;
    return done;
  }

private:
  result<nothing> read_all(const std::string& path,
                           const msg::file_version& version,
                           const msg::group_location& at) {
    std::vector<std::shared_ptr<copy_reading>> copies;
    for (const auto& server : at.servers)
      if (std::find(at.set.servers.begin(), at.set.servers.end(), server.store)
          != at.set.servers.end())
        copies.push_back(std::make_shared<copy_reading>(
          files_.versions(), msg::version_server{server.store, server.data},
          version));
    for (const auto& x : copies)
      x->begin();
    files_.run_until([&] {
      return files_.interrupted()
             || std::all_of(copies.begin(), copies.end(),
                            [](const auto& x) { return x->over(); });
    });
    if (files_.interrupted())
      return fail(ec::cancelled, "interrupted");
    judge(path, version, copies);
    context_.out.progress(fmt::format("fsck  {} of versions verified  {}",
                                      counted(to_.verified, "copy", "copies"),
                                      bytes_text(to_.verified_bytes)));
    return done;
  }

  void judge(const std::string& path, const msg::file_version& version,
             const std::vector<std::shared_ptr<copy_reading>>& copies) {
    std::size_t good = 0;
    std::size_t unread = 0;
    for (const auto& x : copies) {
      good += x->found() == verdict::good ? 1 : 0;
      unread += x->found() == verdict::unread ? 1 : 0;
    }
    to_.replicas += copies.size();
    to_.verified += good;
    to_.verified_bytes += good * version.bytes;
    for (const auto& x : copies) {
      if (x->found() == verdict::good)
        continue;
      const auto name = name_of(x->store());
      to_.findings.push_back(
        {path,
         {},
         x->found() == verdict::bad       ? "CORRUPT"
         : x->found() == verdict::missing ? "MISSING"
                                          : "NOT_VERIFIED",
         damage::heals,
         fmt::format("version {} on {}: {}", version.number.value(), name,
                     x->why()),
         {name}});
    }
    if (good == 0 && unread == 0)
      to_.findings.push_back(
        {path,
         {},
         "LOST",
         damage::loss,
         fmt::format("no good copy of version {}", version.number.value())});
  }

  [[nodiscard]] std::string name_of(store_id x) const {
    const auto it = names_.find(x);
    return it == names_.end() ? fmt::format("{:016x}", x.value()) : it->second;
  }

  verb_context& context_;
  client::file_client& files_;
  std::map<store_id, std::string> names_;
  fsck_report& to_;
};

} // namespace

result<nothing> examine_contents(verb_context& context, const fsck_walk& walk,
                                 fsck_report& to) {
  if (walk.versioned.empty())
    return done;
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto servers = ask_master(context, msg::list_fileservers{});
  if (!servers)
    return servers.error();
  std::map<store_id, std::string> names;
  for (const auto& x : servers->servers)
    names[x.store] = x.name;
  content_checker checker{context, **files, std::move(names), to};
  for (const auto& x : walk.versioned)
    if (auto looked = checker.look_at(x.path); !looked)
      return looked;
  context.out.progress({});
  return done;
}

} // namespace dfs::admin
