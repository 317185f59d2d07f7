#include "fileserver/replica_host.hpp"

#include "base/crash_point.hpp"

#include <fmt/format.h>

#include <optional>

// What the master orders, and what it hears of a host.

namespace dfs::fileserver {

namespace {

/// What the master hears of an order.
template <class T>
constexpr bool is_news = false;
template <>
constexpr bool is_news<msg::group_sealed> = true;
template <>
constexpr bool is_news<msg::group_installed> = true;
template <>
constexpr bool is_news<msg::group_activated> = true;
template <>
constexpr bool is_news<msg::group_rejoined> = true;
template <>
constexpr bool is_news<msg::group_refused> = true;

} // namespace

// -- orders of the master -----------------------------------------------------

/// An order, whose answer is news.
core::version_asker replica_host::answer_is_news() {
  return wait([news = state_.news](const result<core::replica_answer>& x) {
    if (!x)
      return; // It is ordered again.
    std::visit(
      [&](const auto& answer) {
        if constexpr (is_news<std::decay_t<decltype(answer)>>)
          news->put(answer);
      },
      *x);
  });
}

void replica_host::obey(const msg::lead_group& x) {
  if (state_.draining || (coordinator_ && coordinator_->ballot() >= x.ballot)) {
    if (leads() && coordinator_->ballot() == x.ballot)
      state_.news->put(msg::group_led{group_, x.ballot}); // That was lost.
    return;
  }
  // Once with a ballot, in all lives: it is above what was promised.
  if (machine_->rows().group.promised >= x.ballot || tried_ >= x.ballot)
    return state_.news->put(msg::group_resigned{group_, x.ballot});
  DFS_CRASH_POINT("versions.lead_ordered");
  tried_ = x.ballot;
  resign("it is appointed again");
  ++state_.counts.takeovers;
  state_.note(group_, fmt::format("leads, if the others promise ballot {:x}",
                                  x.ballot.value()));
  coordinator_.emplace(state_.options.coordinator, x.set, x.ballot,
                       state_.options.store);
  run(coordinator_->begin(state_.time()));
}

void replica_host::obey(const msg::seal_group& x) {
  run(machine_->seal(answer_is_news(), x));
}

void replica_host::obey(const msg::install_group& x) {
  run(machine_->install(answer_is_news(), x, state_.now()));
}

void replica_host::obey(const msg::fill_group& x) {
  run(machine_->fill(x, state_.now()));
}

void replica_host::obey(const msg::activate_group& x) {
  run(machine_->activate(answer_is_news(), x));
}

void replica_host::obey(const msg::rejoin_group& x) {
  run(machine_->rejoin(answer_is_news(), x, state_.now()));
}

void replica_host::obey(const msg::drop_group& x) {
  if (!machine_->may_drop(x))
    return;
  resign("the group is elsewhere");
  run(machine_->drop(x));
}

void replica_host::obey(const msg::purge_file& x) {
  if (!leads())
    return;
  // The coordinator may change what it is given.
  const auto* own = file(x.file);
  const auto state = own ? std::optional{*own} : std::nullopt;
  run(coordinator_->purge(x, state ? &*state : nullptr, state_.time()));
}

void replica_host::obey(const msg::file_unlinked& x) {
  DFS_CRASH_POINT("versions.unlink_heard");
  if (coordinator_)
    run(coordinator_->on_unlinked(x, state_.time()));
}

// -- what it hears -----------------------------------------------------------

msg::group_standing replica_host::standing() {
  const auto& rows = machine_->rows();
  msg::group_standing x;
  x.group = group_;
  x.epoch = rows.group.role == msg::replica_role::none ? group_epoch{}
                                                       : rows.group.set.epoch;
  x.installed = rows.next ? rows.next->set.epoch : group_epoch{};
  x.sealed = rows.group.role == msg::replica_role::sealed;
  x.quarantined = rows.group.quarantined;
  x.leads = leads() ? coordinator_->ballot() : group_ballot{};
  x.uneven = leads() && !coordinator_->settled();
  x.files = rows.files.size();
  x.missing = machine_->missing();
  x.bytes = machine_->bytes();
  x.overdue = machine_->overdue(state_.now());
  x.filled = machine_->filled();
  return x;
}

msg::group_testimony replica_host::testimony() const {
  const auto& rows = machine_->rows();
  msg::group_testimony x;
  x.store = state_.options.store;
  if (rows.group.role != msg::replica_role::none)
    x.set = rows.group.set;
  x.set.group = group_;
  x.sealed = rows.group.role == msg::replica_role::sealed;
  if (rows.next)
    x.next = rows.next->set;
  return x;
}

} // namespace dfs::fileserver
