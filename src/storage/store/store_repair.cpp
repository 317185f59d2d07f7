#include "storage/store/store_recovery.hpp"

#include "base/crash_point.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

// The second half of a start: the files, in line with what the log says.

namespace dfs::storage {

namespace {

constexpr std::size_t piece_bytes = 1u << 20;

} // namespace

/// Whether the log alone has all of the chunk's bytes.
bool store_recovery::can_be_rewritten(chunk_id id, const loose_chunk& x) const {
  const auto i = redo_.find(id);
  if (i == redo_.end())
    return false;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> parts;
  for (const auto& step : i->second)
    parts.emplace_back(step.offset, step.offset + step.length);
  std::sort(parts.begin(), parts.end());
  std::uint32_t end = 0;
  for (const auto& [from, to] : parts) {
    if (from > end)
      return false;
    end = std::max(end, to);
  }
  return end >= x.data_length;
}

result<nothing> store_recovery::rewrite(chunk_id id, loose_chunk& x,
                                        const std::vector<redo>& steps) {
  auto file = core_.files.open({id, x.file});
  if (!file && file.error().code == ec::not_found)
    file = core_.files.create({id, x.file});
  if (!file)
    return file.error();
  std::string bytes;
  for (const auto& step : steps) {
    for (std::uint32_t at = 0; at < step.length;
         at += static_cast<std::uint32_t>(bytes.size())) {
      bytes.resize(std::min<std::size_t>(piece_bytes, step.length - at));
      const log_position from{step.data.value() + at};
      if (auto got = core_.log.read(from, bytes, false); !got)
        return got;
      if (auto written = (*file)->write(step.offset + at, bytes); !written)
        return written;
    }
    core_.journalled += step.length;
  }
  core_.unsynced.insert(id);
  DFS_CRASH_POINT("store.redone");
  return done;
}

result<nothing> store_recovery::settle_files() {
  const auto files = core_.files.list();
  if (!files)
    return files.error();
  std::set<chunk_file_id> there{files->begin(), files->end()};
  for (auto& [id, x] : core_.table.loose) {
    if (broken_.contains(id)) {
      there.erase({id, x->file});
      continue;
    }
    const auto present = there.erase({id, x->file}) > 0;
    if (!present && x->data_length > 0 && !can_be_rewritten(id, *x)) {
      break_chunk(id, core_.files.path({id, x->file}) + " is missing");
      continue;
    }
    // Cut to nothing before the disk had its name: the next write to it must
    // not look for that file.
    if (!present && x->data_length == 0)
      x->file = 0;
    const auto i = redo_.find(id);
    if (i == redo_.end())
      continue;
    if (auto redone = rewrite(id, *x, i->second); !redone)
      return redone;
  }
  for (const auto& id : there) {
    core_.next_file = std::max(core_.next_file, id.number + 1);
    const auto broken = broken_.find(id.chunk);
    if (broken != broken_.end() && broken->second.file == 0) {
      broken->second.file = id.number;
      continue;
    }
    const auto aside = core_.quarantined.find(id.chunk);
    auto settled = result<nothing>{done};
    if (aside != core_.quarantined.end() && aside->second == id.number)
      settled = core_.files.set_aside(id);
    else if (!damaged_ && broken_.empty())
      settled = core_.files.remove(id); // Never acknowledged, or removed.
    else
      core_.damages.push_back(
        {core_.files.path(id) + " belongs to no chunk; left there",
         std::nullopt});
    if (!settled)
      return settled;
  }
  return done;
}

result<nothing> store_recovery::settle_quarantine() {
  const auto files = core_.files.list_quarantined();
  if (!files)
    return files.error();
  std::set<chunk_file_id> there{files->begin(), files->end()};
  for (const auto& id : there) {
    core_.next_file = std::max(core_.next_file, id.number + 1);
    // Purged, but the end came first.
    if (!core_.quarantined.contains(id.chunk) && !damaged_) {
      if (auto gone = core_.files.purge(id.chunk); !gone)
        return gone;
    }
  }
  for (const auto& [id, number] : core_.quarantined) {
    const auto i = aside_.find(id);
    if (there.contains({id, number}) || i == aside_.end()
        || i->second.length == 0)
      continue;
    std::string bytes(i->second.length, '\0');
    if (!core_.log.read(i->second.data, bytes, false))
      continue;
    if (auto kept = core_.files.set_aside({id, number}, bytes); !kept)
      return kept;
  }
  return done;
}

// Out of service for good, and not looked at again at the next start.
result<nothing> store_recovery::set_broken_aside() {
  struct moved {
    chunk_file_id file;
    std::string bytes;
  };
  std::vector<moved> all;
  for (const auto& [id, broken] : broken_) {
    core_.damages.push_back({fmt::format("chunk {:016x} is out of service: {}",
                                         id.value(), broken.why),
                             id});
    moved x{{id, broken.file}, {}};
    if (const auto* loose = core_.table.find_loose(id))
      x.file.number = loose->file;
    const auto* packed = core_.table.find_packed(id);
    const auto data
      = packed != nullptr && broken.length == 0 ? packed->data : broken.data;
    const auto length = packed != nullptr && broken.length == 0 ? packed->length
                                                                : broken.length;
    if (length > 0) {
      x.bytes.resize(length);
      (void) core_.log.read(data, x.bytes, false);
    }
    if (x.file.number == 0 || length > 0)
      x.file.number = core_.next_file++;
    core_.erase(id);
    core_.unsynced.erase(id);
    core_.emit(record_kind::quarantined, id, {},
               wire::encode(quarantined_meta{x.file.number, false}));
    core_.quarantined[id] = x.file.number;
    all.push_back(std::move(x));
  }
  if (all.empty())
    return done;
  if (auto written = core_.log.write_out(); !written)
    return written;
  if (auto synced = core_.log.sync(); !synced)
    return synced;
  DFS_CRASH_POINT("store.broken_known");
  for (const auto& x : all) {
    auto kept = x.bytes.empty() ? core_.files.set_aside(x.file)
                                : core_.files.set_aside(x.file, x.bytes);
    if (!kept)
      return kept;
  }
  return done;
}

} // namespace dfs::storage
