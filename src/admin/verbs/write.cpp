#include "admin/change_outcome.hpp"
#include "admin/file_transfer.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"
#include "client/range_writer.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace dfs::admin {

namespace {

struct write_options {
  std::string path;
  std::string local = "-";
  std::int64_t offset = -1;
};

error failure(const write_options& x, error why,
              const client::range_writer& writer, verb_context& context) {
  change_progress so_far;
  so_far.repeats = !context.options.request_name.empty();
  if (const auto name = writer.name()) {
    so_far.done = name->done;
    so_far.name = to_string(*name);
  }
  why = explain_change(std::move(why), so_far);
  // Who is interrupted says by itself how far it came.
  return explain_transfer(std::move(why), context, x.path);
}

/// What the command is to be repeated under, if it is.
result<std::optional<client::write_name>>
earlier_try(const verb_context& context) {
  const auto& text = context.options.request_name;
  if (text.empty())
    return std::optional<client::write_name>{};
  const auto name = client::parse_write_name(text);
  if (!name)
    return name.error();
  return std::optional{*name};
}

result<exit_code> write(const write_options& x, verb_context& context) {
  if (x.offset < 0)
    return fail(
      ec::invalid_argument,
      "--offset is missing: where to write. Try: append, for the end");
  const auto earlier = earlier_try(context);
  if (!earlier)
    return earlier.error();
  const auto files = context.files();
  if (!files)
    return files.error();
  auto source = client::local_source::open(x.local, (*files)->disk());
  if (!source)
    return source.error();
  progress shown{context.out, x.path, (*source)->length()};
  client::range_write what;
  what.path = x.path;
  what.offset = static_cast<std::uint64_t>(x.offset);
  what.timeout = context.transfer_timeout();
  what.earlier = *earlier;
  what.progress = [&](std::uint64_t bytes) { shown.add(bytes); };
  auto writer = std::make_shared<client::range_writer>(
    (*files)->session(), *source, std::move(what));
  const auto written = (*files)->wait<std::uint64_t>(
    [&](auto then) { writer->start(std::move(then)); },
    [writer] { writer->cancel(); });
  if (!written)
    return failure(x, written.error(), *writer, context);
  if (context.out.how().json) {
    record said{
      {"path", x.path},
      {"offset", cell::unsigned_number(static_cast<std::uint64_t>(x.offset))}};
    shown.add_to(said);
    context.out.print(said);
  }
  context.out.progress({});
  context.out.note(
    fmt::format("{} at {}: {}", x.path, x.offset, shown.summary()));
  return 0;
}

} // namespace

verb write_verb() {
  return {"write",
          "Files",
          "Write over a stretch of a file, and beyond its end.",
          {"write --offset 4096 /f patch.bin",
           "printf XYZ | dfsnode write --offset 0 /f"},
          [](parameters& to) -> action {
            auto x = std::make_shared<write_options>();
            to.positional("PATH", x->path, "of the file");
            to.positional("LOCAL", x->local,
                          "what to write; left out: standard input")
              .optional()
              .file();
            to.number("--offset", "BYTES", x->offset, 0,
                      std::numeric_limits<std::int64_t>::max(),
                      "where, at most the length of the file");
            return [x](verb_context& context) { return write(*x, context); };
          },
          true};
}

} // namespace dfs::admin
