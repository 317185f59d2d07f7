#include "support/history/queue_json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>

namespace dfs::history {

namespace {

using json = nlohmann::json;

constexpr std::string_view verbs[]
  = {"create", "find", "destroy", "push", "pop", "top", "size"};
constexpr std::string_view replies[] = {"ok", "empty", "no_queue"};

bool has_label(queue_verb op) {
  return op == queue_verb::create || op == queue_verb::find;
}

bool brings_item(queue_verb op) {
  return op == queue_verb::pop || op == queue_verb::top;
}

template <class Names>
std::uint8_t number_of(const json& name, const Names& names) {
  const auto text = name.get<std::string>();
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (text == names[i])
      return static_cast<std::uint8_t>(i);
  throw std::invalid_argument{"no such word: " + text};
}

json result_of(const queue_operation& x) {
  if (x.result != outcome::done)
    return x.result == outcome::unknown ? "unknown" : "refused";
  json told{{"reply", replies[static_cast<int>(x.reply)]},
            {"value", x.value},
            {"k", x.sequence},
            {"index", x.index}};
  if (brings_item(x.op) && x.reply == queue_reply::ok)
    told["item"] = x.item;
  return told;
}

void take_result(const json& told, queue_operation& x) {
  if (told == "unknown")
    return;
  if (told == "refused") {
    x.result = outcome::refused;
    return;
  }
  x.result = outcome::done;
  x.reply = static_cast<queue_reply>(number_of(told.at("reply"), replies));
  x.value = told.at("value").get<std::int64_t>();
  x.sequence = told.at("k").get<std::uint64_t>();
  x.index = told.at("index").get<std::uint32_t>();
  if (brings_item(x.op) && x.reply == queue_reply::ok)
    x.item = told.at("item").get<std::string>();
}

queue_operation parse(std::string_view text) {
  const auto line = json::parse(text);
  queue_operation x;
  x.proc = line.at("proc").get<std::uint32_t>();
  x.op = static_cast<queue_verb>(number_of(line.at("op"), verbs));
  if (has_label(x.op))
    x.label = line.at("key").get<std::string>();
  else
    x.queue = line.at("key").get<std::int64_t>();
  if (x.op == queue_verb::push)
    x.item = line.at("args").at("item").get<std::string>();
  x.call_ns = line.at("call_ns").get<std::int64_t>();
  take_result(line.at("result"), x);
  if (x.result != outcome::unknown)
    x.ret_ns = line.at("ret_ns").get<std::int64_t>();
  return x;
}

} // namespace

std::string to_json(const queue_operation& x) {
  json line{{"proc", x.proc},
            {"op", verbs[static_cast<int>(x.op)]},
            {"call_ns", x.call_ns},
            {"args", json::object()},
            {"result", result_of(x)}};
  line["key"] = has_label(x.op) ? json(x.label) : json(x.queue);
  if (x.op == queue_verb::push)
    line["args"] = {{"item", x.item}};
  line["ret_ns"] = x.result == outcome::unknown ? json{} : json(x.ret_ns);
  return line.dump();
}

result<queue_operation> queue_operation_from_json(std::string_view line) {
  try {
    return parse(line);
  } catch (const std::exception& e) {
    return fail(ec::malformed, e.what());
  }
}

result<std::vector<queue_operation>>
queue_history_from_json(std::string_view text) {
  std::vector<queue_operation> found;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty())
      continue;
    auto x = queue_operation_from_json(line);
    if (!x)
      return fail(ec::malformed,
                  fmt::format("line {}: {}", number, x.error().context));
    found.push_back(*std::move(x));
  }
  return found;
}

} // namespace dfs::history
