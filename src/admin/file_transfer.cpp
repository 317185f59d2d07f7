#include "admin/file_transfer.hpp"

#include "admin/ask.hpp"
#include "admin/change_outcome.hpp"
#include "admin/file_cells.hpp"
#include "admin/versioned_files.hpp"
#include "base/counted.hpp"
#include "messages/chunk_status_methods.hpp"

#include <fmt/format.h>

#include <utility>

#include <unistd.h>

namespace dfs::admin {

namespace {

/// Where files have better advice than other requests; empty: they have not.
std::string_view advice(ec code) {
  switch (code) {
    case ec::exists:
      return "--force, to replace it (the old one goes to the trash)";
    case ec::not_found:
      return "ls of the directory above";
    case ec::full:
      return "df, then rm and trash purge, or another server with room";
    case ec::too_few_servers:
    case ec::no_redundancy:
      return "status: enough chunkservers must be up; then again";
    case ec::lease_expired:
    case ec::stale:
    case ec::not_primary:
      return "again in a moment, or with a longer --timeout";
    case ec::integrity:
      return "fsck, and a backup or the source of the file";
    default:
      return {};
  }
}

/// Nobody answered in time: the master may know who is missing. Empty: it does
/// not, or is missing itself.
std::string what_is_wrong(verb_context& context) {
  constexpr std::chrono::milliseconds patience{1'000};
  const auto files = context.files();
  if (!files)
    return {};
  const auto status = (*files)->ask(msg::get_cluster_status{}, patience);
  if (!status)
    return {};
  std::string text;
  for (const auto& x : status->findings)
    if (x.error)
      text += (text.empty() ? "" : "; ") + x.text;
  return text;
}

} // namespace

error explain_transfer(error why, verb_context& context,
                       const std::string& what) {
  if (why.context.empty())
    why.context = to_string(why.code);
  if (!what.empty() && why.context.find(what) == std::string::npos)
    why.context = what + ": " + why.context;
  if (is_advised(why))
    return why;
  const auto tip = advice(why.code);
  if (why.code == ec::timed_out || why.code == ec::unavailable)
    if (const auto known = what_is_wrong(context); !known.empty()) {
      why.context += fmt::format("; the master says: {}. Try: status", known);
      return why;
    }
  if (tip.empty())
    return explain(std::move(why), context, context.first_request());
  why.context += fmt::format(". Try: {}", tip);
  return why;
}

std::string base_name(const std::string& path) {
  const auto end = path.find_last_not_of('/');
  if (end == std::string::npos)
    return {};
  const auto slash = path.rfind('/', end);
  const auto begin = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(begin, end + 1 - begin);
}

result<std::string> target_path(verb_context& context, const std::string& to,
                                const std::string& name) {
  if (!to.ends_with('/')) {
    const auto files = context.files();
    if (!files)
      return files.error();
    const auto there = (*files)->ask(msg::get_status{to});
    // What is wrong with a path, the change itself says better.
    if (!there && exit_status(there.error().code) > 2)
      return explain_transfer(of_a_change(there.error(), context), context, to);
    if (!there || there->kind != msg::entry_kind::directory)
      return to;
  }
  if (name.empty() || name == "-")
    return fail(ec::invalid_argument,
                fmt::format("{} is a directory, and {} has no name to have in "
                            "it. Try: {}",
                            to, name == "-" ? "standard input" : "this",
                            join_path(to, "NAME")));
  return join_path(to, name);
}

void put_options::declare(parameters& to, const std::string& from,
                          const std::string& directory) {
  to.flag("--recursive,-r", recursive,
          fmt::format("{} is a directory: all files in it, also to a {} that "
                      "is there",
                      from, directory));
  to.flag("--force,-f", force,
          "over an existing file, which goes to the trash; a versioned file "
          "gets a version more without it");
  to.flag("--parents,-p", parents, "make missing directories");
}

result<exit_code>
store_file(verb_context& context, std::shared_ptr<client::byte_source> source,
           const std::string& path, const put_options& how, record said) {
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto where = class_of(context, path);
  if (!where)
    return explain_transfer(of_a_change(where.error(), context), context, path);
  if (*where == msg::storage_class::versioned)
    return store_version(context, std::move(source), path, how.parents,
                         std::move(said));
  progress shown{context.out, path, source->length()};
  client::file_write what;
  what.path = path;
  what.force = how.force;
  what.parents = how.parents;
  what.resume = how.resume;
  what.timeout = context.transfer_timeout();
  what.request = context.next_request().value();
  what.repeats = context.options.request != request_id{};
  what.progress = [&](std::uint64_t bytes) { shown.add(bytes); };
  auto made = (*files)->write_file(std::move(source), std::move(what));
  if (!made && made.error().code == ec::cancelled && how.resume)
    made = fail(ec::cancelled, path
                                 + ": interrupted. Try: the same command, "
                                   "which goes on where this one ended");
  if (!made)
    return explain_transfer(made.error(), context, path);
  if (context.out.how().json) {
    said.emplace_back("path", made->path);
    shown.add_to(said);
    context.out.print(said);
  }
  context.out.progress({});
  context.out.note(fmt::format("{}: {}", made->path, shown.summary()));
  return 0;
}

result<std::uint64_t> read_range(verb_context& context, const std::string& path,
                                 const get_range& range,
                                 const std::shared_ptr<client::byte_sink>& to,
                                 progress* shown) {
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto where = class_of(context, path);
  if (!where)
    return where.error();
  if (*where == msg::storage_class::versioned)
    return read_version_range(context, path, range.version, range, to, shown);
  if (range.version != version_number{})
    return fail(ec::unsupported,
                path + " has no versions: its directory is for chunked files");
  auto view = (*files)->open_file(path, context.transfer_timeout(), range.raw);
  if (!view)
    return view.error();
  // Where it matters, the end of a file that grows is asked for first.
  if (range.begin > (*view)->length()) {
    const auto asked = (*files)->wait<nothing>(
      [&](auto then) { (*view)->find_end(std::move(then)); });
    if (!asked)
      return asked.error();
    if (range.begin > (*view)->length())
      return fail(ec::invalid_argument,
                  fmt::format("offset {} is behind the end of {} ({})",
                              range.begin, path,
                              counted((*view)->length(), "byte")));
  }
  const auto known
    = (*view)->length() - std::min(range.begin, (*view)->length());
  const auto wanted = std::min(known, range.length.value_or(known));
  if (shown != nullptr)
    shown->add_total(wanted);
  client::range_read what;
  what.begin = range.begin;
  if (range.length)
    what.end = range.begin + *range.length;
  what.progress = [shown](std::uint64_t bytes) {
    if (shown != nullptr)
      shown->add(bytes);
  };
  auto got = (*files)->read_file(*view, to, std::move(what));
  if (got && *got < wanted)
    return fail(ec::integrity,
                fmt::format("{} ends after {}, and should have {}", path,
                            counted(*got, "byte"), wanted));
  return got;
}

result<std::uint64_t> print_range(verb_context& context,
                                  const std::string& path,
                                  const get_range& range) {
  const auto files = context.files();
  if (!files)
    return files.error();
  // Inside a test the output is a string, and there is no descriptor.
  struct text_sink final : client::byte_sink {
    explicit text_sink(output& to) : out{to} {
      // nop
    }
    void write(std::uint64_t, client::piece bytes,
               std::function<void(result<nothing>)> then) override {
      out.raw(bytes.bytes.view());
      then(done);
    }
    output& out;
  };
  std::shared_ptr<client::byte_sink> sink;
  if (context.around.out != nullptr)
    sink = std::make_shared<text_sink>(context.out);
  else if (context.out.flush())
    sink = client::local_sink::to_stream(STDOUT_FILENO, "standard output",
                                         (*files)->disk());
  else
    return fail(ec::io_error, "cannot write standard output");
  return read_range(context, path, range, sink, nullptr);
}

result<nothing> side_by_side::wait_until_at_most(std::size_t open) {
  client_.run_until(
    [&] { return open_.size() <= open || client_.interrupted(); });
  if (!client_.interrupted())
    return done;
  const auto all = open_; // Cancelling ends, and so changes it.
  for (const auto& [number, cancel] : all)
    cancel();
  client_.run_until([&] { return open_.empty(); });
  return fail(ec::cancelled, "interrupted");
}

result<nothing>
side_by_side::begin(const std::function<std::function<void()>(ended)>& start) {
  auto room = wait_until_at_most(at_once - 1);
  if (!room)
    return room;
  const auto number = next_++;
  open_[number] = [] {};
  auto cancel = start([this, number](const auto&) { open_.erase(number); });
  if (const auto found = open_.find(number); found != open_.end())
    found->second = std::move(cancel);
  return done;
}

result<nothing> side_by_side::finish() {
  return wait_until_at_most(0);
}

} // namespace dfs::admin
