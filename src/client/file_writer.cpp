#include "client/file_writer.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "client/master_session.hpp"
#include "core/filetree/request_check.hpp"
#include "net/frame_client.hpp"
#include "wire/seal_crypto.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// What the master takes in one message (messages/upload.hpp).
constexpr std::size_t chunks_per_message_max = 16;

/// Nobody waits long for an upload to be dropped: it is, after
/// `chunks.upload_life`.
constexpr auto abort_patience = 1'000ms;

constexpr int renewals_max = 5;

/// Or an earlier try may have been done, and a later one was refused: as long
/// as the upload is not finished, that is as good as not done.
bool refuses_grants(ec code) {
  return code == ec::stale || code == ec::outcome_unknown;
}

/// Of a command that is repeated: whether it was done the first time.
bool says_nothing(ec code) {
  return is_of_this_try(code) || is_passing(code) || code == ec::not_leader;
}

std::uint64_t new_number() {
  return net::random_request_id().value();
}

/// The number of a put within a command's: for the same put the same, and
/// another one for another file or a source that has changed, so that the
/// command is not told that they were stored (SPEC S11).
std::uint64_t number_in(const file_write& what, const byte_source& source) {
  // Who chooses a file's name or content cannot make two numbers equal.
  wire::hmac_sha256 hash{"dfsnode: put"};
  const auto digest = hash(
    fmt::format("{} {} {} {} {}{}", what.request, what.force, what.parents,
                what.path.size(), what.path, source.fingerprint()));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i)
    number = number << 8 | digest[i];
  return number == 0 ? 1 : number; // Zero is no number.
}

} // namespace

file_writer::file_writer(file_session& session,
                         std::shared_ptr<byte_source> source, file_write what)
  : session_{session},
    source_{std::move(source)},
    what_{std::move(what)},
    patience_{what_.timeout},
    length_{source_->length()} {
  // nop
}

void file_writer::start(std::function<void(result<msg::file_status>)> then) {
  DFS_ASSERT(!then_);
  then_ = std::move(then);
  if (what_.request == 0) {
    what_.request = new_number();
    return begin();
  }
  what_.request = number_in(what_, *source_);
  if (what_.repeats)
    return ask_whether_done();
  begin();
}

/// In one request or in many: a commit that was done is not written again. (A
/// master of an older build knows no such question: its commit answers for
/// itself.)
void file_writer::ask_whether_done() {
  session_.master.ask<msg::finish_upload>(
    {.request = what_.request, .upload = core::any_upload}, patience_.left(),
    [self = shared_from_this()](auto reply) {
      if (!self->then_)
        return;
      if (reply)
        return self->committed(*std::move(reply));
      const auto& why = reply.error();
      if (why.code == ec::not_found || why.code == ec::invalid_argument)
        self->begin();
      else if (says_nothing(why.code))
        self->stop_with(fail(ec::outcome_unknown, why.context));
      else
        self->stop_with(why);
    });
}

void file_writer::begin() {
  if (length_ == 0u)
    return verify_and_finish();
  session_.grants->take({.path = what_.path,
                         .force = what_.force,
                         .parents = what_.parents,
                         .request = what_.request},
                        patience_, [self = shared_from_this()](auto made) {
                          if (!self->then_)
                            return;
                          if (made)
                            self->first_chunk(*std::move(made));
                          else
                            self->stop_with(made.error());
                        });
}

/// A request to the master, repeated while it may help (I3).
template <class Request>
void file_writer::ask(
  Request request,
  void (file_writer::*then)(typename msg::method<Request>::reply)) {
  session_.master.ask<Request>(std::move(request), patience_.left(),
                               [self = shared_from_this(), then](auto reply) {
                                 if (!self->then_)
                                   return;
                                 self->opening_ = false;
                                 if (!reply)
                                   return self->stop_with(reply.error());
                                 self->patience_.progress();
                                 ((*self).*then)(*std::move(reply));
                               });
}

void file_writer::first_chunk(new_chunk made) {
  chunk_size_ = made.grant.chunk_size;
  replication_ = made.replication;
  spare_ = std::move(made.grant);
  if (!source_->rewinds())
    stream_ = std::make_shared<stream_feed>(session_, source_);
  if (stream_ || *length_ <= chunk_size_)
    return advance();
  if (!what_.resume || source_->fingerprint().empty())
    return begin_upload();
  session_.master.ask<msg::find_upload>(
    {.path = what_.path}, patience_.left(),
    [self = shared_from_this()](const auto& found) {
      if (self->then_)
        self->looked_for_upload(found);
    });
}

void file_writer::looked_for_upload(const result<msg::upload_status>& found) {
  if (!found && found.error().code != ec::not_found)
    return stop_with(found.error());
  const auto same = found && found->source == source_->fingerprint()
                    && found->length == offset_of(found->chunks)
                    && found->length <= *length_;
  if (!same)
    return begin_upload();
  next_ = found->chunks;
  extended_ = found->chunks;
  if (what_.progress && found->length > 0)
    what_.progress(found->length);
  upload_open(*found);
}

void file_writer::begin_upload() {
  opening_ = true;
  ask(msg::begin_upload{.request = new_number(),
                        .path = what_.path,
                        .force = what_.force,
                        .parents = what_.parents,
                        .replication = 0,
                        .source = source_->fingerprint()},
      &file_writer::upload_open);
}

void file_writer::upload_open(msg::upload_status status) {
  DFS_CRASH_POINT("client.upload_open");
  upload_ = std::move(status);
  if (stopped_)
    return stop_with(*stopped_);
  advance();
}

std::uint64_t file_writer::offset_of(std::uint32_t index) const {
  return std::uint64_t{index} * chunk_size_;
}

bool file_writer::source_is_through() const {
  return stream_ ? stream_->ended() : offset_of(next_) >= *length_;
}

bool file_writer::is_large() const {
  return stream_ ? stream_->bytes_read() > chunk_size_ : *length_ > chunk_size_;
}

bool file_writer::may_start_another() const {
  if (source_is_through() || active_ >= what_.chunks_at_once)
    return false;
  if (stream_)
    return !streaming_;
  return !is_large() || upload_;
}

void file_writer::advance() {
  if (!then_ || finishing_)
    return;
  while (may_start_another())
    start_chunk(next_++);
  if (is_large() && !upload_ && !opening_)
    begin_upload();
  if (upload_)
    extend();
  if (!then_ || active_ > 0 || !source_is_through())
    return;
  if (!is_large() || (upload_ && chunks_.empty()))
    verify_and_finish();
}

void file_writer::start_chunk(std::uint32_t index) {
  ++active_;
  streaming_ = true;
  if (spare_) {
    auto grant = *std::exchange(spare_, std::nullopt);
    return granted(index, std::move(grant));
  }
  session_.grants->take(replication_, patience_,
                        [self = shared_from_this(), index](auto made) {
                          if (!self->then_)
                            return;
                          if (made)
                            self->granted(index, std::move(made->grant));
                          else
                            self->stop_with(made.error());
                        });
}

void file_writer::granted(std::uint32_t index, msg::chunk_grant grant) {
  chunk_write what;
  what.grant = std::move(grant);
  what.replication = replication_;
  what.timeout = what_.timeout;
  if (stream_) {
    what.feed = [weak = weak_from_this(), stream = stream_,
                 end = chunk_size_](std::uint32_t offset, feed_answer then) {
      stream->next(offset, end, [weak, then = std::move(then)](auto x) {
        const auto last = x && x->last;
        then(std::move(x));
        if (const auto self = weak.lock(); self && last) {
          self->streaming_ = false;
          self->advance();
        }
      });
    };
  } else {
    const auto begin = offset_of(index);
    what.feed = stretch_feed{session_, source_, begin, 0,
                             std::min(begin + chunk_size_, *length_)};
    what.can_go_back = true;
  }
  what.progress = [weak = weak_from_this()](std::uint64_t bytes) {
    if (const auto self = weak.lock()) {
      self->patience_.progress();
      if (self->what_.progress)
        self->what_.progress(bytes);
    }
  };
  auto& chunk = chunks_[index];
  chunk.writer = std::make_shared<chunk_writer>(session_, std::move(what));
  chunk.writer->start([self = shared_from_this(), index](auto outcome) {
    if (self->then_)
      self->chunk_done(index, std::move(outcome));
  });
}

void file_writer::chunk_done(std::uint32_t index,
                             result<msg::written_chunk> outcome) {
  --active_;
  if (!outcome)
    return stop_with(outcome.error());
  DFS_CRASH_POINT("client.chunk_written");
  if (outcome->extent.length == 0) // The stream ended where a chunk does.
    chunks_.erase(index);
  else
    chunks_[index] = {nullptr, *std::move(outcome)};
  advance();
}

std::vector<msg::written_chunk> file_writer::complete_chunks() const {
  std::vector<msg::written_chunk> complete;
  for (const auto& [index, chunk] : chunks_) {
    if (!chunk.written || index != extended_ + complete.size()
        || complete.size() == chunks_per_message_max)
      break;
    complete.push_back(*chunk.written);
  }
  return complete;
}

void file_writer::extend() {
  auto complete = complete_chunks();
  if (extending_ || complete.empty())
    return;
  extending_ = true;
  session_.master.ask<msg::extend_upload>(
    {.request = new_number(),
     .upload = upload_->upload,
     .first = extended_,
     .chunks = std::move(complete)},
    patience_.left(), [self = shared_from_this()](auto reply) {
      if (!self->then_)
        return;
      self->extending_ = false;
      if (reply)
        self->extended(*std::move(reply));
      else if (refuses_grants(reply.error().code))
        self->renew_grants(reply.error());
      else
        self->stop_with(reply.error());
    });
}

void file_writer::extended(msg::upload_status status) {
  DFS_CRASH_POINT("client.upload_extended");
  patience_.progress();
  upload_ = std::move(status);
  while (!chunks_.empty() && chunks_.begin()->first < upload_->chunks)
    chunks_.erase(chunks_.begin());
  extended_ = upload_->chunks;
  advance();
}

void file_writer::verify_and_finish() {
  DFS_CRASH_POINT("client.file_finishing");
  finishing_ = true;
  source_->verify([self = shared_from_this()](auto fine) {
    if (!self->then_)
      return;
    if (!fine) // I2
      return self->stop_with(fine.error());
    if (self->upload_)
      self->ask(msg::finish_upload{.request = self->what_.request,
                                   .upload = self->upload_->upload},
                &file_writer::committed);
    else
      self->commit();
  });
}

void file_writer::commit() {
  session_.master.ask<msg::commit_file>(
    {.request = what_.request,
     .path = what_.path,
     .force = what_.force,
     .parents = what_.parents,
     .chunks = complete_chunks()},
    patience_.left(), [self = shared_from_this()](auto reply) {
      if (!self->then_)
        return;
      if (reply)
        self->committed(*std::move(reply));
      else if (reply.error().code == ec::stale)
        self->renew_grants(reply.error());
      else if (reply.error().code == ec::outcome_unknown)
        self->settle_commit(reply.error());
      else
        self->stop_with(reply.error());
    });
}

/// A try got no answer, and a later one was refused: by a master that has
/// looked at the number, or by one whose metadata are older. The number tells.
void file_writer::settle_commit(const error& why) {
  maybe_committed_ = true;
  session_.master.ask<msg::finish_upload>(
    {.request = what_.request, .upload = core::any_upload}, patience_.left(),
    [self = shared_from_this(), why](auto reply) {
      if (!self->then_)
        return;
      if (reply)
        return self->committed(*std::move(reply));
      const auto known = reply.error().code;
      if (known == ec::not_found || known == ec::invalid_argument)
        self->renew_grants(why); // A commit that was done answers by itself.
      else
        self->stop_with(why);
    });
}

void file_writer::committed(msg::file_status status) {
  DFS_CRASH_POINT("client.file_committed");
  if (status.path.empty()) // It was done, and is gone since.
    status.path = what_.path;
  answer(std::move(status));
}

/// The set of a chunk has changed between the last write and the master's look
/// at it: whoever leads it now has what was acknowledged.
void file_writer::renew_grants(const error& why) {
  if (++renewals_ > renewals_max)
    return stop_with(why);
  extending_ = true; // Until then.
  const auto waiting = std::make_shared<std::size_t>(complete_chunks().size());
  const auto unknown = std::make_shared<bool>(false);
  for (std::size_t i = 0, count = *waiting; i < count; ++i) {
    const auto index = static_cast<std::uint32_t>(extended_ + i);
    const auto& grant = chunks_[index].written->grant;
    session_.master.ask<msg::lease_chunk>(
      {.chunk = grant.chunk, .failed = {}, .version = grant.version},
      patience_.left(),
      [self = shared_from_this(), index, waiting, unknown](auto reply) {
        if (!self->then_)
          return;
        auto& written = *self->chunks_[index].written;
        if (!reply && reply.error().code != ec::not_found)
          return self->stop_with(reply.error());
        if (reply && reply->extent.length < written.extent.length)
          return self->stop_with(fail(
            ec::integrity, "what was acknowledged as durable is not there"));
        if (reply)
          written = {reply->grant, reply->extent};
        else
          *unknown = true;
        if (--*waiting > 0)
          return;
        if (*unknown)
          self->wait_for_reports();
        else
          self->bring_again();
      });
  }
}

/// A master that was just started takes what a former one gave once a server
/// that has it has told so.
void file_writer::wait_for_reports() {
  --renewals_;
  const auto pause = back_off_.next();
  if (patience_.left() <= pause)
    return stop_with(fail(ec::unavailable, "the master does not know of what "
                                           "was written; nothing was stored"));
  after(session_.io, pause, [self = shared_from_this()] {
    if (self->then_)
      self->bring_again();
  });
}

void file_writer::bring_again() {
  extending_ = false;
  if (upload_)
    extend();
  else
    commit();
}

void file_writer::cancel() {
  if (then_)
    stop_with(fail(ec::cancelled, "interrupted"));
}

void file_writer::stop_with(error why) {
  for (auto& [index, chunk] : chunks_)
    if (chunk.writer)
      chunk.writer->cancel();
  chunks_.clear();
  finishing_ = true; // Nothing is started any more.
  if (maybe_committed_ && why.code != ec::cancelled)
    why.code = ec::outcome_unknown;
  if (!stopped_)
    stopped_ = std::move(why);
  if (opening_) // Its answer names what is to be dropped.
    return;
  const auto keep = what_.resume && !source_->fingerprint().empty();
  if (!upload_ || keep || stopped_->code == ec::outcome_unknown)
    return answer(*stopped_);
  session_.master.ask<msg::abort_upload>(
    {.request = new_number(), .upload = upload_->upload}, abort_patience,
    [self = shared_from_this()](const auto&) {
      if (self->then_)
        self->answer(*self->stopped_);
    });
  upload_.reset();
}

void file_writer::answer(result<msg::file_status> outcome) {
  const auto then = std::exchange(then_, nullptr);
  chunks_.clear();
  then(std::move(outcome));
}

} // namespace dfs::client
