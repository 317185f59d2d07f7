#include "support/sim/chunk_witness.hpp"

#include "support/sim/chunks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

void chunk_witness::broke(std::string promise, std::string what) {
  if (!breach_)
    breach_ = {std::move(promise), std::move(what)};
}

// -- what clients were told ---------------------------------------------------

/// @returns False: something else was told to be at that place.
bool chunk_witness::tell(chunk_id chunk, mutation_serial serial,
                         const told_change& x) {
  const auto [it, fresh] = truths_[chunk].told.emplace(serial, x);
  if (fresh)
    return true;
  auto& known = it->second;
  known.from = std::min(known.from, x.from);
  known.to = std::max(known.to, x.to);
  return known.value == x.value;
}

void chunk_witness::acknowledged(chunk_id chunk, mutation_serial serial,
                                 const sim_write& change,
                                 std::uint32_t offset) {
  ++changes_;
  if (change.kind == core::change_kind::append)
    ++appends_;
  if (truths_[chunk].barred.contains(change.value))
    broke("written-once",
          fmt::format("record {:x} of chunk {:x} was barred, and is there",
                      change.value, chunk.value()));
  if (!tell(chunk, serial, {change.value, offset, offset + change.length}))
    broke("acknowledged-survives",
          fmt::format("change {} of chunk {:x} was acknowledged as two",
                      serial.value(), chunk.value()));
}

void chunk_witness::barred(chunk_id chunk, const sim_write& record) {
  truths_[chunk].barred.insert(record.value);
}

chunk_witness::floor chunk_witness::newest(chunk_id chunk, std::uint32_t offset,
                                           std::uint32_t length) const {
  floor least(length);
  const auto it = truths_.find(chunk);
  if (it == truths_.end())
    return least;
  for (const auto& [serial, x] : it->second.told)
    for (auto i = std::max(offset, x.from); i < std::min(offset + length, x.to);
         ++i)
      least[i - offset] = serial;
  return least;
}

void chunk_witness::read(const sim_read& asked, const floor& least,
                         const sim_bytes& got, node_index server) {
  ++reads_;
  for (std::size_t i = 0; i < least.size(); ++i) {
    const auto cell = i < got.cells.size() ? got.cells[i] : sim_cell{};
    const auto at = asked.offset + static_cast<std::uint32_t>(i);
    if ((cell.value & rotten_value) != 0) {
      broke("no-rotten-read",
            fmt::format("node {} served rotten bytes at {} of chunk {:x}",
                        server, at, asked.chunk.value()));
      return;
    }
    if (cell.serial < least[i]) {
      broke("no-stale-read",
            fmt::format("node {} read change {} at {} of chunk {:x}, and {} "
                        "was known before",
                        server, cell.serial.value(), at, asked.chunk.value(),
                        least[i].value()));
      return;
    }
    // Who has read it may tell others: it must not vanish either.
    if (cell.serial != mutation_serial{}
        && !tell(asked.chunk, cell.serial, {cell.value, at, at + 1}))
      broke("no-stale-read",
            fmt::format("node {} read bytes of another change than {} at {} "
                        "of chunk {:x}",
                        server, cell.serial.value(), at, asked.chunk.value()));
  }
}

// -- replicas -----------------------------------------------------------------

bool chunk_witness::good(const stored_replica& x, const truth& of) {
  return std::all_of(of.told.begin(), of.told.end(), [&](const auto& y) {
    if (y.first.value() > x.log.size())
      return false;
    const auto& here = x.log[y.first.value() - 1];
    return here.value == y.second.value && here.what.offset <= y.second.from
           && here.what.offset + here.what.length >= y.second.to;
  });
}

void chunk_witness::granted(chunk_id chunk, const msg::chunk_leased& x,
                            node_index primary) {
  ++grants_;
  auto& t = truths_[chunk];
  if (x.grant.version < t.led)
    broke("one-primary",
          fmt::format("chunk {:x} was granted at version {} after {}",
                      chunk.value(), x.grant.version.value(), t.led.value()));
  if (x.grant.version == t.led)
    return;
  t.led = x.grant.version;
  const auto& disk = disks_.at(primary - chunk_cluster::first_server());
  const auto replica = disk.replicas.find(chunk);
  // That it is bad it may have found since it was asked.
  const auto bad = disk.quarantine.find(chunk);
  const auto* its = replica != disk.replicas.end() ? &replica->second
                    : bad != disk.quarantine.end() ? &bad->second.what
                                                   : nullptr;
  if (!t.told.empty() && (its == nullptr || !good(*its, t)))
    broke("acknowledged-survives",
          fmt::format("the primary of chunk {:x}, version {}, node {}, lacks "
                      "what was acknowledged",
                      chunk.value(), t.led.value(), primary));
  if (replica != disk.replicas.end())
    judge_writes(chunk, replica->second);
}

// However often a change was sent, it has one place.
void chunk_witness::judge_writes(chunk_id chunk, const stored_replica& x) {
  const auto& t = truths_[chunk];
  std::set<std::uint64_t> values;
  for (const auto& change : x.log) {
    if (!core::writes_bytes(change.what) || (change.value & put_value) != 0)
      continue;
    if (!values.insert(change.value).second)
      broke("written-once", fmt::format("chunk {:x} has change {:x} twice",
                                        chunk.value(), change.value));
    if (t.barred.contains(change.value))
      broke("written-once",
            fmt::format("chunk {:x} has record {:x}, which was barred",
                        chunk.value(), change.value));
  }
}

// A byte is what the last change over it wrote.
void chunk_witness::judge_bytes(chunk_id chunk, const stored_replica& x) {
  for (std::size_t i = 0; i < x.cells.size(); ++i) {
    const auto& cell = x.cells[i];
    if (cell.serial != mutation_serial{}
        && x.log.at(cell.serial.value() - 1).value != cell.value)
      broke("same-bytes",
            fmt::format("chunk {:x} has bytes of another change than {} at {}",
                        chunk.value(), cell.serial.value(), i));
  }
}

// I4; what came before has been compared when it came.
void chunk_witness::judge_pair(chunk_id chunk, std::size_t a, std::size_t b) {
  const auto& x = disks_[a].replicas.at(chunk);
  const auto& y = disks_[b].replicas.at(chunk);
  if (x.log.size() != y.log.size() || x.version != y.version)
    return;
  const auto same_order
    = x.log.empty() || x.log.back().what == y.log.back().what;
  if (same_order && x.written() == y.written())
    return;
  broke("same-bytes",
        fmt::format("replicas of chunk {:x}, version {}, serial {}, differ at "
                    "nodes {} and {}",
                    chunk.value(), x.version.value(), x.log.size(),
                    a + chunk_cluster::first_server(),
                    b + chunk_cluster::first_server()));
}

void chunk_witness::changed(node_index server, chunk_id chunk) {
  const auto here = server - chunk_cluster::first_server();
  const auto& x = disks_.at(here).replicas.at(chunk);
  for (std::size_t n = 0; n < disks_.size(); ++n)
    if (n != here && disks_[n].replicas.contains(chunk))
      judge_pair(chunk, std::min<std::size_t>(n, here),
                 std::max<std::size_t>(n, here));
  const auto fence = truths_[chunk].fenced[server];
  if (x.version < fence)
    broke("fenced",
          fmt::format("node {} takes a change of chunk {:x} at "
                      "version {} after {} was fenced",
                      server, chunk.value(), x.version.value(), fence.value()));
}

void chunk_witness::fenced(node_index server, chunk_id chunk,
                           chunk_version version) {
  auto& fence = truths_[chunk].fenced[server];
  fence = std::max(fence, version);
}

void chunk_witness::judge_replicas(chunk_id chunk, chunk_version version) {
  const auto& t = truths_[chunk];
  std::size_t good_ones = 0;
  std::optional<std::size_t> before;
  for (std::size_t n = 0; n < disks_.size(); ++n) {
    const auto found = disks_[n].replicas.find(chunk);
    if (found == disks_[n].replicas.end() || found->second.version != version)
      continue;
    const auto& x = found->second;
    good_ones += good(x, t) ? 1 : 0;
    judge_writes(chunk, x);
    judge_bytes(chunk, x);
    if (before)
      judge_pair(chunk, *before, n);
    before = n;
    for (const auto& change : x.log)
      if (change.what.kind == core::change_kind::append
          && records_.emplace(change.value, chunk).first->second != chunk)
        broke("written-once",
              fmt::format("record {:x} is in chunk {:x}, and in another",
                          change.value, chunk.value()));
  }
  if (good_ones == 0 && !t.told.empty())
    broke("acknowledged-survives",
          fmt::format("no replica of chunk {:x}, version {}, has all that was "
                      "acknowledged",
                      chunk.value(), version.value()));
}

void chunk_witness::judge_holders(chunk_id chunk,
                                  const std::vector<node_index>& holders) {
  const auto& t = truths_[chunk];
  for (const auto node : holders) {
    const auto& disk = disks_.at(node - chunk_cluster::first_server());
    const auto found = disk.replicas.find(chunk);
    if (!t.told.empty()
        && (found == disk.replicas.end() || !good(found->second, t)))
      broke("every-holder",
            fmt::format("the master counts on chunk {:x} at node {}, which "
                        "lacks what was acknowledged",
                        chunk.value(), node));
  }
}

// -- who leads, what is deleted -----------------------------------------------

void chunk_witness::acted(node_index server, chunk_id chunk,
                          chunk_version version) {
  const auto& t = truths_[chunk];
  if (version < t.led)
    broke("one-primary",
          fmt::format("node {} acts as primary of chunk {:x} with version {} "
                      "after {} was granted",
                      server, chunk.value(), version.value(), t.led.value()));
}

// What was purged before stays so, also if older metadata know it.
void chunk_witness::files_are(std::map<chunk_id, inode_id> files,
                              const std::vector<chunk_id>& purged) {
  if (older_)
    return;
  for (const auto chunk : purged)
    if (const auto found = files_.find(chunk); found != files_.end())
      released(inode_id{found->second});
  std::erase_if(files,
                [&](const auto& x) { return released_.contains(x.second); });
  if (std::exchange(restores_, false)) {
    for (const auto& [chunk, file] : files_)
      if (!files.contains(chunk))
        unnamed_.insert(chunk);
    std::erase_if(unnamed_, [&](chunk_id x) { return files.contains(x); });
  } else { // Purged, and the master died before it could say so.
    for (const auto& [chunk, file] : files_)
      if (!files.contains(chunk))
        released_.insert(file);
  }
  files_ = std::move(files);
}

void chunk_witness::kept(inode_id file, chunk_id chunk) {
  files_[chunk] = file;
  unnamed_.erase(chunk);
}

void chunk_witness::released(inode_id file) {
  released_.insert(file);
  std::erase_if(files_, [&](const auto& x) { return x.second == file; });
}

void chunk_witness::deleted(node_index server, chunk_id chunk,
                            const std::vector<node_index>& counted_on,
                            master_term by) {
  truths_[chunk].fenced.erase(server);
  if (by >= restored_at_ && unnamed_.contains(chunk)
      && !truths_[chunk].told.empty())
    broke("newer-stays", fmt::format("node {} deletes {:x}, of a file that is "
                                     "newer than the backup",
                                     server, chunk.value()));
  if (!files_.contains(chunk) || truths_[chunk].told.empty())
    return;
  if (std::find(counted_on.begin(), counted_on.end(), server)
      != counted_on.end())
    broke("set-stays", fmt::format("node {} deletes {:x}, and its primary "
                                   "relies on it",
                                   server, chunk.value()));
  for (std::size_t n = 0; n < disks_.size(); ++n) {
    const auto replica = disks_[n].replicas.find(chunk);
    if (n + chunk_cluster::first_server() != server
        && replica != disks_[n].replicas.end() && replica->second.sound()
        && good(replica->second, truths_[chunk]))
      return;
  }
  broke("last-copy", fmt::format("node {} deletes the last good copy of {:x}",
                                 server, chunk.value()));
}

void chunk_witness::set_aside(node_index server, chunk_id chunk) {
  const auto& disk = disks_.at(server - chunk_cluster::first_server());
  if (!disk.replicas.at(chunk).rotted)
    broke("good-stays",
          fmt::format("node {} sets its good replica of chunk {:x} aside",
                      server, chunk.value()));
}

std::optional<std::pair<std::string, std::string>> chunk_witness::breach() {
  return std::exchange(breach_, std::nullopt);
}

std::optional<std::string> chunk_oracle::after_event(const world&, node_index) {
  if (auto x = witness_.breach())
    return x->first + ": " + x->second;
  return std::nullopt;
}

} // namespace dfs::sim
