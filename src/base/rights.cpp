#include "base/rights.hpp"

#include <string>

namespace dfs {

std::string_view to_string(rights x) {
  switch (x) {
    case rights::none:
      return "none";
    case rights::reader:
      return "reader";
    case rights::writer:
      return "writer";
    case rights::admin:
      return "admin";
  }
  return "unknown";
}

result<rights> parse_rights(std::string_view text) {
  for (auto x : {rights::reader, rights::writer, rights::admin})
    if (to_string(x) == text)
      return x;
  return fail(ec::invalid_argument, "unknown rights '" + std::string{text}
                                      + "' (reader, writer or admin)");
}

} // namespace dfs
