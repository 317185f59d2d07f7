#include "actors/directory.hpp"

#include "actors/support/to_caf.hpp"

#include <chrono>
#include <string>

namespace dfs::actors {

namespace {

// Within the time that the peer waits for the introduction.
constexpr auto membership_timeout = std::chrono::seconds{1};

bool speak_together(const msg::introduce& peer) {
  return peer.protocol >= msg::control_protocol_min
         && peer.protocol_min <= msg::control_protocol;
}

} // namespace

directory_actor::behavior_type
directory(directory_actor::stateful_pointer<directory_state> self,
          directory_options options) {
  return {
    [self, options](const msg::introduce& peer)
      -> caf::result<msg::introduction, link_keeper_actor> {
      if (!speak_together(peer))
        return to_caf(
          fail(ec::unsupported,
               "control protocol " + std::to_string(msg::control_protocol)));
      auto promise
        = self->make_response_promise<msg::introduction, link_keeper_actor>();
      self
        ->request(options.membership.get(), membership_timeout, msg::get_self{})
        .then(
          [promise, options](const msg::member_record& who) mutable {
            promise.deliver(msg::introduction{who, options.boot,
                                              msg::control_protocol,
                                              msg::control_protocol_min},
                            link_keeper_actor{options.links.get()});
          },
          [promise](const caf::error&) mutable {
            promise.deliver(to_caf(
              fail(ec::unavailable, "this node does not know who it is")));
          });
      return promise;
    },
    [options](
      const msg::find_chunk_directory&) -> caf::result<chunk_directory_actor> {
      if (auto found
          = options.chunks ? options.chunks() : chunk_directory_actor{})
        return found;
      return to_caf(fail(ec::unavailable, "no chunk directory here"));
    },
    [options](const msg::find_version_directory&)
      -> caf::result<version_directory_actor> {
      if (auto found
          = options.versions ? options.versions() : version_directory_actor{})
        return found;
      return to_caf(fail(ec::unavailable, "no version directory here"));
    },
  };
}

} // namespace dfs::actors
