#include "storage/ordered_log/log_recovery.hpp"

#include "base/crc32c.hpp"
#include "storage/ordered_log/log_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dfs::storage {

namespace {

/// A segment, read as a whole.
struct read_segment {
  std::uint64_t number = 0;
  std::shared_ptr<open_file> file;
  std::string bytes;
  std::optional<log_segment_head> head;
};

std::optional<std::uint64_t>
number_in(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() != prefix.size() + 16)
    return std::nullopt;
  std::uint64_t number = 0;
  const auto* end = name.data() + name.size();
  const auto read
    = std::from_chars(name.data() + prefix.size(), end, number, 16);
  if (read.ec != std::errc{} || read.ptr != end)
    return std::nullopt;
  return number;
}

class recovery {
public:
  recovery(file_io& io, const std::string& directory, store_id owner)
    : io_{io},
      directory_{directory},
      owner_{owner} {
    // nop
  }

  result<recovered_log> run() {
    if (auto listed = list(); !listed)
      return listed.error();
    if (auto chosen = choose_snapshot(); !chosen)
      return chosen.error();
    for (std::size_t i = 0; i < numbers_.size() && !hole_; ++i)
      if (auto taken = take_segment(i); !taken)
        return taken.error();
    if (auto ended = end_log(); !ended)
      return ended.error();
    return std::move(made_);
  }

private:
  error damaged(const std::string& what) const {
    return fail(ec::integrity, "the log in " + directory_ + ": " + what);
  }

  result<nothing> list() {
    auto names = io_.list(directory_);
    if (!names)
      return names.error();
    for (const auto& name : *names) {
      if (const auto segment = number_in(name, "log-"))
        numbers_.push_back(*segment);
      else if (name.starts_with("snapshot-") && !name.ends_with(".draft"))
        snapshots_.push_back(name);
      else if (name == spare_name)
        made_.has_spare = true;
      else if (name.ends_with(".draft"))
        made_.leftovers.push_back(name);
    }
    if (!numbers_.empty())
      made_.next_segment = numbers_.back() + 1;
    leave_out_removed();
    return done;
  }

  /// Of segments that were removed together a power cut may have left any. So
  /// those before a gap were not needed; if they were, the messages that are
  /// missing will show it.
  void leave_out_removed() {
    std::size_t first = 0;
    for (std::size_t i = 1; i < numbers_.size(); ++i)
      if (numbers_[i] != numbers_[i - 1] + 1)
        first = i;
    for (std::size_t i = 0; i < first; ++i)
      made_.leftovers.push_back(segment_name(numbers_[i]));
    numbers_.erase(numbers_.begin(),
                   numbers_.begin() + static_cast<std::ptrdiff_t>(first));
  }

  result<nothing> choose_snapshot() {
    std::optional<snapshot_about> best;
    std::string name_of_best;
    for (const auto& name : snapshots_) {
      const auto about
        = read_snapshot_about(io_, directory_ + "/" + name, owner_);
      if (!about)
        return about.error();
      if (snapshot_name(about->first_segment, about->sequence) != name)
        return damaged(name + " has another's name");
      const auto newer = !best
                         || std::pair{about->first_segment, about->sequence}
                              > std::pair{best->first_segment, best->sequence};
      if (best)
        made_.leftovers.push_back(newer ? name_of_best : name);
      if (newer) {
        best = *about;
        name_of_best = name;
      }
    }
    made_.snapshot = best;
    if (best) {
      made_.first_segment = best->first_segment;
      made_.next_segment = std::max(made_.next_segment, best->first_segment);
    }
    return done;
  }

  std::uint64_t snapshot_sequence() const {
    return made_.snapshot ? made_.snapshot->sequence : 0;
  }

  result<read_segment> read(std::uint64_t number) {
    read_segment x;
    x.number = number;
    const auto path = directory_ + "/" + segment_name(number);
    auto file = io_.open(path, open_mode::existing);
    if (!file)
      return file.error();
    x.file = *std::move(file);
    const auto size = x.file->size();
    if (!size)
      return size.error();
    x.bytes.resize(*size);
    const auto got = x.file->read(0, x.bytes);
    if (!got)
      return got.error();
    x.bytes.resize(*got);
    auto head = decode_segment_head(x.bytes);
    if (!head)
      return head.error();
    x.head = *head;
    if (x.head && x.head->owner != owner_)
      return fail(ec::configuration,
                  "the log in " + directory_ + " belongs to another store");
    return x;
  }

  result<nothing> take_segment(std::size_t index) {
    auto x = read(numbers_[index]);
    if (!x)
      return x.error();
    const auto& head = x->head;
    if (!head || head->segment != x->number
        || (begun_ && head->first_block != made_.next_block)) {
      hole_ = true;
      made_.leftovers.push_back(segment_name(x->number));
      return look_for_proof(*x, 0, index);
    }
    if (x->bytes.size() != head->bytes)
      return damaged(segment_name(x->number) + " has another length");
    if (auto joined = join(*x); !joined)
      return joined;
    made_.segments[x->number] = {x->file, head->last_sequence, x->bytes.size()};
    made_.end = log_segment_head_bytes;
    if (auto taken = take_blocks(*x); !taken)
      return taken;
    return hole_ ? look_for_proof(*x, made_.end, index) : done;
  }

  /// Goes on from the segment before with this one.
  result<nothing> join(const read_segment& x) {
    const auto before = x.head->last_sequence;
    if (!begun_) {
      made_.next_block = x.head->first_block;
      made_.last = before;
    }
    begun_ = true;
    made_.salt = x.head->salt;
    if (x.number < made_.first_segment)
      return done; // Its promises count.
    if (!counting_ && before > snapshot_sequence())
      return damaged("messages are missing, up to " + std::to_string(before));
    const auto fits = !counting_ || before == made_.last
                      || (made_.last < before && before <= snapshot_sequence());
    if (!fits)
      return damaged(segment_name(x.number)
                     + " does not go on where the one before ends");
    if (!counting_ || before != made_.last)
      made_.messages.clear();
    made_.last = before;
    counting_ = true;
    return done;
  }

  result<nothing> take_blocks(const read_segment& x) {
    const std::string_view all{x.bytes};
    for (;;) {
      const auto left
        = all.substr(std::min<std::size_t>(made_.end, all.size()));
      const auto head = decode_block_head(left, x.head->salt);
      if (!head || head->segment != x.number || head->number != made_.next_block
          || head->bytes > left.size() - log_block_head_bytes)
        break;
      const auto records = left.substr(log_block_head_bytes, head->bytes);
      if (crc32c(records) != head->checksum)
        break;
      if (auto taken = take_records(x, records); !taken)
        return taken.error();
      made_.end += log_block_bytes(head->bytes);
      ++made_.next_block;
    }
    const auto rest = all.substr(std::min<std::size_t>(made_.end, all.size()));
    made_.dirty_tail = rest.find_first_not_of('\0') != rest.npos;
    hole_ = made_.dirty_tail;
    return done;
  }

  result<nothing>
  take_records(const read_segment& x, std::string_view records) {
    const auto counts = x.number >= made_.first_segment;
    const auto base = made_.end + log_block_head_bytes;
    bool ordered = true;
    const record_visitor visitor{
      [&](std::uint64_t sequence, std::size_t offset, std::string_view bytes) {
        if (!counts)
          return;
        ordered = ordered && sequence == made_.last + 1;
        made_.last = sequence;
        made_.messages.push_back(
          {x.number, base + offset, static_cast<std::uint32_t>(bytes.size())});
      },
      [&](std::string_view bytes) { made_.promise = bytes; },
      [&](std::uint64_t sequence) {
        if (counts)
          ordered = ordered && cut(sequence);
      }};
    if (auto read = read_records(records, visitor); !read)
      return read;
    return ordered ? result<nothing>{done}
                   : damaged("its messages are not in their order");
  }

  bool cut(std::uint64_t sequence) {
    if (sequence > made_.last)
      return false;
    // Of those that go some may be in segments that are gone already.
    const auto gone
      = std::min<std::uint64_t>(made_.messages.size(), made_.last - sequence);
    made_.messages.resize(made_.messages.size() - gone);
    made_.last = sequence;
    return true;
  }

  /// The log ends in this segment, at `from`. Does anything behind say that
  /// what should stand there was durable?
  result<nothing>
  look_for_proof(const read_segment& x, std::size_t from, std::size_t index) {
    if (proves(x, from))
      return damaged(
        fmt::format("{} is damaged at {}", segment_name(x.number), from));
    for (auto later = index + 1; later < numbers_.size(); ++later) {
      const auto other = read(numbers_[later]);
      if (!other)
        return other.error();
      if ((other->head && other->head->safe >= made_.next_block)
          || proves(*other, 0))
        return damaged(
          fmt::format("{} is damaged at {}", segment_name(x.number), from));
      made_.leftovers.push_back(segment_name(numbers_[later]));
    }
    return done;
  }

  bool proves(const read_segment& x, std::size_t from) const {
    if (!x.head && !made_.salt)
      return false; // Of a log that was never begun.
    const auto salt = x.head ? x.head->salt : *made_.salt;
    const std::string_view all{x.bytes};
    for (auto at = from; at + log_block_head_bytes <= all.size();
         at += log_alignment) {
      const auto head = decode_block_head(all.substr(at), salt);
      if (head && head->segment == x.number && head->safe >= made_.next_block)
        return true;
    }
    return false;
  }

  result<nothing> end_log() {
    if (numbers_.empty() && made_.snapshot)
      return damaged("no segment is there");
    // One that lost what the snapshot holds cannot be gone on with.
    const auto behind = made_.last < snapshot_sequence();
    if (!counting_ || behind) {
      made_.messages.clear();
      made_.last = snapshot_sequence();
      made_.begin_segment = true;
    }
    if (made_.last - made_.messages.size() > snapshot_sequence())
      return damaged("messages are missing behind the snapshot");
    if (hole_) // What was not begun is begun anew.
      made_.next_segment
        = std::max(made_.segments.empty() ? numbers_.front()
                                          : made_.segments.rbegin()->first + 1,
                   made_.first_segment);
    return done;
  }

  file_io& io_;
  const std::string& directory_;
  const store_id owner_;
  std::vector<std::uint64_t> numbers_;
  std::vector<std::string> snapshots_;
  recovered_log made_;
  bool begun_ = false;    ///< A segment with a head was there.
  bool counting_ = false; ///< Its messages count.
  bool hole_ = false;     ///< The log ends before its last segment does.
};

} // namespace

std::string segment_name(std::uint64_t number) {
  return fmt::format("log-{:016x}", number);
}

result<recovered_log>
recover_log(file_io& io, const std::string& directory, store_id owner) {
  return recovery{io, directory, owner}.run();
}

} // namespace dfs::storage
