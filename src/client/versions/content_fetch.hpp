#pragma once

#include "client/versions/version_session.hpp"
#include "client/versions/version_view.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

// A part of a content from whichever server holds it.
//
//   servers in order of health --read_content--> the first
//     no answer after its p99  --read_content--> and the next: the first
//                                                answer wins
//     refused, lost, wrong CRC --read_content--> the next
//   none left: the master's present set, and once more, until there was no
//   progress for too long
//
// I1  What is handed out has the checksums that its server verified or its
//     writer computed.

namespace dfs::client {

struct content_part {
  msg::file_version version;
  std::uint64_t offset = 0; ///< A multiple of the block.
  std::uint32_t length = 0; ///< 1 to `msg::data_max`, not beyond the end.
};

/// One thread. Keeps itself alive until it has answered.
class content_fetch : public std::enable_shared_from_this<content_fetch> {
public:
  using answer = std::function<void(result<piece>)>;

  /// @param room For `length` bytes, in the memory budget; null: uncounted.
  /// @param then Errors: `ec::not_found` (nobody has this version any more),
  ///   `ec::integrity` (no good copy), what the last try came to when the
  ///   view's timeout is over.
  static void
  start(version_session& session, std::shared_ptr<version_view> view,
        const content_part& what, memory_budget::room room, answer then);

  content_fetch(version_session& session, std::shared_ptr<version_view> view,
                const content_part& what, memory_budget::room room,
                answer then);

private:
  struct request_open {
    msg::version_server to;
    instant since;
    memory_budget::room room; ///< Of a hedge.
    bool open = true;
  };

  void begin_round();
  void ask_next();
  void ask(const msg::version_server& to, memory_budget::room room);
  void hedge_later(instant::duration time);
  void hedge();
  void answered(std::size_t number, result<content_answer> x);
  [[nodiscard]] result<nothing> check(const content_answer& x) const;
  void refused(const msg::version_server& by, const error& why);
  void end_round_later();
  void end_round();
  void finish(result<piece> outcome);
  [[nodiscard]] std::string name() const;

  version_session& session_;
  std::shared_ptr<version_view> view_;
  content_part what_;
  memory_budget::room room_;
  answer then_;
  patience patience_;
  back_off back_off_;
  std::vector<msg::version_server> left_; ///< Not asked in this round.
  std::vector<request_open> open_;        ///< In this round, by number.
  std::size_t unanswered_ = 0;
  std::uint64_t round_ = 0;
  int rounds_failed_ = 0;
  int rounds_without_ = 0; ///< In a row, in which nobody had it.
  std::set<ec> reasons_;   ///< In this round.
  error last_{ec::unavailable, "no file server has it"};
  boost::asio::steady_timer timer_;
};

} // namespace dfs::client
