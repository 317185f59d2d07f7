#include "support/history/ledger.hpp"

#include "support/history/register_checker.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace dfs::history {

namespace {

void count(const operation& x, ledger& sum) {
  ++sum.operations;
  sum.acknowledged += x.result == outcome::done;
  sum.unknown += x.result == outcome::unknown;
  sum.refused += x.result == outcome::refused;
  if (x.result != outcome::done)
    return;
  const auto ms = (x.ret_ns - x.call_ns) / 1'000'000;
  auto& longest = x.op == verb::append            ? sum.append_ms_max
                  : x.op != verb::write           ? sum.read_ms_max
                  : x.key.find('#') != x.key.npos ? sum.write_ms_max
                                                  : sum.put_ms_max;
  longest = std::max(longest, ms);
}

void check(const workload& run, ledger& sum) {
  const auto& history = run.record().history();
  const auto registers = check_registers(history);
  if (registers.outcome != verdict::linearizable)
    sum.violations.push_back(fmt::format("{} is {}: {}", registers.key,
                                         to_string(registers.outcome),
                                         registers.why));
  else
    sum.verified += registers.operations;
  const auto appends = check_appends(history, run.contents());
  sum.records = appends.records;
  for (const auto& x : appends.violations)
    sum.violations.push_back(x);
  if (appends.violations.empty())
    sum.verified += static_cast<std::uint64_t>(
      std::count_if(history.begin(), history.end(), [](const auto& x) {
        return x.op == verb::append || x.op == verb::scan;
      }));
}

} // namespace

ledger judge(std::string name, const workload& run,
             const std::vector<std::int64_t>& fault_times,
             std::uint64_t faults_wanted) {
  ledger sum;
  sum.name = std::move(name);
  sum.seed = run.options().seed;
  sum.replicas = run.replicas_compared();
  auto first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = 0;
  for (const auto& x : run.record().history()) {
    count(x, sum);
    first = std::min(first, x.call_ns);
    last = std::max(last, x.call_ns);
  }
  sum.seconds = sum.operations > 0 ? (last - first) / 1'000'000'000 : 0;
  for (const auto time : fault_times)
    sum.faults += time >= first && time <= last;
  sum.violations = run.record().flaws();
  check(run, sum);
  if (sum.faults < faults_wanted)
    sum.violations.push_back(fmt::format("{} faults were injected, {} should "
                                         "have been: this run proves nothing",
                                         sum.faults, faults_wanted));
  if (sum.acknowledged == 0)
    sum.violations.push_back("nothing was acknowledged");
  return sum;
}

std::string to_json(const ledger& x) {
  return nlohmann::json{{"case", x.name},
                        {"seed", x.seed},
                        {"operations", x.operations},
                        {"acknowledged", x.acknowledged},
                        {"unknown", x.unknown},
                        {"refused", x.refused},
                        {"verified", x.verified},
                        {"records", x.records},
                        {"replicas", x.replicas},
                        {"faults", x.faults},
                        {"seconds", x.seconds},
                        {"read_ms_max", x.read_ms_max},
                        {"write_ms_max", x.write_ms_max},
                        {"append_ms_max", x.append_ms_max},
                        {"put_ms_max", x.put_ms_max},
                        {"violations", x.violations},
                        {"verdict", x.violations.empty() ? "ok" : "broken"}}
    .dump();
}

} // namespace dfs::history
