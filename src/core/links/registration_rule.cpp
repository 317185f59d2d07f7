#include "core/links/registration_rule.hpp"

#include <fmt/format.h>

namespace dfs::core {

namespace {

// Of the registration or of the member record; empty: nothing.
std::string objection(const registrant& who, const registration& says) {
  const auto role = msg::roles_to_string(static_cast<msg::role_set>(says.role));
  if (who.name != says.name)
    return fmt::format("its certificate is of {}", who.name);
  if (!msg::has(who.roles, says.role))
    return fmt::format("its certificate lacks the role {}", role);
  if (says.data.ip != says.member.ip)
    return fmt::format("its data address {} is not on its own host",
                       to_string(says.data));
  if (!who.member)
    return {};
  if (who.member->name != says.name)
    return fmt::format("the member list calls it {}", who.member->name);
  if (!msg::has(who.member->roles, says.role))
    return fmt::format("the member list has it without the role {}", role);
  if (who.member->store != says.store)
    return fmt::format("the member list has it with store {:016x}",
                       who.member->store.value());
  return {};
}

} // namespace

result<nothing>
check_registration(const registrant& who, const registration& says) {
  const auto subject
    = fmt::format("registration of store {:016x} by {} ({})",
                  says.store.value(), says.name, to_string(says.member));
  if (const auto why = objection(who, says); !why.empty())
    return fail(ec::denied, fmt::format("{}: {}", subject, why));
  if (!who.member && who.holder != says.name)
    return fail(ec::not_member,
                fmt::format("{}: the member list lacks it", subject));
  return done;
}

} // namespace dfs::core
