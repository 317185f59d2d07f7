#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "core/sessions/server_list.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace dfs::core {

struct search_config {
  /// Head start of one server before the next one is asked (RFC 8305). As long
  /// as the last pause, if that is longer, up to `race_max`: where passes fail,
  /// contacts are slow because a crowd asks them, and should not ask more.
  std::chrono::milliseconds race{250};
  std::chrono::milliseconds race_max{1'000};
  /// For one server: name, TCP, TLS, login and answer. Longer than the queue of
  /// handshakes at a master that has just started: a try that is given up and
  /// begun again costs the server another handshake.
  std::chrono::milliseconds patience{5'000};
  /// A server that is silent for so long does not hold a pass up, and makes
  /// room for another one.
  std::chrono::milliseconds slow{1'000};
  /// The same for the likely leader when its machine took the connection: it
  /// has just started, and others wait for their handshakes, too.
  std::chrono::milliseconds slow_likely{3'000};
  std::chrono::milliseconds pause_min{100}; ///< Between passes; doubled.
  std::chrono::milliseconds pause_max{4'000};
  /// Under way at once. A server that makes room has had twice `slow`: enough
  /// for seven round trips of 250 ms.
  std::size_t asks_max = 8;
  std::size_t answers_max = 2; ///< Without help, in one pass.
  /// The last leader's term is given up after passes over that time, and so
  /// many, in which servers told of lower terms only. Longer than any restart
  /// of a master that a server has obeyed in the higher term.
  std::chrono::milliseconds term_life{30'000};
  std::size_t term_passes = 10;
};

/// What a server says of who leads.
struct leader_answer {
  bool leads = false;              ///< The asked server itself.
  std::string leader;              ///< HOST:PORT; empty: it knows none.
  master_term term;                ///< Of that leader; 0: not told.
  std::vector<std::string> others; ///< Servers that can be asked, too.
};

// Effects, to be performed in order.

/// Ask that server who leads. Answered by `answered` or `failed`, once.
struct ask_server {
  std::uint64_t ask = 0; ///< From 1.
  std::string address;
  std::chrono::milliseconds patience{0};
};

/// Its answer is not wanted any more; it may be closed.
struct drop_ask {
  std::uint64_t ask = 0;
};

/// The server of that ask leads: requests go over its connection.
struct leader_found {
  std::uint64_t ask = 0;
  std::string address;
  master_term term;
};

/// No server helped. A request that cannot wait until `next` gets `why`.
struct pass_failed {
  error why; ///< For people; says nothing of whether waiting helps.
  instant next;
  /// Every server that was asked refused this client for a reason that does not
  /// pass. One server alone proves nothing: a contact may be wrong.
  bool hopeless = false;
};

using search_effect
  = std::variant<ask_server, drop_ask, leader_found, pass_failed>;
using search_effects = std::vector<search_effect>;

/// How a client finds the server that leads, and finds it again
/// (docs/protocols/leader.md). One per session: this client's view. Pure.
///
///  I1  At most `asks_max` asks are under way, and one for each address.
///  I2  No leader is taken in a lower term than the last one had, until servers
///      have told of lower terms only in `term_passes` passes over `term_life`.
///      One in a lower term than a server told of is taken only when nobody
///      else is left to be asked in this pass: others' word may be wrong.
///  I3  While a request waits there is a next deadline. The next server is
///  asked
///      `race` after the one before it, whether that one's machine took the
///      connection or not, and at once when that one has failed or answered.
///      Only after failed passes the head start grows, to `race_max`.
///  I4  After a failed pass the next one begins a pause later; pauses grow
///  until
///      a leader has answered a request.
class leader_search {
public:
  /// @param contacts Any servers of the cluster, not none of them.
  leader_search(std::vector<std::string> contacts, search_config config,
                rng random);

  /// Requests wait for a leader; the first of them until `deadline`. May be
  /// repeated.
  [[nodiscard]] search_effects want(instant deadline, instant now);

  /// No request waits any more: no further pass begins.
  void rest();

  [[nodiscard]] search_effects
  answered(std::uint64_t ask, const leader_answer& said, instant now);
  [[nodiscard]] search_effects
  failed(std::uint64_t ask, const error& why, instant now);

  /// The machine of that server took the connection. Not to be told in any
  /// case.
  void reached(std::uint64_t ask);

  /// The leader has answered a request.
  void confirmed();

  enum class loss {
    closed,    ///< Its connection ended: it may be back in a moment.
    silent,    ///< It gave no sign of life, or never gets ready.
    not_leader ///< It says that it does not lead.
  };

  /// The leader that was found is none any more.
  /// @param hint Who leads, as the former leader says.
  void lost(loss how, const std::string& hint, instant now);

  /// @pre `now` never goes back, here and above.
  [[nodiscard]] search_effects tick(instant now);
  [[nodiscard]] std::optional<instant> next_deadline() const;

  /// Of the last leader that was taken; 0: none, or it told none.
  [[nodiscard]] master_term term() const {
    return taken_;
  }

  /// Aborts if I1 or I3 is broken.
  void check() const;

private:
  struct ask {
    std::string address;
    std::string named_by; ///< Empty: a contact.
    instant since;
    bool likely = false; ///< To lead: named, or the last leader.
    bool reached = false;
    bool leads = false; ///< It says so, in a lower term than `heard_`.
    master_term term;
  };
  using asks = std::map<std::uint64_t, ask>;

  void begin_pass(instant now);
  void weigh(master_term told, instant now);
  void go_on(search_effects& out, instant now);
  void start(search_effects& out, ask x, instant now);
  void on_named(search_effects& out, const std::string& by,
                const leader_answer& said, instant now);
  void note(error why, bool said);
  void take(search_effects& out, asks::iterator found);
  void end_pass(search_effects& out, instant now);
  void pause(instant now);
  void make_room(search_effects& out, instant now);
  [[nodiscard]] instant holds_until(const ask& x) const;
  [[nodiscard]] bool is_asked(const std::string& address) const;

  search_config config_;
  rng random_;
  server_list servers_;
  std::string leader_;  ///< The last one; empty: none, or one to be doubted.
  std::string doubted_; ///< One that was left; empty: none.
  std::string hint_;
  std::string guide_; ///< Who answered last.
  master_term taken_; ///< Of the last leader; 0: none, or given up.
  master_term heard_; ///< The highest one told of in this pass.
  /// Passes in which servers told of lower terms than `taken_` only, and since
  /// when.
  std::size_t lower_passes_ = 0;
  instant lower_since_;
  bool lower_ = false; ///< A server told of a lower one in this pass.

  std::optional<instant> deadline_; ///< Of the first request that waits.
  asks asks_;
  std::uint64_t last_ask_ = 0;
  bool passing_ = false;
  std::deque<std::string> queue_; ///< To be asked in this pass.
  std::set<std::string> likely_;  ///< Of those, to lead.
  std::set<std::string> tried_;   ///< In this pass.
  std::size_t answers_ = 0;       ///< Without help, in this pass.
  instant next_race_;
  std::optional<error> why_; ///< Of this pass.
  int why_rank_ = 0;         ///< By `note`.
  bool hope_ = false; ///< A server in this pass was silent, or did not refuse.
  std::optional<instant> next_pass_;
  std::chrono::milliseconds pause_{0};
  bool confirmed_ = true;
};

} // namespace dfs::core
