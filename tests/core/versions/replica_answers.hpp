#pragma once

#include "core/versions/replica_machine.hpp"

#include <variant>

namespace dfs::core::test {

/// The first answer of that kind; null: there is none.
template <class T>
const T* answer_in(const replica_effects& all) {
  for (const auto& x : all)
    if (const auto* a = std::get_if<answer_asker>(&x))
      if (const auto* y = std::get_if<T>(&a->what))
        return y;
  return nullptr;
}

} // namespace dfs::core::test
