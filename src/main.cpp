#include "admin/run.hpp"
#include "roles/server.hpp"
#include "roles/versions.hpp"
#include "settings/server_command_line.hpp"

#include <string>
#include <unistd.h>
#include <vector>

int main(int argc, char** argv) {
  const std::vector<std::string> arguments{argv + 1, argv + argc};
  if (!dfs::settings::names_a_role(arguments))
    return dfs::admin::run(argc, argv, dfs::roles::linked_libraries());
  std::vector<std::string> environment;
  for (char** x = environ; *x != nullptr; ++x)
    environment.emplace_back(*x);
  return dfs::roles::run_server(arguments, environment);
}
