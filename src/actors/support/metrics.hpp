#pragma once

#include "actors/support/actor_registry.hpp"
#include "base/time.hpp"

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The text of /metrics: Prometheus exposition format 0.0.4 (SPEC O3).
//
//   metrics_page page;
//   page.family("dfs_group_bytes_total", metric::counter, "Bytes of …");
//   page.sample({{"direction", "in"}}, traffic.bytes_in);
//
// Names: dfs_…, base units (seconds, bytes), counters end in _total. A label
// takes few values, all known to us: never a path, a client or an address.

namespace dfs::actors {

enum class metric { counter, gauge, histogram };

using metric_labels
  = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class metrics_page {
public:
  /// What follows belongs to it. @pre A valid name, not on this page yet.
  void family(std::string_view name, metric kind, std::string_view help);

  void sample(metric_labels labels, double value);
  void sample(metric_labels labels, std::uint64_t value);

  /// Of a histogram family. @param label One label beside `le`.
  void histogram(std::pair<std::string_view, std::string_view> label,
                 const latency_histogram::reading& x);

  [[nodiscard]] std::string take() && {
    return std::move(text_);
  }

  /// The content type to answer with.
  static constexpr auto content_type
    = "text/plain; version=0.0.4; charset=utf-8";

private:
  void
  line(std::string_view suffix, metric_labels labels, std::string_view value);

  std::string text_;
  std::string name_;
  std::vector<std::string> names_;
};

/// Adds its families to the page. Thread-safe, quick and without locks that
/// are held for long: it runs in the thread that serves HTTP.
using metrics_source = std::function<void(metrics_page&)>;

[[nodiscard]] std::string
render_metrics(const std::vector<metrics_source>& sources);

/// All subsystems: messages, mailbox, handling times, failures, restarts.
void describe_actors(metrics_page& page, const actor_registry& registry,
                     instant now);

/// Version, CPU, memory, descriptors, lost log lines.
void describe_process(metrics_page& page);

} // namespace dfs::actors
