#include "net/frame_stream.hpp"

#include "base/rng.hpp"
#include "support/eventually.hpp"
#include "support/test_pki.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

// A stream's records over a socket that takes little at a time.

namespace dfs::net {
namespace {

using tcp = boost::asio::ip::tcp;

struct FrameStream : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path() / "pki"};
  boost::asio::io_context io;
  std::unique_ptr<frame_stream> sender;
  std::unique_ptr<frame_stream> receiver;

  FrameStream() {
    const auto files = pki.server("one", "master");
    const auto context
      = *make_tls_context({files.ca, files.certificate, files.key});
    tcp::acceptor acceptor{io, {boost::asio::ip::address_v4::loopback(), 0}};
    tcp::socket from{io};
    from.connect(acceptor.local_endpoint());
    auto to = acceptor.accept();
    from.set_option(tcp::socket::send_buffer_size{64 * 1'024});
    to.set_option(tcp::socket::receive_buffer_size{128 * 1'024});
    sender = std::make_unique<frame_stream>(std::move(from), context,
                                            frame_stream::side::client);
    receiver = std::make_unique<frame_stream>(std::move(to), context,
                                              frame_stream::side::server);
    auto open = false;
    while (!open) {
      const auto one = sender->handshake();
      receiver->readable();
      const auto other = receiver->handshake();
      sender->readable();
      open = one == stream_step::progress && other == stream_step::progress;
    }
  }

  /// What is there now.
  std::string read() {
    std::array<char, 30'000> room{};
    std::string all;
    std::size_t got = 0;
    receiver->readable();
    while (receiver->read(room.data(), room.size(), got)
           == stream_step::progress)
      all.append(room.data(), got);
    return all;
  }
};

std::string random_bytes(rng& random, std::size_t size) {
  std::string bytes(size, '\0');
  std::generate(bytes.begin(), bytes.end(),
                [&] { return static_cast<char>(random.below(256)); });
  return bytes;
}

// Goal: records that wait for others come, in their order. Method: messages of
// any size, in pieces, some of them the last before silence.
TEST_F(FrameStream, AllThatIsWrittenArrives) {
  rng random{7};
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    const auto bytes = random_bytes(random, 1 + random.below(600'000));
    std::string got;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::string_view left{bytes.data() + at, bytes.size() - at};
      const auto size
        = std::min<std::size_t>(left.size(), 1 + random.below(40'000));
      std::size_t taken = 0;
      const auto piece = left.substr(0, size);
      const auto more = size < left.size();
      const auto step = sender->write(piece, taken, more);
      ASSERT_TRUE(step == stream_step::progress
                  || (step == stream_step::blocked && sender->wants_write()));
      while (step == stream_step::blocked && taken == 0) {
        got += read();
        if (sender->write(piece, taken, more) == stream_step::progress)
          break;
      }
      at += taken;
    }
    ASSERT_TRUE(test::eventually([&] {
      got += read();
      return got.size() >= bytes.size();
    }))
      << got.size() << " of " << bytes.size();
    ASSERT_TRUE(got == bytes);
  }
}

TEST_F(FrameStream, APeerThatIsGoneIsNotWaitedFor) {
  receiver.reset();
  const std::string bytes(16'000, 'x');
  auto step = stream_step::progress;
  for (int i = 0; i < 1'000 && step != stream_step::failed; ++i) {
    std::size_t taken = 0;
    step = sender->write(bytes, taken, i % 20 != 19);
    std::this_thread::yield();
  }
  EXPECT_EQ(step, stream_step::failed);
  EXPECT_FALSE(sender->failure().empty());
}

// What waits for more is not lost when nothing more comes.
TEST_F(FrameStream, TheGoodbyeTakesAlongWhatWaits) {
  std::size_t taken = 0;
  ASSERT_EQ(sender->write("hello", taken, true), stream_step::progress);
  sender->end_writing();
  std::string got;
  EXPECT_TRUE(test::eventually([&] {
    got += read();
    return !got.empty();
  }));
  EXPECT_EQ(got, "hello");
}

} // namespace
} // namespace dfs::net
