#pragma once

#include "base/error.hpp"
#include "base/result.hpp"
#include "core/chunks/holder_lease.hpp"
#include "core/chunks/keeper_config.hpp"
#include "core/chunks/keeper_effects.hpp"
#include "core/chunks/keeper_led.hpp"
#include "core/chunks/keeper_news.hpp"
#include "core/chunks/replica_list.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dfs::core {

/// A chunkserver's conversation with the master (docs/protocols/chunks.md): one
/// per life, its own view. Pure. Registers, reports, sends heartbeats, and
/// lives by the node lease that their answers give.
///
///  K1  A master whose metadata are older than what was obeyed, or went another
///      way, is not. A term is obeyed from when that is durable.
///  K2  What an answer revokes is not served any more before its lease counts,
///      and before the next heartbeat says that it was heard.
///  K3  A report holds all that was here when it was asked for; news since
///      then are told after its last page.
///  K4  An impeded server sends no heartbeat: its lease runs out.
///  K5  After `leave` has ended the lease no heartbeat is sent.
class keeper_machine {
public:
  /// @param newest That this store ever obeyed.
  /// @param last Highest sequence that this life has used.
  keeper_machine(keeper_config config, keeper_identity self,
                 const msg::master_mark& newest, std::uint64_t last,
                 const clock_pair& now);

  /// @pre `now` never goes back, here and below.
  [[nodiscard]] keeper_effects tick(const clock_pair& now);

  [[nodiscard]] keeper_effects
  master_found(const msg::member_id& self, const clock_pair& now);
  [[nodiscard]] keeper_effects master_missing(const clock_pair& now);
  /// Its handle went down.
  [[nodiscard]] keeper_effects master_lost(const clock_pair& now);

  [[nodiscard]] keeper_effects registered(keeper_talk talk,
                                          const msg::chunkserver_registered& x,
                                          const clock_pair& now);
  [[nodiscard]] keeper_effects registration_failed(keeper_talk talk,
                                                   const error& why,
                                                   const clock_pair& now);
  [[nodiscard]] keeper_effects mark_persisted(const msg::master_mark& mark,
                                              bool durable,
                                              const clock_pair& now);

  [[nodiscard]] keeper_effects replicas_listed(std::uint64_t ticket,
                                               replica_list all,
                                               const clock_pair& now);
  [[nodiscard]] keeper_effects
  page_answered(keeper_talk talk, std::uint32_t page, const clock_pair& now);
  [[nodiscard]] keeper_effects
  page_failed(keeper_talk talk, const error& why, const clock_pair& now);

  [[nodiscard]] keeper_effects
  led_told(std::uint64_t ticket, led_page found, const clock_pair& now);
  [[nodiscard]] keeper_effects beat_answered(keeper_talk talk,
                                             const msg::chunk_heartbeat_ack& x,
                                             const clock_pair& now);
  [[nodiscard]] keeper_effects
  beat_failed(keeper_talk talk, const error& why, const clock_pair& now);
  [[nodiscard]] keeper_effects
  revoked(std::uint64_t ticket, const clock_pair& now);

  // News of the data server.
  void arrived(const msg::chunk_state& chunk) {
    news_.arrived(chunk);
  }
  void lost(chunk_id chunk) {
    news_.lost(chunk);
  }
  void corrupt(chunk_id chunk) {
    news_.corrupt(chunk);
  }
  /// On the order of the master of that term.
  void deleted(master_term term, const std::vector<chunk_id>& chunks);

  /// For the next heartbeat.
  void set_status(std::uint32_t load, std::vector<msg::volume_status> volumes);

  /// Why this server could not honour a lease now; empty: it could.
  [[nodiscard]] keeper_effects
  impede(const std::string& why, const clock_pair& now);

  /// Nothing is under way here any more: say what is left to say, and go.
  [[nodiscard]] keeper_effects leave(const clock_pair& now);
  /// Or it failed: there is nothing more to say.
  [[nodiscard]] keeper_effects goodbye_said(keeper_talk talk);
  /// The lease is over and the master knows, or cannot be told.
  [[nodiscard]] bool gone() const {
    return gone_;
  }

  /// May this order be obeyed? @returns `ec::stale` for an older term,
  /// `ec::unavailable` for one that is not durable yet, `ec::shutting_down`.
  [[nodiscard]] result<nothing> obey(master_term term) const;

  /// Until when the lease of a grant runs here. @returns `ec::stale` for a
  /// grant to another life, or one that counts from a forgotten heartbeat.
  [[nodiscard]] result<boot_instant> end_of(const msg::chunk_grant& x) const;

  struct standing {
    bool registered = false;
    bool reported = false;
    master_term term;   ///< Of the present registration.
    master_term newest; ///< That was ever obeyed.
    boot_instant lease_until;
    std::uint64_t sequence = 0;
    std::uint64_t beats_answered = 0;
    std::uint64_t beats_failed = 0;
    std::uint64_t news = 0; ///< That wait.
    std::string trouble;    ///< Why it is not registered, or impeded.
  };
  [[nodiscard]] standing status() const;

  /// Aborts if an invariant is broken.
  void check() const;

private:
  enum class phase : std::uint8_t {
    alone,       ///< Until `retry_at_`.
    finding,     ///< A master.
    registering, ///< With it.
    persisting,  ///< Its term.
    talking,
    leaving, ///< Goodbye is on its way, or was said.
  };

  struct beat {
    std::uint64_t news = 0; ///< Mark.
    keeper_led::telling led;
  };

  struct pending_answer {
    std::uint64_t ticket = 0;
    msg::chunk_heartbeat_ack answer;
  };

  void note(keeper_note::kind what, std::string text = {});
  [[nodiscard]] keeper_effects take_out();
  void watch_patience(const clock_pair& now);
  void retire(const clock_pair& now, std::chrono::milliseconds wait,
              std::string why);
  void ask_to_register(const clock_pair& now);
  void refuse_master(const clock_pair& now, const std::string& why);
  void remember(const msg::master_mark& told, const clock_pair& now);
  void begin_talk(const clock_pair& now);
  void begin_report();
  void send_next_page();
  void watch_lease(const clock_pair& now);
  void beat_when_due(const clock_pair& now);
  void ask_what_is_led(const clock_pair& now);
  void beat_soon(boot_instant at);
  void beat_now(const clock_pair& now);
  void carry_out(const msg::chunk_heartbeat_ack& x, const clock_pair& now);
  void finish(const clock_pair& now);

  keeper_config config_;
  keeper_identity self_;
  msg::member_id member_;
  holder_lease lease_;
  keeper_news news_;
  keeper_led led_;
  keeper_effects out_;

  phase phase_ = phase::alone;
  keeper_talk talk_ = 0;
  msg::master_mark newest_; ///< K1.
  bool marking_ = false;    ///< It is being written …
  boot_instant mark_at_;    ///< … and not again before.
  master_term term_;        ///< Of this talk.
  bool alive_ = false;      ///< A master has registered this life.
  msg::chunkserver_registered terms_;
  boot_instant retry_at_; ///< When alone; else the end of patience.
  boot_instant heard_at_; ///< The last answer that counted, or registration.
  std::string trouble_;
  std::string impediment_;
  bool stuck_ = false; ///< The data server.

  // The report.
  std::uint64_t ticket_ = 0;  ///< Of all that is asked for here.
  std::uint64_t listing_ = 0; ///< 0: not asked for.
  replica_list report_;
  std::uint32_t page_ = 0;
  std::optional<boot_instant> page_due_; ///< When it is sent again.
  bool reporting_ = false;        ///< Listing, or in the middle of the pages.
  bool reported_ = false;         ///< To the master of `term_`.
  std::uint64_t reported_at_ = 0; ///< Sequence of the last heartbeat before.
  std::uint64_t listed_at_ = 0;   ///< Of the present report, among heartbeats.

  // Heartbeats.
  boot_instant next_beat_;
  bool beat_waits_ = false;               ///< For what is led.
  std::uint64_t led_ticket_ = 0;          ///< 0: not asked for.
  std::uint64_t led_round_ = 0;           ///< When it was asked for.
  std::optional<boot_instant> led_asked_; ///< Not answered yet.
  std::map<std::uint64_t, beat> beats_;   ///< By sequence.
  std::optional<pending_answer> pending_; ///< Until its revocations hold.
  bool lease_ran_ = false;
  std::uint32_t load_ = 0;
  std::vector<msg::volume_status> volumes_;
  std::uint64_t answered_ = 0;
  std::uint64_t failed_ = 0;

  // The end.
  std::optional<boot_instant> leaving_; ///< Until then at most.
  bool gone_ = false;
};

} // namespace dfs::core
