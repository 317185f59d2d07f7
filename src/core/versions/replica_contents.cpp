#include "core/versions/replica_machine.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

// The replica's contents: which it wants, which it has, which can go.

namespace dfs::core {

namespace {

bool names(const msg::file_manifest& x, const msg::put_id& content) {
  return std::any_of(x.versions.begin(), x.versions.end(), [&](const auto& v) {
    return v.kind == msg::version_kind::content && v.content == content;
  });
}

bool names(const std::map<inode_id, msg::file_state>& files, inode_id file,
           const msg::put_id& content) {
  const auto it = files.find(file);
  return it != files.end() && names(it->second.manifest, content);
}

} // namespace

// -- wanted -------------------------------------------------------------------

void replica_machine::want(replica_effects& out, inode_id file,
                           const msg::file_version& version, store_id from,
                           instant now) {
  contents_.name(file, version);
  const auto [it, fresh]
    = wanted_.emplace(version.content, wanted{file, version, from, now, now});
  if (!fresh || from == self_)
    return;
  out.emplace_back(fetch_content{version, from});
}

void replica_machine::want_all(replica_effects& out, inode_id file,
                               const msg::file_manifest& x, store_id from,
                               instant now) {
  for (const auto& v : x.versions)
    if (v.kind == msg::version_kind::content && !holds(v.content))
      want(out, file, v, from, now);
}

void replica_machine::name_all(inode_id file, const msg::file_manifest& x) {
  for (const auto& v : x.versions)
    if (v.kind == msg::version_kind::content)
      contents_.name(file, v);
}

// What waits for a content that has been superseded, or forgotten with its file
// (R6): nobody has it any more.
void replica_machine::drop_hopeless() {
  for (auto& [content, files] : held_up_)
    std::erase_if(files, [&](const auto& x) {
      const auto& what = x.second.what;
      const auto it = rows_.files.find(x.first);
      if (what.stamp.ballot < row_.promised)
        return true;
      return it != rows_.files.end()
               ? it->second.stamp >= what.stamp
               : !issuing_.contains(x.first) && what.forgotten < row_.forgotten;
    });
  std::erase_if(held_up_, [](const auto& x) { return x.second.empty(); });
}

// Some of them at a time: a server that fills up wants very many.
void replica_machine::look_after_wanted(replica_effects& out, instant now) {
  auto it = wanted_.upper_bound(looked_to_);
  for (std::size_t i = 0; i < limits_.looked_at && it != wanted_.end(); ++i) {
    auto& [content, x] = *it;
    looked_to_ = content;
    if (!held_up_.contains(content) && !named(x.file, content)
        && !issuing_.contains(x.file)) {
      it = wanted_.erase(it);
      continue;
    }
    ++it;
    if (now - x.asked < replica_patience)
      continue;
    x.asked = now;
    x.from = another(x.from);
    if (x.from != self_)
      out.emplace_back(fetch_content{x.version, x.from});
  }
  if (it == wanted_.end())
    looked_to_ = {};
}

store_id replica_machine::another(store_id last) const {
  auto pool = row_.set.servers;
  if (gathering_) {
    pool.insert(pool.end(), gathering_->sources.begin(),
                gathering_->sources.end());
    pool.insert(pool.end(), gathering_->set.servers.begin(),
                gathering_->set.servers.end());
  }
  std::sort(pool.begin(), pool.end());
  std::erase(pool, self_);
  if (pool.empty())
    return self_;
  const auto it = std::upper_bound(pool.begin(), pool.end(), last);
  return it == pool.end() ? pool.front() : *it;
}

// -- here, or not any more ----------------------------------------------------

replica_effects
replica_machine::content_held(const msg::put_id& content, instant now) {
  replica_effects out;
  contents_.hold(content);
  wanted_.erase(content);
  if (auto it = held_up_.extract(content); !it.empty())
    for (auto& [file, x] : it.mapped()) {
      if (x.askers.empty())
        adopt(out, 0, x.from, x.what, x.settled, now);
      for (const auto asker : x.askers)
        adopt(out, asker, x.from, x.what, x.settled, now);
    }
  if (gathering_ && gathering_->lacking.erase(content) > 0) {
    gathering_->since = now;
    gathering_->got = true;
    gather_on(out);
  }
  return out;
}

replica_effects
replica_machine::content_lost(const msg::put_id& content, instant now) {
  replica_effects out;
  contents_.lose(content);
  const auto file = contents_.file_of(content);
  const auto look_at = [&](const msg::file_manifest& x) {
    for (const auto& v : x.versions)
      if (v.kind == msg::version_kind::content && v.content == content)
        want(out, file, v, another(self_), now);
  };
  const auto look_in = [&](const std::map<inode_id, msg::file_state>& files) {
    if (const auto it = files.find(file); it != files.end())
      look_at(it->second.manifest);
  };
  look_in(rows_.files);
  look_in(rows_.coming);
  if (rows_.next)
    look_in(rows_.next->files);
  if (!gathering_ || gathering_->storing)
    return out;
  if (const auto it = gathering_->merged.find(file);
      it != gathering_->merged.end()
      && names(it->second.second.manifest, content)) {
    gathering_->lacking.insert(content);
    look_at(it->second.second.manifest);
  }
  return out;
}

content_use replica_machine::use_of(const msg::put_id& content) const {
  if (held_up_.contains(content))
    return content_use::passing;
  const auto file = contents_.file_of(content);
  if (file == inode_id{})
    return content_use::none;
  if (names(rows_.files, file, content)
      || (rows_.next && names(rows_.next->files, file, content)))
    return content_use::kept;
  // What has just lost its name goes when that is settled.
  const auto unnamed = unnamed_.find(file);
  const bool passing
    = issuing_.contains(file) || names(rows_.coming, file, content)
      || (gathering_
          && (gathering_->storing || gathering_->merged.contains(file)))
      || (unnamed != unnamed_.end() && unnamed->second.contains(content))
      || !former_.empty();
  return passing ? content_use::passing : content_use::none;
}

void replica_machine::forget_content(const msg::put_id& content) {
  DFS_ASSERT(use_of(content) == content_use::none);
  contents_.forget(content);
  wanted_.erase(content);
}

// -- what no manifest names any more ------------------------------------------

bool replica_machine::named(inode_id file, const msg::put_id& content) const {
  return names(rows_.files, file, content) || names(rows_.coming, file, content)
         || (rows_.next && names(rows_.next->files, file, content))
         || (gathering_
             && (gathering_->storing || gathering_->merged.contains(file)));
}

void replica_machine::unname(replica_effects& out, inode_id file,
                             const msg::file_manifest& before) {
  for (const auto& x : before.versions)
    if (x.kind == msg::version_kind::content && !named(file, x.content))
      unnamed_[file].insert(x.content);
  const auto it = rows_.files.find(file);
  if (it == rows_.files.end() || it->second.settled)
    drop_unnamed(out, file);
}

void replica_machine::drop_unnamed(replica_effects& out, inode_id file) {
  const auto it = unnamed_.extract(file);
  if (it.empty())
    return;
  drop_contents gone;
  for (const auto& x : it.mapped()) {
    if (named(file, x) || issuing_.contains(file)) {
      unnamed_[file].insert(x);
      continue;
    }
    contents_.forget(x);
    wanted_.erase(x);
    gone.contents.push_back(x);
  }
  if (!gone.contents.empty())
    out.emplace_back(std::move(gone));
}

void replica_machine::sweep(replica_effects& out) {
  for (std::size_t i = 0; i < limits_.looked_at && !former_.empty(); ++i) {
    auto& files = former_.front();
    const auto one = files.extract(files.begin());
    if (files.empty())
      former_.pop_front();
    unname(out, one.key(), one.mapped().manifest);
  }
}

} // namespace dfs::core
