#include "admin/change_outcome.hpp"
#include "admin/file_transfer.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"
#include "client/file_appender.hpp"
#include "wire/record.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace dfs::admin {

namespace {

/// Read ahead of what is appended.
constexpr std::size_t queue_max = 4 * 1024 * 1024;

struct append_options {
  std::string path;
  std::string local = "-";
  bool record = false;
  bool lines = false;
  bool pieces = false;
};

/// Cuts the input into appends, and waits for them.
class append_run {
public:
  append_run(const append_options& x, verb_context& context,
             client::file_client& files,
             const std::optional<client::append_name>& earlier)
    : options_{x},
      context_{context},
      files_{files},
      repeats_{earlier.has_value()},
      target_{std::make_shared<client::file_appender>(
        files.session(), x.path, context.transfer_timeout(), earlier)},
      shown_{context.out, x.path, std::nullopt} {
    // nop
  }

  result<exit_code> run() {
    auto source = client::local_source::open(options_.local, files_.disk());
    if (!source)
      return source.error();
    if (auto opened = open(); !opened)
      return failure(opened.error());
    auto all = read(**source);
    if (all && !failure_)
      all = make_if_missing(); // Nothing was appended: as `>>` does.
    if (all && !failure_)
      all = end_of_input();
    files_.run_until(
      [&] { return open_ == 0 || failure_ || files_.interrupted(); });
    target_->cancel(); // It must not call back any more.
    if (all && files_.interrupted())
      all = fail(ec::cancelled, "interrupted");
    if (failure_)
      all = *failure_;
    if (!all)
      return failure(all.error());
    return report();
  }

private:
  [[nodiscard]] error failure(error why) {
    change_progress so_far;
    so_far.done = done_;
    so_far.text = fmt::format("after {}", counted(done_, "append"));
    so_far.repeats = repeats_;
    if (repeats_)
      so_far.name = context_.options.request_name;
    if (const auto name = target_->name())
      so_far.name = to_string(*name);
    return explain_transfer(explain_change(std::move(why), so_far), context_,
                            options_.path);
  }

  result<nothing> end_of_input() {
    return files_.wait<nothing>(
      [&](auto then) { target_->flush(std::move(then)); });
  }

  result<nothing> open() {
    auto opened = try_open();
    if (opened || opened.error().code != ec::not_found)
      return opened;
    if (repeats_)
      return fail(ec::outcome_unknown,
                  "the file is gone, and what became of the first try cannot "
                  "be told any more");
    // A file that is missing is made with the first append, and no empty one is
    // left when there is none. Whether it can be made is asked now.
    msg::allocate_chunks could;
    could.path = options_.path;
    const auto new_chunk = files_.ask(could);
    if (!new_chunk && new_chunk.error().code == ec::exists)
      return try_open(); // Somebody else has made it meanwhile.
    if (!new_chunk)
      return new_chunk.error();
    missing_ = true;
    chunk_size_ = new_chunk->chunk_size;
    return done;
  }

  result<nothing> make_if_missing() {
    if (!std::exchange(missing_, false))
      return done;
    msg::create_file create;
    create.request = context_.next_request().value();
    create.path = options_.path;
    const auto made = files_.ask(create);
    if (!made && made.error().code == ec::outcome_unknown)
      return fail(ec::timed_out,
                  "nothing was appended, but an empty file may have been made: "
                    + without_advice(made.error().context));
    if (!made)
      return made.error();
    return try_open();
  }

  [[nodiscard]] std::size_t longest() const {
    return missing_ ? client::file_appender::longest_in(chunk_size_)
                    : target_->longest();
  }

  result<nothing> try_open() {
    return files_.wait<nothing>(
      [&](auto then) { target_->open(std::move(then)); });
  }

  result<nothing> read(client::local_source& from) {
    auto buffer = files_.session().buffers->take(64 * 1024);
    std::string held;
    for (std::uint64_t offset = 0; !failure_;) {
      const auto got = files_.wait<net::data_buffer>(
        [&](auto then) { from.read_some(offset, buffer, std::move(then)); });
      if (!got)
        return got.error();
      offset += got->size();
      held += got->view();
      const auto ended = got->empty();
      if (auto cut = cut_off(held, ended); !cut)
        return cut;
      if (ended)
        return done;
      files_.run_until([&] {
        return target_->queued_bytes() < queue_max || failure_
               || files_.interrupted();
      });
    }
    return done;
  }

  /// Appends what is complete, and takes it from `held`.
  result<nothing> cut_off(std::string& held, bool ended) {
    std::size_t at = 0;
    for (;;) {
      const auto left = std::string_view{held}.substr(at);
      auto length = left.size();
      if (options_.lines) {
        const auto newline = left.find('\n');
        if (newline == std::string_view::npos && !ended)
          break;
        length = newline == std::string_view::npos ? length : newline + 1;
      } else if (options_.pieces) {
        if (!ended && length < longest())
          break;
        length = std::min(length, longest());
      } else if (!ended) {
        break; // All of it, or nothing.
      }
      if (length == 0)
        break;
      if (auto begun = begin(left.substr(0, length)); !begun)
        return begun;
      at += length;
    }
    held.erase(0, at);
    if (held.size() > longest())
      return too_long();
    return done;
  }

  result<nothing> begin(std::string_view bytes) {
    std::string text;
    if (options_.record) {
      // The newline ends the line, it is no part of the record.
      if (options_.lines && bytes.ends_with('\n'))
        bytes.remove_suffix(1);
      if (bytes.size() + wire::record_header_size > longest())
        return too_long();
      wire::append_record(text, {target_->writer(), ++records_}, bytes);
    } else {
      text = bytes;
    }
    if (text.size() > longest())
      return too_long();
    if (auto made = make_if_missing(); !made)
      return made;
    ++open_;
    const auto size = text.size();
    target_->append(std::move(text), [this, size](const auto& x) {
      --open_;
      if (!x && !failure_)
        failure_ = x.error();
      if (x) {
        ++done_;
        shown_.add(size);
      }
    });
    return done;
  }

  // How long it is nobody knows yet: not all of it has been read.
  [[nodiscard]] error too_long() const {
    return fail(
      ec::invalid_argument,
      fmt::format(
        "{} is longer than {} bytes, a quarter of a chunk or what one message "
        "takes; it would not stay in one piece. Try: {}",
        options_.lines    ? "a line"
        : options_.record ? "a record"
                          : "an append",
        longest() - (options_.record ? wire::record_header_size : 0),
        options_.lines || options_.record
          ? "it without --lines and --record, with --pieces"
          : "--lines, each line by itself; or --pieces, between which others' "
            "appends may come; or put"));
  }

  result<exit_code> report() {
    if (context_.out.how().json) {
      record said{{"path", options_.path},
                  {"appends", cell::unsigned_number(done_)}};
      shown_.add_to(said);
      context_.out.print(said);
    }
    context_.out.progress({});
    context_.out.note(fmt::format("{}: {}, {}", options_.path,
                                  counted(done_, "append"), shown_.summary()));
    return 0;
  }

  const append_options& options_;
  verb_context& context_;
  client::file_client& files_;
  bool repeats_; ///< An earlier try of the same command.
  std::shared_ptr<client::file_appender> target_;
  progress shown_;
  bool missing_ = false;         ///< There is no such file yet.
  std::uint32_t chunk_size_ = 0; ///< Of one that is missing.
  std::uint64_t records_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t open_ = 0;
  std::optional<error> failure_;
};

result<exit_code> append(const append_options& x, verb_context& context) {
  if (x.pieces && (x.lines || x.record))
    return fail(ec::invalid_argument,
                "--pieces cuts where it must, --lines and --record do not. "
                "Try: one of them");
  std::optional<client::append_name> earlier;
  if (const auto& text = context.options.request_name; !text.empty()) {
    const auto name = client::parse_append_name(text);
    if (!name)
      return name.error();
    earlier = *name;
  }
  const auto files = context.files();
  if (!files)
    return files.error();
  return append_run{x, context, **files, earlier}.run();
}

} // namespace

verb append_verb() {
  return {
    "append",
    "Files",
    "Add to the end of a file, whole, in one piece, and exactly once.",
    {"append /log message.txt", "tail -f app.log | dfsnode append --lines /log",
     "echo hello | dfsnode append --record /events"},
    [](parameters& to) -> action {
      auto x = std::make_shared<append_options>();
      to.positional("PATH", x->path, "of the file; made if it is missing");
      to.positional("LOCAL", x->local,
                    "what to append; left out: standard input")
        .optional()
        .file();
      to.flag(
        "--record", x->record,
        "as a record, which `records` finds again; with --lines each line "
        "is one");
      to.flag("--lines", x->lines, "each line is appended by itself");
      to.flag("--pieces", x->pieces,
              "more than fits into one append too: in pieces, between which "
              "others' may come");
      return [x](verb_context& context) { return append(*x, context); };
    },
    true};
}

} // namespace dfs::admin
