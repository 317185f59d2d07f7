#include "admin/verb.hpp"

#include "settings/find_file.hpp"
#include "settings/load.hpp"

#include <chrono>

namespace dfs::admin {

namespace {

cluster_factory& factory() {
  static cluster_factory made;
  return made;
}

} // namespace

void set_cluster_factory(cluster_factory make) {
  factory() = std::move(make);
}

verb_context::verb_context(const global_options& options_given,
                           const surroundings& world, output& printer)
  : options{options_given},
    around{world},
    out{printer} {
  // nop
}

verb_context::~verb_context() {
  // Here, where the includer need not know what a client is.
}

result<settings::client_settings> verb_context::client_settings() {
  if (settings_)
    return *settings_;
  const auto file
    = settings::find_client_file(options.config, around.environment);
  auto found
    = settings::load({file, around.environment, {}}, settings::any_client);
  if (!found)
    return found.error();
  settings_ = std::move(found->client);
  if (options.timeout)
    settings_->timeout = *options.timeout;
  return *settings_;
}

std::chrono::sys_time<std::chrono::milliseconds> verb_context::now() const {
  return std::chrono::floor<std::chrono::milliseconds>(
    std::chrono::system_clock::now());
}

result<std::shared_ptr<client::cluster_client>> verb_context::cluster() {
  if (cluster_)
    return cluster_;
  if (!factory())
    return fail(ec::unavailable, "this program cannot talk to a cluster");
  auto made = factory()(*this);
  if (made)
    cluster_ = *made;
  return made;
}

} // namespace dfs::admin
