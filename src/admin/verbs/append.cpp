#include "admin/file_transfer.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"
#include "client/file_appender.hpp"
#include "wire/record.hpp"

#include <fmt/format.h>

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
};

/// Cuts the input into appends, and waits for them.
class append_run {
public:
  append_run(const append_options& x, verb_context& context,
             client::file_client& files)
    : options_{x},
      context_{context},
      files_{files},
      target_{std::make_shared<client::file_appender>(
        files.session(), x.path, context.transfer_timeout())},
      shown_{context.out, x.path, std::nullopt} {
    // nop
  }

  result<exit_code> run() {
    auto source = client::local_source::open(options_.local, files_.disk());
    if (!source)
      return source.error();
    if (auto opened = open(); !opened)
      return explain_transfer(opened.error(), context_, options_.path);
    auto all = read(**source);
    if (all && !failure_)
      all = make_if_missing(); // Nothing was appended: as `>>` does.
    files_.run_until(
      [&] { return open_ == 0 || failure_ || files_.interrupted(); });
    target_->cancel(); // It must not call back any more.
    if (all && files_.interrupted())
      all = fail(ec::cancelled, "interrupted");
    if (failure_)
      all = *failure_;
    if (!all)
      return explain_transfer(failure(all.error()), context_, options_.path);
    return report();
  }

private:
  [[nodiscard]] error failure(error why) const {
    if (done_ > 0)
      why.context += fmt::format(" (after {})", counted(done_, "append"));
    // Another command is another append.
    if (why.code == ec::outcome_unknown)
      why.context += fmt::format(". Try: tail {}, to see whether it is there",
                                 options_.path);
    return why;
  }

  result<nothing> open() {
    auto opened = try_open();
    if (opened || opened.error().code != ec::not_found)
      return opened;
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
    if (const auto made = files_.ask(create); !made)
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
      } else if (!ended && (options_.record || length < longest())) {
        break;
      } else if (!options_.record) {
        length = std::min(length, longest());
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
      fmt::format("a record is longer than {} bytes, a quarter of a chunk or "
                  "what one message takes. Try: it without --record, or "
                  "--lines",
                  longest()
                    - (options_.record ? wire::record_header_size : 0)));
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
  std::shared_ptr<client::file_appender> target_;
  progress shown_;
  bool missing_ = false;         ///< There is no such file yet.
  std::uint32_t chunk_size_ = 0; ///< Of one that is missing.
  std::uint64_t records_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t open_ = 0;
  std::optional<error> failure_;
};

} // namespace

verb append_verb() {
  return {
    "append",
    "Files",
    "Add to the end of a file, each piece whole and exactly once.",
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
      return [x](verb_context& context) -> result<exit_code> {
        const auto files = context.files();
        if (!files)
          return files.error();
        return append_run{*x, context, **files}.run();
      };
    }};
}

} // namespace dfs::admin
