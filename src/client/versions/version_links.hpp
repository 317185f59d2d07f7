#pragma once

#include "client/server_links.hpp"
#include "client/versions/version_port.hpp"

#include <memory>

namespace dfs::client {

/// The data ports of file servers over connections.
class version_links final : public version_port {
public:
  explicit version_links(std::shared_ptr<server_links> links);

  void put(const msg::version_server& to, msg::put_bytes what,
           const piece& data, duration patience,
           answer<msg::put_done> then) override;
  void settle(const msg::version_server& to, const msg::ask_settle_put& what,
              duration patience, answer<msg::put_settled> then) override;
  void settle(const msg::version_server& to, const msg::ask_settle_file& what,
              duration patience, answer<msg::file_settled> then) override;
  void read_state(const msg::version_server& to, const msg::read_state& what,
                  duration patience, answer<state_answer> then) override;
  void finish(const msg::version_server& to, const msg::ask_finish_write& what,
              duration patience,
              answer<msg::replica_said<msg::manifest_accepted>> then) override;
  void stage(const msg::version_server& to, msg::stage_content what,
             const piece& data, duration patience,
             answer<msg::content_staged> then) override;
  void read(const msg::version_server& to, const msg::read_content& what,
            duration patience, answer<content_answer> then) override;

private:
  std::shared_ptr<server_links> links_;
};

} // namespace dfs::client
