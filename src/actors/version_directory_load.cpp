#include "actors/directory_rows.hpp"
#include "actors/support/log.hpp"
#include "actors/version_directory.hpp"
#include "core/chunks/chunk_row.hpp"
#include "core/versions/group_placement.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <utility>

// What the version directory begins with.

namespace dfs::actors {

namespace {

error broken(std::string_view what) {
  return fail(ec::integrity,
              fmt::format("the metadata has a {} row that is none", what));
}

// The number with which the cluster began: files were spread over so many.
result<std::uint64_t>
read_group_count(storage::metadata_store& store, std::uint64_t wanted) {
  const auto row = store.get(group_count_row);
  if (!row)
    return row.error();
  if (!*row) {
    auto written = store.commit_now(
      {{std::string{group_count_row}, std::to_string(wanted)}});
    if (!written)
      return written.error();
    return wanted;
  }
  const auto& text = **row;
  std::uint64_t count = 0;
  const auto [end, wrong]
    = std::from_chars(text.data(), text.data() + text.size(), count);
  if (wrong != std::errc{} || end != text.data() + text.size() || count == 0)
    return broken("group count");
  return count;
}

// A prefix that is new has its number on the disk before any file has it.
result<core::quorum_classes>
read_classes(storage::metadata_store& store,
             const std::map<std::string, msg::quorum_rule>& wanted) {
  std::map<std::string, core::quorum_class> numbers;
  bool good = true;
  auto read = store.for_each(
    class_rows, [&](std::string_view key, std::string_view value) {
      good = value.size() == 1 && value[0] != 0;
      if (good)
        numbers[std::string{key.substr(class_rows.size())}]
          = static_cast<core::quorum_class>(value[0]);
      return good;
    });
  if (!read)
    return read.error();
  if (!good)
    return broken("quorum class");
  auto classes = core::quorum_classes::assign(std::move(numbers), wanted);
  if (!classes || classes->added().empty())
    return classes;
  std::vector<storage::row_change> rows;
  for (const auto& [prefix, number] : classes->added())
    rows.push_back({std::string{class_rows} + prefix,
                    std::string(1, static_cast<char>(number))});
  if (auto written = store.commit_now(std::move(rows)); !written)
    return written.error();
  return classes;
}

/// Rows with the id of a store as their key.
template <class Row>
result<nothing>
load_by_store(storage::metadata_store& store, std::string_view prefix,
              std::string_view what, core::version_directory& to) {
  std::optional<error> fault;
  const auto read
    = store.for_each(prefix, [&](std::string_view key, std::string_view value) {
        const auto row = wire::decode<Row>(value);
        if (!row || key.size() != 9
            || row->store.value() != core::number_of_key(key))
          fault = broken(what);
        else
          to.load(*row);
        return !fault;
      });
  if (read && fault)
    return *fault;
  return read;
}

} // namespace

result<loaded_version_directory>
load_version_directory(const version_directory_options& options, instant now) {
  auto config = options.config;
  const auto count = read_group_count(*options.store, config.groups);
  if (!count)
    return count.error();
  if (*count != config.groups)
    log_event(*log_for("version-directory"), spdlog::level::warn,
              "the number of groups stays what it was",
              {{"groups", *count}, {"setting", config.groups}});
  config.groups = *count;
  auto classes = read_classes(*options.store, options.quorums);
  if (!classes)
    return classes.error();
  config.rules = classes->rules(config.rules.at(0));
  auto machine = std::make_shared<core::version_directory>(
    core::version_directory::options{config, options.term, options.lineage},
    now);
  std::optional<error> fault;
  auto read = options.store->for_each(
    group_rows, [&](std::string_view key, std::string_view value) {
      if (key == group_count_row)
        return true;
      const auto row = wire::decode<msg::group_set>(value);
      if (!row || key.size() != 9
          || row->group.value() != core::number_of_key(key)
          || row->group.value() % core::groups_max >= config.groups
          || row->group.value() / core::groups_max >= config.rules.size())
        fault = broken("group");
      else
        machine->load(*row);
      return !fault;
    });
  if (!read)
    return read.error();
  if (fault)
    return *fault;
  read = load_by_store<core::fileserver_row>(*options.store, fileserver_rows,
                                             "file server", *machine);
  if (read)
    read = load_by_store<core::store_age>(*options.store, store_age_rows,
                                          "store's age", *machine);
  if (!read)
    return read.error();
  machine->begin(now);
  return loaded_version_directory{std::move(machine), *std::move(classes)};
}

} // namespace dfs::actors
