#include "client/versions/version_links.hpp"

#include <utility>

namespace dfs::client {

namespace {

/// Sends a piece, or nothing; the answer has no data.
template <class Request>
void call(server_links& links, const msg::version_server& to,
          const Request& what, const piece& data,
          std::chrono::milliseconds patience,
          version_port::answer<typename Request::reply> then) {
  net::data_views views;
  if (!data.bytes.empty()) {
    auto keep = std::make_shared<piece>(data);
    views.push_back({keep->bytes.view(), keep});
  }
  links.call(to, what, std::move(views), patience,
             [then = std::move(then)](result<typename Request::reply> reply,
                                      const net::data_buffer&) {
               then(std::move(reply));
             });
}

/// The answer has data.
template <class Answer, class Request>
void fetch(server_links& links, const msg::version_server& to,
           const Request& what, std::chrono::milliseconds patience,
           version_port::answer<Answer> then) {
  links.call(to, what, {}, patience,
             [then = std::move(then)](result<typename Request::reply> reply,
                                      net::data_buffer bytes) {
               if (reply)
                 then(Answer{*std::move(reply), std::move(bytes)});
               else
                 then(reply.error());
             });
}

} // namespace

version_links::version_links(std::shared_ptr<server_links> links)
  : links_{std::move(links)} {
  // nop
}

void version_links::put(const msg::version_server& to, msg::put_bytes what,
                        const piece& data, duration patience,
                        answer<msg::put_done> then) {
  what.crcs = data.crcs;
  call(*links_, to, what, data, patience, std::move(then));
}

void version_links::settle(const msg::version_server& to,
                           const msg::ask_settle_put& what, duration patience,
                           answer<msg::put_settled> then) {
  call(*links_, to, what, {}, patience, std::move(then));
}

void version_links::settle(const msg::version_server& to,
                           const msg::ask_settle_file& what, duration patience,
                           answer<msg::file_settled> then) {
  call(*links_, to, what, {}, patience, std::move(then));
}

void version_links::read_state(const msg::version_server& to,
                               const msg::read_state& what, duration patience,
                               answer<state_answer> then) {
  fetch(*links_, to, what, patience, std::move(then));
}

void version_links::finish(
  const msg::version_server& to, const msg::ask_finish_write& what,
  duration patience, answer<msg::replica_said<msg::manifest_accepted>> then) {
  call(*links_, to, what, {}, patience, std::move(then));
}

void version_links::stage(const msg::version_server& to,
                          msg::stage_content what, const piece& data,
                          duration patience, answer<msg::content_staged> then) {
  what.crcs = data.crcs;
  call(*links_, to, what, data, patience, std::move(then));
}

void version_links::read(const msg::version_server& to,
                         const msg::read_content& what, duration patience,
                         answer<content_answer> then) {
  fetch(*links_, to, what, patience, std::move(then));
}

} // namespace dfs::client
