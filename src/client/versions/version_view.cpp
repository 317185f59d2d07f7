#include "client/versions/version_view.hpp"

#include "core/versions/manifest_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace dfs::client {

version_view::version_view(version_session& session, std::string path,
                           std::chrono::milliseconds timeout, bool bytes)
  : session_{session},
    path_{std::move(path)},
    timeout_{timeout},
    bytes_{bytes} {
  // nop
}

struct version_view::opening {
  file_place before;
  std::optional<result<file_place>> now;
  std::optional<result<nothing>> state;
  answer then;
};

void version_view::open(answer then) {
  doubted_ = {};
  const auto* known = session_.places->known(path_);
  if (known == nullptr)
    return look_up(std::move(then));
  place_ = *known;
  const auto x
    = std::make_shared<opening>(opening{place_, {}, {}, std::move(then)});
  session_.places->confirm(
    path_, timeout_,
    [self = shared_from_this(), x](const result<file_place>& now) {
      x->now = now;
      self->joined(*x);
    });
  read(false, [self = shared_from_this(), x](const result<nothing>& state) {
    x->state = state;
    self->joined(*x);
  });
}

/// What was read counts if the master, which was asked meanwhile, says that the
/// name means that file; otherwise the file that it means is read.
void version_view::joined(const opening& x) {
  if (!x.now || !x.state)
    return;
  if (*x.now
      && ((*x.now)->is_same_file(x.before) || (*x.now)->is_same_file(place_)))
    return x.then(*x.state);
  look_up(x.then);
}

void version_view::look_up(answer then) {
  session_.places->find(
    path_, timeout_,
    [self = shared_from_this(), then = std::move(then)](const auto& x) {
      if (!x)
        return then(x.error());
      self->place_ = *x;
      self->read(true, then);
    });
}

void version_view::read(bool looked_up, answer then) {
  state_reader::start(
    session_,
    {path_, place_.group, place_.status.inode, place_.looked_up_at, bytes_,
     timeout_},
    [self = shared_from_this(), looked_up,
     then = std::move(then)](result<state_found> x) {
      if (!x)
        return then(x.error());
      if (x->outdated) {
        self->session_.places->forget(self->path_);
        return self->look_up(then);
      }
      const auto* newest = core::newest_of(x->state.manifest);
      const auto gone = !newest || newest->kind == msg::version_kind::closed;
      self->found_ = *std::move(x);
      // Another file may have the name by now. The same one, twice, is none.
      if (gone && (!looked_up || self->doubted_ != self->place_.status.inode)) {
        self->doubted_ = self->place_.status.inode;
        self->session_.places->forget(self->path_);
        return self->look_up(then);
      }
      then(done);
    });
}

result<msg::file_version> version_view::newest() const {
  const auto* x = core::newest_of(found_.state.manifest);
  if (!x || x->kind == msg::version_kind::closed)
    return fail(ec::not_found, path_ + " has no version");
  if (x->kind == msg::version_kind::content)
    return *x;
  const auto before
    = std::find_if(versions().begin(), versions().end(), [](const auto& v) {
        return v.kind == msg::version_kind::content;
      });
  if (before == versions().end())
    return fail(ec::not_found, path_ + " is deleted");
  return fail(ec::not_found,
              fmt::format("{} is deleted. Try: restore {} --version {}", path_,
                          path_, before->number.value()));
}

result<msg::file_version> version_view::version(version_number number) const {
  for (const auto& x : versions()) {
    if (x.number != number)
      continue;
    if (x.kind == msg::version_kind::content)
      return x;
    return fail(ec::not_found,
                fmt::format("version {} of {} is its deletion. Try: versions "
                            "{}",
                            number.value(), path_, path_));
  }
  if (versions().empty())
    return fail(ec::not_found, path_ + " has no version");
  const auto newest = versions().front().number;
  return fail(ec::not_found,
              fmt::format("version {} of {} {}: there {} {}. Try: versions {}",
                          number.value(), path_,
                          number > newest ? "is not there yet" : "is gone",
                          versions().size() == 1 ? "is" : "are",
                          version_numbers(versions()), path_));
}

std::string
version_numbers(const std::vector<msg::file_version>& newest_first) {
  if (newest_first.empty())
    return "none";
  const auto low = newest_first.back().number.value();
  const auto high = newest_first.front().number.value();
  if (low == high)
    return fmt::format("{}", low);
  return fmt::format("{} to {}", low, high); // Without gaps.
}

} // namespace dfs::client
