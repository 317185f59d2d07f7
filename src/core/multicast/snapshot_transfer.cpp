#include "core/multicast/snapshot_transfer.hpp"

#include "base/crc32c.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto kept = 10s;
constexpr auto patience = 30ms;
constexpr auto given_up = 2s;
constexpr std::size_t window = 64;
constexpr std::size_t pages_per_request = 32;

} // namespace

std::uint64_t snapshot_hash(std::string_view bytes) {
  const auto half = bytes.size() / 2;
  const auto low = crc32c(bytes);
  const auto high = crc32c(bytes.substr(half), low ^ 0x5bd1'e995u);
  return std::uint64_t{high} << 32 | low;
}

void snapshot_source::hold(std::uint64_t number, std::uint64_t k,
                           std::string bytes, instant now) {
  number_ = number;
  k_ = k;
  hash_ = snapshot_hash(bytes);
  bytes_ = std::move(bytes);
  used_ = now;
}

msg::snapshot_offered
snapshot_source::offer(const msg::configuration_id& lineage) const {
  return {lineage, number_, k_, bytes_.size(), hash_};
}

std::vector<msg::page_fetched>
snapshot_source::pages(const msg::fetch_pages& asked, instant now) {
  std::vector<msg::page_fetched> out;
  if (asked.snapshot != number_ || number_ == 0)
    return out;
  used_ = now;
  for (const auto page : asked.pages) {
    const auto begin = std::size_t{page} * snapshot_page_bytes;
    if (begin >= bytes_.size() || out.size() == pages_per_request)
      continue;
    out.push_back({number_, page, bytes_.substr(begin, snapshot_page_bytes)});
  }
  return out;
}

void snapshot_source::expire(instant now) {
  if (holds() && now > used_ + kept)
    drop();
}

snapshot_fetch::snapshot_fetch(server_id from,
                               const msg::snapshot_offered& offer, instant now)
  : from_{from},
    offer_{offer},
    here_((offer.bytes + snapshot_page_bytes - 1) / snapshot_page_bytes),
    missing_{here_.size()},
    bytes_(offer.bytes, '\0'),
    heard_{now} {
  // nop
}

std::optional<msg::fetch_pages> snapshot_fetch::ask(instant now) {
  msg::fetch_pages request{offer_.snapshot, {}};
  std::size_t open = 0;
  for (auto page = static_cast<std::size_t>(first_);
       page < here_.size() && open < window; ++page) {
    if (here_[page])
      continue;
    ++open;
    auto& last = asked_[static_cast<std::uint32_t>(page)];
    if (last != instant{} && now < last + patience)
      continue;
    if (request.pages.size() == pages_per_request)
      break;
    last = now;
    request.pages.push_back(static_cast<std::uint32_t>(page));
  }
  if (request.pages.empty())
    return std::nullopt;
  return request;
}

bool snapshot_fetch::on_page(const msg::page_fetched& x, instant now) {
  if (x.snapshot != offer_.snapshot || x.page >= here_.size() || here_[x.page])
    return false;
  const auto begin = std::size_t{x.page} * snapshot_page_bytes;
  if (x.bytes.size() != std::min(snapshot_page_bytes, bytes_.size() - begin))
    return false;
  bytes_.replace(begin, x.bytes.size(), x.bytes);
  here_[x.page] = true;
  --missing_;
  asked_.erase(x.page);
  heard_ = now;
  const auto known = std::next(here_.begin(), first_);
  first_ += std::distance(known, std::find(known, here_.end(), false));
  return true;
}

bool snapshot_fetch::stale(instant now) const {
  return now > heard_ + given_up;
}

std::optional<std::string> snapshot_fetch::take() {
  if (snapshot_hash(bytes_) != offer_.hash)
    return std::nullopt;
  return std::move(bytes_);
}

} // namespace dfs::core
