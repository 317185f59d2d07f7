#pragma once

#include "base/ids.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace dfs::admin {

/// What may stand in a parameter's place, for completion.
enum class expects : std::uint8_t { anything, file, directory, words };

/// One parameter of a verb, for the parser, help and completion alike.
struct parameter {
  std::string name;        ///< "DIR" of a positional, "--dir" of an option.
  std::string placeholder; ///< "DIR" of an option's value; empty: a switch.
  std::string help;        ///< One line.
  std::string fallback;    ///< Shown in help; empty: none.
  bool positional = false;
  bool is_required = false;
  expects what = expects::anything;
  std::vector<std::string> words{}; ///< Of `expects::words`.
  std::string other{};       ///< Second spelling, such as "-l"; may be empty.
  std::string value_alone{}; ///< Of an option that may stand without one.
  bool many = false;         ///< Takes all words that are left.
  CLI::Option* parsed = nullptr;

  parameter& required();
  parameter& optional(); ///< Of a positional.
  parameter& file();
  parameter& directory();
  /// Of an option: its value is behind "="; left out, it is this one.
  parameter& alone(std::string value);
};

/// Declares a verb's parameters. What is bound must live until the verb has
/// run. Underscores in options are as good as dashes.
class parameters {
public:
  explicit parameters(CLI::App& app);

  /// Required unless `.optional()`.
  parameter&
  positional(const std::string& name, std::string& to, const std::string& help);
  /// One or more words; the last of the positionals.
  parameter& rest(const std::string& name, std::vector<std::string>& to,
                  const std::string& help);
  /// @param name "--node", or with a short spelling "--command,-c".
  parameter& option(const std::string& name, const std::string& placeholder,
                    std::string& to, const std::string& help);
  /// A whole number from `low` to `high`.
  parameter& number(const std::string& name, const std::string& placeholder,
                    std::int64_t& to, std::int64_t low, std::int64_t high,
                    const std::string& help);
  /// "500ms", "3s"; longer than nothing.
  parameter& duration(const std::string& name,
                      std::optional<std::chrono::milliseconds>& to,
                      const std::string& help);
  /// The number of a request: decimal, not zero, 64 bits; or a name that begins
  /// with a letter, of one that has printed it.
  parameter& request(const std::string& name, request_id& to,
                     std::string& to_name, const std::string& help);
  /// One of a few words, as option ("--…") or positional.
  parameter& choice(const std::string& name, std::vector<std::string> words,
                    std::string& to, const std::string& help);
  parameter& flag(const std::string& name, bool& to, const std::string& help);

  [[nodiscard]] const std::deque<parameter>& all() const {
    return all_;
  }

private:
  using accept = std::function<std::string(const std::string&)>;

  // `take` stores a value and returns what is wrong with it, or nothing.
  parameter& add(parameter x, const accept& take);

  CLI::App& app_;
  std::deque<parameter> all_; ///< References to them are handed out.
};

} // namespace dfs::admin
