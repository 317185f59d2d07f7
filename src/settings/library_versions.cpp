#include "settings/library_versions.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <toml++/impl/version.h>

namespace dfs::settings {

std::vector<std::pair<std::string, std::string>> library_versions() {
  return {{"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)},
          {"toml++", fmt::format("{}.{}.{}", TOML_LIB_MAJOR, TOML_LIB_MINOR,
                                 TOML_LIB_PATCH)}};
}

} // namespace dfs::settings
