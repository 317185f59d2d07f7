#include "support/sim/node.hpp"

#include "base/assert.hpp"
#include "support/sim/world.hpp"

#include <fmt/format.h>

namespace dfs::sim {

node::node(world& owner, node_index index, process_factory factory)
  : world_{owner},
    index_{index},
    random_{0},
    factory_{std::move(factory)} {
  // nop
}

instant node::now() const {
  return clock_.local(world_.now());
}

virtual_time node::virtual_now() const {
  return world_.now();
}

std::chrono::milliseconds node::wall() const {
  return clock_.wall(world_.now());
}

void node::set_clock(node_clock clock) {
  DFS_ASSERT(life_ == 0);
  clock_ = clock;
}

void node::send(std::uint16_t from_port, const endpoint& to, std::string body) {
  DFS_ASSERT(state_ == node_state::running);
  world_.transmit(*this, {{ip(), from_port}, to, std::move(body)});
}

void node::later(std::chrono::nanoseconds delay, std::function<void()> f) {
  DFS_ASSERT(state_ == node_state::running);
  world_.add_call(clock_.due(now() + delay), {std::move(f), index_, life_});
}

void node::note(std::string_view text) {
  if (auto* x = trace_.add(world_.now(), trace_kind::note))
    x->body = text;
}

namespace {

std::string_view arrow(trace_kind kind) {
  switch (kind) {
    case trace_kind::sent:
      return "->";
    case trace_kind::received:
      return "<-";
    case trace_kind::dropped:
      return "x<-";
    default:
      return "";
  }
}

} // namespace

std::string
past_of(const node& n,
        const std::function<std::string(std::string_view)>& describe) {
  const auto words = [&](const std::string& body) {
    return describe ? describe(body) : fmt::format("{} bytes", body.size());
  };
  std::string text;
  for (const auto* x : n.past().entries()) {
    if (x->kind == trace_kind::note || x->kind == trace_kind::life)
      text += fmt::format("  {} {}\n", to_text(x->when), x->body);
    else
      text
        += fmt::format("  {} :{} {} {} {}\n", to_text(x->when), x->local_port,
                       arrow(x->kind), to_string(x->peer), words(x->body));
  }
  return text;
}

} // namespace dfs::sim
