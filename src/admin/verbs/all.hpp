#pragma once

#include "admin/verb.hpp"

// One function for each file of this folder, in the order of help; a new verb
// is a line here and one in all.cpp.

namespace dfs::admin {

verb cluster_init_verb();
verb cluster_bundle_verb();
verb cluster_user_verb();
verb cluster_rotate_key_verb();
verb config_check_verb();
verb config_show_verb();
verb config_reference_verb();
verb completion_verb();

} // namespace dfs::admin
