#include "actors/support/log.hpp"

#include "actors/support/log_writer.hpp"

#include <spdlog/sinks/sink.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

namespace dfs::actors {

namespace {

/// The fields of the event that this thread is logging: spdlog's own interface
/// carries text only, and `log_sink` runs in the caller's thread.
thread_local std::span<const log_field> fields_of_event;

class log_sink final : public spdlog::sinks::sink {
public:
  explicit log_sink(log_writer& to) : to_{to} {
    // nop
  }

  void log(const spdlog::details::log_msg& x) override {
    to_.write({x.time,
               x.level,
               std::string{x.logger_name.data(), x.logger_name.size()},
               std::string{x.payload.data(), x.payload.size()},
               {fields_of_event.begin(), fields_of_event.end()}});
  }

  // The format is ours, and the writer flushes by itself.
  void flush() override {
  }
  void set_pattern(const std::string&) override {
  }
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {
  }

private:
  log_writer& to_;
};

struct level_of_logger {
  std::shared_ptr<spdlog::logger> logger; ///< Null for "*".
  spdlog::level::level_enum base = spdlog::level::info;
  std::optional<log_time> reverts; ///< To `base`.
};

struct log_state {
  log_writer writer;
  std::shared_ptr<log_sink> sink = std::make_shared<log_sink>(writer);
  std::mutex guard;
  spdlog::level::level_enum level_of_new = spdlog::level::info;
  std::map<std::string, spdlog::level::level_enum> configured;
  std::map<std::string, level_of_logger, std::less<>> loggers;
};

/// Never destroyed: whoever logs last does so at an unknown time.
log_state& state() {
  static auto* x = new log_state;
  return *x;
}

spdlog::level::level_enum
allowed(std::string_view name, spdlog::level::level_enum level) {
  return name == audit_log_name ? std::min(level, spdlog::level::info) : level;
}

void apply(level_of_logger& x, spdlog::level::level_enum level,
           std::chrono::seconds lasts) {
  if (lasts == std::chrono::seconds{0}) {
    x.reverts.reset();
    x.base = level;
  } else {
    x.reverts = spdlog::log_clock::now() + lasts;
  }
  if (x.logger)
    x.logger->set_level(level);
}

std::string names_of(const log_state& x) {
  std::string names;
  for (const auto& [name, entry] : x.loggers)
    names += (names.empty() ? "" : ", ") + name;
  return names;
}

void revert_levels(log_time now) {
  std::vector<std::shared_ptr<spdlog::logger>> reverted;
  {
    auto& x = state();
    const std::lock_guard lock{x.guard};
    for (auto& [name, entry] : x.loggers) {
      if (!entry.reverts || *entry.reverts > now)
        continue;
      entry.reverts.reset();
      entry.logger->set_level(entry.base);
      reverted.push_back(entry.logger);
    }
  }
  for (const auto& logger : reverted)
    log_event(
      *log_for("log"), spdlog::level::info, "level is back",
      {{"of", logger->name()}, {"level", log_level_name(logger->level())}});
}

} // namespace

result<nothing> start_log(log_options options) {
  auto& x = state();
  {
    const std::lock_guard lock{x.guard};
    x.level_of_new = options.level;
    x.configured = std::move(options.levels);
    for (auto& [name, entry] : x.loggers) {
      const auto found = x.configured.find(name);
      const auto level
        = found == x.configured.end() ? options.level : found->second;
      apply(entry, allowed(name, level), {});
    }
  }
  x.writer.on_tick(revert_levels);
  return x.writer.start(std::move(options.file), options.json);
}

void reopen_log() {
  state().writer.reopen();
}

void stop_log() {
  state().writer.stop();
}

std::shared_ptr<spdlog::logger> log_for(std::string_view subsystem) {
  auto& x = state();
  const std::lock_guard lock{x.guard};
  if (const auto it = x.loggers.find(subsystem); it != x.loggers.end())
    return it->second.logger;
  const std::string name{subsystem};
  auto logger = std::make_shared<spdlog::logger>(name, x.sink);
  const auto found = x.configured.find(name);
  const auto level = allowed(name, found == x.configured.end() ? x.level_of_new
                                                               : found->second);
  logger->set_level(level);
  x.loggers[name] = {logger, level, {}};
  return logger;
}

void log_event(spdlog::logger& to, spdlog::level::level_enum level,
               std::string_view message,
               std::initializer_list<log_field> fields) {
  if (!to.should_log(level))
    return;
  fields_of_event = {fields.begin(), fields.end()};
  to.log(level, spdlog::string_view_t{message.data(), message.size()});
  fields_of_event = {};
}

result<spdlog::level::level_enum> parse_log_level(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, spdlog::level::level_enum>,
                       8>
    names{{{"trace", spdlog::level::trace},
           {"debug", spdlog::level::debug},
           {"info", spdlog::level::info},
           {"warning", spdlog::level::warn},
           {"warn", spdlog::level::warn},
           {"error", spdlog::level::err},
           {"critical", spdlog::level::critical},
           {"off", spdlog::level::off}}};
  std::string lower{text.substr(0, 32)};
  for (auto& c : lower)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const auto& [name, level] : names)
    if (name == lower)
      return level;
  return fail(ec::invalid_argument,
              "unknown log level '" + std::string{text.substr(0, 32)}
                + "' (trace, debug, info, warning, error, critical or "
                  "off)");
}

std::string log_level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warning";
    case spdlog::level::err:
      return "error";
    case spdlog::level::critical:
      return "critical";
    default:
      return "off";
  }
}

result<nothing> set_log_level(std::string_view subsystem,
                              spdlog::level::level_enum level,
                              std::chrono::seconds lasts) {
  auto& x = state();
  const std::lock_guard lock{x.guard};
  if (subsystem == "*") {
    if (lasts == std::chrono::seconds{0}) {
      x.level_of_new = level;
      x.configured.clear();
    }
    for (auto& [name, entry] : x.loggers)
      if (name != audit_log_name)
        apply(entry, level, lasts);
    return done;
  }
  if (allowed(subsystem, level) != level)
    return fail(ec::denied, "the audit log says who did what: it takes info, "
                            "debug or trace, and cannot be silenced");
  const auto it = x.loggers.find(subsystem);
  if (it == x.loggers.end())
    return fail(ec::not_found, "nobody logs as '"
                                 + std::string{subsystem.substr(0, 64)}
                                 + "'; known: " + names_of(x));
  apply(it->second, level, lasts);
  return done;
}

msg::log_levels current_log_levels() {
  auto& x = state();
  const std::lock_guard lock{x.guard};
  const auto now = spdlog::log_clock::now();
  msg::log_levels levels;
  for (const auto& [name, entry] : x.loggers) {
    auto left = std::chrono::seconds{0};
    if (entry.reverts)
      left = std::max(
        std::chrono::seconds{1},
        std::chrono::ceil<std::chrono::seconds>(*entry.reverts - now));
    levels.subsystems.push_back(
      {name, log_level_name(entry.logger->level()), left});
  }
  return levels;
}

std::uint64_t log_lines_lost() {
  return state().writer.lost();
}

} // namespace dfs::actors
