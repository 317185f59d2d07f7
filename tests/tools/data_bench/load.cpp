#include "load.hpp"

#include "base/rng.hpp"
#include "support/bench_figures.hpp"
#include "support/chunk_data.hpp"
#include "wire/data_frame.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace dfs::bench {

namespace {

constexpr std::size_t chunk_bytes = msg::chunk_size_max;
constexpr std::size_t mib = 1 << 20;
constexpr std::chrono::seconds patience{60};

/// Of one chunk that is being written, or read.
constexpr std::size_t window = 4 * mib;

template <class T>
const T& value(const result<T>& x) {
  if (!x)
    fail(x.error().context, 0);
  return *x;
}

double now_us() {
  return std::chrono::duration<double, std::micro>(
           bench_clock::now().time_since_epoch())
    .count();
}

} // namespace

load::load(const server_processes& servers)
  : servers_{servers},
    loop_{std::make_shared<net::data_loop>(
      io_, std::make_shared<net::buffer_pool>())},
    bytes_{test::pattern(16 * mib, 1)} {
  // nop
}

load::~load() {
  clients_.clear();
  io_.restart();
  io_.run();
}

/// One of those that work at once has nothing left to do.
void load::ended() {
  if (--working_ == 0)
    io_.stop();
}

net::data_client& load::at(const msg::chunk_replica& server, std::size_t lane) {
  auto& place = clients_[{server.data, lane}];
  if (!place)
    place = std::make_unique<net::data_client>(
      io_,
      net::data_client_options{.server = server.data,
                               .tls = servers_.tls(),
                               .cluster = cluster,
                               .hello = [this] { return servers_.hello(); },
                               .loop = loop_});
  return *place;
}

template <class Work>
figures load::measure(double amount, std::size_t at_once, Work work) {
  working_ = at_once;
  const auto mine = bench::cpu_seconds();
  const auto all = mine + servers_.cpu_seconds();
  const auto began = bench_clock::now();
  io_.restart();
  work();
  io_.run(); // Until `ended`, by whoever is the last to end.
  figures x;
  x.per_second = amount / seconds_since(began);
  x.client_cpu = bench::cpu_seconds() - mine;
  x.cpu_seconds = bench::cpu_seconds() + servers_.cpu_seconds() - all;
  return x;
}

struct load::operations {
  std::size_t left = 0; ///< Not begun.
  std::size_t piece = 0;
};

/// Writes one chunk, then the next.
void load::write_chunk(const std::shared_ptr<operations>& all) {
  if (all->left == 0)
    return ended();
  --all->left;
  struct progress {
    written what;
    std::size_t sent = 0;
    std::size_t answered = 0;
    std::function<void()> go_on;
  };
  auto x = std::make_shared<progress>();
  x->what.grant = servers_.grant(chunk_id{++chunks_});
  x->go_on = [this, x, all] {
    auto& to = at(x->what.grant.chain.front(), 0);
    while (x->sent < chunk_bytes && x->sent - x->answered < window) {
      const auto offset = static_cast<std::uint32_t>(x->sent);
      const std::string_view bytes{bytes_.data() + offset % bytes_.size(),
                                   all->piece};
      x->sent += all->piece;
      msg::write_chunk message{.chunk = x->what.grant.chunk,
                               .version = x->what.grant.version,
                               .epoch = x->what.grant.epoch,
                               .offset = offset,
                               .ack = x->sent == chunk_bytes
                                        ? msg::change_ack::durable
                                        : msg::change_ack::applied,
                               .crcs = wire::piece_crcs(offset, bytes),
                               .grant = {}};
      if (offset == 0)
        message.grant.push_back(x->what.grant);
      to.call(message, {{bytes, nullptr}}, patience,
              [this, x, all](const result<msg::chunk_changed>& answer,
                             const net::data_buffer&) {
                x->what.extent = value(answer).extent;
                x->answered += all->piece;
                if (x->answered < chunk_bytes)
                  return x->go_on();
                large_.push_back(x->what);
                x->go_on = {};
                write_chunk(all);
              });
    }
  };
  x->go_on();
}

figures
load::write(std::size_t chunks, std::size_t at_once, std::size_t piece) {
  large_.clear();
  auto all = std::make_shared<operations>();
  all->left = chunks;
  all->piece = piece;
  return measure(static_cast<double>(chunks * chunk_bytes / mib), at_once, [&] {
    for (std::size_t i = 0; i < at_once; ++i)
      write_chunk(all);
  });
}

void load::read_chunk(const std::shared_ptr<operations>& all) {
  if (all->left == 0)
    return ended();
  const auto index = --all->left;
  struct progress {
    std::size_t asked = 0;
    std::size_t answered = 0;
    std::function<void()> go_on;
  };
  auto x = std::make_shared<progress>();
  x->go_on = [this, x, all, index] {
    const auto& what = large_[index];
    auto& from = at(what.grant.chain[index % what.grant.chain.size()], 0);
    while (x->asked < chunk_bytes && x->asked - x->answered < window) {
      const auto offset = static_cast<std::uint32_t>(x->asked);
      x->asked += all->piece;
      from.call(
        msg::read_chunk{.chunk = what.grant.chunk,
                        .version = what.grant.version,
                        .serial = what.extent.serial,
                        .offset = offset,
                        .length = static_cast<std::uint32_t>(all->piece)},
        {}, patience,
        [this, x, all, offset](const result<msg::chunk_bytes>& answer,
                               const net::data_buffer& data) {
          if (data.size() != all->piece
              || !wire::pieces_match(offset, data.view(), value(answer).crcs))
            fail("wrong bytes", 0);
          x->answered += all->piece;
          if (x->answered < chunk_bytes)
            return x->go_on();
          x->go_on = {};
          read_chunk(all);
        });
    }
  };
  x->go_on();
}

figures load::read(std::size_t at_once, std::size_t piece) {
  auto all = std::make_shared<operations>();
  all->left = large_.size();
  all->piece = piece;
  return measure(static_cast<double>(all->left * chunk_bytes / mib), at_once,
                 [&] {
                   for (std::size_t i = 0; i < at_once; ++i)
                     read_chunk(all);
                 });
}

figures load::read_some(std::size_t count) {
  constexpr std::uint32_t size = 4096;
  rng random{7};
  std::vector<double> times;
  std::size_t left = count;
  std::function<void()> next = [&] {
    if (left-- == 0)
      return ended();
    const auto& what = large_[random.below(large_.size())];
    const auto& chain = what.grant.chain;
    const auto offset
      = static_cast<std::uint32_t>(random.below(chunk_bytes / size) * size);
    const auto began = now_us();
    at(chain[random.below(chain.size())], 0)
      .call(
        msg::read_chunk{.chunk = what.grant.chunk,
                        .version = what.grant.version,
                        .serial = what.extent.serial,
                        .offset = offset,
                        .length = size},
        {}, patience,
        [&, offset, began](const result<msg::chunk_bytes>& answer,
                           const net::data_buffer& data) {
          if (data.size() != size
              || !wire::pieces_match(offset, data.view(), value(answer).crcs))
            fail("wrong bytes", 0);
          times.push_back(now_us() - began);
          next();
        });
  };
  auto x = measure(static_cast<double>(count), 1, next);
  x.us = std::move(times);
  return x;
}

figures load::append(std::size_t writers, std::size_t count) {
  const auto grant = servers_.grant(chunk_id{++chunks_});
  const std::string_view record{bytes_.data(), 100};
  std::vector<double> times;
  std::size_t left = count;
  std::function<void(std::size_t, std::uint64_t)> next
    = [&](std::size_t writer, std::uint64_t sequence) {
        if (left == 0)
          return ended();
        --left;
        const auto began = now_us();
        at(grant.chain.front(), 100 + writer)
          .call(msg::append_record{.chunk = grant.chunk,
                                   .version = grant.version,
                                   .epoch = grant.epoch,
                                   .writer = writer_id{1 + writer},
                                   .sequence = sequence,
                                   .crcs = wire::piece_crcs(0, record),
                                   .grant = {grant}},
                {{record, nullptr}}, patience,
                [&, writer, sequence,
                 began](const result<msg::chunk_changed>& answer,
                        const net::data_buffer&) {
                  static_cast<void>(value(answer));
                  times.push_back(now_us() - began);
                  next(writer, sequence + 1);
                });
      };
  auto x = measure(static_cast<double>(count), writers, [&] {
    for (std::size_t i = 0; i < writers; ++i)
      next(i, 1);
  });
  x.us = std::move(times);
  return x;
}

figures load::create(std::size_t at_once, std::size_t count) {
  const std::string_view bytes{bytes_.data(), 1024};
  std::vector<double> times;
  small_.clear();
  std::size_t left = count;
  std::function<void(std::size_t)> next = [&](std::size_t lane) {
    if (left == 0)
      return ended();
    --left;
    const auto began = now_us();
    const auto grant = servers_.grant(chunk_id{++chunks_});
    at(grant.chain.front(), lane)
      .call(msg::write_chunk{.chunk = grant.chunk,
                             .version = grant.version,
                             .epoch = grant.epoch,
                             .offset = 0,
                             .ack = msg::change_ack::durable,
                             .crcs = wire::piece_crcs(0, bytes),
                             .grant = {grant}},
            {{bytes, nullptr}}, patience,
            [&, lane, began, grant](const result<msg::chunk_changed>& answer,
                                    const net::data_buffer&) {
              small_.push_back({grant, value(answer).extent});
              times.push_back(now_us() - began);
              next(lane);
            });
  };
  auto x = measure(static_cast<double>(count), at_once, [&] {
    for (std::size_t i = 0; i < at_once; ++i)
      next(i);
  });
  x.us = std::move(times);
  return x;
}

figures load::read_small(std::size_t at_once, std::size_t count) {
  rng random{8};
  std::vector<double> times;
  std::size_t left = count;
  std::function<void(std::size_t)> next = [&](std::size_t lane) {
    if (left == 0)
      return ended();
    --left;
    const auto began = now_us();
    const auto& what = small_[random.below(small_.size())];
    const auto& chain = what.grant.chain;
    at(chain[random.below(chain.size())], lane)
      .call(msg::read_chunk{.chunk = what.grant.chunk,
                            .version = what.grant.version,
                            .serial = what.extent.serial,
                            .offset = 0,
                            .length = 1024},
            {}, patience,
            [&, lane, began](const result<msg::chunk_bytes>& answer,
                             const net::data_buffer& data) {
              if (!wire::pieces_match(0, data.view(), value(answer).crcs)
                  || data.size() != 1024)
                fail("wrong bytes", 0);
              times.push_back(now_us() - began);
              next(lane);
            });
  };
  auto x = measure(static_cast<double>(count), at_once, [&] {
    for (std::size_t i = 0; i < at_once; ++i)
      next(i);
  });
  x.us = std::move(times);
  return x;
}

} // namespace dfs::bench
