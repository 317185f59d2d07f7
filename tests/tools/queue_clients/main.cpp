#include "base/rng.hpp"
#include "support/history/queue_json.hpp"
#include "support/queue_way_in.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

// dfs-queue_clients: producers and consumers of one process on the queues of a
// running cluster, and what each asked and was told, as lines of JSON for
// dfs-queue_history. An operation has two lines with the same "id": one when it
// is called, of unknown outcome, one when it has returned; so what a killed
// process had asked is known. It ends with its standard input.

namespace {

using namespace dfs;
using history::outcome;
using history::queue_operation;
using std::chrono::milliseconds;

struct workload {
  std::string config;
  std::string history;
  std::vector<std::int64_t> queues;
  std::uint32_t proc = 0; ///< Of the first client.
  std::size_t producers = 3;
  std::size_t consumers = 3;
  std::int64_t timeout_ms = 10'000;
  std::uint64_t pause_ms = 5; ///< At most, between two operations of a client.
  std::uint64_t seed = 1;
  bool drain = false;
};

/// The same for all processes of a machine.
std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class record_file {
public:
  explicit record_file(const std::string& path)
    : file_{
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)} {
    if (file_ < 0)
      bench::fail("cannot open " + path);
  }

  void write(std::uint64_t id, const queue_operation& x) const {
    auto line = nlohmann::json::parse(history::to_json(x));
    line["id"] = fmt::format("{}-{}", ::getpid(), id);
    const auto text = line.dump() + "\n";
    if (::write(file_, text.data(), text.size())
        != static_cast<ssize_t>(text.size()))
      bench::fail("cannot write the history");
  }

private:
  int file_;
};

enum class kind { producer, consumer, drainer };

/// One request at a time.
class actor {
public:
  struct shared {
    boost::asio::io_context& io;
    const workload& what;
    const record_file& file;
    std::uint64_t operations = 0;
    std::uint64_t done = 0;
    bool over = false;
  };

  actor(shared& all, std::shared_ptr<client::queue_client> by, kind what,
        std::uint32_t proc)
    : all_{all},
      by_{std::move(by)},
      kind_{what},
      random_{all.what.seed * 1'000 + proc},
      timer_{all.io} {
    operation_.proc = proc;
  }

  void next() {
    if (all_.over && kind_ != kind::drainer)
      return;
    if (at_ == all_.what.queues.size())
      return;
    const auto& queues = all_.what.queues;
    const auto queue = kind_ == kind::drainer
                         ? queues[at_]
                         : queues[random_.below(queues.size())];
    const auto proc = operation_.proc;
    operation_ = {};
    operation_.proc = proc;
    operation_.queue = queue;
    operation_.op = choose();
    ask();
  }

  [[nodiscard]] bool busy() const {
    return busy_;
  }

private:
  history::queue_verb choose() {
    if (kind_ == kind::drainer)
      return history::queue_verb::pop;
    if (random_.one_in(10))
      return random_.one_in(2) ? history::queue_verb::top
                               : history::queue_verb::size;
    return kind_ == kind::producer ? history::queue_verb::push
                                   : history::queue_verb::pop;
  }

  void ask() {
    busy_ = true;
    msg::queue_request request;
    request.queue = queue_id{static_cast<std::uint64_t>(operation_.queue)};
    milliseconds wait{0};
    switch (operation_.op) {
      case history::queue_verb::push:
        operation_.item
          = fmt::format("{}-{}-{}", ::getpid(), operation_.proc, ++pushes_);
        request.verb = msg::queue_verb::push;
        request.item = {true, 0, operation_.item};
        break;
      case history::queue_verb::pop:
        request.verb = msg::queue_verb::pop;
        request.wait = kind_ == kind::consumer && random_.one_in(2);
        wait = request.wait ? milliseconds{200} : wait;
        break;
      case history::queue_verb::top:
        request.verb = msg::queue_verb::top;
        break;
      default:
        request.verb = msg::queue_verb::size;
    }
    operation_.call_ns = monotonic_ns();
    id_ = ++all_.operations;
    all_.file.write(id_, operation_);
    by_->call(std::move(request), wait, {},
              [this](const auto& answer) { told(answer); });
  }

  void told(const result<msg::queue_answer>& answer) {
    busy_ = false;
    operation_.ret_ns = monotonic_ns();
    operation_.result = outcome_of(answer);
    if (operation_.result == outcome::done)
      take(*answer);
    all_.file.write(id_, operation_);
    if (operation_.result == outcome::done)
      ++all_.done;
    if (kind_ == kind::drainer && operation_.result == outcome::done
        && operation_.reply != history::queue_reply::ok)
      ++at_;
    const auto pause = kind_ == kind::drainer || all_.what.pause_ms == 0
                         ? 0
                         : random_.below(all_.what.pause_ms);
    timer_.expires_after(milliseconds{pause});
    timer_.async_wait([this](auto failed) {
      if (!failed)
        next();
    });
  }

  outcome outcome_of(const result<msg::queue_answer>& answer) const {
    const auto reads = operation_.op == history::queue_verb::top
                       || operation_.op == history::queue_verb::size;
    if (!answer)
      return answer.error().code == ec::outcome_unknown ? outcome::unknown
                                                        : outcome::refused;
    // What may be old proves nothing.
    if (reads && answer->stale)
      return outcome::refused;
    switch (answer->status) {
      case msg::queue_status::done:
      case msg::queue_status::empty:
      case msg::queue_status::no_queue:
        return outcome::done;
      default:
        return outcome::refused;
    }
  }

  void take(const msg::queue_answer& x) {
    operation_.value = x.value;
    operation_.sequence = x.place.sequence;
    operation_.index = x.place.index;
    operation_.reply = x.status == msg::queue_status::empty
                         ? history::queue_reply::empty
                       : x.status == msg::queue_status::no_queue
                         ? history::queue_reply::no_queue
                         : history::queue_reply::ok;
    if (x.status == msg::queue_status::done
        && operation_.op != history::queue_verb::push)
      operation_.item = x.item.bytes;
  }

  shared& all_;
  std::shared_ptr<client::queue_client> by_;
  kind kind_;
  rng random_;
  boost::asio::steady_timer timer_;
  queue_operation operation_;
  std::uint64_t id_ = 0;
  std::uint64_t pushes_ = 0;
  std::size_t at_ = 0; ///< A drainer's queue.
  bool busy_ = false;

public:
  [[nodiscard]] bool drained() const {
    return at_ == all_.what.queues.size();
  }
};

int run(const workload& what) {
  boost::asio::io_context io{1};
  auto work = boost::asio::make_work_guard(io);
  const auto way = bench::queue_way_in::read(what.config);
  const record_file file{what.history};
  actor::shared all{io, what, file};
  auto links = std::make_shared<client::queue_links>(
    io, way.tls, client::connection_options{.program = "dfs-queue_clients"});
  client::queue_client_options options;
  options.contacts = way.contacts;
  options.timeout = milliseconds{what.timeout_ms};
  std::vector<std::shared_ptr<client::queue_client>> clients;
  std::vector<std::unique_ptr<actor>> actors;
  const auto count = what.drain ? 1 : what.producers + what.consumers;
  for (std::size_t i = 0; i < count; ++i) {
    const auto each = what.drain           ? kind::drainer
                      : i < what.producers ? kind::producer
                                           : kind::consumer;
    clients.push_back(
      std::make_shared<client::queue_client>(io, links, options));
    std::rotate(options.contacts.begin(), options.contacts.begin() + 1,
                options.contacts.end());
    actors.push_back(std::make_unique<actor>(
      all, clients.back(), each, what.proc + static_cast<std::uint32_t>(i)));
    actors.back()->next();
  }
  boost::asio::posix::stream_descriptor commands{io};
  std::array<char, 64> buffer{};
  if (!what.drain) {
    commands.assign(::dup(STDIN_FILENO));
    commands.async_read_some(boost::asio::buffer(buffer),
                             [&](auto, std::size_t) { all.over = true; });
  }
  const auto busy = [&] {
    for (const auto& x : actors)
      if (x->busy() || (what.drain && !x->drained()))
        return true;
    return false;
  };
  while ((!what.drain && !all.over) || busy())
    io.run_one_for(milliseconds{100});
  for (const auto& x : clients)
    x->close();
  links->close();
  fmt::print("operations {}\ndone {}\n", all.operations, all.done);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  workload what;
  CLI::App app{"records what clients of queues were told"};
  app.add_option("--config", what.config, "of a client")
    ->required()
    ->check(CLI::ExistingFile);
  app.add_option("--history", what.history, "file to add to")->required();
  app.add_option("--queues", what.queues, "their ids")->required();
  app.add_option("--proc", what.proc, "number of the first client [0]");
  app.add_option("--producers", what.producers, "[3]");
  app.add_option("--consumers", what.consumers, "[3]");
  app.add_option("--timeout", what.timeout_ms, "ms of a request [10000]");
  app.add_option("--pause", what.pause_ms, "ms between two, at most [5]");
  app.add_option("--seed", what.seed, "[1]");
  app.add_flag("--drain", what.drain, "pop until all queues are empty");
  CLI11_PARSE(app, argc, argv);
  return run(what);
}
