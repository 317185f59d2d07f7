#include "admin/run.hpp"
#include "roles/beyond_client.hpp"
#include "roles/server.hpp"
#include "settings/server_command_line.hpp"

#include <string>
#include <unistd.h>
#include <vector>

int main(int argc, char** argv) {
  const std::vector<std::string> arguments{argv + 1, argv + argc};
  if (!dfs::settings::names_a_role(arguments))
    return dfs::admin::run(argc, argv, dfs::roles::beyond_the_client());
  std::vector<std::string> environment;
  for (char** x = environ; *x != nullptr; ++x)
    environment.emplace_back(*x);
  return dfs::roles::run_server(arguments, environment);
}
