#include "core/multicast/sender.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::core {

namespace {

constexpr std::size_t overdue_most = 8;
constexpr std::uint64_t window_least = 8;
constexpr std::size_t message_bytes_more = 16; // With each delivery.

} // namespace

bool multicast_sender::submit(submit_token token, std::string payload) {
  if (payload.size() > config_->payload_bytes
      || waiting_bytes_ + payload.size() > config_->submit_bytes)
    return false;
  waiting_bytes_ += payload.size();
  if (packed_bytes(payload.size()) <= message_bytes_) {
    waiting_.push_back({msg::body_kind::packed, std::move(payload), token});
    return true;
  }
  for (auto& [kind, bytes] : split(payload, message_bytes_))
    waiting_.push_back({kind, std::move(bytes), std::nullopt});
  waiting_.back().token = token;
  return true;
}

bool multicast_sender::has_room() const {
  return under_way_.size() < window_
         && under_way_bytes_ < config_->window_bytes;
}

std::optional<msg::message_body> multicast_sender::next(instant now) {
  if (waiting_.empty() || !has_room())
    return std::nullopt;
  outgoing x;
  x.body.kind = waiting_.front().kind;
  std::size_t count = 0;
  if (x.body.kind == msg::body_kind::packed) {
    std::size_t bytes = 0;
    while (count < waiting_.size()
           && waiting_[count].kind == msg::body_kind::packed
           && (count == 0
               || bytes + packed_bytes(waiting_[count].bytes.size())
                    <= message_bytes_))
      bytes += packed_bytes(waiting_[count++].bytes.size());
    // All that waits fits in: more might come.
    if (count == waiting_.size() && !under_way_.empty()) {
      if (!waiting_since_)
        waiting_since_ = now;
      if (now < *waiting_since_ + config_->pack_delay)
        return std::nullopt;
    }
  } else {
    count = 1;
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto& w = waiting_.front();
    waiting_bytes_ -= w.bytes.size();
    if (w.kind == msg::body_kind::packed)
      pack(x.body.bytes, w.bytes);
    else
      x.body.bytes = std::move(w.bytes);
    if (w.token)
      x.tokens.push_back(*w.token);
    waiting_.pop_front();
  }
  waiting_since_.reset();
  x.body.number = {server_, life_, ++numbered_}; // S1
  x.sent = now;
  x.patience = config_->resend_after;
  under_way_bytes_ += x.body.bytes.size();
  under_way_.push_back(std::move(x));
  return under_way_.back().body;
}

std::optional<instant> multicast_sender::waits_until() const {
  if (!waiting_since_ || !has_room())
    return std::nullopt;
  return *waiting_since_ + config_->pack_delay;
}

std::vector<msg::message_body>
multicast_sender::overdue(std::uint64_t ordered, instant now) {
  std::vector<msg::message_body> due;
  if (ordered != ordered_) {
    ordered_ = ordered;
    ordered_at_ = now;
  }
  for (auto& x : under_way_) {
    if (x.body.number.q <= ordered)
      continue;
    if (due.size() == overdue_most
        || now < std::max(x.sent, ordered_at_) + x.patience)
      break;
    x.sent = now;
    x.patience = std::min(2 * x.patience, config_->resend_most);
    due.push_back(x.body);
  }
  if (due.size() > window_ / 16)
    window_ = std::max(window_least, window_ / 2);
  if (!due.empty())
    on_loss();
  return due;
}

void multicast_sender::on_loss() {
  message_bytes_
    = std::min(message_bytes_,
               std::max(message_bytes_ / 2, msg::multicast_body_bytes_short));
}

std::vector<msg::message_body>
multicast_sender::again(std::uint64_t ordered, instant now) {
  std::vector<msg::message_body> all;
  for (auto& x : under_way_)
    if (x.body.number.q > ordered) {
      x.sent = now;
      x.patience = config_->resend_after;
      all.push_back(x.body);
    }
  return all;
}

std::vector<submit_token> multicast_sender::delivered(std::uint64_t q) {
  if (under_way_.empty() || under_way_.front().body.number.q != q)
    return {}; // Settled before.
  std::vector<submit_token> tokens;
  end_first(tokens);
  window_ = std::min(window_ + 1, config_->window);
  message_bytes_
    = std::min(message_bytes_ + message_bytes_more, config_->message_bytes);
  return tokens;
}

std::vector<submit_token> multicast_sender::settled(std::uint64_t q) {
  std::vector<submit_token> tokens;
  while (!under_way_.empty() && under_way_.front().body.number.q <= q)
    end_first(tokens);
  return tokens;
}

void multicast_sender::end_first(std::vector<submit_token>& tokens) {
  const auto& x = under_way_.front();
  std::copy(x.tokens.begin(), x.tokens.end(), std::back_inserter(tokens));
  under_way_bytes_ -= x.body.bytes.size();
  under_way_.pop_front();
}

std::vector<submit_token> multicast_sender::resume_at(std::uint64_t q) {
  std::vector<submit_token> tokens;
  if (q + under_way_.size() >= numbered_) {
    numbered_ = std::max(numbered_, q);
    return tokens; // Nothing is missing before what is under way.
  }
  const auto rest = [](msg::body_kind kind) {
    return kind == msg::body_kind::middle || kind == msg::body_kind::last;
  };
  while (!under_way_.empty() && rest(under_way_.front().body.kind))
    end_first(tokens);
  while (under_way_.empty() && !waiting_.empty()
         && rest(waiting_.front().kind)) {
    waiting_bytes_ -= waiting_.front().bytes.size();
    if (waiting_.front().token)
      tokens.push_back(*waiting_.front().token);
    waiting_.pop_front();
  }
  numbered_ = q;
  for (auto& x : under_way_)
    x.body.number.q = ++numbered_;
  return tokens;
}

std::vector<submit_token> multicast_sender::drop_waiting() {
  std::vector<submit_token> tokens;
  // The rest of a large payload whose beginning is under way has to follow it.
  const auto rest
    = std::find_if(waiting_.begin(), waiting_.end(), [](const waiting& x) {
        return x.kind == msg::body_kind::packed
               || x.kind == msg::body_kind::first;
      });
  for (auto i = rest; i != waiting_.end(); ++i) {
    waiting_bytes_ -= i->bytes.size();
    if (i->token)
      tokens.push_back(*i->token);
  }
  waiting_.erase(rest, waiting_.end());
  if (waiting_.empty())
    waiting_since_.reset();
  return tokens;
}

void multicast_sender::check() const {
  DFS_ASSERT(under_way_.size() <= config_->window); // S3
  std::size_t bytes = 0;
  for (const auto& x : under_way_)
    bytes += x.body.bytes.size();
  DFS_ASSERT(bytes == under_way_bytes_);
  for (std::size_t i = 0; i < under_way_.size(); ++i) // S1
    DFS_ASSERT(under_way_[i].body.number.q + under_way_.size()
               == numbered_ + i + 1);
}

} // namespace dfs::core
