#include "core/versions/put_machine.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

put_machine::put_machine(put_config config, msg::put_file put, instant until)
  : config_{config},
    put_{std::move(put)},
    until_{until} {
  // nop
}

void put_machine::send(put_effects& out, instant now) {
  next_ = std::min(now + config_.again, until_);
  if (settling_) {
    out.emplace_back(send_settle{
      {put_.group, put_.epoch, put_.file, put_.put, put_.looked_up_at}});
    return;
  }
  ++sent_;
  out.emplace_back(send_put{put_});
}

put_effects put_machine::begin(const msg::group_set& set,
                               std::uint64_t looked_up_at, instant now) {
  return on_located(set, looked_up_at, true, now);
}

put_effects put_machine::on_located(const msg::group_set& set,
                                    std::uint64_t looked_up_at, bool same_file,
                                    instant now) {
  put_effects out;
  if (over_)
    return out;
  put_.group = set.group;
  put_.epoch = set.epoch;
  if (same_file && sent_ == 0)
    put_.looked_up_at = looked_up_at;
  send(out, now);
  return out;
}

void put_machine::end(put_effects& out, put_over x) {
  over_ = true;
  out.emplace_back(std::move(x));
}

// It will not be done: is it certain?
void put_machine::give_up(put_effects& out, error why, instant now) {
  why_ = std::move(why);
  if (sent_ <= 1) { // P1
    end(out, {put_over::outcome::not_done, {}, 0, why_});
    return;
  }
  settling_ = true;
  send(out, now);
}

put_effects put_machine::on_put(const result<msg::put_done>& x, instant now) {
  put_effects out;
  if (over_)
    return out;
  if (x) {
    end(out, {put_over::outcome::done, x->version, x->copies, why_});
    return out;
  }
  if (settling_)
    return out;
  switch (x.error().code) {
    case ec::not_primary:
    case ec::outcome_unknown:
    case ec::unavailable:
      next_ = std::min(now + config_.again, until_);
      out.emplace_back(ask_leader{});
      return out;
    case ec::full: // Where others have room, one of them is about to lead.
      if (!full_)
        full_ = now;
      if (now - *full_ >= config_.full_patience || sent_ == 0) {
        give_up(out, x.error(), now);
        return out;
      }
      why_ = x.error();
      --sent_; // It has done nothing.
      next_ = std::min(now + config_.again, until_);
      out.emplace_back(ask_leader{});
      return out;
    default:
      give_up(out, x.error(), now);
      return out;
  }
}

put_effects
put_machine::on_settled(const result<msg::put_settled>& x, instant now) {
  put_effects out;
  if (over_ || !settling_)
    return out;
  if (x && x->version != version_number{}) {
    end(out, {put_over::outcome::done, x->version, 0, why_});
  } else if (x) {
    end(out, {put_over::outcome::not_done, {}, 0, why_});
  } else if (x.error().code == ec::not_found) {
    end(out, {put_over::outcome::unknown, {}, 0, x.error()});
  } else {
    next_ = std::min(now + config_.again, until_);
    out.emplace_back(ask_leader{});
  }
  return out;
}

put_effects put_machine::on_unsent(error why, instant now) {
  put_effects out;
  if (over_ || settling_)
    return out;
  --sent_;
  why_ = std::move(why);
  if (sent_ == 0) { // P1
    end(out, {put_over::outcome::not_done, {}, 0, why_});
    return out;
  }
  settling_ = true;
  send(out, now);
  return out;
}

void put_machine::extend(instant until) {
  until_ = std::max(until_, until);
}

put_effects put_machine::tick(instant now) {
  put_effects out;
  if (over_ || now < next_)
    return out;
  if (now >= until_) {
    if (sent_ == 0)
      end(out, {put_over::outcome::not_done,
                {},
                0,
                full_ ? why_ : fail(ec::unavailable)});
    else
      end(out, {put_over::outcome::unknown, {}, 0, why_});
    return out;
  }
  if (!settling_ && sent_ > 0 && now >= until_ - config_.settling) {
    settling_ = true;
    why_ = fail(ec::timed_out);
  }
  next_ = std::min(now + config_.again, until_);
  out.emplace_back(ask_leader{});
  return out;
}

} // namespace dfs::core
