#include "core/groups/directory_notes.hpp"

#include "core/versions/group_placement.hpp"

namespace dfs::core {

namespace {

// Where the book is the older one (`outrun`), or has no set, nobody is.
bool is_outside(const version_directory& x, group_id group, store_id store) {
  const auto it = x.groups().find(group);
  if (it == x.groups().end() || it->second.outrun)
    return false;
  const auto& set = it->second.in_force;
  return !set.servers.empty() && !of_set(set, store);
}

} // namespace

result<msg::versions_noted>
heed(const version_directory& x, const msg::note_versions& said) {
  const auto known = x.servers().find(said.store);
  if (known == x.servers().end() || known->second.boot != said.boot)
    return fail(ec::not_found, "register first");
  const auto groups = x.config().groups;
  msg::versions_noted to{said.files, said.told};
  std::erase_if(to.files, [&](const msg::noted_version& y) {
    return is_outside(x, group_of_file(y.file, y.of_class, groups), said.store);
  });
  std::erase_if(to.told, [&](const msg::told_group& y) {
    return is_outside(x, y.group, said.store);
  });
  return to;
}

} // namespace dfs::core
