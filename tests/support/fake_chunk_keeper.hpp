#pragma once

#include "actors/chunk_interfaces.hpp"
#include "actors/support/to_caf.hpp"

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace dfs::test {

/// What a fake chunkserver holds, and what it was ordered to do. One thread.
struct chunk_keeper_script {
  std::map<chunk_id, msg::chunk_extent> chunks;
  /// Refuses an order; the default refuses nothing.
  std::function<std::optional<ec>()> refuse = [] { return std::nullopt; };
  bool silent = false; ///< No answer at all.
  std::vector<msg::fence_chunk> fenced;
  std::vector<msg::take_lease> taken;
  std::vector<msg::copy_chunk> copied;
  std::vector<chunk_id> deleted;
  std::vector<msg::release_lease> released;
};

/// A chunkserver's end without a disk: does as it is told, at once.
inline actors::chunk_keeper_actor::behavior_type
fake_chunk_keeper(actors::chunk_keeper_actor::pointer self,
                  const std::shared_ptr<chunk_keeper_script>& script) {
  using actors::to_caf;
  const auto answer = [self, script](auto reply) {
    using reply_type = decltype(reply);
    if (script->silent)
      return caf::result<reply_type>{self->make_response_promise<reply_type>()};
    if (const auto why = script->refuse())
      return caf::result<reply_type>{to_caf(fail(*why))};
    return caf::result<reply_type>{std::move(reply)};
  };
  return {
    [=](const msg::fence_chunk& x) -> caf::result<msg::chunk_fenced> {
      script->fenced.push_back(x);
      if (!script->chunks.contains(x.chunk) && !x.fresh)
        return to_caf(fail(ec::not_found));
      if (!script->silent && !script->refuse())
        script->chunks[x.chunk].version = x.version;
      return answer(msg::chunk_fenced{{x.chunk, script->chunks[x.chunk]}});
    },
    [=](const msg::take_lease& x) {
      script->taken.push_back(x);
      return answer(
        msg::lease_taken{{x.grant.chunk, script->chunks[x.grant.chunk]}, {}});
    },
    [=](const msg::release_lease& x) -> caf::result<msg::lease_released> {
      script->released.push_back(x);
      if (!script->chunks.contains(x.chunk))
        return to_caf(fail(ec::not_found));
      return answer(
        msg::lease_released{{x.chunk, script->chunks[x.chunk]}, true});
    },
    [=](const msg::copy_chunk& x) {
      script->copied.push_back(x);
      if (!script->silent && !script->refuse())
        script->chunks[x.wanted.chunk] = x.wanted.extent;
      return answer(msg::chunk_copied{x.wanted});
    },
    [=](const msg::delete_chunks& x) {
      msg::chunks_deleted done;
      for (const auto& state : x.chunks) {
        script->deleted.push_back(state.chunk);
        script->chunks.erase(state.chunk);
        done.gone.push_back(state.chunk);
      }
      return answer(std::move(done));
    },
    [](caf::tick_atom) {},
  };
}

} // namespace dfs::test
