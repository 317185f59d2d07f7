#pragma once

#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/data_port.hpp"
#include "support/eventually.hpp"
#include "support/hesitant_server.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs::chunkserver::test_steps {

using test::read_of;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version first{1};
constexpr chunk_version second{2};
constexpr writer_id alice{11};

struct DataLease : ::testing::Test {
  test::data_chain servers{3};

  std::unique_ptr<test::data_caller> writer = servers.caller(0);

  std::future<test::data_reply<msg::chunk_changed>>
  start(const msg::chunk_grant& grant, std::uint32_t offset,
        const std::string& bytes) {
    return writer->start(write_of(grant, offset, bytes), bytes);
  }

  std::optional<ec> write(const msg::chunk_grant& grant, std::uint32_t offset,
                          const std::string& bytes) {
    auto answer = start(grant, offset, bytes).get();
    return refusal(answer.message);
  }

  std::optional<ec>
  read(std::size_t i, chunk_version version, std::uint32_t length = 1) {
    return refusal(servers.caller(i, rights::reader)
                     ->call(read_of(chunk, version,
                                    servers.state(i, chunk).serial, 0, length))
                     .message);
  }

  result<msg::chunk_state>
  fence(std::size_t i, chunk_version version, bool fresh = false) {
    return test::data_chain::wait<msg::chunk_state>([&](auto done) {
      servers.nodes[i]->service->fence(chunk, version, done, fresh);
    });
  }

  /// Led by node 0, followed by one that answers when it is told to.
  msg::chunk_grant hesitant_grant(const test::hesitant_server& next) {
    auto grant = servers.grant(chunk, {0});
    grant.chain.push_back({store_id{999}, next.port.where()});
    servers.seal(grant);
    return grant;
  }

  void expect_equal(std::vector<std::size_t> which, const std::string& bytes) {
    for (const auto i : which)
      EXPECT_EQ(servers.bytes(i, chunk), bytes) << "replica " << i;
  }

  std::vector<msg::led_chunk> led(std::size_t i) {
    auto promised
      = std::make_shared<std::promise<std::vector<msg::led_chunk>>>();
    servers.nodes[i]->service->led(
      {}, 10, [promised](auto x) { promised->set_value(std::move(x)); });
    return promised->get_future().get();
  }

  core::led_page told(std::size_t i, std::uint64_t after) {
    auto promised = std::make_shared<std::promise<core::led_page>>();
    servers.nodes[i]->service->led_since(
      after, 10, [promised](auto x) { promised->set_value(std::move(x)); });
    return promised->get_future().get();
  }

  std::vector<ec> ended(std::size_t i) {
    const std::lock_guard guard{servers.nodes[i]->mutex};
    std::vector<ec> codes;
    for (const auto& [id, code] : servers.nodes[i]->ended)
      codes.push_back(code);
    return codes;
  }
};

} // namespace dfs::chunkserver::test_steps
