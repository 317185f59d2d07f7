#include "admin/progress.hpp"

#include "base/counted.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::admin {

namespace {

using namespace std::chrono_literals;

/// Often enough to look alive, seldom enough to cost nothing.
constexpr auto redraw_interval = 100ms;
/// What is over before needs no bar.
constexpr auto first_after = 300ms;
constexpr std::size_t bar_columns = 20;

double seconds(std::chrono::nanoseconds x) {
  return std::chrono::duration<double>{x}.count();
}

std::string rate_text(std::uint64_t bytes, std::chrono::nanoseconds time) {
  const auto rate = static_cast<double>(bytes) / std::max(seconds(time), 1e-6);
  return bytes_text(static_cast<std::uint64_t>(rate)) + "/s";
}

} // namespace

progress::progress(output& out, std::string what,
                   std::optional<std::uint64_t> total)
  : out_{out},
    what_{std::move(what)},
    total_{total},
    began_{instant::clock::now()},
    drawn_{began_ + first_after - redraw_interval} {
  // nop
}

progress::~progress() {
  erase();
}

void progress::erase() {
  if (std::exchange(visible_, false))
    out_.progress({});
}

void progress::add(std::uint64_t bytes) {
  bytes_ += bytes;
  draw();
}

void progress::add_file() {
  ++files_;
  draw();
}

void progress::add_total(std::uint64_t bytes) {
  total_ = total_.value_or(0) + bytes;
}

void progress::draw() {
  if (!out_.how().progress)
    return;
  const auto now = instant::clock::now();
  if (now - drawn_ < redraw_interval)
    return;
  drawn_ = now;
  visible_ = true;
  out_.progress(line(now));
}

std::string progress::line(instant now) const {
  const auto time = now - began_;
  const auto files
    = files_ > 0 ? "  " + counted(files_, "file") : std::string{};
  if (!total_)
    return fmt::format("{}  {}{}  {}", what_, bytes_text(bytes_), files,
                       rate_text(bytes_, time));
  const auto whole = std::max(*total_, bytes_);
  const auto part
    = whole == 0 ? 1.0
                 : static_cast<double>(bytes_) / static_cast<double>(whole);
  const auto full
    = static_cast<std::size_t>(part * static_cast<double>(bar_columns));
  std::string bar(full, '#');
  bar.resize(bar_columns, ' ');
  std::string left;
  if (bytes_ > 0 && bytes_ < whole)
    left = "  "
           + duration_text(std::chrono::duration_cast<std::chrono::nanoseconds>(
             time * ((1 - part) / part)))
           + " left";
  return fmt::format("{}  [{}] {:3.0f} %  {} of {}{}  {}{}", what_, bar,
                     part * 100, bytes_text(bytes_), bytes_text(whole), files,
                     rate_text(bytes_, time), left);
}

std::chrono::nanoseconds progress::elapsed() const {
  return instant::clock::now() - began_;
}

std::string progress::summary() const {
  const auto time = elapsed();
  return fmt::format("{} in {}, {}", bytes_text(bytes_), duration_text(time),
                     rate_text(bytes_, time));
}

void progress::add_to(record& x) const {
  const auto time = elapsed();
  x.emplace_back("bytes", cell::bytes(bytes_));
  x.emplace_back("time", cell::duration(time));
  x.emplace_back(
    "rate", cell::bytes(static_cast<std::uint64_t>(
              static_cast<double>(bytes_) / std::max(seconds(time), 1e-6))));
}

} // namespace dfs::admin
