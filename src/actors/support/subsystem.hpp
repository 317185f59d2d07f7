#pragma once

#include "actors/support/actor_registry.hpp"
#include "base/throw_point.hpp"

#include <caf/all.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

// Spawns a subsystem so that it is counted and timed without its cooperation:
//
//   auto manager = spawn_subsystem(system, registry, {.name = "lease-manager"},
//                                  lease_manager, config, first_epoch);
//
// The function is one that `caf::actor_system::spawn` would take: it returns a
// typed behavior and its first parameter is a (stateful) self pointer. What it
// throws, or a handler, is logged and counted, and ends the actor with
// `caf::sec::runtime_error`; its supervisor hears of that, and who sent the
// request that was handled hears that its handler threw. A request that nobody
// waits for any more (`given_up_requests`) is dropped before its handler runs.

namespace dfs::actors {

struct subsystem_options {
  std::string name;                  ///< As in the log, with dashes.
  std::string parent = "supervisor"; ///< Who spawned it, for the tree.
  bool waits_for_disks = false; ///< In handlers, and in a thread of its own.
};

/// Answers the request whose handler threw: the other ones that wait when the
/// actor ends get another error.
[[nodiscard]] caf::error handler_threw();
[[nodiscard]] bool is_handler_threw(const caf::error& x);

/// Counts, remembers and logs a failure. Call it in a catch block.
void note_exception(actor_meter& meter, const std::string& doing);
void note_unexpected(actor_meter& meter, const caf::message_view& what);

/// An actor of class `Impl` with a meter around it. It hooks where CAF 0.17.6
/// calls through the vtable anyway: `enqueue` runs in the sender's thread,
/// `consume` around each message, `cleanup` once at the end.
template <class Impl>
class metered final : public Impl {
public:
  metered(caf::actor_config& config, std::shared_ptr<actor_meter> meter,
          std::shared_ptr<given_up_requests> given_up)
    : Impl{config},
      meter_{std::move(meter)},
      given_up_{std::move(given_up)},
      life_{meter_->begin_life(this->clock().now())} {
    // Both default handlers of CAF would print to standard output.
    this->set_exception_handler([](std::exception_ptr&) -> caf::error {
      return caf::sec::runtime_error; // `consume` has said the rest.
    });
    this->set_default_handler(
      [this](caf::scheduled_actor*,
             caf::message_view& what) -> caf::result<caf::message> {
        note_unexpected(*meter_, what);
        return caf::sec::unexpected_message;
      });
  }

  using Impl::enqueue;

  void
  enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override {
    life_->arrived(this->clock().now());
    Impl::enqueue(std::move(what), host);
  }

  void initialize() override {
    try {
      Impl::initialize();
      meter_->initialized();
    } catch (...) {
      note_exception(*meter_, "starting");
      throw;
    }
  }

  using Impl::consume;

  caf::invoke_message_result consume(caf::mailbox_element& what) override {
    const auto began = this->clock().now();
    if (is_given_up(what))
      return drop(what, began);
    const auto type = type_of(what);
    meter_->handling_begins(began);
    // A handler may take both out of the element.
    const auto id = what.mid;
    const auto sender = id.is_request() ? what.sender : nullptr;
    auto outcome = caf::invoke_message_result::dropped;
    try {
#ifdef DFS_TEST_HOOKS
      if (take_throw_order(meter_->name())) {
        // As in a handler: CAF answers what it finds here, which is the message
        // before this one otherwise, and no longer there.
        this->current_element_ = &what;
        throw std::runtime_error{"a test wants it"};
      }
#endif
      outcome = Impl::consume(what);
    } catch (...) {
      const auto ended = this->clock().now();
      life_->taken(ended);
      meter_->handling_ends(began, ended, type, true);
      note_exception(*meter_, "handling " + to_string(type));
      if (sender)
        sender->enqueue(nullptr, id.response_id(),
                        caf::make_message(handler_threw()), nullptr);
      throw;
    }
    // A skipped message stays in the mailbox.
    const auto counts = outcome != caf::invoke_message_result::skipped;
    const auto ended = this->clock().now();
    if (counts)
      life_->taken(ended);
    meter_->handling_ends(began, ended, type, counts);
    return outcome;
  }

  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    // Before DOWN is sent, after which the next life may begin. 0.17 calls
    // this twice for an actor that quits.
    if (!std::exchange(ended_, true)) {
      std::string text;
      if (reason && reason != caf::exit_reason::user_shutdown
          && reason != caf::sec::runtime_error) // Its exception says more.
        text = "ended: " + this->home_system().render(reason);
      meter_->ended(std::move(text));
    }
    return Impl::cleanup(std::move(reason), host);
  }

private:
  [[nodiscard]] bool is_given_up(const caf::mailbox_element& what) const {
    return what.sender && what.mid.is_request()
           && given_up_->contains(what.sender.get(),
                                  what.mid.response_id().integer_value());
  }

  /// Nothing is done of it; who asked hears that it is out of the way.
  caf::invoke_message_result
  drop(const caf::mailbox_element& what, instant now) {
    life_->taken(now);
    given_up_->remove(what.sender.get(),
                      what.mid.response_id().integer_value());
    what.sender->enqueue(
      nullptr, what.mid.response_id(),
      caf::make_message(caf::make_error(caf::sec::request_timeout)), nullptr);
    return caf::invoke_message_result::consumed;
  }

  static message_type type_of(const caf::mailbox_element& what) {
    const auto& content = what.content();
    if (content.empty())
      return {};
    const auto [number, ours] = content.type(0);
    return {number, ours};
  }

  std::shared_ptr<actor_meter> meter_;
  std::shared_ptr<given_up_requests> given_up_;
  std::shared_ptr<actor_life> life_;
  bool ended_ = false;
};

/// @tparam Options `caf::detached` for one that blocks (disk work).
/// @param arguments Stored by value, as by `caf::actor_system::spawn`.
template <caf::spawn_options Options = caf::no_spawn_options, class Function,
          class... Arguments>
caf::infer_handle_from_fun_t<Function>
spawn_subsystem(caf::actor_system& system, actor_registry& registry,
                const subsystem_options& options, Function function,
                Arguments&&... arguments) {
  using impl = caf::infer_impl_from_fun_t<Function>;
  static_assert(std::is_base_of_v<caf::statically_typed_actor_base, impl>,
                "a subsystem has a typed interface");
  caf::actor_config config;
  if constexpr (sizeof...(Arguments) == 0) {
    // Without any argument CAF 0.17 binds a reference to null.
    auto padded
      = [function](impl* self, caf::unit_t) { return function(self); };
    caf::detail::init_fun_factory<impl, decltype(padded)> factory;
    config.init_fun = factory(padded, caf::unit);
  } else {
    caf::detail::init_fun_factory<impl, Function> factory;
    config.init_fun = factory(function, std::forward<Arguments>(arguments)...);
  }
  return system.spawn_class<metered<impl>, Options>(
    config,
    registry.enroll(options.name, options.parent, options.waits_for_disks),
    registry.given_up());
}

} // namespace dfs::actors
