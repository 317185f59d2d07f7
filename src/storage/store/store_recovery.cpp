#include "storage/store/store_recovery.hpp"

#include "base/crash_point.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::storage {

namespace {

bool says_everything(record_kind kind, std::string_view meta) {
  if (kind == record_kind::quarantined) {
    const auto said = wire::decode<quarantined_meta>(meta);
    return said && !said->repeated;
  }
  return kind == record_kind::created || kind == record_kind::packed
         || kind == record_kind::state || kind == record_kind::written
         || kind == record_kind::removed;
}

result<written_meta> full_state_in(record_kind kind, std::string_view meta) {
  if (kind == record_kind::written)
    return wire::decode<written_meta>(meta);
  auto state = wire::decode<state_meta>(meta);
  if (!state)
    return state.error();
  return written_meta{*std::move(state), {}};
}

} // namespace

/// Counts what a damaged stretch still has of each chunk.
class store_recovery::counter : public log_visitor {
public:
  struct entry {
    std::uint32_t records = 0;
    log_position everything; ///< The last record that says everything.
  };

  counter(log_position from, log_position until) : from_{from}, until_{until} {
    // nop
  }

  void on_record(const record_header& header, std::string_view meta,
                 std::string_view) override {
    if (header.position < from_ || !(header.position < until_))
      return;
    auto& x = chunks[header.chunk];
    ++x.records;
    if (says_everything(header.kind, meta))
      x.everything = header.position;
  }
  void on_hole(const log_hole&) override {
    // nop
  }

  std::unordered_map<chunk_id, entry> chunks;

private:
  log_position from_;
  log_position until_;
};

store_recovery::store_recovery(store_core& core) : core_{core} {
  // nop
}

result<nothing> store_recovery::run() {
  if (auto scanned = core_.log.scan(*this); !scanned)
    return scanned.error().code == ec::unsupported
             ? fail(ec::configuration, scanned.error().context)
             : scanned.error();
  if (auto settled = settle_segments(); !settled)
    return settled;
  settle_holes();
  if (auto settled = settle_files(); !settled)
    return settled;
  if (auto settled = settle_quarantine(); !settled)
    return settled;
  return set_broken_aside();
}

// -- records ------------------------------------------------------------------

void store_recovery::on_record(const record_header& header,
                               std::string_view meta, std::string_view) {
  switch (header.kind) {
    case record_kind::created:
      return on_created(header, meta);
    case record_kind::packed:
      return on_packed(header, meta);
    case record_kind::journalled:
    case record_kind::direct:
      return on_mutation(header, meta);
    case record_kind::versioned:
      return on_versioned(header, meta);
    case record_kind::removed:
      return replace(header.chunk);
    case record_kind::state:
    case record_kind::written:
      return on_state(header, meta);
    case record_kind::quarantined:
      return on_quarantined(header, meta);
    case record_kind::purged:
      core_.quarantined.erase(header.chunk);
      aside_.erase(header.chunk);
      return;
    case record_kind::checkpoint:
      return on_checkpoint(meta);
    case record_kind::tally:
      return on_tally(meta);
    case record_kind::segments:
      listed_by_ = segment_of(header.position);
      return on_segments(meta);
    case record_kind::mark:
    case record_kind::sealed:
      return;
  }
}

void store_recovery::break_chunk(chunk_id id, const std::string& why) {
  broken_.try_emplace(id, broken_chunk{why, {}, 0, 0});
}

// Whatever is said of the chunk from here on begins anew.
void store_recovery::replace(chunk_id id) {
  core_.erase(id);
  redo_.erase(id);
  broken_.erase(id);
}

/// Whether nothing of the chunk is missing before this record.
bool store_recovery::follows(const record_header& header) {
  if (broken_.contains(header.chunk))
    return false;
  const auto* packed = core_.table.find_packed(header.chunk);
  const auto* loose = core_.table.find_loose(header.chunk);
  const auto last = packed != nullptr  ? packed->data
                    : loose != nullptr ? loose->last
                                       : log_position{};
  if ((packed != nullptr || loose != nullptr) && last == header.previous)
    return true;
  break_chunk(header.chunk, "records of it are missing in the log");
  return false;
}

void store_recovery::on_created(const record_header& header,
                                std::string_view meta) {
  replace(header.chunk);
  auto said = wire::decode<created_meta>(meta);
  if (!said)
    return break_chunk(header.chunk, "a record of it makes no sense");
  packed_chunk x;
  x.version = said->version;
  x.last = header.position;
  x.data = header.position;
  core_.table.packed.emplace(header.chunk, x);
  core_.account_packed(x, 1);
}

void store_recovery::on_packed(const record_header& header,
                               std::string_view meta) {
  replace(header.chunk);
  auto said = wire::decode<packed_meta>(meta);
  if (!said || said->appends.size() > 1)
    return break_chunk(header.chunk, "a record of it makes no sense");
  packed_chunk x;
  x.version = said->version;
  x.serial = said->serial;
  x.last = header.position;
  x.data = log_position{header.position.value() + record_header_bytes
                        + header.meta_bytes};
  x.length = header.data_bytes;
  x.crc = header.data_crc;
  if (!said->appends.empty()) {
    x.writer = said->appends.front().writer;
    x.sequence = said->appends.front().sequence;
  }
  core_.table.packed.emplace(header.chunk, x);
  core_.account_packed(x, 1);
}

void store_recovery::on_mutation(const record_header& header,
                                 std::string_view meta) {
  auto said = wire::decode<mutation_meta>(meta);
  // Even if the chunk's earlier records are gone: the state that replaced them
  // stands further on, and counts on this data.
  if (said && header.data_bytes > 0)
    note_redo(header, said->file, said->offset);
  if (!follows(header))
    return;
  auto* x = core_.table.find_loose(header.chunk);
  const auto fits
    = said && x != nullptr && said->offset <= x->length
      && said->serial == x->serial.next()
      && (said->crcs.size() == blocks_in(said->offset, said->length)
          || said->crcs.empty());
  if (!fits)
    return break_chunk(header.chunk, "a record of it makes no sense");
  core_.data_bytes -= x->data_length;
  advance(*x, *said);
  core_.data_bytes += x->data_length;
  x->file = said->file != 0 ? said->file : x->file;
  x->last = header.position;
  core_.next_file = std::max(core_.next_file, x->file + 1);
  core_.account_loose(*x, header.position, header.size());
}

void store_recovery::note_redo(const record_header& header, std::uint64_t file,
                               std::uint32_t offset) {
  const log_position data{header.position.value() + record_header_bytes
                          + header.meta_bytes};
  redo_[header.chunk].push_back(
    {header.position, data, file, offset, header.data_bytes});
}

void store_recovery::on_versioned(const record_header& header,
                                  std::string_view meta) {
  if (!follows(header))
    return;
  auto said = wire::decode<versioned_meta>(meta);
  if (!said)
    return break_chunk(header.chunk, "a record of it makes no sense");
  if (auto* packed = core_.table.find_packed(header.chunk)) {
    packed->version = said->version;
    packed->last = header.position;
    return;
  }
  auto& x = *core_.table.find_loose(header.chunk);
  x.version = said->version;
  x.last = header.position;
  core_.account_loose(x, header.position, header.size());
}

// Data that the log has and the file may lack stays so, as far as the chunk
// still reaches.
void store_recovery::on_state(const record_header& header,
                              std::string_view meta) {
  const auto said = full_state_in(header.kind, meta);
  auto kept = std::move(redo_[header.chunk]);
  auto* before = core_.table.find_loose(header.chunk);
  std::vector<known_mutation> known;
  std::vector<append_entry> known_ids;
  // A copy that took its place has another history under the same serials.
  if (said && before != nullptr && before->serial == said->state.serial
      && before->version == said->state.version
      && before->file == said->state.file) {
    known = std::move(before->known);
    known_ids = std::move(before->known_ids);
  }
  replace(header.chunk);
  if (!said || said->state.crcs.size() != blocks_in(0, said->state.data_length))
    return break_chunk(header.chunk, "a record of it makes no sense");
  auto x = std::make_unique<loose_chunk>();
  assign(*x, said->state);
  x->writes = said->writes;
  x->known = std::move(known);
  x->known_ids = std::move(known_ids);
  x->last = header.position;
  core_.next_file = std::max(core_.next_file, x->file + 1);
  core_.data_bytes += x->data_length;
  core_.account_loose(*x, header.position, header.size());
  for (auto step : kept) {
    if (step.file != x->file || step.offset >= x->data_length)
      continue;
    step.length = std::min(step.length, x->data_length - step.offset);
    redo_[header.chunk].push_back(step);
  }
  if (header.data_bytes > 0)
    note_redo(header, x->file, 0);
  core_.table.loose.emplace(header.chunk, std::move(x));
}

void store_recovery::on_quarantined(const record_header& header,
                                    std::string_view meta) {
  auto said = wire::decode<quarantined_meta>(meta);
  if (!said)
    return break_chunk(header.chunk, "a record of it makes no sense");
  core_.quarantined[header.chunk] = said->file;
  core_.next_file = std::max(core_.next_file, said->file + 1);
  if (said->repeated)
    return;
  aside_.erase(header.chunk);
  if (const auto* packed = core_.table.find_packed(header.chunk))
    aside_[header.chunk] = {packed->data, packed->length};
  replace(header.chunk);
}

void store_recovery::on_checkpoint(std::string_view meta) {
  const auto said = wire::decode<checkpoint_meta>(meta);
  if (!said)
    return;
  core_.checkpoint = said->until;
  for (auto& [id, steps] : redo_)
    std::erase_if(steps, [&](const redo& x) { return x.record < said->until; });
  std::erase_if(redo_, [](const auto& x) { return x.second.empty(); });
}

void store_recovery::on_segments(std::string_view meta) {
  if (auto said = wire::decode<segments_meta>(meta))
    listed_ = std::move(said->numbers);
}

// -- damage -------------------------------------------------------------------

void store_recovery::on_hole(const log_hole& hole) {
  damaged_ = true;
  const auto what = core_.path + "/log/" + hole.what;
  if (!hole.chunk) {
    core_.damages.push_back({what, std::nullopt});
    // The header of a file concerns nobody.
    if (offset_of(hole.begin) >= segment_header_bytes)
      holes_.push_back(hole);
    return;
  }
  const auto id = *hole.chunk;
  if (id == chunk_id{}) {
    core_.damages.push_back({what, std::nullopt});
    return;
  }
  lost_.emplace_back(id, what);
  broken_.erase(id);
  break_chunk(id, what);
  // What is left of its bytes may still be wanted.
  if (hole.header && hole.header->kind == record_kind::packed) {
    auto& x = broken_.at(id);
    x.data = log_position{hole.begin.value() + record_header_bytes
                          + hole.header->meta_bytes};
    x.length = hole.header->data_bytes;
  }
}

// The log's own count says who had records in its holes.
void store_recovery::on_tally(std::string_view meta) {
  if (holes_.empty())
    return;
  const auto said = wire::decode<tally_meta>(meta);
  if (!said || said->chunks.size() != said->records.size())
    return;
  const auto covered = [&](const log_hole& x) {
    return !(x.begin < said->from) && x.begin < said->until;
  };
  const auto last = std::find_if(holes_.rbegin(), holes_.rend(), covered);
  if (last == holes_.rend())
    return;
  counter seen{said->from, said->until};
  if (!core_.log.scan_segment(segment_of(said->from), seen))
    return;
  const auto what = core_.path + "/log/" + last->what;
  for (std::size_t i = 0; i < said->chunks.size(); ++i) {
    const auto id = said->chunks[i];
    const auto found = seen.chunks.find(id);
    const auto known = found != seen.chunks.end();
    if (known && found->second.records >= said->records[i])
      continue;
    lost_.emplace_back(id, what);
    if (!known || found->second.everything < last->begin)
      break_chunk(id, what);
  }
  std::erase_if(holes_, covered);
}

void store_recovery::settle_holes() {
  for (const auto& [id, what] : lost_) {
    if (!broken_.contains(id))
      core_.damages.push_back(
        {fmt::format("{}; chunk {:016x} is as a later record says", what,
                     id.value()),
         std::nullopt});
  }
  // Nothing tells whose records these were.
  for (const auto& hole : holes_) {
    const auto why
      = core_.path + "/log/" + hole.what + ", and it may be concerned";
    for (const auto& [id, x] : core_.table.packed) {
      if (x.last < hole.begin)
        break_chunk(id, why);
    }
    for (const auto& [id, x] : core_.table.loose) {
      if (x->last < hole.begin)
        break_chunk(id, why);
    }
  }
}

result<nothing> store_recovery::settle_segments() {
  const auto there = core_.log.segments();
  for (const auto number : listed_) {
    if (there.contains(number) || number > listed_by_)
      continue;
    damaged_ = true;
    core_.damages.push_back(
      {core_.log.path_of(number) + " is missing", std::nullopt});
    holes_.push_back({position_at(number, segment_header_bytes),
                      position_at(number + 1, 0), std::nullopt, std::nullopt,
                      fmt::format("{:08x}.log is missing", number)});
  }
  // Forgotten, but the end came before they were unlinked.
  for (const auto& [number, ignored] : there) {
    if (number >= listed_by_
        || std::find(listed_.begin(), listed_.end(), number) != listed_.end())
      continue;
    DFS_CRASH_POINT("store.leftover_segment");
    if (number != core_.log.current()) {
      core_.log.drop(number);
      if (auto gone = core_.log.unlink(number); !gone)
        return gone;
    }
  }
  return done;
}

} // namespace dfs::storage
