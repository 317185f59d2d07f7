#include "chunkserver/primary.hpp"

#include "wire/codec.hpp"
#include "wire/data_frame.hpp"

#include <utility>

namespace dfs::chunkserver {

/// What the three have in common. @returns Null: refused.
template <class Message>
std::shared_ptr<primary::wish>
primary::begin(net::data_request& request, Message& message) {
  const auto refuse = [&](ec code, std::string text) {
    request.from->refuse(request.id, fail(code, std::move(text)));
    return nullptr;
  };
  if (!request.from->peer().may(wire::operation::write))
    return refuse(ec::denied, "writing needs the right to write");
  if (!message)
    return refuse(ec::malformed, message.error().context);
  auto x = std::make_shared<wish>();
  x->from = request.from;
  x->id = request.id;
  x->chunk = message->chunk;
  x->version = message->version;
  x->epoch = message->epoch;
  x->grant = std::move(message->grant);
  x->data = std::move(request.data);
  return x;
}

void primary::on_write(net::data_request& request) {
  auto message = wire::decode<msg::write_chunk>(request.message);
  const auto x = begin(request, message);
  if (!x)
    return;
  x->offset = message->offset;
  x->ack = message->ack;
  if (!message->once.empty()) {
    x->once = message->once.front();
    x->ack = msg::change_ack::durable; // W4
  }
  x->crcs = std::move(message->crcs);
  if (!wire::pieces_match(x->offset, x->data.view(), x->crcs))
    return x->from->refuse(x->id,
                           fail(ec::integrity, "bytes with a wrong checksum"));
  take(x);
}

void primary::on_append(net::data_request& request) {
  auto message = wire::decode<msg::append_record>(request.message);
  const auto x = begin(request, message);
  if (!x)
    return;
  x->kind = core::change_kind::append;
  x->writer = message->writer;
  x->sequence = message->sequence;
  x->crcs = std::move(message->crcs);
  if (!wire::pieces_match(0, x->data.view(), x->crcs))
    return x->from->refuse(x->id,
                           fail(ec::integrity, "bytes with a wrong checksum"));
  take(x);
}

void primary::on_settle(net::data_request& request) {
  auto message = wire::decode<msg::settle_append>(request.message);
  const auto x = begin(request, message);
  if (!x)
    return;
  x->form = answer_due::form::settle;
  x->kind = core::change_kind::bar;
  x->writer = message->writer;
  x->sequence = message->sequence;
  take(x);
}

void primary::take(const std::shared_ptr<wish>& x) {
  const auto again = [this, x] { return try_take(x); };
  const auto here = state_.replicas.peek(x->chunk);
  if (here && !here->stalled.empty())
    return chain_.stall(here, again);
  if (!try_take(x))
    chain_.stall(state_.find(x->chunk), again);
}

/// @returns False: the store is busy, or others have to be decided before.
bool primary::try_take(const std::shared_ptr<wish>& x) {
  const auto outcome = order(*x);
  if (outcome)
    return *outcome;
  x->from->refuse(x->id, outcome.error());
  return true;
}

result<bool> primary::order(wish& x) {
  if (state_.draining)
    return fail(ec::shutting_down, "this server is shutting down");
  auto admitted = leases_.admit(x.chunk, x.version, x.epoch, x.grant);
  if (!admitted)
    return admitted.error();
  const auto here = *std::move(admitted);
  if (here->catching_up)
    return fail(ec::busy, "the replicas are being brought level");
  if (auto may = here->order.may_change(x.version, x.epoch); !may)
    return may.error();
  if (!chain_.leading(*here))
    return fail(ec::lease_expired, "the lease is over");
  // A grant to fewer only says how far the chunk is committed.
  if (here->place.grant->chain.size() < here->place.grant->replicas_min)
    return fail(ec::no_redundancy, "too few replicas are left");
  if (!here->releasing.empty())
    return fail(ec::not_primary, "the lease is being given back");
  auto found = plan(*here, x);
  if (!found)
    return found.error();
  if (found->again) {
    here->stalled_until = found->decided_by;
    return false;
  }
  if (found->apply) {
    if (auto applied = chain_.apply(here, bulk_of(x, *found->apply)); !applied)
      return applied.error().code == ec::busy ? result<bool>{false}
                                              : applied.error();
    ++state_.counts->changes;
    state_.counts->bytes_written += x.data.size();
  }
  here->due.push_back({.decided_by = found->decided_by,
                       .to = x.from,
                       .id = x.id,
                       .what = x.form,
                       .offset = found->offset,
                       .full = found->full,
                       .done = found->done});
  chain_.settle(here);
  return true;
}

result<core::change_plan>
primary::plan(const replica& here, const wish& x) const {
  const auto length = static_cast<std::uint32_t>(x.data.size());
  switch (x.kind) {
    case core::change_kind::append:
      return here.order.plan_append(x.writer, x.sequence, length);
    case core::change_kind::bar:
      return here.order.plan_settle(x.writer, x.sequence);
    default:
      return here.order.plan_write(x.offset, length, x.once);
  }
}

/// The writer of a record did not know where it would stand: its checksums were
/// cut from its start. They have been checked; where the cuts differ, new ones
/// are made.
bulk_change primary::bulk_of(const wish& x, const core::chunk_change& change) {
  bulk_change bulk{.change = change, .ack = x.ack, .data = {}, .crcs = {}};
  if (change.kind == core::change_kind::pad
      || change.kind == core::change_kind::bar)
    return bulk;
  bulk.data = x.data;
  const auto same = change.kind == core::change_kind::write
                    || (x.crcs.size() == 1
                        && x.data.size() <= wire::piece_room(change.offset));
  bulk.crcs = same ? x.crcs : wire::piece_crcs(change.offset, x.data.view());
  return bulk;
}

} // namespace dfs::chunkserver
