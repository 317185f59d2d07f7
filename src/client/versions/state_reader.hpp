#pragma once

#include "client/versions/version_session.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// What a versioned file is, now: the shell around `core::read_machine`.
//
//   locate_group (if the group is not known)
//   read_state --> R of the set, others after 20 ms; with the bytes from one
//   lost, or too few answer: locate_group, and once more, until there was
//   nothing for too long
//
// I1  What it gives is settled (core::read_machine, G1).
// I2  Bytes that came along have the checksums of the version.

namespace dfs::client {

struct state_wanted {
  std::string path; ///< For errors.
  group_id group;
  inode_id file;
  std::uint64_t looked_up_at = 0; ///< As in `file_place`.
  bool bytes = false;             ///< Of the newest version, if they are few.
  std::chrono::milliseconds timeout{30'000};
};

struct state_found {
  msg::file_state state;         ///< No stamp: there is no such file.
  std::vector<store_id> holders; ///< Of the newest version.
  std::optional<piece> bytes;    ///< All of the newest version.
  /// Nothing is known of the file but that its name must be looked up again.
  bool outdated = false;
};

/// One thread. Keeps itself alive until it has answered.
class state_reader : public std::enable_shared_from_this<state_reader> {
public:
  using answer = std::function<void(result<state_found>)>;

  /// @param then Errors: `ec::unavailable`, naming the servers that are
  ///   missing; those of `msg::locate_group`.
  static void start(version_session& session, state_wanted what, answer then);

  state_reader(version_session& session, state_wanted what, answer then);

private:
  void locate();
  void begin_round();
  void perform(core::read_effects effects);
  void ask(const core::ask_state& x);
  void answered(store_id from, instant since, result<state_answer> x);
  void finish_there(const core::ask_finish& x);
  void settle(const core::ask_settle& x);
  void failed(store_id from, const error& why);
  void lost(const error& why);
  void arm();
  void on_timer();
  void over(core::read_over x);
  void end(result<state_found> outcome);
  [[nodiscard]] error missing() const;
  [[nodiscard]] const msg::group_location& where() const;

  version_session& session_;
  state_wanted what_;
  answer then_;
  patience patience_;
  back_off back_off_;
  std::optional<core::read_machine> machine_;
  std::uint64_t round_ = 0;
  int rounds_ = 0;
  instant round_ends_{};
  std::map<store_id, instant> open_;      ///< Asked for the state, since.
  std::map<store_id, bool> answered_;     ///< In this round.
  std::map<msg::put_id, piece> contents_; ///< That came along.
  bool hedged_ = false;                   ///< Not waited for: one has failed.
  store_id primary_failed_;
  error last_{ec::unavailable, {}};
  boost::asio::steady_timer timer_;
};

} // namespace dfs::client
