#include "storage/versions/version_store.hpp"

#include "base/crash_point.hpp"

#include <charconv>
#include <set>
#include <utility>

namespace dfs::storage {

namespace {

constexpr std::chrono::milliseconds deferred_at_most{500};
constexpr std::uint32_t format_now = 1;

/// What is known of a content's chunks.
enum class content_found : std::uint8_t {
  whole,
  absent, ///< It never was there as a whole.
  lost,   ///< It may have been.
};

std::uint64_t cluster_of(const store_owner& owner) {
  std::uint64_t x = 0;
  std::from_chars(owner.cluster.data(),
                  owner.cluster.data() + owner.cluster.size(), x, 16);
  return x;
}

bool goes_without(ec code) {
  return code == ec::not_found || code == ec::malformed || code == ec::io_error;
}

void add_named(std::set<msg::put_id>& named,
               const std::map<inode_id, msg::file_state>& files) {
  for (const auto& [file, state] : files)
    for (const auto& version : state.manifest.versions)
      if (version.kind == msg::version_kind::content)
        named.insert(version.content);
}

} // namespace

/// One start. What it decides is durable before any chunk goes.
struct version_store::recovery {
  version_store& store;
  file_io& io;
  const store_owner& owner;
  version_store_options& options;
  std::uint64_t first_number = 0;
  std::vector<known_volume> known{};
  std::map<store_id, chunk_store*> there{};
  std::map<store_id, std::set<chunk_id>> aside{}; ///< In quarantine.
  std::set<store_id> damaged{};
  std::map<msg::put_id, content_row> contents{};
  std::vector<row_change> changes{};

  result<nothing> open_rows(const std::string& directory) {
    metadata_options wanted;
    wanted.cluster = cluster_of(owner);
    wanted.sync = options.mode == durability::durable;
    wanted.on_failure = options.on_rows_failure;
    wanted.env = options.env;
    wanted.remedy = "start this node with an empty data directory and empty "
                    "volumes (move these aside): it comes as a new store, "
                    "and the others fill it";
    auto opened = metadata_store::open(directory, std::move(wanted));
    if (!opened)
      return opened.error();
    store.metadata_ = *std::move(opened);
    return check_owner(directory);
  }

  result<nothing> check_owner(const std::string& directory) {
    const auto text = store.metadata_->get(version_keys::store);
    if (!text)
      return text.error();
    if (!*text)
      return store.metadata_->commit_now(
        {{std::string{version_keys::store}, encode({format_now, owner.node})}});
    const auto row = decode_store(**text);
    if (!row)
      return row.error();
    if (row->format > format_now)
      return fail(ec::unsupported,
                  "the rows of versioned files in " + directory
                    + " have format " + std::to_string(row->format)
                    + ", made by a newer dfsnode; this one reads up to "
                    + std::to_string(format_now));
    if (row->node != owner.node)
      return fail(ec::configuration, "the rows of versioned files in "
                                       + directory
                                       + " belong to another node's data "
                                         "directory");
    return done;
  }

  result<nothing> read_known() {
    result<nothing> outcome = done;
    auto read = store.metadata_->for_each(
      version_keys::volumes, [&](std::string_view key, std::string_view path) {
        if (key.size() == 9)
          known.push_back(
            {store_id{version_keys::number_in(key, 1)}, std::string{path}});
        return true;
      });
    return read ? outcome : read;
  }

  result<nothing> open_volumes(const std::vector<std::string>& paths) {
    error last = fail(ec::not_found, "there is no volume for contents");
    for (const auto& path : paths) {
      auto wanted = options.chunks;
      wanted.mode = options.mode;
      wanted.known = known;
      wanted.on_failure
        = [path, tell = options.on_volume_failure](const error& why) {
            if (tell)
              tell(path, why);
          };
      auto opened = chunk_store::open(io, path, owner, std::move(wanted));
      if (opened) {
        take(*std::move(opened));
        continue;
      }
      if (!goes_without(opened.error().code))
        return opened.error();
      last = opened.error();
      store.troubles_.push_back(last.context);
    }
    if (!store.volumes_.empty())
      return done;
    // As of chunk volumes: the settings do not fit what is mounted.
    if (last.code == ec::not_found || last.code == ec::malformed)
      last.code = ec::configuration;
    return last;
  }

  void take(std::unique_ptr<chunk_store> volume) {
    for (const auto& x : volume->damages())
      store.troubles_.push_back(x.what);
    const auto id = volume->id();
    if (!volume->damages().empty())
      damaged.insert(id);
    for (const auto chunk : volume->quarantined())
      aside[id].insert(chunk);
    changes.push_back({version_keys::volume(id), volume->path()});
    there[id] = volume.get();
    store.volumes_.push_back(std::move(volume));
  }

  void make_parts() {
    store.rows_ = std::make_unique<row_writer>(*store.metadata_);
    content_store::config wanted;
    for (const auto& x : store.volumes_)
      wanted.volumes.push_back(x.get());
    wanted.piece_bytes = options.chunks.chunk_bytes_max;
    wanted.first_number = first_number;
    wanted.rows_reserve = options.rows_reserve;
    wanted.staged_life = options.staged_life;
    store.contents_ = std::make_unique<content_store>(
      std::move(wanted), *store.rows_, *store.metadata_);
    store.groups_ = std::make_unique<group_store>(
      *store.metadata_, *store.rows_, *store.contents_);
  }

  result<nothing> read_contents() {
    result<nothing> outcome = done;
    auto read = store.metadata_->for_each(
      version_keys::contents, [&](std::string_view key, std::string_view text) {
        auto row = decode_content(text);
        if (!row || key.size() != 17)
          outcome = row ? fail(ec::integrity, "a content's key is none")
                        : row.error();
        else
          contents.emplace(
            msg::put_id{put_writer{version_keys::number_in(key, 1)},
                        version_keys::number_in(key, 9)},
            *std::move(row));
        return static_cast<bool>(outcome);
      });
    return read ? outcome : read;
  }

  [[nodiscard]] content_found look(const content_row& row) const {
    auto found = content_found::whole;
    for (const auto& piece : row.pieces) {
      const auto volume = there.find(piece.volume);
      if (volume == there.end())
        return content_found::lost;
      const auto state = volume->second->state(piece.chunk);
      if (state && state->data_length() == piece.bytes)
        continue;
      const auto quarantined = aside.find(piece.volume);
      if (damaged.contains(piece.volume)
          || (quarantined != aside.end()
              && quarantined->second.contains(piece.chunk)))
        return content_found::lost;
      found = content_found::absent;
    }
    return found;
  }

  /// Was it answered, or may it have been? Who has the content's row no more,
  /// or a later one, has removed or fetched it after the answer.
  [[nodiscard]] bool counts(const pending_row& x) const {
    for (const auto& awaited : x.contents) {
      const auto found = contents.find(awaited.put);
      if (found != contents.end() && found->second.number == awaited.number
          && look(found->second) == content_found::absent)
        return false;
    }
    return true;
  }

  result<nothing> decide_pending() {
    result<nothing> outcome = done;
    auto read = store.metadata_->for_each(
      version_keys::pending, [&](std::string_view key, std::string_view text) {
        const auto row = decode_pending(text);
        if (!row) {
          outcome = row.error();
          return false;
        }
        for (auto& x : counts(*row) ? store.groups_->rows_of_pending(*row)
                                    : group_store::rows_without(*row))
          changes.push_back(std::move(x));
        changes.push_back({std::string{key}, {}});
        return true;
      });
    for (auto& x : store.groups_->rows_of_leavings())
      changes.push_back(std::move(x));
    return read ? outcome : read;
  }

  /// @pre The decisions are durable: the rows are what they will be.
  result<nothing> settle_contents() {
    const auto rows = store.groups_->load();
    if (!rows)
      return rows.error();
    std::set<msg::put_id> named;
    for (const auto& [group, x] : *rows) {
      add_named(named, x.files);
      if (x.next)
        add_named(named, x.next->files);
    }
    std::map<store_id, std::set<chunk_id>> kept;
    for (auto& [put, row] : contents) {
      if (!named.contains(put)) {
        changes.push_back({version_keys::content(put), {}});
        continue;
      }
      for (const auto& piece : row.pieces)
        kept[piece.volume].insert(piece.chunk);
      const auto whole = look(row) == content_found::whole;
      store.contents_->place(put, std::move(row), whole);
    }
    if (auto written = commit_changes(); !written)
      return written;
    DFS_CRASH_POINT("versions.recovered");
    drop_chunks(kept);
    return done;
  }

  void drop_chunks(const std::map<store_id, std::set<chunk_id>>& kept) {
    for (const auto& [id, volume] : there) {
      const auto found = kept.find(id);
      const auto needed = [&](chunk_id chunk) {
        return found != kept.end() && found->second.contains(chunk);
      };
      std::vector<content_piece> unneeded;
      for (const auto& x : volume->list())
        if (!needed(x.chunk))
          unneeded.push_back({id, x.chunk, 0, 0});
      for (const auto chunk : volume->quarantined())
        if (!needed(chunk))
          unneeded.push_back({id, chunk, 0, 0});
      store.contents_->discard(unneeded);
    }
  }

  result<nothing> commit_changes() {
    return store.metadata_->commit_now(std::exchange(changes, {}));
  }

  result<nothing>
  run(const std::vector<std::string>& paths, const std::string& directory) {
    if (auto opened = open_rows(directory); !opened)
      return opened;
    if (auto read = read_known(); !read)
      return read;
    if (auto opened = open_volumes(paths); !opened)
      return opened;
    const auto term = store.metadata_->next_term();
    if (!term)
      return term.error();
    first_number = term->value() << 40;
    make_parts();
    if (auto read = store.groups_->read_layouts(first_number); !read)
      return read;
    if (auto read = read_contents(); !read)
      return read;
    if (auto decided = decide_pending(); !decided)
      return decided;
    if (auto written = commit_changes(); !written)
      return written;
    DFS_CRASH_POINT("versions.pending_decided");
    return settle_contents();
  }
};

result<std::unique_ptr<version_store>>
version_store::open(file_io& io, const std::vector<std::string>& volumes,
                    const std::string& rows, const store_owner& owner,
                    version_store_options options) {
  std::unique_ptr<version_store> made{new version_store};
  recovery start{*made, io, owner, options};
  if (auto run = start.run(volumes, rows); !run)
    return run.error();
  return made;
}

version_store::~version_store() {
  close();
}

void version_store::close() {
  if (!metadata_)
    return;
  for (const auto& volume : volumes_)
    volume->close();
  if (rows_)
    rows_->close();
  metadata_.reset(); // Commits what is queued.
}

std::vector<msg::put_id> version_store::tick(instant now) {
  if (!rows_->has_deferred()) {
    deferred_since_.reset();
  } else if (!deferred_since_) {
    deferred_since_ = now;
  } else if (now - *deferred_since_ >= deferred_at_most) {
    rows_->flush();
    deferred_since_.reset();
  }
  return contents_->tick(now);
}

} // namespace dfs::storage
