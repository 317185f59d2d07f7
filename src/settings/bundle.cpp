#include "settings/bundle.hpp"

#include "settings/files.hpp"
#include "settings/new_directory.hpp"
#include "settings/value.hpp"

#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

namespace dfs::settings {

namespace {

constexpr auto ca_crt = "ca.crt";
constexpr auto ca_key = "ca.key";
constexpr auto cluster_key = "cluster.key";
constexpr auto token_key = "token.key";

// Ours have about 800; a chain of some is thinkable.
constexpr std::size_t certificate_bytes_max = 64 << 10;

using file = std::pair<std::string, std::string>; // Name, content.

struct authority {
  key_ptr key;
  certificate_ptr certificate;
  std::string pem;
  std::string cluster;
};

struct new_leaf {
  std::string key;         ///< PEM.
  std::string certificate; ///< PEM.
};

result<nothing> check_name(const std::string& name) {
  if (!is_name(name))
    return fail(ec::invalid_argument,
                fmt::format("'{}' is no name; give 1 to 32 of a-z, 0-9 and "
                            "'-', no '-' first",
                            name));
  return done;
}

result<nothing>
write_directory(const std::string& path, const std::vector<file>& files) {
  auto directory = new_directory::begin(path);
  if (!directory)
    return directory.error();
  for (const auto& [name, content] : files)
    if (auto written = directory->add(name, content); !written)
      return written;
  return directory->commit();
}

// An error about a file's content, or about a file that cannot be read.
error unusable(const std::string& path, const error& why,
               const std::string& mend) {
  const bool named = why.context.find(path) != std::string::npos;
  return fail(ec::configuration,
              (named ? why.context : path + ": " + why.context)
                + (why.code == ec::configuration ? "" : "; " + mend));
}

result<authority> read_authority(const std::string& directory) {
  const std::string mend = "name a directory made by `dfsnode cluster init`";
  const auto key_path = join(directory, ca_key);
  const auto certificate_path = join(directory, ca_crt);
  auto key_pem = read_secret_file(key_path);
  if (!key_pem)
    return unusable(key_path, key_pem.error(), mend);
  auto pem = read_file(certificate_path, certificate_bytes_max);
  if (!pem)
    return unusable(certificate_path, pem.error(), mend);
  auto key = parse_key(*key_pem);
  if (!key)
    return unusable(key_path, key.error(), mend);
  auto certificate = parse_certificate(*pem);
  if (!certificate)
    return unusable(certificate_path, certificate.error(), mend);
  if (X509_check_private_key(certificate->get(), key->get()) != 1)
    return fail(ec::configuration,
                fmt::format("{} is not the key of {}; {}", key_path,
                            certificate_path, mend));
  auto cluster = subject_of(certificate->get()).cluster;
  return authority{*std::move(key), *std::move(certificate), *std::move(pem),
                   std::move(cluster)};
}

result<new_leaf> sign(const authority& by, const credential_request& x,
                      const std::string& unit, unix_seconds now) {
  if (auto named = check_name(x.name); !named)
    return named.error();
  const auto left
    = std::chrono::floor<std::chrono::days>(end_of(by.certificate.get()) - now);
  if (x.lasts < std::chrono::days{1} || x.lasts > left)
    return fail(ec::invalid_argument,
                fmt::format("a certificate cannot last {} days; give from 1 to "
                            "{}, what is left of the authority's own life",
                            x.lasts.count(), left.count()));
  const auto key = make_key();
  const auto certificate
    = make_leaf(key.get(), {x.name, by.cluster, unit}, {now, x.lasts},
                by.certificate.get(), by.key.get());
  return new_leaf{to_pem(key.get()), to_pem(certificate.get())};
}

// A key file that a node could start with.
result<std::string>
read_key_file(const std::string& path, const std::string& mend) {
  auto text = read_secret_file(path);
  if (!text)
    return unusable(path, text.error(), mend);
  if (auto keys = parse_key_file(*text); !keys)
    return unusable(path, keys.error(), mend);
  return text;
}

const std::string mend_node = "make a bundle with `dfsnode cluster bundle`";
const std::string mend_user = "make one with `dfsnode cluster user`";

// What node and user bundles share: a leaf of ours that is signed and not over.
result<bundle_info> read_leaf(const std::string& directory,
                              const std::string& stem, const std::string& mend,
                              unix_seconds now) {
  bundle_info found;
  found.files = {join(directory, ca_crt), join(directory, stem + ".crt"),
                 join(directory, stem + ".key")};
  const auto& files = found.files;
  if (auto key = read_secret_file(files.key); !key)
    return unusable(files.key, key.error(), mend);
  const auto pem = read_file(files.certificate, certificate_bytes_max);
  if (!pem)
    return unusable(files.certificate, pem.error(), mend);
  // The chain, the key and the times are judged where they are used.
  if (auto context = net::make_tls_context(files); !context)
    return context.error();
  const auto leaf = parse_certificate(*pem);
  if (!leaf)
    return unusable(files.certificate, leaf.error(), mend);
  const auto whose = subject_of(leaf->get());
  found.name = whose.name;
  found.cluster = whose.cluster;
  found.ends = end_of(leaf->get());
  if (found.ends <= now)
    return fail(ec::configuration,
                fmt::format("{}: expired at {:%F %T} UTC; {}",
                            files.certificate, found.ends, mend));
  const auto unit = net::parse_unit(whose.unit);
  if (!unit || unit->server != (stem == "node"))
    return fail(ec::configuration, fmt::format("{}: is no {}'s certificate; {}",
                                               files.certificate, stem, mend));
  found.right = unit->right;
  for (const auto& role : unit->roles)
    if (auto bit = msg::parse_roles(role); bit)
      found.roles = static_cast<msg::role_set>(found.roles | *bit);
  return found;
}

} // namespace

result<std::string> init_cluster(const std::string& directory,
                                 const std::string& name, unix_seconds now) {
  if (auto named = check_name(name); !named)
    return named.error();
  const auto cluster = to_hex(random_bytes(8));
  const auto key = make_key();
  const auto certificate
    = make_authority(key.get(), {name, cluster, {}}, {now, authority_life});
  auto written
    = write_directory(directory, {{ca_crt, to_pem(certificate.get())},
                                  {ca_key, to_pem(key.get())},
                                  {cluster_key, to_text(make_keys())},
                                  {token_key, to_text(make_keys())}});
  if (!written)
    return written.error();
  return cluster;
}

result<nothing> make_node_bundle(const credential_request& x,
                                 msg::role_set roles, unix_seconds now) {
  if (roles == 0)
    return fail(ec::invalid_argument, "a node without a role");
  auto by = read_authority(x.cluster);
  if (!by)
    return by.error();
  const std::string mend = "name a directory made by `dfsnode cluster init`";
  auto seals = read_key_file(join(x.cluster, cluster_key), mend);
  if (!seals)
    return seals.error();
  auto tokens = read_key_file(join(x.cluster, token_key), mend);
  if (!tokens)
    return tokens.error();
  auto leaf = sign(*by, x, "server:" + msg::roles_to_string(roles), now);
  if (!leaf)
    return leaf.error();
  return write_directory(x.out, {{ca_crt, by->pem},
                                 {"node.crt", leaf->certificate},
                                 {"node.key", leaf->key},
                                 {cluster_key, *seals},
                                 {token_key, *tokens}});
}

result<nothing>
make_user_bundle(const credential_request& x, rights right, unix_seconds now) {
  if (right == rights::none)
    return fail(ec::invalid_argument, "a user without rights");
  auto by = read_authority(x.cluster);
  if (!by)
    return by.error();
  auto leaf = sign(*by, x, fmt::format("client:{}", to_string(right)), now);
  if (!leaf)
    return leaf.error();
  return write_directory(x.out, {{ca_crt, by->pem},
                                 {"user.crt", leaf->certificate},
                                 {"user.key", leaf->key}});
}

result<std::vector<generation>>
rotate_key(const std::string& cluster, key_kind which, rotation step) {
  // A node's bundle holds the same keys: one of its own would cut it off.
  if (::access(join(cluster, ca_key).c_str(), F_OK) != 0)
    return fail(
      ec::configuration,
      fmt::format("{}: no {} here; keys are replaced in the cluster's "
                  "own directory, made by `dfsnode cluster init`, "
                  "and copied to the nodes' bundles from there",
                  cluster, ca_key));
  const auto path
    = join(cluster, which == key_kind::cluster ? cluster_key : token_key);
  auto text
    = read_key_file(path, "name a directory made by `dfsnode cluster init`");
  if (!text)
    return text.error();
  auto keys = rotate(*parse_key_file(*text), step);
  if (!keys)
    return fail(keys.error().code, path + ": " + keys.error().context);
  if (auto written = write_file(path, to_text(*keys), 0600); !written)
    return written.error();
  return keys;
}

result<bundle_info> read_node_bundle(const std::string& directory,
                                     const node_expectation& expected,
                                     unix_seconds now) {
  auto found = read_leaf(directory, "node", mend_node, now);
  if (!found)
    return found;
  const auto& certificate = found->files.certificate;
  if (!expected.name.empty() && expected.name != found->name)
    return fail(ec::configuration,
                fmt::format("{}: is for node '{}', but node.name is '{}'; name "
                            "that node's bundle in security.bundle, or leave "
                            "node.name out",
                            certificate, found->name, expected.name));
  const auto lacking
    = static_cast<msg::role_set>(expected.roles & ~found->roles);
  if (lacking != 0)
    return fail(ec::configuration,
                fmt::format("{}: is for {}, not for {}; {} --role {}",
                            certificate, msg::roles_to_string(found->roles),
                            msg::roles_to_string(lacking),
                            "make one with `dfsnode cluster bundle",
                            msg::roles_to_string(expected.roles) + "`"));
  found->cluster_key = join(directory, cluster_key);
  found->token_key = join(directory, token_key);
  for (const auto& path : {found->cluster_key, found->token_key})
    if (auto keys = read_key_file(path, mend_node); !keys)
      return keys.error();
  return found;
}

result<bundle_info>
read_user_bundle(const std::string& directory, unix_seconds now) {
  return read_leaf(directory, "user", mend_user, now);
}

} // namespace dfs::settings
