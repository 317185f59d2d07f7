#pragma once

#include "actors/namespace_requests.hpp"

#include <string>
#include <vector>

// INTERNAL to the namespace keeper: names of versioned files. Their groups are
// filled in by the version directory.

namespace dfs::actors {

promise_of<msg::file_located>
locate_versioned(namespace_self self, const std::string& path);

/// A name that is there is only looked up: most puts are on such.
promise_of<msg::file_located>
create_versioned(namespace_self self, const msg::create_versioned& x);

/// Names come and go at once, as rows go; lengths with the next ones. Answered
/// when the rows are durable.
promise_of<msg::notes_receipted>
note_versions(namespace_self self, const msg::versions_noted& x);

/// Has the version directory tell the groups of purged files, a page of them:
/// to be called each second or so.
void purge_versions(namespace_self self);

/// Of these, which are durable.
void purge_at_once(namespace_self self, std::vector<msg::purged_file> files);

} // namespace dfs::actors
