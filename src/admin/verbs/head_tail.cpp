#include "admin/file_transfer.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"

#include <algorithm>
#include <limits>

namespace dfs::admin {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t lines_usual = 10;
constexpr auto any_number = std::numeric_limits<std::int64_t>::max();

/// Lines are looked for backwards in steps like this.
constexpr std::uint64_t step_back = 256 * 1024;

/// A growing file is asked for more so often.
constexpr auto follow_interval = 200ms;

struct part_options {
  std::string path;
  std::int64_t lines = -1;
  std::int64_t bytes = -1;
  bool follow = false;

  void declare(parameters& to) {
    to.positional("PATH", path, "of the file");
    to.number("--lines,-n", "COUNT", lines, 0, any_number,
              "so many lines [10]");
    to.number("--bytes,-c", "COUNT", bytes, 0, any_number, "so many bytes");
  }

  [[nodiscard]] result<nothing> check() const {
    if (lines >= 0 && bytes >= 0)
      return fail(ec::invalid_argument, "-n or -c, not both");
    return done;
  }

  [[nodiscard]] std::int64_t lines_wanted() const {
    return lines < 0 ? lines_usual : lines;
  }
};

/// Finds the end of the first lines.
struct line_counter final : client::byte_sink {
  void write(std::uint64_t offset, client::piece x,
             std::function<void(result<nothing>)> then) override {
    const auto bytes = x.bytes.view();
    for (std::size_t i = 0; i < bytes.size() && left > 0; ++i)
      if (bytes[i] == '\n' && --left == 0)
        end = offset + i + 1;
    if (left > 0)
      return then(done);
    then(fail(ec::cancelled, "enough")); // No need to read on.
  }

  std::int64_t left = 0;
  std::uint64_t end = 0;
};

result<exit_code> head(const part_options& x, verb_context& context) {
  get_range range;
  range.length = static_cast<std::uint64_t>(std::max<std::int64_t>(x.bytes, 0));
  if (x.bytes < 0 && x.lines_wanted() > 0) {
    auto counter = std::make_shared<line_counter>();
    counter->left = x.lines_wanted();
    const auto counted = read_range(context, x.path, {}, counter, nullptr);
    if (counter->end > 0)
      range.length = counter->end;
    else if (counted)
      range.length = std::nullopt; // There are not so many.
    else
      return explain_transfer(counted.error(), context, x.path);
  }
  const auto got = print_range(context, x.path, range);
  if (!got)
    return explain_transfer(got.error(), context, x.path);
  return 0;
}

struct text_keeper final : client::byte_sink {
  void write(std::uint64_t, client::piece x,
             std::function<void(result<nothing>)> then) override {
    text += x.bytes.view();
    then(done);
  }
  std::string text;
};

class tail_run {
public:
  tail_run(const part_options& x, verb_context& context,
           client::file_client& files)
    : options_{x},
      context_{context},
      files_{files} {
    // nop
  }

  result<exit_code> run() {
    const auto where = class_of(context_, options_.path);
    if (!where)
      return where.error();
    if (*where == msg::storage_class::versioned)
      return run_version();
    auto end = find_end();
    if (!end)
      return explain_transfer(end.error(), context_, options_.path);
    auto begin = options_.bytes >= 0
                   ? result<std::uint64_t>{*end - std::min(*end, bytes())}
                   : find_lines(*end);
    if (!begin)
      return explain_transfer(begin.error(), context_, options_.path);
    auto at = *begin;
    for (;;) {
      const auto got = print_range(context_, options_.path, {.begin = at});
      if (!got)
        return end_of_following(got.error());
      at += *got;
      if (!options_.follow)
        return 0;
      if (!context_.out.flush())
        return 1; // Nobody looks any more.
      if (const auto waited = wait(); !waited)
        return end_of_following(waited.error());
    }
  }

private:
  [[nodiscard]] std::uint64_t bytes() const {
    return static_cast<std::uint64_t>(options_.bytes);
  }

  /// A version does not change: its end is where it was.
  result<exit_code> run_version() {
    if (options_.follow)
      return fail(ec::unsupported,
                  options_.path
                    + " is replaced as a whole and never grows. Try: without "
                      "-f, or watch its versions");
    const auto view = open_versions(context_, options_.path);
    if (!view)
      return view.error();
    const auto newest = (*view)->newest();
    if (!newest)
      return newest.error();
    version_ = newest->number;
    const auto begin
      = options_.bytes >= 0
          ? result<std::uint64_t>{newest->bytes
                                  - std::min(newest->bytes, bytes())}
          : find_lines(newest->bytes);
    if (!begin)
      return explain_transfer(begin.error(), context_, options_.path);
    const auto got = print_range(context_, options_.path,
                                 {.begin = *begin, .version = version_});
    if (!got)
      return explain_transfer(got.error(), context_, options_.path);
    return 0;
  }

  result<nothing> wait() {
    return files_.wait<nothing>([&](auto then) {
      client::after(files_.io(), follow_interval,
                    [then = std::move(then)] { then(done); });
    });
  }

  /// Ctrl-C is how following ends.
  result<exit_code> end_of_following(const error& why) {
    if (options_.follow && why.code == ec::cancelled)
      return exit_status(ec::cancelled);
    return explain_transfer(why, context_, options_.path);
  }

  result<std::uint64_t> find_end() {
    view_ = nullptr;
    auto view = files_.open_file(options_.path, context_.transfer_timeout());
    if (!view)
      return view.error();
    view_ = *view;
    const auto asked = files_.wait<nothing>(
      [&](auto then) { view_->find_end(std::move(then)); });
    if (!asked)
      return asked.error();
    return view_->length();
  }

  /// Where the last lines begin.
  result<std::uint64_t> find_lines(std::uint64_t end) {
    auto wanted = options_.lines_wanted();
    if (wanted == 0)
      return end;
    for (auto at = end; at > 0;) {
      const auto from = at - std::min(at, step_back);
      auto kept = std::make_shared<text_keeper>();
      const auto got = read(from, at, kept);
      if (!got)
        return got.error();
      for (auto i = kept->text.size(); i > 0; --i) {
        // The newline at the very end ends the last line.
        const auto position = from + i - 1;
        if (kept->text[i - 1] == '\n' && position + 1 != end && --wanted == 0)
          return position + 1;
      }
      at = from;
    }
    return std::uint64_t{0};
  }

  result<std::uint64_t> read(std::uint64_t begin, std::uint64_t end,
                             const std::shared_ptr<client::byte_sink>& to) {
    if (version_ == version_number{})
      return files_.read_file(view_, to,
                              {.begin = begin, .end = end, .progress = {}});
    return read_range(
      context_, options_.path,
      {.begin = begin, .length = end - begin, .version = version_}, to,
      nullptr);
  }

  const part_options& options_;
  verb_context& context_;
  client::file_client& files_;
  std::shared_ptr<client::file_view> view_;
  version_number version_; ///< Of a versioned file.
};

} // namespace

verb head_verb() {
  return {"head",
          "Files",
          "Print the beginning of a file.",
          {"head /log", "head -n 3 /log", "head -c 512 /images/big.iso"},
          [](parameters& to) -> action {
            auto x = std::make_shared<part_options>();
            x->declare(to);
            return [x](verb_context& context) -> result<exit_code> {
              if (auto fine = x->check(); !fine)
                return fine.error();
              return head(*x, context);
            };
          }};
}

verb tail_verb() {
  return {"tail",
          "Files",
          "Print the end of a file; with -f also what is added later.",
          {"tail /log", "tail -n 100 -f /log", "tail -c 512 /log"},
          [](parameters& to) -> action {
            auto x = std::make_shared<part_options>();
            x->declare(to);
            to.flag("--follow,-f", x->follow,
                    "go on as the file grows; Ctrl-C ends");
            return [x](verb_context& context) -> result<exit_code> {
              if (auto fine = x->check(); !fine)
                return fine.error();
              const auto files = context.files();
              if (!files)
                return files.error();
              return tail_run{*x, context, **files}.run();
            };
          }};
}

} // namespace dfs::admin
