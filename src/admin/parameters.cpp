#include "admin/parameters.hpp"

#include "client/change_name.hpp"
#include "settings/suggest.hpp"
#include "settings/value.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace dfs::admin {

namespace {

bool is_option(const std::string& name) {
  return name.rfind("--", 0) == 0;
}

// CLI11 takes all spellings in one text, separated by commas.
std::string spellings(const std::string& name) {
  if (!is_option(name))
    return name;
  auto other = name;
  std::replace(other.begin() + 2, other.end(), '-', '_');
  return other == name ? name : name + "," + other;
}

std::string value_name(const std::string& name) {
  return is_option(name) ? "WORD" : name;
}

} // namespace

parameter& parameter::required() {
  is_required = true;
  parsed->required();
  return *this;
}

parameter& parameter::optional() {
  is_required = false;
  parsed->required(false);
  return *this;
}

parameter& parameter::file() {
  what = expects::file;
  return *this;
}

parameter& parameter::directory() {
  what = expects::directory;
  return *this;
}

parameter& parameter::alone(std::string value) {
  value_alone = std::move(value);
  return *this;
}

parameters::parameters(CLI::App& app) : app_{app} {
  // nop
}

parameter& parameters::add(parameter x, const accept& take) {
  // "--command,-c": known by its first spelling.
  const auto comma = std::min(x.name.find(','), x.name.size());
  const auto others = x.name.substr(comma);
  x.name.resize(comma);
  const auto name = x.name;
  auto& added = all_.emplace_back(std::move(x));
  // Long ones are for old habits only.
  if (!others.empty() && !others.starts_with(",--"))
    added.other = others.substr(1);
  added.parsed = app_.add_option_function<std::string>(
    spellings(name) + others, [take, name](const std::string& text) {
      if (const auto wrong = take(text); !wrong.empty())
        throw CLI::ValidationError{name, wrong};
    });
  if (added.positional) {
    added.is_required = true;
    added.parsed->required();
  }
  return added;
}

parameter& parameters::positional(const std::string& name, std::string& to,
                                  const std::string& help) {
  parameter x{name, "", help, to, true};
  return add(std::move(x), [&to](const std::string& text) {
    to = text;
    return std::string{};
  });
}

parameter& parameters::rest(const std::string& name,
                            std::vector<std::string>& to,
                            const std::string& help) {
  auto& added = all_.emplace_back(parameter{name, "", help, "", true});
  added.many = true;
  added.is_required = true;
  added.parsed = app_.add_option(name, to)->required();
  return added;
}

parameter& parameters::option(const std::string& name,
                              const std::string& placeholder, std::string& to,
                              const std::string& help) {
  return add({name, placeholder, help, to}, [&to](const std::string& text) {
    to = text;
    return std::string{};
  });
}

parameter& parameters::number(const std::string& name,
                              const std::string& placeholder, std::int64_t& to,
                              std::int64_t low, std::int64_t high,
                              const std::string& help) {
  const settings::shape wanted{settings::kind::number, low, high, {}};
  return add({name, placeholder, help, std::to_string(to), !is_option(name)},
             [&to, wanted](const std::string& text) {
               const auto x = settings::convert(wanted, settings::words{text});
               if (!x)
                 return x.error().context;
               to = std::get<std::int64_t>(*x);
               return std::string{};
             });
}

parameter& parameters::duration(const std::string& name,
                                std::optional<std::chrono::milliseconds>& to,
                                const std::string& help) {
  return add({name, "TIME", help, ""}, [&to](const std::string& text) {
    const auto x = settings::parse_duration(text);
    if (!x || *x == 0)
      return fmt::format("'{}' is no duration; give one such as 500ms or 3s",
                         text);
    to = std::chrono::milliseconds{*x};
    return std::string{};
  });
}

parameter& parameters::request(const std::string& name, request_id& to,
                               std::string& to_name, const std::string& help) {
  return add({name, "ID", help, ""}, [&to, &to_name](const std::string& text) {
    if (client::looks_like_change_name(text)) {
      to_name = text;
      return std::string{};
    }
    std::uint64_t x = 0;
    const auto* end = text.data() + text.size();
    const auto [next, failed] = std::from_chars(text.data(), end, x);
    if (failed != std::errc{} || next != end || x == 0)
      return fmt::format("'{}' is no request id; give the number that was "
                         "printed with the request",
                         text);
    to = request_id{x};
    return std::string{};
  });
}

parameter& parameters::choice(const std::string& name,
                              std::vector<std::string> words, std::string& to,
                              const std::string& help) {
  parameter x{name, value_name(name), help, to, !is_option(name)};
  if (x.positional)
    x.placeholder.clear();
  x.what = expects::words;
  x.words = words;
  return add(std::move(x), [&to, words](const std::string& text) {
    if (std::find(words.begin(), words.end(), text) == words.end())
      return fmt::format("'{}' is none of: {}{}", text, fmt::join(words, ", "),
                         settings::did_you_mean(text, words));
    to = text;
    return std::string{};
  });
}

parameter&
parameters::flag(const std::string& name, bool& to, const std::string& help) {
  const auto comma = std::min(name.find(','), name.size());
  const auto first = name.substr(0, comma);
  auto& added = all_.emplace_back(parameter{first, "", help, ""});
  if (comma < name.size())
    added.other = name.substr(comma + 1);
  added.parsed = app_.add_flag(spellings(first) + name.substr(comma), to);
  return added;
}

} // namespace dfs::admin
