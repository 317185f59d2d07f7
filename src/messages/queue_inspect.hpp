#pragma once

#include "messages/queue.hpp"
#include "messages/queue_page.hpp"

#include <caf/meta/type_name.hpp>

namespace dfs::msg {

// Fields in declaration order, all of them. They stand in logs and snapshots
// (docs/protocols/queues.md).

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_item& x) {
  return f(caf::meta::type_name("queue_item"), x.is_bytes, x.number, x.bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_session& x) {
  return f(caf::meta::type_name("queue_session"), x.random, x.birth);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_place& x) {
  return f(caf::meta::type_name("queue_place"), x.sequence, x.index);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_request& x) {
  return f(caf::meta::type_name("queue_request"), x.session, x.number, x.first,
           x.verb, x.wait, x.queue, x.label, x.item);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_answer& x) {
  return f(caf::meta::type_name("queue_answer"), x.session, x.number, x.verb,
           x.status, x.value, x.item, x.place, x.stale);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_batch& x) {
  return f(caf::meta::type_name("queue_batch"), x.format, x.requests);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_page_head& x) {
  return f(caf::meta::type_name("queue_page_head"), x.sequence, x.clock,
           x.next_queue, x.queues, x.items, x.sessions, x.answers,
           x.state_hash);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_row& x) {
  return f(caf::meta::type_name("queue_row"), x.queue, x.label, x.popped);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_item_row& x) {
  return f(caf::meta::type_name("queue_item_row"), x.queue, x.serial, x.item);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_session_row& x) {
  return f(caf::meta::type_name("queue_session_row"), x.session, x.first,
           x.used);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_answer_row& x) {
  return f(caf::meta::type_name("queue_answer_row"), x.session, x.number,
           x.verb, x.status, x.value, x.item, x.place);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_page& x) {
  return f(caf::meta::type_name("queue_page"), x.format, x.number, x.last,
           x.heads, x.queues, x.items, x.sessions, x.answers);
}

} // namespace dfs::msg
