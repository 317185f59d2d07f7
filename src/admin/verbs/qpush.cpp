#include "admin/queues/queue_order.hpp"
#include "admin/verbs/all.hpp"
#include "client/queues/queue_user.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

namespace dfs::admin {

namespace {

struct push_options {
  std::string queue;
  std::vector<std::string> items;
  std::string file;
  bool bytes = false;
};

error too_large() {
  return fail(ec::invalid_argument, "an item has at most 1 MiB");
}

/// @returns `ec::invalid_argument` for more than an item can have.
result<std::string> read_whole(std::istream& from) {
  std::string bytes(msg::queue_item_bytes_max + 1, '\0');
  from.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(from.gcount()));
  if (from.bad())
    return fail(ec::io_error, "cannot be read");
  if (bytes.size() > msg::queue_item_bytes_max)
    return too_large();
  return bytes;
}

result<msg::queue_item> read_file(const std::string& path) {
  msg::queue_item made;
  made.is_bytes = true;
  errno = 0;
  std::ifstream file;
  if (path != "-")
    file.open(path, std::ios::binary);
  if (path != "-" && !file)
    return fail(ec::invalid_argument, path + ": " + std::strerror(errno));
  auto bytes = read_whole(path == "-" ? std::cin : file);
  if (!bytes)
    return fail(bytes.error().code, path + ": " + bytes.error().context);
  made.bytes = *std::move(bytes);
  return made;
}

/// The items of the command line; in place of "-" the lines of standard input.
class item_words {
public:
  explicit item_words(const push_options& x) : options_{x} {
    // nop
  }

  result<std::optional<msg::queue_item>> next() {
    if (reading_) {
      std::string line;
      if (std::getline(std::cin, line))
        return judged(line);
      reading_ = false;
    }
    if (at_ == options_.items.size())
      return std::optional<msg::queue_item>{};
    const auto& word = options_.items[at_++];
    if (word != "-")
      return judged(word);
    reading_ = true;
    return next();
  }

private:
  result<std::optional<msg::queue_item>> judged(const std::string& text) {
    if (text.size() > msg::queue_item_bytes_max)
      return too_large();
    auto item = read_item(text, options_.bytes);
    if (!item)
      return item.error();
    return std::optional{*std::move(item)};
  }

  const push_options& options_;
  std::size_t at_ = 0;
  bool reading_ = false;
};

/// Before anything is pushed: half of a command would be done otherwise.
result<nothing> check_words(const push_options& x) {
  if (x.items.empty() == x.file.empty())
    return fail(ec::invalid_argument,
                "name what to push: one or more ITEMs, or --file FILE");
  for (const auto& word : x.items)
    if (word != "-")
      if (auto item = read_item(word, x.bytes); !item)
        return item.error();
  return done;
}

result<exit_code> push(const push_options& x, verb_context& context) {
  queue_order order;
  order.name = "qpush";
  order.verb = msg::queue_verb::push;
  const auto id = read_queue_id(x.queue);
  if (!id)
    return id.error();
  order.queue = *id;
  if (auto good = check_words(x); !good)
    return good.error();
  if (!x.file.empty()) {
    auto item = read_file(x.file);
    if (!item)
      return item.error();
    order.items.push_back(*std::move(item));
  }
  const auto earlier = earlier_order(context.options.request_name);
  if (!earlier)
    return earlier.error();
  order.earlier = *earlier;
  const auto queues = context.queues();
  if (!queues)
    return queues.error();
  if (!order.items.empty())
    return carry_out(order, **queues, context.out);
  item_words words{x};
  return push_all(
    order, [&] { return words.next(); }, **queues, context.out);
}

} // namespace

verb qpush_verb() {
  return {"qpush",
          "Queues",
          "Add items to a queue, in order, and print how many it has after "
          "each.",
          {"qpush 1 42", "qpush 1 7 8 -- -9", "seq 1 100 | dfsnode qpush 1 -",
           "qpush 1 --bytes hello", "qpush 1 --file picture.png"},
          [](parameters& to) -> action {
            auto x = std::make_shared<push_options>();
            to.positional("ID", x->queue, "of the queue");
            to.rest("ITEM", x->items,
                    "an integer, negative ones behind --; - takes one from "
                    "each line of standard input")
              .optional();
            to.flag("--bytes", x->bytes, "items are bytes, as they are");
            to.option("--file", "FILE", x->file,
                      "one item: all bytes of a file; - is standard input")
              .file();
            return [x](verb_context& context) { return push(*x, context); };
          },
          true};
}

} // namespace dfs::admin
