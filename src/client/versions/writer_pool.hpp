#pragma once

#include "client/master_port.hpp"
#include "messages/version_file.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace dfs::client {

/// The writers of a client: each has one put at a time, so that many puts take
/// several. Numbered by the master when there are too few. One thread.
class writer_pool : public std::enable_shared_from_this<writer_pool> {
public:
  using taken = std::function<void(result<msg::put_id>)>;

  explicit writer_pool(master_port& master) : master_{master} {
    // nop
  }

  /// The id of a put that nobody has had. @param fresh Of a writer that nobody
  /// has had either. Errors: `msg::number_writer`. May call back at once.
  void take(bool fresh, std::chrono::milliseconds patience, const taken& then);

  /// The put is over and its outcome known: its writer may go on. Otherwise it
  /// is dropped: a later put of it would hide what became of this one.
  void give_back(const msg::put_id& put) {
    idle_.push_back(put);
  }

private:
  master_port& master_;
  std::vector<msg::put_id> idle_; ///< Their last ones.
};

} // namespace dfs::client
