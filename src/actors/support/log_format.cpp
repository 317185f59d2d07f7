#include "actors/support/log_format.hpp"

#include "base/utc_time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace dfs::actors {

namespace {

// A line longer than this is no line that anybody reads.
constexpr std::size_t value_length_max = 2'000;

std::string time_text(log_time x) {
  return utc_text(std::chrono::floor<std::chrono::milliseconds>(x));
}

bool is_control(unsigned char c) {
  return c < 0x20 || c == 0x7f;
}

/// Control characters, quotes and backslashes as in JSON. Bytes above 0x7f pass
/// if they are part of valid UTF-8, else they would break a reader of JSON.
std::size_t utf8_length(std::string_view x) {
  const auto lead = static_cast<unsigned char>(x[0]);
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xc2 ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf5 ? 4
                                         : 0;
  if (size == 0 || size > x.size())
    return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((static_cast<unsigned char>(x[i]) & 0xc0) != 0x80)
      return 0;
  const auto second = size > 1 ? static_cast<unsigned char>(x[1]) : 0;
  // Overlong forms, surrogates, and what is above U+10FFFF. C2 80..9F are the
  // C1 controls, which a terminal may obey.
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)
      || (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)
      || (lead == 0xc2 && second < 0xa0))
    return 0;
  return size;
}

void append_escaped(std::string& out, std::string_view text, bool quoted) {
  const auto cut = text.size() > value_length_max;
  text = text.substr(0, value_length_max);
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    const auto size = utf8_length(text);
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (is_control(c) || size == 0)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    else if (c == '\\' || (quoted && c == '"'))
      (out += '\\') += static_cast<char>(c);
    else
      out += text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  if (cut)
    out += "...";
}

/// In text a value needs quotes unless it could not be anything else.
bool is_plain(std::string_view value) {
  return !value.empty() && value.size() <= value_length_max
         && std::all_of(value.begin(), value.end(), [](unsigned char c) {
              return c > 0x20 && c < 0x7f && c != '"' && c != '=' && c != '\\';
            });
}

std::string as_json(const log_line& x) {
  auto out = fmt::format(R"({{"time":"{}","level":"{}","subsystem":)",
                         time_text(x.time), log_level_name(x.level));
  append_json_string(out, x.subsystem);
  out += ",\"message\":";
  append_json_string(out, x.message);
  for (const auto& field : x.fields) {
    out += ',';
    append_json_string(out, field.key);
    out += ':';
    if (field.bare && field.value.find_first_of("in") == std::string::npos)
      out += field.value; // No inf and no nan: JSON knows neither.
    else
      append_json_string(out, field.value);
  }
  return out += "}\n";
}

std::string as_text(const log_line& x) {
  auto out = fmt::format("{} {} ", time_text(x.time), log_level_name(x.level));
  append_escaped(out, x.subsystem, false);
  out += ' ';
  append_escaped(out, x.message, false);
  for (const auto& field : x.fields) {
    fmt::format_to(std::back_inserter(out), " {}=", field.key);
    if (is_plain(field.value))
      out += field.value;
    else
      append_json_string(out, field.value);
  }
  return out += '\n';
}

/// What makes two lines the same event.
std::string key_of(const log_line& x) {
  auto key = fmt::format("{}\x1f{}\x1f{}", static_cast<int>(x.level),
                         x.subsystem, x.message);
  for (const auto& field : x.fields)
    (key += '\x1f') += field.value;
  return key;
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, true);
  out += '"';
}

std::string format_log_line(const log_line& x, bool json) {
  return json ? as_json(x) : as_text(x);
}

bool repeat_limiter::admit(const log_line& x) {
  auto& burst = subsystems_[x.subsystem];
  if (burst.seen == 0) {
    burst.began = x.time;
    burst.sample = {x.time, x.level, x.subsystem, {}, {}};
  }
  if (++burst.seen > burst_max)
    return false;
  auto key = key_of(x);
  if (events_.size() >= events_max && !events_.contains(key))
    return true;
  auto& event = events_[std::move(key)];
  if (event.seen == 0) {
    event.began = x.time;
    event.sample = x;
  }
  return ++event.seen <= repeats_max;
}

std::vector<log_line> repeat_limiter::expire(log_time now) {
  std::vector<log_line> reports;
  const auto sweep = [&](std::map<std::string, window>& windows, auto length,
                         std::uint32_t limit, auto&& word) {
    for (auto it = windows.begin(); it != windows.end();) {
      auto& [began, seen, sample] = it->second;
      if (now - began < length && now >= began) {
        ++it;
        continue;
      }
      if (seen > limit) {
        word(sample, seen - limit);
        sample.time = now;
        reports.push_back(std::move(sample));
      }
      it = windows.erase(it);
    }
  };
  sweep(events_, repeat_window, repeats_max,
        [](log_line& sample, std::uint32_t count) {
          sample.fields.emplace_back("repeated", count);
        });
  sweep(subsystems_, burst_window, burst_max,
        [](log_line& sample, std::uint32_t count) {
          sample.level = spdlog::level::warn;
          sample.message = "too many lines, the rest held back";
          sample.fields.emplace_back("lines", count);
        });
  return reports;
}

} // namespace dfs::actors
