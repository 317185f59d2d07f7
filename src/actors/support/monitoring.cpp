#include "actors/support/monitoring.hpp"

#include "actors/support/log_format.hpp"

#include <string_view>
#include <utility>

namespace dfs::actors {

namespace {

constexpr unsigned unavailable = 503;

net::http_answer
answer(bool well, std::string_view query, const msg::health_report& report) {
  const auto status = well ? 200 : unavailable;
  if (query == "verbose" || query.starts_with("verbose="))
    return {status, "application/json", to_json(report) + "\n"};
  return {status, "text/plain; charset=utf-8", well ? "ok\n" : "not ok\n"};
}

} // namespace

std::string to_json(const msg::health_report& report) {
  const auto word = [](bool x) { return x ? "true" : "false"; };
  std::string out = "{\"live\":";
  out += word(report.live);
  out += ",\"ready\":";
  out += word(report.ready);
  out += ",\"checks\":[";
  auto first = true;
  for (const auto& check : report.checks) {
    out += first ? "{\"name\":" : ",{\"name\":";
    append_json_string(out, check.name);
    out += ",\"passed\":";
    out += word(check.passed);
    out += ",\"reason\":";
    append_json_string(out, check.reason);
    out += '}';
    first = false;
  }
  return out += "]}";
}

std::map<std::string, net::http_handler, std::less<>>
monitoring_paths(const health_board& board, std::function<instant()> now,
                 std::vector<metrics_source> sources) {
  return {
    {"/metrics",
     [sources = std::move(sources)](std::string_view) {
       return net::http_answer{200, metrics_page::content_type,
                               render_metrics(sources)};
     }},
    {"/livez",
     [&board, now](std::string_view query) {
       const auto report = board.report(now());
       return answer(report.live, query, report);
     }},
    {"/readyz",
     [&board, now](std::string_view query) {
       const auto report = board.report(now());
       return answer(report.ready, query, report);
     }},
  };
}

} // namespace dfs::actors
