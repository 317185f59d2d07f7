#include "base/rng.hpp"
#include "core/filetree/freed_names.hpp"
#include "core/filetree/tree_model.hpp"
#include "core/filetree/tree_under_test.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace dfs::core {
namespace {

using dfs::test::refusal;
using test::tree_model;

/// A tree and the model of it, asked the same.
struct traffic : test::tree_under_test {
  explicit traffic(std::uint64_t seed)
    : tree_under_test{{.hash_seed = seed}},
      random{seed} {
    // nop
  }

  rng random;
  tree_model model;
  std::uint64_t next_chunk = 1;
  std::vector<tree_operation> asked; ///< With numbers, to be asked again.
  std::vector<inode_id> versioned;   ///< Files, also those that are gone.
  std::size_t freed = 0;             ///< Names of theirs.

  std::string path() {
    static const std::vector<std::string> names{"a", "b", "cc", "d"};
    std::string text;
    for (auto parts = 1 + random.below(4); parts > 0; --parts)
      text += "/" + names[random.below(names.size())];
    return random.one_in(50) ? "/" : text;
  }

  std::vector<msg::written_chunk> chunks(std::size_t most) {
    std::vector<msg::written_chunk> made;
    for (auto i = random.below(most + 1); i > 0; --i)
      made.push_back(test::written(
        next_chunk++, static_cast<std::uint32_t>(random.below(1'000))));
    return made;
  }

  static tree_model::node
  content_of(const std::vector<msg::written_chunk>& chunks) {
    tree_model::node made;
    for (const auto& x : chunks)
      made.chunks.emplace_back(x.grant.chunk.value(), x.extent.length);
    return made;
  }

  std::uint64_t newest_trash() {
    const auto deleted = tree->state().deleted_files();
    const auto page = *tree->trash({}).answer;
    for (const auto& x : page.entries)
      if (!deleted.contains(inode_id{x.trash_id}))
        return x.trash_id;
    return 0;
  }

  /// The names of versioned files, hidden or not.
  std::map<std::string, inode_id> versioned_names() const {
    std::map<std::string, inode_id> found;
    for (const auto inode : versioned) {
      const auto x = tree->state().nodes.find(inode);
      if (x != no_node && tree->state().nodes.is_within(x, tree->state().root))
        found.emplace(tree->state().nodes.path(x), inode);
    }
    return found;
  }

  template <class Operation>
  auto ask(Operation x) {
    x.request = ++requests;
    if (random.one_in(4))
      asked.emplace_back(x);
    auto frees = false;
    if constexpr (may_free_names<Operation>::value)
      frees = frees_names(tree->state(), x);
    const auto before = versioned_names();
    auto answer = apply(x);
    const auto after = versioned_names();
    // Clients go by their leases: core/versions/name_lease.hpp.
    for (const auto& [path, inode] : before)
      if (const auto there = after.find(path);
          there == after.end() || there->second != inode) {
        EXPECT_TRUE(frees) << path << " was freed without waiting";
        ++freed;
      }
    return answer;
  }

  // Each does one thing to both, and compares the verdicts.
  void names();
  void rename();
  void remove();
  void restore();
  void purge();
  void commit();
  void uploads();
  void extend();
  void grow();
  void versions();
  void notes();
  void repeat();
  void step();
  void compare();
};

void traffic::names() {
  if (random.one_in(2)) {
    constexpr auto versioned_class = msg::storage_class::versioned;
    const auto where = random.one_in(2)   ? msg::storage_class::as_above
                       : random.one_in(2) ? versioned_class
                                          : msg::storage_class::chunked;
    const msg::make_directory x{0, path(), random.one_in(2), where};
    const auto expected = model.may_make_directory(x);
    ASSERT_EQ(refusal(ask(x)), expected) << x.path;
    if (!expected)
      model.make_directory(x, newest_trash());
  } else {
    const msg::create_file x{0, path(), random.one_in(2), 0};
    const auto expected = model.create_file(x);
    ASSERT_EQ(refusal(ask(x)), expected) << x.path;
  }
}

void traffic::rename() {
  const msg::rename_entry x{0, path(), path(), random.one_in(2)};
  const auto expected = model.may_rename(x);
  ASSERT_EQ(refusal(ask(x)), expected) << x.from << " " << x.to;
  if (!expected)
    model.rename(x, newest_trash());
}

void traffic::remove() {
  const msg::remove_entry x{0, path(), random.one_in(2)};
  const auto expected = model.may_remove(x);
  const auto removed = ask(x);
  ASSERT_EQ(refusal(removed), expected) << x.path;
  if (expected)
    return;
  const auto before = model.all.size();
  model.to_trash(x.path, removed->trash_id);
  ASSERT_LE(removed->files, before - model.all.size());
}

void traffic::restore() {
  msg::restore_trash x{0, 0, path(), random.one_in(2) ? path() : ""};
  if (!model.trash.empty() && random.one_in(2))
    x.trash_id
      = std::next(model.trash.begin(),
                  static_cast<std::ptrdiff_t>(random.below(model.trash.size())))
          ->first;
  const auto expected = model.may_restore(x);
  ASSERT_EQ(refusal(ask(x)), expected);
  if (!expected)
    model.restore(x, newest_trash());
}

void traffic::purge() {
  if (random.one_in(4)) {
    ASSERT_TRUE(ask(msg::purge_trash{0, 0, true}));
    while (!model.trash.empty())
      model.purge(model.trash.begin()->first);
    for (const auto& each : model.deleted())
      model.purge_deleted(each);
  } else if (const auto deleted = model.deleted();
             !deleted.empty() && random.one_in(3)) {
    const auto& each = deleted[random.below(deleted.size())];
    const auto inode = model.all.at(each).inode;
    ASSERT_EQ(refusal(ask(msg::restore_trash{0, inode, {}, {}})),
              ec::unsupported);
    ASSERT_TRUE(ask(msg::purge_trash{0, inode, false}));
    model.purge_deleted(each);
  } else if (const auto id = newest_trash(); id != 0) {
    ASSERT_TRUE(ask(msg::purge_trash{0, id, false}));
    model.purge(id);
  }
}

void traffic::commit() {
  msg::commit_file x;
  x.path = path();
  x.force = random.one_in(2);
  x.parents = random.one_in(2);
  x.chunks = chunks(3);
  const auto expected = model.may_commit(x.path, x.force, x.parents);
  ASSERT_EQ(refusal(ask(x)), expected) << x.path;
  if (!expected)
    model.commit(x.path, content_of(x.chunks), newest_trash());
}

void traffic::uploads() {
  if (model.uploads.empty() || random.one_in(2)) {
    const msg::begin_upload x{0, path(), random.one_in(2), random.one_in(2),
                              0, "s"};
    const auto expected = model.may_commit(x.path, x.force, x.parents);
    const auto begun = ask(x);
    ASSERT_EQ(refusal(begun), expected);
    if (!expected)
      model.uploads[begun->upload.value()] = {x.path, x.force, x.parents, {}};
    return;
  }
  const auto found = model.uploads.begin();
  const inode_id inode{found->first};
  const auto ended = found->second;
  if (random.one_in(3)) {
    ASSERT_TRUE(ask(msg::abort_upload{0, inode}));
    model.uploads.erase(found);
    return model.end(ended.content);
  }
  const auto expected
    = model.may_commit(ended.path, ended.force, ended.parents);
  ASSERT_EQ(refusal(ask(msg::finish_upload{0, inode})), expected);
  if (expected)
    return;
  model.uploads.erase(found);
  model.commit(ended.path, ended.content, newest_trash());
}

void traffic::extend() {
  if (model.uploads.empty())
    return;
  auto& [inode, upload] = *model.uploads.rbegin();
  auto& content = upload.content.chunks;
  const msg::extend_upload x{
    0, inode_id{inode}, static_cast<std::uint32_t>(content.size()), chunks(16)};
  ASSERT_TRUE(ask(x));
  for (const auto& each : x.chunks)
    content.emplace_back(each.grant.chunk.value(), each.extent.length);
}

void traffic::grow() {
  const auto where = path();
  const auto found = model.all.find(where);
  if (found == model.all.end() || found->second.directory)
    return;
  if (found->second.versioned) {
    const inode_id file{found->second.inode};
    ASSERT_EQ(refusal(apply(append_chunk{file, {}, {}, chunk_id{1}, {}})),
              ec::unsupported);
    return;
  }
  auto& content = found->second.chunks;
  const auto inode = tree->status(where).answer->inode;
  const auto last
    = content.empty() ? chunk_id{} : chunk_id{content.back().first};
  if (random.one_in(2)) {
    ASSERT_TRUE(apply(
      append_chunk{inode, last, {}, chunk_id{next_chunk}, chunk_version{1}}));
    content.emplace_back(next_chunk++, 0);
  } else if (!content.empty()) {
    const auto bytes = static_cast<std::uint32_t>(random.below(2'000));
    ASSERT_TRUE(apply(msg::files_grown{
      {{inode,
        {last, {chunk_version{1}, mutation_serial{1}, bytes, bytes}},
        false}}}));
    content.back().second = std::max(content.back().second, bytes);
  }
}

void traffic::versions() {
  const msg::create_versioned x{0, path(), random.one_in(2)};
  const auto fresh = !model.all.contains(x.path);
  const auto expected = model.create_versioned(x);
  const auto made = ask(x);
  ASSERT_EQ(refusal(made), expected) << x.path;
  if (expected || !fresh)
    return;
  model.all.at(x.path).inode = made->inode.value();
  versioned.push_back(made->inode);
}

/// Old ones, too, of whatever there ever was; sometimes the last.
void traffic::notes() {
  if (versioned.empty())
    return;
  const auto inode = versioned[random.below(versioned.size())];
  if (random.one_in(8)) {
    ASSERT_TRUE(apply(msg::unlink_file{group_id{1}, inode}));
    if (!unnamed.contains(inode))
      model.unnamed.erase(inode.value());
    return model.unlink(inode.value());
  }
  const auto kind = random.one_in(3) && !model.goes(inode.value())
                      ? msg::version_kind::deleted
                      : msg::version_kind::content;
  const msg::noted_version x{inode, version_number{1 + random.below(20)}, kind,
                             random.below(1'000), 5};
  ASSERT_TRUE(apply(msg::versions_noted{{x}, {}}));
  model.note(x, newest_trash());
}

/// I2: whatever was asked once is answered, and does nothing.
void traffic::repeat() {
  if (asked.empty())
    return;
  const auto& again = asked[random.below(asked.size())];
  const auto number = std::visit(
    [](const auto& x) -> std::uint64_t {
      if constexpr (requires { x.request; })
        return x.request;
      else
        return 0;
    },
    again);
  if (!tree->was_done(number))
    return;
  tree_changes out;
  const auto before = tree->applied();
  // The name of a versioned file that it made may be gone since.
  if (const auto answer = core::apply(*tree, again, now, out); !answer) {
    ASSERT_TRUE(std::holds_alternative<msg::create_versioned>(again));
    ASSERT_EQ(answer.error().code, ec::not_found);
  }
  // Another change under that number (SPEC S11).
  const auto other = std::visit(
    [](auto x) -> std::optional<tree_operation> {
      if constexpr (requires { x.path; }) {
        x.path += "x";
        return x;
      }
      return std::nullopt;
    },
    again);
  if (other)
    ASSERT_EQ(refusal(core::apply(*tree, *other, now, out)),
              ec::invalid_argument);
  ASSERT_TRUE(out.rows.empty() && out.released.empty());
  ASSERT_EQ(tree->applied(), before);
}

void traffic::step() {
  now += std::chrono::milliseconds{random.below(100)};
  switch (random.below(16)) {
    case 0:
    case 1:
      return names();
    case 2:
      return rename();
    case 3:
      return remove();
    case 4:
      return restore();
    case 5:
      return random.one_in(4) ? purge() : void();
    case 6:
    case 7:
      return commit();
    case 8:
      return uploads();
    case 9:
      return extend();
    case 10:
      return random.one_in(2) ? grow() : repeat();
    case 11:
    case 12:
      return versions();
    case 13:
    case 14:
      return notes();
    default:
      ASSERT_TRUE(apply(
        collect_garbage{static_cast<std::uint32_t>(1 + random.below(20))}));
  }
}

void traffic::compare() {
  std::map<std::string, std::string> seen;
  test::describe(*tree, "/", seen);
  for (const auto& [where, content] : model.all) {
    ASSERT_EQ(seen.contains(where), !content.hidden) << where;
    seen.erase(where);
    if (content.versioned && !content.directory)
      ASSERT_EQ(tree->locate(where).answer->status.inode.value(),
                content.inode);
    if (content.hidden)
      continue;
    const auto status = *tree->status(where).answer;
    ASSERT_EQ(status.kind == msg::entry_kind::directory, content.directory);
    ASSERT_EQ(status.where == msg::storage_class::versioned, content.versioned);
    if (content.directory) {
      ASSERT_EQ(status.entries, model.entries(where)) << where;
      continue;
    }
    if (content.versioned) {
      ASSERT_EQ(status.version.value(), content.version);
      ASSERT_EQ(status.length, content.bytes);
      continue;
    }
    const auto layout = *tree->layout({where, 0}).answer;
    ASSERT_EQ(status.chunks, content.chunks.size()) << where;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < content.chunks.size(); ++i) {
      bytes += content.chunks[i].second;
      if (i < layout.chunks.size())
        ASSERT_EQ(layout.chunks[i].chunk.value(), content.chunks[i].first);
    }
    ASSERT_EQ(status.length, bytes) << where;
  }
  ASSERT_TRUE(seen.empty()) << seen.begin()->first;
  ASSERT_EQ(tree->totals().files, tree_model::files(model.all));
  const auto trash = *tree->trash({}).answer;
  std::map<std::uint64_t, std::string> deleted;
  for (const auto& each : model.deleted())
    deleted.emplace(model.all.at(each).inode, each);
  ASSERT_EQ(trash.entries.size(), model.trash.size() + deleted.size());
  for (const auto& x : trash.entries) {
    if (const auto each = deleted.find(x.trash_id); each != deleted.end()) {
      ASSERT_EQ(x.path, each->second);
      continue;
    }
    ASSERT_EQ(x.path, model.trash.at(x.trash_id).path);
    ASSERT_EQ(x.files, tree_model::files(model.trash.at(x.trash_id).below));
  }
  for (const auto file : unnamed)
    ASSERT_TRUE(model.unnamed.contains(file.value())) << "I5";
  for (const auto chunk : released)
    ASSERT_TRUE(model.ended.contains(chunk.value())) << "I4, I5";
  tree->check();
  flush();
  check_chunk_rows();
  check_version_rows();
}

// Goal: I1 to I7 under any traffic, with restarts. Method: the same done to
// whole paths in a map, and both compared.
TEST(FileTreeTraffic, AgreesWithItsModel) { // SPEC G1, G12, V4, V9
  std::size_t freed = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed); // replays the failure
    traffic all{seed};
    for (int step = 0; step < 600; ++step) {
      ASSERT_NO_FATAL_FAILURE(all.step()) << step;
      if (step % 50 == 49) {
        if (all.random.one_in(2)) {
          const auto before = test::describe(*all.tree);
          all.restart(); // I3
          ASSERT_EQ(test::describe(*all.tree), before) << step;
        }
        ASSERT_NO_FATAL_FAILURE(all.compare()) << step;
      }
    }
    // In the end everything that ended has been released, and once.
    while (all.apply(collect_garbage{50})->more) {
    }
    for (const auto chunk : all.model.ended)
      ASSERT_TRUE(all.released.contains(chunk_id{chunk})) << chunk;
    for (const auto file : all.model.unnamed)
      ASSERT_TRUE(all.unnamed.contains(inode_id{file})) << file;
    freed += all.freed;
  }
  EXPECT_GT(freed, 10u); // The check had something to see.
}

// Equal operations make equal trees, whatever the seed of the hash: what a
// second master would need.
TEST(FileTreeTraffic, IsDeterministic) {
  traffic one{5};
  traffic other{5};
  other.config.hash_seed = 99;
  other.tree = std::make_unique<file_tree>(other.config);
  tree_changes out;
  ASSERT_TRUE(other.tree->begin_life(master_term{1}, other.now, out));
  for (int step = 0; step < 1'000; ++step) {
    ASSERT_NO_FATAL_FAILURE(one.step());
    ASSERT_NO_FATAL_FAILURE(other.step());
  }
  EXPECT_EQ(one.rows, other.rows);
  EXPECT_EQ(one.released, other.released);
}

} // namespace
} // namespace dfs::core
