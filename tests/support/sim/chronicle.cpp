#include "support/sim/chronicle.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::sim {

// -- what the shells tell -----------------------------------------------------

void chronicle::begins(node_index i, std::uint64_t start_ms, virtual_time now) {
  auto& n = notes_of(i);
  if (!n.running) {
    n.running = true;
    ++running_;
  } else if (!n.lives.empty()) {
    n.lives.back().over = true; // The same process under another stamp.
    n.ended.clear();            // It knows of nobody's end any more.
  }
  n.lives.push_back({.start_ms = start_ms, .started = now});
  n.lives.back().excused = away_.contains(i);
}

void chronicle::says_goodbye(node_index i) {
  current(i).said_goodbye = true;
}

void chronicle::ends(node_index i, virtual_time now) {
  auto& n = notes_of(i);
  if (!n.running)
    return;
  n.running = false;
  --running_;
  n.lives.back().over = true;
  for (node_index subject = 0; subject < n.listed.size(); ++subject)
    if (n.listed[subject] != 0)
      unlist(n, subject, now);
  n.listed.clear();
  n.ended.clear();
}

void chronicle::changed(node_index observer, const msg::member_changed& event,
                        virtual_time now) {
  const auto subject = node_at(event.member.id.ip);
  if (!subject || *subject >= nodes_.size()) {
    broke("no-ghosts", fmt::format("node {} lists {}, which is no node",
                                   observer, to_string(event.member.id)));
    return;
  }
  if (event.change == msg::member_change::joined)
    joined(observer, event.member.id, now);
  else
    removed(observer, event, now);
}

void chronicle::joined(node_index observer, const msg::member_id& id,
                       virtual_time now) {
  const auto subject = *node_at(id.ip);
  auto* life = find(subject, id.start_ms);
  if (life == nullptr) {
    broke("no-ghosts", fmt::format("node {} lists {}, which never lived",
                                   observer, to_string(id)));
    return;
  }
  auto& n = notes_of(observer);
  n.listed.resize(nodes_.size());
  n.ended.resize(nodes_.size());
  if (id.start_ms <= n.ended[subject])
    broke("over-is-final",
          fmt::format("node {} lists {} again after {}", observer,
                      to_string(id), n.ended[subject]));
  if (n.listed[subject] != 0) {
    broke("one-life", fmt::format("node {} lists {} beside {}", observer,
                                  to_string(id), n.listed[subject]));
    return;
  }
  n.listed[subject] = id.start_ms;
  ++n.listed_count;
  ++entries_;
  if (++life->holders == running_ && !life->complete)
    life->complete = now;
}

void chronicle::removed(node_index observer, const msg::member_changed& event,
                        virtual_time now) {
  const auto& id = event.member.id;
  const auto subject = *node_at(id.ip);
  auto& n = notes_of(observer);
  n.listed.resize(nodes_.size());
  n.ended.resize(nodes_.size());
  // Whom nobody answers counts itself alone, and judges nobody.
  const bool lost = event.cause == "nobody answers this node";
  if (!lost)
    n.ended[subject] = std::max(n.ended[subject], id.start_ms);
  if (n.listed[subject] != id.start_ms) {
    broke("one-life",
          fmt::format("node {} takes {} off, which it does not list", observer,
                      to_string(id)));
    return;
  }
  unlist(n, subject, now);
  const auto& life = *find(subject, id.start_ms);
  if (life.over || life.said_goodbye || life.excused
      || (lost && current(observer).excused))
    return;
  ++false_verdicts_;
  if (!tolerant_)
    broke("no-false-verdict",
          fmt::format("node {} takes {} off, which lives: {} ({})", observer,
                      to_string(id), to_string(event.change), event.cause));
}

void chronicle::unlist(node_notes& observer, node_index subject,
                       virtual_time now) {
  const auto start_ms = std::exchange(observer.listed[subject], 0);
  --observer.listed_count;
  --entries_;
  auto* life = find(subject, start_ms);
  DFS_ASSERT(life != nullptr && life->holders > 0);
  --life->holders;
  if (!life->over && !life->said_goodbye)
    return;
  // A list that ends with its process tells nobody anything.
  if (observer.running && !life->first_removed)
    life->first_removed = now;
  if (life->holders == 0)
    life->gone = now;
}

// -- what scenarios ask -------------------------------------------------------

void chronicle::excuse_all() {
  for (auto& n : nodes_)
    if (!n.lives.empty())
      n.lives.back().excused = true;
}

bool chronicle::all_equal_truth() const {
  // Everyone is in every list, and together they hold no more than that.
  if (entries_ != std::uint64_t{running_} * running_)
    return false;
  return std::all_of(nodes_.begin(), nodes_.end(), [this](const auto& n) {
    return !n.running || n.lives.back().holders == running_;
  });
}

std::string chronicle::difference() const {
  constexpr int lines_max = 10;
  std::string text;
  int lines = 0;
  for (node_index observer = 0; observer < nodes_.size(); ++observer) {
    const auto& n = nodes_[observer];
    if (!n.running)
      continue;
    for (node_index subject = 0; subject < nodes_.size(); ++subject) {
      const auto& other = nodes_[subject];
      const auto truth = other.running ? other.lives.back().start_ms : 0;
      const auto listed = subject < n.listed.size() ? n.listed[subject] : 0;
      if (truth != listed && lines++ < lines_max)
        text += fmt::format("\n  node {} lists node {} as {}, it is {}",
                            observer, subject, listed, truth);
    }
  }
  if (lines > lines_max)
    text += fmt::format("\n  and {} more", lines - lines_max);
  return text;
}

std::optional<std::pair<std::string, std::string>> chronicle::breach() {
  return std::exchange(breach_, std::nullopt);
}

void chronicle::broke(std::string promise, std::string what) {
  if (!breach_)
    breach_ = {std::move(promise), std::move(what)};
}

life_record* chronicle::find(node_index i, std::uint64_t start_ms) {
  auto& lives = notes_of(i).lives;
  const auto life = std::find_if(lives.rbegin(), lives.rend(), [&](auto& x) {
    return x.start_ms == start_ms;
  });
  return life != lives.rend() ? &*life : nullptr;
}

chronicle::node_notes& chronicle::notes_of(node_index i) {
  if (nodes_.size() <= i)
    nodes_.resize(i + 1);
  return nodes_[i];
}

std::optional<std::string>
chronicle_oracle::after_event(const world&, node_index) {
  if (auto x = notes_.breach())
    return x->first + ": " + x->second;
  return std::nullopt;
}

} // namespace dfs::sim
