#pragma once

#include "admin/output.hpp"
#include "admin/parameters.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "messages/membership.hpp"
#include "settings/sections.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// A verb: `dfsnode NAME …`. One file each under admin/verbs, one line each in
// verbs/all.cpp; parser, help, completion and "did you mean" follow from it.

namespace dfs::client {
class cluster_client;
class file_client;
class master_client;
class queue_user;
} // namespace dfs::client

namespace dfs::admin {

/// Before or after any verb.
struct global_options {
  std::string config; ///< Empty: DFSNODE_CONFIG, then the usual places.
  bool json = false;
  std::optional<std::chrono::milliseconds> timeout; ///< Over client.timeout.
  dfs::request_id request; ///< Zero: one is chosen where one is needed.
  /// What was given instead of a number (see `verb::own_request_ids`).
  std::string request_name;
  bool verbose = false;
  bool no_color = false;
  bool version = false;
  std::vector<std::string> settings; ///< "--client.timeout=3s"
};

/// Name and version of something in the program.
struct library_version {
  std::string name;
  std::string version;
};

/// A master's metadata, made again on this machine out of a backup.
struct metadata_restore {
  std::string from;         ///< A file, "-" for standard input, or a directory.
  std::string to;           ///< The metadata directory.
  std::uint32_t number = 0; ///< In a directory of backups; 0: the newest.
  bool force = false;       ///< What is there is moved aside.
  std::uint64_t above_term = 0; ///< That a server is known to have obeyed.
  std::function<void(std::uint64_t bytes)> progress; ///< Called as it goes on.
};

struct metadata_restored {
  std::optional<std::uint64_t> rows; ///< Nothing: not counted.
  std::uint64_t bytes = 0;
  std::int64_t made_ms = 0; ///< Unix time of the backup; 0: not known.
  std::string replaced;     ///< Where is now what stood there, if anything.
};

/// What the program puts in from above and from outside: admin knows no roles.
struct surroundings {
  std::vector<std::string> environment;   ///< "NAME=value"
  std::ostream* out = nullptr;            ///< Null: standard output.
  std::ostream* err = nullptr;            ///< Null: standard error.
  bool terminal = false;                  ///< Whether `out` is one.
  bool error_terminal = false;            ///< Whether `err` is one.
  std::vector<library_version> libraries; ///< That admin does not link.
  /// Errors: `storage::restore_backup`.
  std::function<result<metadata_restored>(const metadata_restore&)>
    restore_metadata;
};

/// What a running verb gets.
class verb_context {
public:
  verb_context(const global_options& options_given, const surroundings& world,
               output& printer);
  ~verb_context();

  const global_options& options;
  const surroundings& around;
  output& out;

  /// From the file that is in force, the environment and `--timeout`; read at
  /// the first call. @returns `ec::configuration`, one line for each fault.
  [[nodiscard]] result<settings::client_settings> client_settings();

  /// Wall clock: for certificates and for people.
  [[nodiscard]] std::chrono::sys_time<std::chrono::milliseconds> now() const;

  /// With the user's credential; one for the whole verb, made at first use and
  /// connected at its first request. @returns `ec::configuration`.
  [[nodiscard]] result<std::shared_ptr<client::cluster_client>> cluster();

  /// The way to the master, which it looks for itself; as `cluster` otherwise.
  [[nodiscard]] result<std::shared_ptr<client::master_client>> master();

  /// Files of the cluster; as `cluster` otherwise. From here on Ctrl-C ends
  /// what runs with `ec::cancelled`, in order.
  [[nodiscard]] result<std::shared_ptr<client::file_client>> files();

  /// Queues of the cluster, in a session of the verb's own; as `cluster`
  /// otherwise.
  [[nodiscard]] result<std::shared_ptr<client::queue_user>> queues();

  /// How long a transfer goes on without getting anywhere: `--timeout`, or
  /// longer than a restart of the master or a whole cluster takes.
  [[nodiscard]] std::chrono::milliseconds transfer_timeout();

  /// The number of the next change that this verb makes: `--request-id` or a
  /// random one, and from there on. So the same command with the number of its
  /// first change makes the same changes, each of them once.
  [[nodiscard]] request_id next_request();
  /// The number of the first.
  [[nodiscard]] request_id first_request();

  /// The list of the first contact that is in the group itself; requests go to
  /// that one from here on. @returns what asking says; `ec::unavailable` when
  /// every contact that answers has left the group.
  [[nodiscard]] result<msg::member_list> member_list();

  /// Back to all contacts, after the one that was used has failed.
  void reset();

  /// As `cluster`, for the node of that name, found in the member list, from
  /// here to the end of the verb; for any server if the name is empty.
  /// @returns as `cluster` and what asking it says; `ec::not_found`.
  [[nodiscard]] result<std::shared_ptr<client::cluster_client>>
  cluster_at(const std::string& node);

  /// The same for the node with that stream address.
  [[nodiscard]] result<std::shared_ptr<client::cluster_client>>
  cluster_to(const endpoint& where);

private:
  std::optional<settings::client_settings> settings_;
  std::shared_ptr<client::cluster_client> cluster_;
  std::shared_ptr<client::master_client> master_;
  std::shared_ptr<client::file_client> files_;
  std::shared_ptr<client::queue_user> queues_;
  request_id first_request_;
  std::uint64_t requests_ = 0;
};

/// What ends the process: 0, or another status that is no error (a verb such as
/// `status` says something by it).
using exit_code = int;
using action = std::function<result<exit_code>(verb_context&)>;

struct verb {
  std::string name;  ///< "members", or some words: "cluster init".
  std::string group; ///< Heading in `dfsnode --help`.
  std::string help;  ///< One line.
  std::vector<std::string> examples; ///< Command lines without "dfsnode ".
  /// Declares the parameters and returns what is to be done with them.
  std::function<action(parameters&)> setup;
  /// `--request-id` is no number, but what the verb itself has printed.
  bool own_request_ids = false;
};

/// In the order of help.
[[nodiscard]] std::span<const verb> verbs();

/// Takes what people type: underscores for dashes, spellings of the original.
/// As many words as there are of a name; null if there is none. @param used How
/// many words it took.
[[nodiscard]] const verb*
find_verb(std::span<const std::string> words, std::size_t& used);

} // namespace dfs::admin
