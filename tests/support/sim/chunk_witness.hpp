#pragma once

#include "messages/chunk.hpp"
#include "support/sim/chunk_disk.hpp"
#include "support/sim/chunk_rpc.hpp"
#include "support/sim/world.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::sim {

/// Sees all of it, at true times, and says when a promise is broken
/// (docs/protocols/chunks.md, "Invariants").
class chunk_witness {
public:
  explicit chunk_witness(std::vector<chunk_disk>& disks) : disks_{disks} {
    // nop
  }

  /// The master has told somebody that this version is led there.
  void granted(chunk_id chunk, const msg::chunk_leased& x, node_index primary);
  /// A server is about to acknowledge a change, or to answer a read as primary.
  void acted(node_index server, chunk_id chunk, chunk_version version);
  /// A server is about to answer that it takes nothing below: I6.
  void fenced(node_index server, chunk_id chunk, chunk_version version);
  /// A replica there has become other than it was: I4, I6.
  void changed(node_index server, chunk_id chunk);
  /// A client was told that its change is there.
  void acknowledged(chunk_id chunk, mutation_serial serial,
                    const sim_write& change, std::uint32_t offset);
  /// … that its record is not there, and never will be.
  void barred(chunk_id chunk, const sim_write& record);
  /// What a read of that range that begins now must see, or something later:
  /// by byte, the change.
  using floor = std::vector<mutation_serial>;
  [[nodiscard]] floor
  newest(chunk_id chunk, std::uint32_t offset, std::uint32_t length) const;
  void read(const sim_read& asked, const floor& least, const sim_bytes& got,
            node_index server);
  void kept(inode_id file, chunk_id chunk);
  /// What a master finds at its start.
  /// @param purged Chunks whose files are gone: the rows say so, also if a
  ///   former master died, or lost its metadata, before it could.
  void files_are(std::map<chunk_id, inode_id> files,
                 const std::vector<chunk_id>& purged);
  /// The metadata that the next master finds are a backup's.
  void restores(master_term first) {
    restores_ = true;
    restored_at_ = first;
  }
  /// The master has older metadata: what it finds are not the files there are.
  void older(bool yes) {
    older_ = yes;
  }
  void released(inode_id file);
  /// A replica is deleted there, on the master's order.
  /// @param counted_on Whose replicas a primary relies on at that moment.
  /// @param by That master's term: what a lost one ordered may come late.
  void deleted(node_index server, chunk_id chunk,
               const std::vector<node_index>& counted_on, master_term by);

  /// A replica there is moved aside as a bad one.
  void set_aside(node_index server, chunk_id chunk);

  /// At rest: replicas of one version and serial are the same, and everything
  /// acknowledged is there.
  void judge_replicas(chunk_id chunk, chunk_version version);
  /// At rest: each replica that the master counts has everything that was
  /// acknowledged.
  void judge_holders(chunk_id chunk, const std::vector<node_index>& holders);

  /// The first breach since the last call.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> breach();

  [[nodiscard]] const std::map<chunk_id, inode_id>& files() const {
    return files_;
  }
  [[nodiscard]] std::uint64_t changes() const {
    return changes_;
  }
  [[nodiscard]] std::uint64_t appends() const {
    return appends_;
  }
  [[nodiscard]] std::uint64_t reads() const {
    return reads_;
  }
  [[nodiscard]] std::uint64_t grants() const {
    return grants_;
  }

private:
  /// What somebody was told is there: whose, and which of its bytes.
  struct told_change {
    std::uint64_t value = 0;
    std::uint32_t from = 0;
    std::uint32_t to = 0;
  };
  struct truth {
    chunk_version led; ///< The highest that was answered.
    std::map<mutation_serial, told_change> told;
    std::set<std::uint64_t> barred;
    std::map<node_index, chunk_version> fenced; ///< I6.
  };
  void broke(std::string promise, std::string what);
  bool tell(chunk_id chunk, mutation_serial serial, const told_change& x);
  [[nodiscard]] static bool good(const stored_replica& x, const truth& of);
  void judge_bytes(chunk_id chunk, const stored_replica& x);
  void judge_writes(chunk_id chunk, const stored_replica& x);
  void judge_pair(chunk_id chunk, std::size_t a, std::size_t b);

  std::vector<chunk_disk>& disks_;
  std::map<chunk_id, truth> truths_;
  std::map<chunk_id, inode_id> files_;
  /// Chunks of files that restored metadata do not know: nobody may delete
  /// them.
  std::set<chunk_id> unnamed_;
  std::set<inode_id> released_;
  bool older_ = false;
  bool restores_ = false;
  master_term restored_at_;
  std::map<std::uint64_t, chunk_id> records_; ///< Where an append stands.
  std::uint64_t changes_ = 0;
  std::uint64_t appends_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t grants_ = 0;
  std::optional<std::pair<std::string, std::string>> breach_;
};

/// Reports what the witness saw.
class chunk_oracle : public oracle {
public:
  explicit chunk_oracle(chunk_witness& witness) : witness_{witness} {
    // nop
  }
  [[nodiscard]] std::string_view name() const override {
    return "chunks";
  }
  [[nodiscard]] std::optional<std::string>
  after_event(const world&, node_index) override;

private:
  chunk_witness& witness_;
};

} // namespace dfs::sim
