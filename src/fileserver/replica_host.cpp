#include "fileserver/replica_host.hpp"

#include "base/crash_point.hpp"
#include "core/versions/manifest_rules.hpp"

#include <set>

namespace dfs::fileserver {

namespace {

/// Files that one tick looks at for their end.
constexpr std::size_t considered_at_once = 256;
/// Most are passed over: 10^6 files take 5 s, and a tick less than 10 ms.
constexpr std::size_t recalled_at_once = 10'000;

error begun_anew() {
  return fail(ec::unavailable, "this server reads its rows again");
}

// What is durable, and nobody has heard yet. What is only read, or refused, is
// no promise.
template <class T>
void pass_before(const T&) {
  // nop
}
void pass_before(const msg::ballot_promised&) {
  DFS_CRASH_POINT("versions.promised");
}
void pass_before(const msg::manifest_accepted&) {
  DFS_CRASH_POINT("versions.accepted");
}
void pass_before(const msg::file_forgotten&) {
  DFS_CRASH_POINT("versions.forgotten");
}
void pass_before(const msg::group_sealed&) {
  DFS_CRASH_POINT("versions.sealed");
}
void pass_before(const msg::group_installed&) {
  DFS_CRASH_POINT("versions.installed");
}
void pass_before(const msg::group_activated&) {
  DFS_CRASH_POINT("versions.activated");
}
void pass_before(const msg::group_rejoined&) {
  DFS_CRASH_POINT("versions.rejoined");
}

template <class Waiting, class T>
void answer_one(Waiting& waiting, core::version_asker asker,
                const result<T>& x) {
  if (const auto found = waiting.extract(asker); !found.empty())
    found.mapped()(x);
}

template <class Waiting>
void answer_all(Waiting& waiting, const error& why) {
  for (const auto& [asker, then] : std::exchange(waiting, {}))
    then(why);
}

} // namespace

replica_host::replica_host(service_state& state, content_desk& desk,
                           group_id group, msg::replica_rows rows)
  : state_{state},
    desk_{desk},
    group_{group} {
  begin(std::move(rows));
}

void replica_host::begin(msg::replica_rows rows) {
  std::set<msg::put_id> held;
  const auto add = [&](const std::map<inode_id, msg::file_state>& files) {
    for (const auto& [file, x] : files)
      for (const auto& version : x.manifest.versions)
        if (desk_.holds(version.content))
          held.insert(version.content);
  };
  add(rows.files);
  if (rows.next)
    add(rows.next->files);
  core::replica_limits limits;
  limits.outcomes = state_.options.outcomes;
  const bool doubted = machine_ && machine_->doubted();
  machine_.emplace(state_.options.store, group_, std::move(rows), held, limits);
  machine_->doubt(doubted);
  ++life_;
}

const msg::file_state* replica_host::file(inode_id x) const {
  const auto& files = machine_->rows().files;
  const auto it = files.find(x);
  return it == files.end() ? nullptr : &it->second;
}

// -- of the replica -----------------------------------------------------------

core::version_asker replica_host::wait(replied then) {
  waiting_.emplace(++askers_, std::move(then));
  return askers_;
}

// Whoever is to lead next may have ended what this server believes in still,
// and the others may not reach it to say so.
void replica_host::follow() {
  if (is_primary() && machine_->promised() > coordinator_->ballot())
    resign("its own replica follows another primary");
}

void replica_host::ask(const msg::promise_ballot& x, replied then) {
  run(machine_->promise(wait(std::move(then)), x));
  follow();
}

void replica_host::ask(const msg::accept_manifest& x, store_id from,
                       replied then) {
  hold_what_came(x.manifest);
  run(machine_->accept(wait(std::move(then)), from, x, state_.now()));
  follow();
}

void replica_host::ask(const msg::finish_write& x, replied then) {
  run(machine_->finish(wait(std::move(then)), x, state_.now()));
}

void replica_host::ask(const msg::read_file_state& x, replied then) {
  ++state_.counts.states_read;
  run(machine_->read(wait(std::move(then)), x));
}

void replica_host::ask(const msg::list_files& x, replied then) {
  run(machine_->list(wait(std::move(then)), x));
}

void replica_host::ask(const msg::forget_file& x, replied then) {
  state_.news->with_notes([&](auto& notes) { notes.forget_closed(x.file); });
  run(machine_->forget(wait(std::move(then)), x));
  follow();
}

void replica_host::ask(const msg::find_outcome& x, replied then) {
  run(machine_->find(wait(std::move(then)), x));
}

void replica_host::ask(const msg::fetch_group& x, replied then) {
  run(machine_->fetch(wait(std::move(then)), x));
}

void replica_host::tell(const msg::commit_manifest& x) {
  DFS_CRASH_POINT("versions.commit_came");
  run(machine_->commit(x));
}

/// Other bytes under that name are not what the manifest means: nobody names
/// them, so they go in time.
bool replica_host::is_here(const msg::file_version& x) const {
  const auto row = state_.store.contents().find(x.content);
  return row && row->bytes == x.bytes && row->checksum == x.checksum;
}

/// Contents are staged without the name of a group: the machine hears of them
/// when a manifest names them.
void replica_host::hold_what_came(const msg::file_manifest& x) {
  for (const auto& version : x.versions)
    if (version.kind == msg::version_kind::content
        && !machine_->holds(version.content) && is_here(version))
      run(machine_->content_held(version.content, state_.now()));
}

void replica_host::content_came(const msg::put_id& content) {
  if (machine_->wants(content))
    run(machine_->content_held(content, state_.now()));
}

void replica_host::content_lost(const msg::put_id& content) {
  if (machine_->holds(content))
    run(machine_->content_lost(content, state_.now()));
}

core::content_use replica_host::use_of(const msg::put_id& content) const {
  const auto use = machine_->use_of(content);
  return use == core::content_use::none && coordinator_
             && coordinator_->uses(content)
           ? core::content_use::passing
           : use;
}

void replica_host::content_dropped(const msg::put_id& content) {
  machine_->forget_content(content);
}

// -- of the primary -----------------------------------------------------------

void replica_host::put(const msg::put_file& x, small_content along,
                       answered<msg::put_done> then) {
  if (!is_primary())
    return then(fail(ec::not_primary, "another server leads this group"));
  if (x.kind == msg::version_kind::content && x.content == x.put) {
    const auto row = state_.store.contents().find(x.content);
    if (!row)
      return then(fail(ec::not_found, "its content is not here"));
    // Nobody could fetch what is not as the manifest says.
    if (row->bytes != x.bytes || row->checksum != x.checksum)
      return then(fail(ec::integrity, "length or checksum are not those of "
                                      "the content that came"));
    run(machine_->content_held(x.content, state_.now()));
  }
  const auto asker = ++askers_;
  puts_.emplace(asker, std::move(then));
  if (!along.crcs.empty()) {
    fresh_of_.emplace(asker, x.put);
    fresh_.insert_or_assign(x.put, std::move(along));
  }
  if (!is_primary()) // What came before has ended it.
    return run(core::coordinator_effects{
      core::answer_put{asker, fail(ec::not_primary)}});
  const auto t = state_.time();
  run(coordinator_->put(asker, x, file(x.file),
                        t.now + state_.options.put_patience, t));
}

void replica_host::settle(const msg::settle_put& x,
                          answered<msg::put_settled> then) {
  if (!is_primary())
    return then(fail(ec::not_primary, "another server leads this group"));
  settlings_.emplace(++askers_, std::move(then));
  const auto t = state_.time();
  run(coordinator_->settle(askers_, x, file(x.file),
                           t.now + state_.options.put_patience, t));
}

void replica_host::settle(const msg::settle_file& x,
                          answered<msg::file_settled> then) {
  if (!is_primary())
    return then(fail(ec::not_primary, "another server leads this group"));
  file_settlings_.emplace(++askers_, std::move(then));
  const auto t = state_.time();
  run(coordinator_->settle(askers_, x, file(x.file),
                           t.now + state_.options.put_patience, t));
}

void replica_host::resign(const std::string& why) {
  if (coordinator_)
    run(coordinator_->stop(why));
}

// -- time ---------------------------------------------------------------------

void replica_host::tick() {
  const auto t = state_.time();
  run(machine_->tick(t.now));
  if (!coordinator_)
    return;
  follow();
  if (!coordinator_->over())
    run(coordinator_->tick(t));
  if (leads()) {
    run(coordinator_->recall(machine_->rows().files, recalled_at_once));
    run(coordinator_->take_up(machine_->rows().files, t));
  }
  consider_some();
  if (coordinator_ && coordinator_->over() && !todo_.performing())
    coordinator_.reset();
}

void replica_host::consider_some() {
  const auto& files = machine_->rows().files;
  auto it = files.upper_bound(considered_);
  std::vector<inode_id> ended;
  for (std::size_t i = 0; i < considered_at_once && it != files.end();
       ++i, ++it) {
    considered_ = it->first;
    const auto* newest = core::newest_of(it->second.manifest);
    if (newest && newest->kind != msg::version_kind::content)
      ended.push_back(it->first);
  }
  if (it == files.end())
    considered_ = {};
  for (const auto x : ended)
    if (leads())
      if (const auto* own = file(x))
        run(coordinator_->consider(x, msg::file_state{*own}, state_.time()));
}

// -- effects ------------------------------------------------------------------

template <class Effects>
void replica_host::run(Effects effects) {
  const auto alive = shared_from_this();
  todo_.run(std::move(effects), [&](auto& x) { perform(x); });
}

void replica_host::perform(core::answer_asker& x) {
  std::visit([](const auto& answer) { pass_before(answer); }, x.what);
  answer_one(waiting_, x.asker,
             result<core::replica_answer>{std::move(x.what)});
}

std::vector<msg::put_id>
replica_host::contents_of(const core::row_changes& changes) const {
  std::vector<msg::put_id> all;
  const auto add = [&](const msg::file_manifest& x) {
    for (const auto& version : x.versions)
      if (version.kind == msg::version_kind::content
          && machine_->holds(version.content) && desk_.holds(version.content))
        all.push_back(version.content);
  };
  for (const auto& x : changes) {
    if (const auto* file = std::get_if<msg::file_change>(&x);
        file && file->state)
      add(file->state->manifest);
    else if (const auto* next = std::get_if<msg::next_change>(&x);
             next && next->next)
      for (const auto& [inode, state] : next->next->files)
        add(state.manifest);
    else if (const auto* part = std::get_if<msg::next_part>(&x))
      for (const auto& [inode, state] : part->files)
        add(state.manifest);
  }
  return all;
}

void replica_host::perform(core::store_rows& x) {
  if (broken_)
    return; // Begun anew soon, without it.
  ++commits_;
  DFS_CRASH_POINT("versions.rows_issued");
  state_.store.groups().commit(
    group_, x.changes, contents_of(x.changes),
    [home = state_.work, self = weak_from_this(), life = life_,
     ticket = x.ticket](const result<nothing>& outcome) {
      DFS_CRASH_POINT("versions.rows_durable");
      home->put([self, life, ticket, outcome] {
        if (const auto host = self.lock())
          host->stored(life, ticket, outcome);
      });
    });
}

void replica_host::stored(std::uint64_t life, std::uint64_t ticket,
                          const result<nothing>& outcome) {
  --commits_;
  if (life == life_ && outcome && !broken_)
    return run(machine_->stored(ticket, state_.now()));
  if (!outcome && !broken_) {
    broken_ = true;
    state_.note(group_,
                "a change could not be stored: " + outcome.error().context);
  }
  if (broken_ && commits_ == 0)
    begin_anew();
}

void replica_host::begin_anew() {
  resign("its own replica has failed");
  if (const auto started = state_.on_disk<result<msg::replica_rows>>(
        [&store = state_.store, group = group_] {
          return store.groups().reload(group);
        },
        [self = shared_from_this()](result<msg::replica_rows> rows) {
          if (!rows) // Rows that cannot be read end the process elsewhere.
            return;
          self->todo_.clear();
          self->begin(*std::move(rows));
          self->broken_ = false;
          answer_all(self->waiting_, begun_anew());
        });
      !started)
    state_.note(group_, "too much work for the disks: it stays broken");
}

void replica_host::perform(core::fetch_content& x) {
  if (is_here(x.version))
    return run(machine_->content_held(x.version.content, state_.now()));
  if (x.from != state_.options.store)
    desk_.fetch(x.version, x.from);
}

void replica_host::perform(core::drop_contents& x) {
  for (const auto& put : x.contents)
    state_.store.contents().remove(put);
  DFS_CRASH_POINT("versions.contents_dropped");
}

// -- effects of the coordinator -----------------------------------------------

void replica_host::perform(core::answer_put& x) {
  if (x.answer) {
    DFS_CRASH_POINT("versions.put_settled");
    ++state_.counts.puts;
  } else if (x.answer.error().code == ec::outcome_unknown)
    ++state_.counts.puts_unknown;
  else
    ++state_.counts.puts_failed;
  if (const auto fresh = fresh_of_.extract(x.asker); !fresh.empty())
    fresh_.erase(fresh.mapped());
  answer_one(puts_, x.asker, x.answer);
}

void replica_host::perform(core::answer_put_settled& x) {
  DFS_CRASH_POINT("versions.outcome_settled");
  answer_one(settlings_, x.asker, x.answer);
}

void replica_host::perform(core::answer_file_settled& x) {
  DFS_CRASH_POINT("versions.file_settled");
  answer_one(file_settlings_, x.asker, x.answer);
}

void replica_host::perform(core::note_version& x) {
  DFS_CRASH_POINT("versions.version_noted");
  state_.news->put(x.what);
}

void replica_host::perform(core::ask_told& x) {
  state_.news->put(x.group);
}

void replica_host::perform(core::tell_told& x) {
  state_.news->put(x.what);
}

void replica_host::perform(core::ask_unlink& x) {
  DFS_CRASH_POINT("versions.unlink_asked");
  state_.news->put(x.what);
}

void replica_host::perform(core::tell_led& x) {
  DFS_CRASH_POINT("versions.leads");
  state_.note(group_, "leads");
  state_.news->put(x.what);
}

void replica_host::perform(core::resign& x) {
  DFS_CRASH_POINT("versions.resigned");
  state_.note(group_, "leads no longer: " + x.why);
  state_.news->put(x.what);
}

} // namespace dfs::fileserver
