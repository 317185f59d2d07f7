#include "core/queues/queue_rules.hpp"

#include "messages/queue_end.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace dfs::core {

namespace {

using msg::queue_status;
using msg::queue_verb;

constexpr std::uint64_t queue_id_max = std::numeric_limits<std::int64_t>::max();

error wrong(std::string why) {
  return fail(ec::invalid_argument, std::move(why));
}

bool is_control(char x) {
  const auto byte = static_cast<unsigned char>(x);
  return byte < 0x20 || byte == 0x7f;
}

bool reads_as_number(std::string_view label) {
  const auto sign = label.front() == '-' || label.front() == '+';
  const auto digits = label.substr(sign ? 1 : 0);
  return !digits.empty()
         && std::all_of(digits.begin(), digits.end(),
                        [](char x) { return x >= '0' && x <= '9'; });
}

bool is_spelled_number(std::string_view label) {
  std::int64_t value = 0;
  // What does not fit, or goes on behind the number, is not what comes out.
  std::from_chars(label.data(), label.data() + label.size(), value);
  return std::to_string(value) == label;
}

bool names_queue(queue_verb verb) {
  return verb == queue_verb::destroy || verb == queue_verb::push
         || verb == queue_verb::pop || verb == queue_verb::top
         || verb == queue_verb::size;
}

bool names_label(queue_verb verb) {
  return verb == queue_verb::create || verb == queue_verb::find;
}

result<nothing> check_fields(const msg::queue_request& x) {
  if (names_queue(x.verb)
      && (x.queue == queue_id{} || x.queue.value() > queue_id_max))
    return wrong("a queue's id is a positive number of 64 bits");
  if (!names_queue(x.verb) && x.queue != queue_id{})
    return wrong("this request names no queue");
  if (names_label(x.verb)) {
    if (auto good = check_label(x.label); !good)
      return good;
  } else if (!x.label.empty()) {
    return wrong("this request has no label");
  }
  if (x.verb != queue_verb::push && x.item != msg::queue_item{})
    return wrong("this request has no item");
  if (x.verb != queue_verb::pop && x.wait)
    return wrong("only a pop waits");
  return check_item(x.item);
}

} // namespace

result<nothing> check_label(std::string_view label) {
  if (label.empty())
    return wrong("a label has at least one byte");
  if (label.size() > msg::queue_label_bytes_max)
    return wrong("a label has at most 255 bytes");
  if (std::any_of(label.begin(), label.end(), is_control))
    return wrong("a label has no control characters");
  if (reads_as_number(label) && !is_spelled_number(label))
    return wrong("a label that is a number is one of 64 bits, without '+' and "
                 "leading zeros");
  return done;
}

result<nothing> check_item(const msg::queue_item& x) {
  if (x.bytes.size() > msg::queue_item_bytes_max)
    return wrong("an item has at most 1 MiB");
  if (x.is_bytes ? x.number != 0 : !x.bytes.empty())
    return wrong("an item is a number or bytes");
  return done;
}

result<nothing> check_request(const msg::queue_request& x) {
  const auto verb = static_cast<std::uint8_t>(x.verb);
  if (verb < 1 || verb > static_cast<std::uint8_t>(msg::queue_end_session))
    return wrong("there is no such request");
  if (x.first < 1 || x.number < x.first)
    return wrong("numbers begin with 1, and `first` is not above them");
  const auto anonymous = x.session == msg::queue_session{};
  if (x.verb == queue_verb::tick && (!anonymous || x.first != 1))
    return wrong("a tick belongs to no session");
  if ((is_change(x.verb) || x.verb == msg::queue_end_session)
      && x.session.random == msg::queue_session{}.random)
    return wrong("a session has a random number");
  return check_fields(x);
}

result<nothing> check_batch(const msg::queue_batch& x) {
  if (x.format > queue_format_max)
    return fail(ec::unsupported, "requests of format "
                                   + std::to_string(x.format)
                                   + ": made by a newer version");
  if (x.format < 1 || x.requests.empty()
      || x.requests.size() > msg::queue_batch_requests_max)
    return fail(ec::malformed, "the bytes are no requests for queues");
  return done;
}

void keep_to_format(msg::queue_batch& x) {
  if (x.format >= queue_format_ends)
    return;
  for (auto& request : x.requests)
    if (request.verb == msg::queue_end_session)
      request.verb = queue_verb{};
}

bool is_change(queue_verb verb) {
  return verb == queue_verb::create || verb == queue_verb::destroy
         || verb == queue_verb::push || verb == queue_verb::pop;
}

bool reads(queue_verb verb) {
  return verb == queue_verb::find || verb == queue_verb::top
         || verb == queue_verb::size;
}

bool is_final(queue_status status) {
  return status != queue_status::waiting
         && status != queue_status::outside_window
         && status != queue_status::busy;
}

std::string_view to_string(queue_status status) {
  switch (status) {
    case queue_status::done:
      return "done";
    case queue_status::empty:
      return "empty";
    case queue_status::no_queue:
      return "no_queue";
    case queue_status::full:
      return "full";
    case queue_status::unread:
      return "unread";
    case queue_status::invalid:
      return "invalid";
    case queue_status::session_expired:
      return "session_expired";
    case queue_status::outside_window:
      return "outside_window";
    case queue_status::busy:
      return "busy";
    case queue_status::waiting:
      return "waiting";
  }
  return "unknown_status";
}

} // namespace dfs::core
