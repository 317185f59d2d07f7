#include "actors/membership_log.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace dfs::actors {

namespace {

std::string printable(std::string text) {
  for (auto& byte : text)
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f)
      byte = '?';
  return text;
}

/// A field between spaces: never empty, never with a space in it.
std::string field(std::string text) {
  text = printable(std::move(text));
  for (auto& byte : text)
    if (byte == ' ')
      byte = '_';
  return text.empty() ? "-" : text;
}

result<int> open_file(const std::string& path) {
  const auto descriptor
    = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (descriptor < 0)
    return fail(ec::configuration,
                "membership log " + path + " cannot be opened for writing: "
                  + std::generic_category().message(errno)
                  + "; make its directory, or choose another path "
                    "(group.log)");
  return descriptor;
}

} // namespace

std::string
membership_log_line(const msg::member_changed& event, unix_milliseconds when) {
  const auto& member = event.member;
  return fmt::format(
    "{} {} {} {} {} {}", utc_text(when), to_string(event.change),
    to_string(member.id), field(member.name),
    field(msg::roles_to_string(member.roles)), printable(event.cause));
}

result<membership_log> membership_log::open(std::string path) {
  if (path.empty())
    return membership_log{{}, -1};
  const auto descriptor = open_file(path);
  if (!descriptor)
    return descriptor.error();
  return membership_log{std::move(path), *descriptor};
}

membership_log::membership_log(std::string path, int descriptor)
  : path_{std::move(path)},
    descriptor_{descriptor} {
  // nop
}

membership_log::membership_log(membership_log&& other) noexcept
  : path_{std::move(other.path_)},
    descriptor_{std::exchange(other.descriptor_, -1)} {
  // nop
}

membership_log& membership_log::operator=(membership_log&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

membership_log::~membership_log() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

result<nothing> membership_log::write(const msg::member_changed& event,
                                      unix_milliseconds when) {
  if (descriptor_ < 0)
    return done;
  const auto line = membership_log_line(event, when) + "\n";
  const auto written = ::write(descriptor_, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size()))
    return fail(ec::io_error, "membership log " + path_ + ": "
                                + std::generic_category().message(
                                  written < 0 ? errno : ENOSPC));
  return done;
}

result<nothing> membership_log::reopen() {
  if (path_.empty())
    return done;
  const auto fresh = open_file(path_);
  if (!fresh)
    return fresh.error();
  if (descriptor_ >= 0)
    ::close(descriptor_);
  descriptor_ = *fresh;
  return done;
}

} // namespace dfs::actors
