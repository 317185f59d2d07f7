#include "admin/versioned_files.hpp"

#include "admin/ask.hpp"
#include "admin/change_outcome.hpp"
#include "base/counted.hpp"
#include "messages/version_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::admin {

namespace {

/// For what is only asked to say more about an error.
constexpr std::chrono::milliseconds advice_patience{1'000};

std::string directory_of(const std::string& path) {
  const auto end = path.find_last_not_of('/');
  const auto slash
    = end == std::string::npos ? end : path.find_last_of('/', end);
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::string_view failing_how(msg::fileserver_phase x) {
  switch (x) {
    case msg::fileserver_phase::failed:
      return "has failed";
    case msg::fileserver_phase::silent:
      return "does not answer";
    default:
      return "is rejoining";
  }
}

/// Not the beginning of another one: 10.0.0.1:70 is none in "10.0.0.1:7003".
std::size_t find_address(std::string_view text, std::string_view address) {
  auto at = text.find(address);
  while (at != std::string_view::npos && at + address.size() < text.size()
         && std::isdigit(static_cast<unsigned char>(text[at + address.size()])))
    at = text.find(address, at + 1);
  return at;
}

/// "fs3 (10.0.0.3:7003) has failed, fs4 (…) does not answer", without those
/// that `said` names by their address: they are named there in this way. Empty:
/// all others are there, or the master is not.
std::string name_missing(verb_context& context, std::string& said) {
  const auto files = context.files();
  if (!files)
    return {};
  const auto list = (*files)->ask(msg::list_fileservers{}, advice_patience);
  if (!list)
    return {};
  std::string others;
  for (const auto& x : list->servers) {
    if (x.phase == msg::fileserver_phase::up)
      continue;
    const auto address = to_string(x.data);
    const auto named
      = fmt::format("{} ({}) {}", x.name, address, failing_how(x.phase));
    if (const auto at = find_address(said, address); at != std::string::npos)
      said.replace(at, address.size(), named);
    else
      others += (others.empty() ? "" : ", ") + named;
  }
  return others;
}

/// A quorum may be what it lacked.
bool may_lack_servers(ec code) {
  return code == ec::no_redundancy || code == ec::unavailable
         || code == ec::timed_out || code == ec::too_few_servers;
}

} // namespace

result<msg::storage_class>
class_of(verb_context& context, const std::string& path) {
  const auto files = context.files();
  if (!files)
    return files.error();
  for (auto at = path;; at = directory_of(at)) {
    const auto found = (*files)->ask(msg::get_status{at});
    if (found)
      return found->where;
    if (client::is_passing(found.error().code))
      return explain_transfer(found.error(), context, path);
    if (found.error().code != ec::not_found || at == "/")
      return msg::storage_class::chunked;
  }
}

error explain_version(error why, verb_context& context,
                      const std::string& path) {
  if (why.context.empty())
    why.context = to_string(why.code);
  if (!path.empty() && why.context.find(path) == std::string::npos)
    why.context = path + ": " + why.context;
  if (auto tip = why.context.find(". Try: ");
      tip != std::string::npos && is_advised(why)) {
    if (why.code != ec::outcome_unknown)
      return why;
    // Whether it was done: that, and why it is not known.
    auto reason = why.context.substr(0, tip);
    if (const auto others = name_missing(context, reason); !others.empty())
      reason += "; " + others;
    why.context.replace(0, tip, reason);
    return why;
  }
  if (may_lack_servers(why.code)) {
    const auto before = why.context;
    const auto others = name_missing(context, why.context);
    if (!others.empty())
      why.context += "; " + others;
    why.context += why.context == before
                     ? ". Try: status; enough file servers must be up"
                     : ". Try: again when they are back, or status";
    return why;
  }
  return explain_transfer(std::move(why), context, path);
}

std::string made_text(const client::version_made& x) {
  auto text = fmt::format("version {}", x.version.value());
  if (x.copies == 0) // It was told later that it is done.
    return text
           + fmt::format(", at least {} of {} copies", x.rule.write,
                         x.rule.copies);
  text += fmt::format(", {} of {} copies", x.copies, x.rule.copies);
  const auto lacking = x.rule.copies - std::min(x.copies, x.rule.copies);
  if (lacking == 1)
    text += x.rule.copies == 3 ? "; the third follows" : "; the last follows";
  else if (lacking > 1)
    text += fmt::format("; {} follow", lacking);
  return text;
}

void add_made(record& to, const client::version_made& x) {
  to.emplace_back("version", cell::unsigned_number(x.version.value()));
  to.emplace_back("copies", x.copies == 0 ? cell::nothing()
                                          : cell::unsigned_number(x.copies));
  to.emplace_back("copies_wanted", cell::unsigned_number(x.rule.copies));
  to.emplace_back("request", client::to_string(x.put));
}

result<exit_code> store_version(verb_context& context,
                                std::shared_ptr<client::byte_source> source,
                                const std::string& path, bool parents,
                                record said) {
  const auto files = context.files();
  if (!files)
    return files.error();
  progress shown{context.out, path, source->length()};
  client::version_write what;
  what.path = path;
  what.parents = parents;
  what.request = context.next_request().value();
  what.timeout = context.transfer_timeout();
  what.progress = [&](std::uint64_t bytes) { shown.add(bytes); };
  auto made = (*files)->write_version(std::move(source), std::move(what));
  if (!made)
    return explain_version(made.error(), context, path);
  if (context.out.how().json) {
    said.emplace_back("path", path);
    shown.add_to(said);
    add_made(said, *made);
    said.emplace_back("checksum", checksum_text(made->checksum));
    context.out.print(said);
  }
  context.out.progress({});
  context.out.note(
    fmt::format("{}: {}; {}", path, made_text(*made), shown.summary()));
  return 0;
}

result<client::version_made>
change_version(verb_context& context, client::version_write what) {
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto path = what.path;
  what.timeout = context.transfer_timeout();
  auto made = (*files)->write_version(nullptr, std::move(what));
  if (!made)
    return explain_version(made.error(), context, path);
  return made;
}

result<std::uint64_t>
read_version_range(verb_context& context, const std::string& path,
                   version_number number, const get_range& range,
                   const std::shared_ptr<client::byte_sink>& to,
                   progress* shown) {
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto newest = number == version_number{};
  const auto view
    = (*files)->open_versions(path, context.transfer_timeout(), newest);
  if (!view)
    return explain_version(view.error(), context, path);
  const auto version = newest ? (*view)->newest() : (*view)->version(number);
  if (!version)
    return version.error();
  if (range.begin > version->bytes)
    return fail(ec::invalid_argument,
                fmt::format("offset {} is behind the end of {} ({})",
                            range.begin, path,
                            counted(version->bytes, "byte")));
  const auto left = version->bytes - range.begin;
  const auto wanted = std::min(left, range.length.value_or(left));
  if (shown != nullptr)
    shown->add_total(wanted);
  client::content_read what;
  what.version = *version;
  what.begin = range.begin;
  what.end = range.begin + wanted;
  what.progress = [shown](std::uint64_t bytes) {
    if (shown != nullptr)
      shown->add(bytes);
  };
  auto got = (*files)->read_version(*view, to, std::move(what));
  if (!got && got.error().code != ec::cancelled)
    return explain_version(got.error(), context, path);
  return got;
}

result<std::shared_ptr<client::version_view>>
open_versions(verb_context& context, const std::string& path) {
  const auto files = context.files();
  if (!files)
    return files.error();
  auto view = (*files)->open_versions(path, context.transfer_timeout());
  if (!view)
    return explain_version(view.error(), context, path);
  return view;
}

result<std::shared_ptr<client::byte_source>>
open_source(verb_context& context, const std::string& path) {
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto where = class_of(context, path);
  if (!where)
    return where.error();
  if (*where == msg::storage_class::versioned) {
    const auto view = open_versions(context, path);
    if (!view)
      return view.error();
    const auto version = (*view)->newest();
    if (!version)
      return version.error();
    return std::shared_ptr<client::byte_source>{
      std::make_shared<client::content_source>((*files)->versions(), *view,
                                               *version)};
  }
  const auto view = (*files)->open_file(path, context.transfer_timeout());
  if (!view)
    return view.error();
  const auto asked = (*files)->wait<nothing>(
    [&](auto then) { (*view)->find_end(std::move(then)); });
  if (!asked)
    return asked.error();
  return std::shared_ptr<client::byte_source>{
    std::make_shared<client::cluster_source>((*files)->session(), *view)};
}

void add_servers(record& to, verb_context& context, const std::string& path) {
  const auto files = context.files();
  if (!files)
    return;
  const auto found = (*files)->ask(msg::locate_file{path}, advice_patience);
  const auto list = (*files)->ask(msg::list_fileservers{}, advice_patience);
  if (!found || !list)
    return;
  auto stores = found->group.set.servers;
  std::stable_partition(stores.begin(), stores.end(),
                        [&](store_id x) { return x == found->group.primary; });
  std::vector<std::string> names;
  for (const auto store : stores) {
    const auto known
      = std::find_if(list->servers.begin(), list->servers.end(),
                     [&](const auto& x) { return x.store == store; });
    names.push_back(known == list->servers.end()
                      ? fmt::format("store {:x}", store.value())
                      : known->name);
  }
  const auto& rule = found->group.set.rule;
  to.emplace_back("replication", cell::unsigned_number(rule.copies));
  to.emplace_back("write", cell::unsigned_number(rule.write));
  to.emplace_back("read", cell::unsigned_number(rule.read));
  to.emplace_back("group",
                  cell::unsigned_number(found->group.set.group.value()));
  to.emplace_back("servers", cell::list(std::move(names)));
}

std::string_view version_kind_text(const msg::file_version& x) {
  switch (x.kind) {
    case msg::version_kind::content:
      return "content";
    case msg::version_kind::deleted:
      return "deleted";
    case msg::version_kind::closed:
      return "closed";
  }
  return "unknown";
}

std::optional<version_number>
restored_from(const client::version_view& view, const msg::file_version& x) {
  if (x.kind != msg::version_kind::content || x.content == x.put)
    return std::nullopt;
  for (const auto& each : view.versions())
    if (each.put == x.content)
      return each.number;
  return std::nullopt;
}

result<exit_code> restore_version(verb_context& context,
                                  const std::string& path,
                                  msg::file_version old) {
  const auto number = old.number.value();
  client::version_write what;
  what.path = path;
  what.restored = std::move(old);
  const auto made = change_version(context, std::move(what));
  if (!made)
    return made.error();
  if (context.out.how().json) {
    record said{{"path", path}, {"restored", cell::unsigned_number(number)}};
    add_made(said, *made);
    said.emplace_back("checksum", checksum_text(made->checksum));
    context.out.print(said);
  }
  context.out.note(
    fmt::format("{}: {}; as version {} was", path, made_text(*made), number));
  return 0;
}

result<exit_code>
restore_deleted(verb_context& context, const std::string& path) {
  const auto view = open_versions(context, path);
  if (!view)
    return view.error();
  const auto& all = (*view)->versions();
  if (all.empty() || all.front().kind != msg::version_kind::deleted)
    return fail(ec::invalid_argument,
                fmt::format("{} is not deleted; say which version: --version "
                            "V. Try: versions {}",
                            path, path));
  const auto last = std::find_if(all.begin(), all.end(), [](const auto& x) {
    return x.kind == msg::version_kind::content;
  });
  if (last == all.end())
    return fail(ec::not_found, path + ": no version with bytes is kept");
  return restore_version(context, path, *last);
}

std::string checksum_text(std::uint32_t x) {
  return fmt::format("{:08x}", x);
}

} // namespace dfs::admin
