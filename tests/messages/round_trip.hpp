#pragma once

#include "messages/register.hpp"
#include "messages/type_ids.hpp"

#include <caf/all.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace dfs::test {

struct message_config : caf::actor_system_config {
  message_config() {
    msg::register_messages(*this);
  }
};

/// A fixture: what goes into a message comes out of it.
struct round_trip : ::testing::Test {
  message_config system_config;
  caf::actor_system sys{system_config};

  // As a `caf::message`, so that an unregistered type fails here. Give every
  // field its own value, none of them the default: a forgotten field shows.
  template <class T>
  void expect_unchanged(const T& sent) {
    static_assert(caf::has_type_id<T>::value, "missing in type_ids.hpp");
    std::vector<char> bytes;
    caf::binary_serializer out{sys, bytes};
    auto packed = caf::make_message(sent);
    ASSERT_EQ(out(packed), caf::none);
    caf::message unpacked;
    caf::binary_deserializer in{sys, bytes};
    ASSERT_EQ(in(unpacked), caf::none);
    ASSERT_TRUE(unpacked.match_elements<T>());
    EXPECT_EQ(unpacked.get_as<T>(0), sent);
  }
};

} // namespace dfs::test
