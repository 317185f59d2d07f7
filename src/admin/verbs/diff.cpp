#include "admin/text_diff.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"
#include "base/utc_time.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace dfs::admin {

namespace {

constexpr auto any_version = std::numeric_limits<std::int64_t>::max();

/// Nobody reads the differences of more.
constexpr std::uint64_t bytes_max = 32 * 1024 * 1024;

/// As `diff` ends when there are differences.
constexpr exit_code differ = 1;

struct diff_options {
  std::string path;
  std::int64_t before = 0;
  std::int64_t after = 0;
};

struct text_keeper final : client::byte_sink {
  void write(std::uint64_t, client::piece x,
             std::function<void(result<nothing>)> then) override {
    text += x.bytes.view();
    then(done);
  }
  std::string text;
};

std::string title(const std::string& path, const msg::file_version& x) {
  return fmt::format(
    "{}\tversion {}, {}", path, x.number.value(),
    utc_text(unix_milliseconds{std::chrono::milliseconds{x.time_ms}}));
}

result<std::string> read(verb_context& context, client::file_client& files,
                         const std::shared_ptr<client::version_view>& view,
                         const msg::file_version& x) {
  auto kept = std::make_shared<text_keeper>();
  client::content_read what;
  what.version = x;
  const auto got = files.read_version(view, kept, std::move(what));
  if (!got)
    return explain_version(got.error(), context, view->path());
  return std::move(kept->text);
}

/// What there is to say of two versions.
struct comparison {
  bool equal = true;
  bool text = true;  ///< They have lines to compare.
  std::string lines; ///< Unified; of texts that differ.
};

result<comparison> compare(verb_context& context, client::file_client& files,
                           const std::shared_ptr<client::version_view>& view,
                           const msg::file_version& before,
                           const msg::file_version& after) {
  if (before.content == after.content)
    return comparison{};
  const auto large = std::max(before.bytes, after.bytes) > bytes_max;
  if (large && before.bytes == after.bytes && before.checksum == after.checksum)
    return fail(ec::unsupported,
                fmt::format("versions of more than {} with equal checksums are "
                            "not compared. Try: get --version, then cmp",
                            bytes_text(bytes_max)));
  if (large)
    return comparison{.equal = false, .text = false, .lines = {}};
  const auto old_text = read(context, files, view, before);
  if (!old_text)
    return old_text.error();
  const auto new_text = read(context, files, view, after);
  if (!new_text)
    return new_text.error();
  if (*old_text == *new_text)
    return comparison{};
  if (is_binary(*old_text) || is_binary(*new_text))
    return comparison{.equal = false, .text = false, .lines = {}};
  return comparison{.equal = false,
                    .text = true,
                    .lines = unified_diff(*old_text, *new_text,
                                          title(view->path(), before),
                                          title(view->path(), after))};
}

void print(verb_context& context, const diff_options& x,
           const comparison& found) {
  if (context.out.how().json)
    return context.out.print(record{
      {"path", x.path},
      {"before", cell::number(x.before)},
      {"after", cell::number(x.after)},
      {"equal", cell::boolean(found.equal)},
      {"diff", found.lines.empty() ? cell::nothing() : cell{found.lines}}});
  if (!found.equal && !found.text)
    context.out.say(fmt::format("binary files differ: versions {} and {} of {}",
                                x.before, x.after, x.path));
  context.out.raw(found.lines);
}

result<exit_code> run(const diff_options& x, verb_context& context) {
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto view = open_versions(context, x.path);
  if (!view)
    return view.error();
  const auto before
    = (*view)->version(version_number{static_cast<std::uint64_t>(x.before)});
  if (!before)
    return before.error();
  const auto after
    = (*view)->version(version_number{static_cast<std::uint64_t>(x.after)});
  if (!after)
    return after.error();
  const auto found = compare(context, **files, *view, *before, *after);
  if (!found)
    return found.error();
  print(context, x, *found);
  return found->equal ? 0 : differ;
}

} // namespace

verb diff_verb() {
  return {"diff",
          "Files",
          "Compare two versions of a file: exit 0 if they are equal, 1 if not.",
          {"diff /docs/plan.txt 3 7"},
          [](parameters& to) -> action {
            auto x = std::make_shared<diff_options>();
            to.positional("PATH", x->path, "of a versioned file");
            to.number("V1", "", x->before, 1, any_version, "the older version")
              .required()
              .fallback.clear();
            to.number("V2", "", x->after, 1, any_version, "the newer version")
              .required()
              .fallback.clear();
            return [x](verb_context& context) { return run(*x, context); };
          }};
}

} // namespace dfs::admin
