#pragma once

#include "client/byte_source.hpp"
#include "client/versions/content_stager.hpp"
#include "client/versions/put_name.hpp"
#include "client/versions/replay_source.hpp"
#include "client/versions/version_session.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

// Makes a version of a file: the shell around `core::put_machine`.
//
//   create_versioned (remembered: locate_file, is it that file still?),
//   number_writer (or an idle one)
//   <= 1 MiB   put_bytes with the bytes
//   more       stage_content … to the primary, which passes them on; put_bytes
//   refused as `stale`: all of it again, with another writer
//
// I1  "Done" only if a primary said so; "not done" only if it cannot happen any
//     more (core::put_machine, P1); otherwise `ec::outcome_unknown`, with the
//     id to ask with.
// I2  A source that changed while it was read makes no version.

namespace dfs::client {

struct version_write {
  std::string path;
  bool parents = false; ///< Missing directories are made.
  /// Of `create_versioned`; 0: a random one.
  std::uint64_t request = 0;
  /// `deleted` needs no source.
  msg::version_kind kind = msg::version_kind::content;
  /// A kept version whose content the new one has; no source then.
  std::optional<msg::file_version> restored;
  std::chrono::milliseconds timeout{30'000};   ///< Without progress.
  std::function<void(std::uint64_t)> progress; ///< Bytes, when acknowledged.
};

struct version_made {
  file_place place;
  put_name put;
  version_number version;
  /// Have it now; 0: at least W, it was told later.
  std::uint8_t copies = 0;
  msg::quorum_rule rule;
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;
};

/// One thread, that of the session. Keeps itself alive until it has answered.
class version_writer : public std::enable_shared_from_this<version_writer> {
public:
  using answer = std::function<void(result<version_made>)>;

  /// @param source Null: none is needed.
  version_writer(version_session& session, std::shared_ptr<byte_source> source,
                 version_write what);

  /// Once. Errors: those of `msg::create_versioned` and `msg::put_file`;
  /// `ec::outcome_unknown`, naming the request id; of the source;
  /// `ec::cancelled`: before it could have been done.
  void start(answer then);

  /// Ends it soon: as not done, if nothing was proposed yet.
  void cancel();

private:
  void begin();
  void create(version_places::found then);
  void placed(const file_place& place);
  void numbered(const msg::put_id& put);
  void read_first();
  void first_read(std::uint64_t wanted, result<piece> x);
  void stage();
  void stage_to(const msg::version_server& primary,
                std::function<void(result<nothing>)> then);
  void stage_failed(const error& why);
  [[nodiscard]] bool may_be_the_others(const error& why);
  void verify();
  void begin_put();

  void perform(core::put_effects effects);
  void send(const msg::put_file& what);
  void send_now(const msg::version_server& to, const msg::put_file& what);
  void settle(const msg::settle_put& what);
  void put_answered(store_id by, std::uint64_t number,
                    const result<msg::put_done>& x);
  void over(const core::put_over& x);
  void stage_again(const msg::version_server& to, const msg::put_file& what);
  void arm();

  void find_leader(std::function<void()> then);
  void ask_for_leader(std::function<void()> then);
  void begin_again();
  void end(result<version_made> outcome);
  [[nodiscard]] bool may_begin_again() const;
  [[nodiscard]] bool may_find_room(const error& why);
  [[nodiscard]] const msg::group_location& group() const;
  [[nodiscard]] std::optional<msg::version_server> primary() const;
  [[nodiscard]] put_name name() const;
  [[nodiscard]] error unknown(const error& why) const;

  version_session& session_;
  std::shared_ptr<replay_source> source_;
  version_write what_;
  answer then_;
  patience patience_;
  int attempts_ = 0;
  bool made_again_ = false; ///< The name, under another number.
  file_place place_;
  msg::put_id put_;
  std::optional<piece> inline_; ///< All of a small content.
  std::uint64_t bytes_ = 0;
  std::uint32_t checksum_ = 0;
  std::set<store_id> holders_; ///< Have the staged content.
  std::shared_ptr<content_stager> stager_;
  bool alone_ = false; ///< The primary passes nothing on: others hang.
  std::optional<instant> room_until_; ///< A primary was full: another may lead.
  std::uint64_t told_ = 0;            ///< Bytes that `progress` was told of.
  std::optional<core::put_machine> machine_;
  std::uint64_t number_ = 0; ///< Of the last request; errors of others are old.
  store_id asked_;           ///< The primary whose answer is waited for.
  store_id failed_;          ///< The one that could not be reached.
  int polls_ = 0;            ///< Of the master, since a primary has failed.
  int questions_ = 0;        ///< To the master, all of them.
  boost::asio::steady_timer timer_;
};

} // namespace dfs::client
