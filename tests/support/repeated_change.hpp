#pragma once

#include "core/filetree/request_check.hpp"
#include "messages/upload_methods.hpp"

#include <cstdint>
#include <type_traits>

namespace dfs::test {

/// May a request be the one of that method which was done under its number? As
/// a master sees it that compares kinds alone.
template <class Request>
bool may_be(const Request& x, std::uint16_t method) {
  if constexpr (std::is_same_v<Request, msg::finish_upload>)
    if (x.upload == core::any_upload)
      return method == msg::method<msg::commit_file>::number
             || method == msg::method<msg::finish_upload>::number;
  return method == msg::method<Request>::number;
}

} // namespace dfs::test
