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

// A directory of the master, to members whose role needs it (C12).
template <class Handle>
caf::result<Handle>
give(directory_actor::stateful_pointer<directory_state> self,
     const directory_options& options, msg::role needed,
     const std::function<Handle()>& find, const char* missing) {
  auto found = find ? find() : Handle{};
  if (!found)
    return to_caf(fail(ec::unavailable, missing));
  auto may = options.roll ? options.roll->admit(self->current_sender(), needed)
                          : fail(ec::denied, "nobody is admitted here");
  if (!may)
    return to_caf(may.error());
  return found;
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
    [=](const msg::find_chunk_directory&) {
      return give(self, options, msg::role::chunkserver, options.chunks,
                  "no chunk directory here");
    },
    [=](const msg::find_version_directory&) {
      return give(self, options, msg::role::fileserver, options.versions,
                  "no version directory here");
    },
  };
}

} // namespace dfs::actors
