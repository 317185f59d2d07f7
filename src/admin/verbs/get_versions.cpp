#include "admin/file_cells.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"
#include "base/utc_time.hpp"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

namespace dfs::admin {

namespace {

struct get_versions_options {
  std::string path;
  std::string count;
  std::string local;
  bool joined = false;
};

/// SPEC V1.
result<std::size_t> parse_count(const std::string& text) {
  if (text.size() == 1 && text[0] >= '1' && text[0] <= '5')
    return static_cast<std::size_t>(text[0] - '0');
  return fail(ec::invalid_argument,
              fmt::format("COUNT is '{}', and must be 1 to 5: the last five "
                          "versions are kept",
                          text.substr(0, 20)));
}

using sink = std::shared_ptr<client::local_sink>;

/// What follows what was written already.
class joined_sink final : public client::byte_sink {
public:
  joined_sink(sink to, std::uint64_t begin)
    : to_{std::move(to)},
      begin_{begin} {
    // nop
  }
  void write(std::uint64_t offset, client::piece bytes,
             std::function<void(result<nothing>)> then) override {
    to_->write(begin_ + offset, std::move(bytes), std::move(then));
  }

private:
  sink to_;
  std::uint64_t begin_;
};

/// One run of the verb.
class version_fetcher {
public:
  version_fetcher(const get_versions_options& x, verb_context& context,
                  client::file_client& files)
    : options_{x},
      context_{context},
      files_{files} {
    // nop
  }

  result<exit_code> run(std::size_t count) {
    auto view = open_versions(context_, options_.path);
    if (!view)
      return view.error();
    view_ = *view;
    for (const auto& x : view_->versions())
      if (x.kind == msg::version_kind::content && wanted_.size() < count)
        wanted_.push_back(x);
    if (wanted_.empty())
      return view_->newest().error();
    local_
      = std::filesystem::is_directory(options_.local)
          ? (std::filesystem::path{options_.local} / base_name(options_.path))
              .string()
          : options_.local;
    for (const auto& x : wanted_)
      shown_.add_total(x.bytes);
    auto got = options_.joined ? get_joined() : get_each();
    if (!got)
      return got.error();
    return report();
  }

private:
  [[nodiscard]] std::string name_of(const msg::file_version& x) const {
    return options_.joined ? local_
                           : fmt::format("{}.v{}", local_, x.number.value());
  }

  /// All of a version, checked.
  result<std::uint64_t> read(const msg::file_version& x,
                             const std::shared_ptr<client::byte_sink>& to) {
    client::content_read what;
    what.version = x;
    what.progress = [this](std::uint64_t bytes) { shown_.add(bytes); };
    auto got = files_.read_version(view_, to, std::move(what));
    if (!got)
      return explain_version(got.error(), context_, options_.path);
    return got;
  }

  /// Under temporary names until all are there.
  result<nothing> get_each() {
    std::vector<sink> sinks;
    for (const auto& x : wanted_) {
      auto to = client::local_sink::create(name_of(x), files_.disk());
      if (!to)
        return to.error();
      sinks.push_back(*to);
      if (auto got = read(x, *to); !got)
        return got.error();
    }
    for (const auto& to : sinks)
      if (auto kept = commit(to); !kept)
        return kept;
    return done;
  }

  result<nothing> commit(const sink& to) {
    return files_.wait<nothing>(
      [&](auto then) { to->commit(true, std::move(then)); });
  }

  result<nothing> get_joined() {
    auto to = options_.local == "-"
                ? result<sink>{nullptr}
                : client::local_sink::create(local_, files_.disk());
    if (!to)
      return to.error();
    if (!*to)
      return fail(ec::invalid_argument,
                  "--joined makes a file: name one, not -");
    std::uint64_t at = 0;
    for (const auto& x : wanted_) {
      const auto title = fmt::format(
        "==== {} version {}, {}, {} bytes, crc32c {} ====\n", options_.path,
        x.number.value(),
        utc_text(unix_milliseconds{std::chrono::milliseconds{x.time_ms}}),
        x.bytes, checksum_text(x.checksum));
      if (auto put = write(*to, at, title); !put)
        return put;
      at += title.size();
      auto got = read(x, std::make_shared<joined_sink>(*to, at));
      if (!got)
        return got.error();
      at += *got;
      if (auto put = write(*to, at, "\n"); !put)
        return put;
      ++at;
    }
    return commit(*to);
  }

  result<nothing>
  write(const sink& to, std::uint64_t at, const std::string& text) {
    auto buffer = files_.versions().buffers->take(text.size());
    std::memcpy(buffer.data(), text.data(), text.size());
    return files_.wait<nothing>([&](auto then) {
      to->write(at, client::piece{buffer, {}, nullptr}, std::move(then));
    });
  }

  result<exit_code> report() {
    context_.out.progress({});
    table rows{{"version", "bytes", "time", "checksum", "local"}, {}};
    for (const auto& x : wanted_)
      rows.rows.push_back({cell::unsigned_number(x.number.value()),
                           cell::unsigned_number(x.bytes),
                           time_cell(std::chrono::milliseconds{x.time_ms}),
                           checksum_text(x.checksum), name_of(x)});
    context_.out.print(rows);
    return 0;
  }

  const get_versions_options& options_;
  verb_context& context_;
  client::file_client& files_;
  std::shared_ptr<client::version_view> view_;
  std::vector<msg::file_version> wanted_;
  std::string local_;
  progress shown_{context_.out, options_.path, std::nullopt};
};

result<exit_code> run(const get_versions_options& x, verb_context& context) {
  const auto count = parse_count(x.count);
  if (!count)
    return count.error();
  if (x.local.empty())
    return fail(ec::invalid_argument, "LOCAL is empty: name a file");
  const auto files = context.files();
  if (!files)
    return files.error();
  return version_fetcher{x, context, **files}.run(*count);
}

} // namespace

verb get_versions_verb() {
  return {"get-versions",
          "Files",
          "Bring the last versions of a file, the newest first.",
          {"get-versions /docs/plan.txt 5 plan",
           "get-versions --joined /docs/plan.txt 3 history.txt"},
          [](parameters& to) -> action {
            auto x = std::make_shared<get_versions_options>();
            to.positional("PATH", x->path, "of a versioned file");
            to.positional("COUNT", x->count, "how many, 1 to 5");
            to.positional("LOCAL", x->local,
                          "where to: LOCAL.v7, LOCAL.v6, …; a directory: under "
                          "the same name in it")
              .file();
            to.flag("--joined", x->joined,
                    "all in one file, LOCAL, each below a line that names "
                    "version, time and size");
            return [x](verb_context& context) { return run(*x, context); };
          }};
}

} // namespace dfs::admin
