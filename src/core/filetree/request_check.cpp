#include "core/filetree/request_check.hpp"

#include "base/crc32c.hpp"

#include <string>

namespace dfs::core {

namespace {

/// A list of words and numbers; no two lists give the same text.
class summary {
public:
  explicit summary(std::string_view change) {
    add(change);
  }

  summary& add(std::string_view word) {
    add(std::uint64_t{word.size()});
    text_ += word;
    return *this;
  }

  summary& add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8)
      text_ += static_cast<char>(number >> shift);
    return *this;
  }

  summary& flag(bool x) {
    text_ += static_cast<char>(x);
    return *this;
  }

  [[nodiscard]] request_check check() const {
    const auto sum = crc32c(text_);
    return sum == 0 ? 1 : sum;
  }

private:
  std::string text_;
};

} // namespace

request_check check_of(const msg::make_directory& x) {
  return summary{"mkdir"}
    .add(x.path)
    .flag(x.parents)
    .add(static_cast<std::uint64_t>(x.where))
    .add(std::uint64_t{x.replication})
    .check();
}

request_check check_of(const msg::create_file& x) {
  return summary{"touch"}
    .add(x.path)
    .flag(x.exclusive)
    .add(std::uint64_t{x.replication})
    .check();
}

request_check check_of(const msg::rename_entry& x) {
  return summary{"mv"}.add(x.from).add(x.to).flag(x.force).check();
}

request_check check_of(const msg::remove_entry& x) {
  return summary{"rm"}.add(x.path).flag(x.recursive).check();
}

request_check check_of(const msg::restore_trash& x) {
  return summary{"restore"}.add(x.trash_id).add(x.path).add(x.to).check();
}

request_check check_of(const msg::purge_trash& x) {
  return summary{"purge"}.add(x.trash_id).flag(x.all).check();
}

request_check check_of(const msg::commit_file& x) {
  return check_of_file(x.path, x.force, x.parents);
}

request_check check_of_file(std::string_view path, bool force, bool parents) {
  return summary{"put"}.add(path).flag(force).flag(parents).check();
}

request_check check_of(const msg::begin_upload& x) {
  return summary{"begin"}
    .add(x.path)
    .flag(x.force)
    .flag(x.parents)
    .add(std::uint64_t{x.replication})
    .add(x.source)
    .check();
}

request_check check_of(const msg::extend_upload& x) {
  summary all{"extend"};
  all.add(x.upload.value()).add(std::uint64_t{x.first});
  for (const auto& each : x.chunks)
    all.add(each.grant.chunk.value());
  return all.check();
}

request_check check_of(const msg::abort_upload& x) {
  return summary{"abort"}.add(x.upload.value()).check();
}

request_check check_of(const msg::create_versioned& x) {
  return summary{"create"}.add(x.path).flag(x.parents).check();
}

} // namespace dfs::core
