#include "actors/echo.hpp"

namespace dfs::actors {

echo_actor::behavior_type echo(echo_actor::stateful_pointer<echo_state>) {
  return {
    [](msg::echo& x) { return std::move(x); },
  };
}

} // namespace dfs::actors
