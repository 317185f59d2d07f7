#include "support/history/json_lines.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dfs::history {

namespace {

using json = nlohmann::json;

constexpr std::string_view verbs[] = {"write", "read", "append", "scan"};

json arguments_of(const operation& x) {
  switch (x.op) {
    case verb::write:
      return {{"cell", x.cell}, {"cells", x.cells}, {"value", x.value}};
    case verb::read:
      return {{"cell", x.cell}, {"cells", x.cells}};
    case verb::append:
      return {{"record", x.record}, {"bytes", x.bytes}};
    case verb::scan:
      break;
  }
  return json::object();
}

json result_of(const operation& x) {
  if (x.result != outcome::done)
    return x.result == outcome::unknown ? "unknown" : "refused";
  switch (x.op) {
    case verb::write:
      break;
    case verb::read:
      return {{"values", x.values}};
    case verb::append:
      return {{"offset", x.offset}};
    case verb::scan:
      return {{"records", x.records}};
  }
  return "done";
}

verb verb_of(const json& line) {
  const auto name = line.at("op").get<std::string>();
  for (std::size_t i = 0; i < std::size(verbs); ++i)
    if (name == verbs[i])
      return static_cast<verb>(i);
  throw std::invalid_argument{"no such op: " + name};
}

void take_result(const json& told, operation& x) {
  x.result = outcome::done;
  if (told == "unknown")
    x.result = outcome::unknown;
  else if (told == "refused")
    x.result = outcome::refused;
  else if (x.op == verb::read)
    x.values = told.at("values").get<std::vector<std::uint64_t>>();
  else if (x.op == verb::append)
    x.offset = told.at("offset").get<std::uint64_t>();
  else if (x.op == verb::scan)
    x.records = told.at("records").get<std::vector<std::uint64_t>>();
  else if (told != "done")
    throw std::invalid_argument{"no such result: " + told.dump()};
}

operation parse(std::string_view text) {
  const auto line = json::parse(text);
  operation x;
  x.proc = line.at("proc").get<std::uint32_t>();
  x.op = verb_of(line);
  x.key = line.at("key").get<std::string>();
  x.call_ns = line.at("call_ns").get<std::int64_t>();
  const auto& args = line.at("args");
  if (x.op == verb::write || x.op == verb::read) {
    x.cell = args.at("cell").get<std::uint32_t>();
    x.cells = args.at("cells").get<std::uint32_t>();
  }
  if (x.op == verb::write)
    x.value = args.at("value").get<std::uint64_t>();
  if (x.op == verb::append) {
    x.record = args.at("record").get<std::uint64_t>();
    x.bytes = args.at("bytes").get<std::uint64_t>();
  }
  take_result(line.at("result"), x);
  if (x.result != outcome::unknown)
    x.ret_ns = line.at("ret_ns").get<std::int64_t>();
  return x;
}

} // namespace

std::string to_json(const operation& x) {
  json line{{"proc", x.proc},       {"op", verbs[static_cast<int>(x.op)]},
            {"key", x.key},         {"args", arguments_of(x)},
            {"call_ns", x.call_ns}, {"result", result_of(x)}};
  line["ret_ns"] = x.result == outcome::unknown ? json{} : json(x.ret_ns);
  return line.dump();
}

result<operation> from_json(std::string_view line) {
  try {
    return parse(line);
  } catch (const std::exception& e) {
    return fail(ec::malformed, e.what());
  }
}

result<std::vector<operation>> history_from_json(std::string_view text) {
  std::vector<operation> found;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty())
      continue;
    auto x = from_json(line);
    if (!x)
      return fail(ec::malformed,
                  fmt::format("line {}: {}", number, x.error().context));
    found.push_back(*std::move(x));
  }
  return found;
}

} // namespace dfs::history
