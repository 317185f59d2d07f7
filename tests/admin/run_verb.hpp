#pragma once

#include "admin/run.hpp"

#include <sstream>
#include <string>
#include <vector>

namespace dfs::test {

/// What a command line ended with and said.
struct outcome {
  int status = -1;
  std::string out;
  std::string err;
};

/// Runs a verb in this process, with an environment of its own.
inline outcome dfsnode(const std::vector<std::string>& arguments,
                       std::vector<std::string> environment = {},
                       bool terminal = false) {
  std::ostringstream out;
  std::ostringstream err;
  admin::surroundings around;
  around.environment = std::move(environment);
  around.out = &out;
  around.err = &err;
  around.terminal = terminal;
  around.libraries = {{"CAF", "0.17.6"}};
  outcome x;
  x.status = admin::run(arguments, std::move(around));
  x.out = out.str();
  x.err = err.str();
  return x;
}

} // namespace dfs::test
