#pragma once

#include "client/file_writer.hpp"

#include "support/fake_cluster.hpp"
#include "support/file_bytes.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace dfs::client {

struct changing_source final : byte_source {
  explicit changing_source(std::string all) : bytes{std::move(all)} {
    // nop
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    return bytes.length();
  }
  [[nodiscard]] bool rewinds() const override {
    return true;
  }
  void read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<piece>)> then) override {
    if (offset > fail_at)
      return then(fail(ec::io_error, "cannot read x: Input/output error"));
    if (offset + into.size() > short_at)
      into.shorten(short_at > offset ? short_at - offset : 0);
    bytes.read(offset, into, in_chunk, std::move(then));
  }
  [[nodiscard]] std::string fingerprint() const override {
    return mark;
  }
  void verify(std::function<void(result<nothing>)> then) override {
    if (changed)
      return then(fail(ec::io_error, "x changed while it was being read"));
    then(done);
  }

  memory_source bytes;
  std::uint64_t fail_at = ~0ull;
  std::uint64_t short_at = ~0ull;
  bool changed = false;
  std::string mark = "7 4711";
};

/// A writer, and a cluster that it writes to.
struct file_writing : ::testing::Test {
  test::fake_cluster cluster;
  std::uint64_t progress = 0;

  std::shared_ptr<file_writer>
  begin(std::shared_ptr<byte_source> source, file_write what,
        std::optional<result<msg::file_status>>& to) {
    if (what.path.empty())
      what.path = "/f";
    what.progress = [this](auto bytes) { progress += bytes; };
    auto writer = std::make_shared<file_writer>(
      cluster.session, std::move(source), std::move(what));
    writer->start([&](auto x) { to = std::move(x); });
    return writer;
  }

  result<msg::file_status>
  put(std::shared_ptr<byte_source> source, file_write what = {}) {
    std::optional<result<msg::file_status>> outcome;
    begin(std::move(source), std::move(what), outcome);
    return cluster.wait(outcome);
  }

  result<msg::file_status> put(const std::string& bytes, file_write what = {}) {
    return put(std::make_shared<memory_source>(bytes), std::move(what));
  }

  result<msg::file_status>
  pipe(const std::string& bytes, file_write what = {}) {
    return put(std::make_shared<test::pipe_source>(bytes), std::move(what));
  }
};

} // namespace dfs::client
