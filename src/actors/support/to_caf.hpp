#pragma once

#include "base/result.hpp"
#include "messages/type_ids.hpp"

#include <caf/error.hpp>
#include <caf/make_message.hpp>
#include <caf/result.hpp>

#include <cstdint>
#include <utility>

// The only place where a `dfs::error` becomes a `caf::error`; from_caf.hpp is
// the way back.

namespace dfs {

/// Found by CAF through the namespace of `ec`: enables `err == ec::exists`.
inline caf::error make_error(ec code) {
  return {static_cast<std::uint8_t>(code), msg::error_category};
}

} // namespace dfs

namespace dfs::actors {

inline caf::error to_caf(error reason) {
  auto converted = make_error(reason.code);
  if (!reason.context.empty())
    converted.context() = caf::make_message(std::move(reason.context));
  return converted;
}

template <class T>
caf::result<T> to_caf(result<T> x) {
  if (!x)
    return to_caf(x.error());
  return *std::move(x);
}

} // namespace dfs::actors
