#pragma once

#include "core/versions/put_machine.hpp"
#include "core/versions/read_machine.hpp"
#include "support/sim/versions.hpp"

#include <map>
#include <optional>

namespace dfs::sim {

/// Puts, deletes and gets files, one operation after another, and writes down
/// what it was told.
class version_client : public process {
public:
  version_client(node& host, version_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override;
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override;

  /// The run is over: what is under way has no outcome.
  void conclude();
  [[nodiscard]] bool idle() const {
    return step_ == step::idle;
  }
  [[nodiscard]] std::uint64_t puts() const {
    return puts_;
  }
  [[nodiscard]] std::uint64_t gets() const {
    return gets_;
  }

private:
  enum class step : std::uint8_t { idle, locating, working };

  void begin_operation();
  void locate(bool create);
  void locate_soon();
  void located(sim_located x);
  void start_read();
  void perform(core::read_effects effects);
  void perform(core::put_effects effects);
  void read_over(const core::read_over& x);
  void put_over(const core::put_over& x);
  void record(history::outcome result, std::uint64_t value);
  void finish_operation();
  void to_primary(version_message x);
  void to_server(store_id to, version_message x);
  void read_answer(node_index from, const version_packet& x);
  void put_answer(const version_packet& x);

  node& host_;
  version_cluster& cluster_;
  step step_ = step::idle;
  history::operation now_; ///< The operation under way.
  bool remove_ = false;
  std::uint32_t name_ = 0;
  std::map<std::uint32_t, sim_located> cache_;
  sim_located at_;
  bool looked_up_ = false; ///< The name, since the operation began.
  inode_id doubt_;         ///< Is not there: does the name still mean it?
  put_writer writer_;
  msg::put_id put_id_;
  std::uint64_t sequence_ = 0;
  std::uint64_t ticket_ = 0; ///< Of the operation.
  std::uint64_t puts_ = 0;
  std::uint64_t gets_ = 0;
  std::optional<core::read_machine> read_;
  std::optional<core::put_machine> put_;
  instant next_{};
  instant until_{};
};

} // namespace dfs::sim
