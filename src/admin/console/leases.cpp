#include "admin/console/command.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace dfs::admin {

namespace {

constexpr std::uint32_t page = 400;

result<std::uint64_t> limit_of(const console_arguments& arguments) {
  const auto text = arguments.option("--limit", "100");
  std::uint64_t limit = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, limit);
  if (fault != std::errc{} || stopped != end || limit == 0)
    return fail(ec::invalid_argument,
                "--limit takes a whole number from 1 on, not '" + text + "'");
  return limit;
}

std::vector<cell> row_of(const msg::led_chunk& x) {
  return {cell::unsigned_number(x.chunk.value()),
          cell::unsigned_number(x.committed.version.value()),
          cell::unsigned_number(x.epoch.value()),
          cell::bytes(x.committed.padded_from),
          cell::boolean(x.active),
          x.over ? "over" : "runs"};
}

result<nothing>
run(console_context& context, const console_arguments& arguments) {
  const auto limit = limit_of(arguments);
  if (!limit)
    return limit.error();
  table rows{{"chunk", "version", "epoch", "committed", "active", "lease"}, {}};
  msg::get_leases question;
  msg::lease_list last;
  do {
    question.most = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(page, *limit - rows.rows.size()));
    auto found = context.node.leases(question);
    if (!found)
      return found.error();
    last = *std::move(found);
    for (const auto& x : last.led)
      rows.rows.push_back(row_of(x));
    if (!last.led.empty())
      question.after = last.led.back().chunk;
  } while (last.more && rows.rows.size() < *limit);
  context.out.print(
    record{
      {"server", last.name},
      {"registered", cell::boolean(last.registered)},
      {"term", cell::unsigned_number(last.term.value())},
      {"node_lease", last.node_lease.count() == 0
                       ? cell::nothing()
                       : cell::duration(last.node_lease)},
      {"trouble", last.trouble.empty() ? cell::nothing() : cell{last.trouble}},
      {"more", cell::boolean(last.more)}},
    {{"leases", std::move(rows)}});
  if (last.more)
    context.out.note("there are more: --limit");
  return done;
}

} // namespace

console_command leases_command() {
  return {.name = "leases",
          .usage = "[--limit COUNT]",
          .help = "Chunks that this chunkserver leads, and its node lease.",
          .options = {{"--limit", {}}},
          .run = run};
}

} // namespace dfs::admin
