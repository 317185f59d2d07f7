#include "messages/control.hpp"

namespace dfs::msg {

std::string_view to_string(link_state x) {
  switch (x) {
    case link_state::idle:
      return "idle";
    case link_state::waiting:
      return "waiting";
    case link_state::connecting:
      return "connecting";
    case link_state::introducing:
      return "introducing";
    case link_state::confirming:
      return "confirming";
    case link_state::up:
      return "up";
  }
  return "unknown";
}

} // namespace dfs::msg
