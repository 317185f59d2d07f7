#include "storage/metadata_backup.hpp"

#include "base/crc32c.hpp"
#include "storage/metadata_files.hpp"
#include "wire/codec.hpp"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

// Backup files: docs/formats/metadata_backup.md.

namespace dfs::storage {

namespace {

/// No text file has it, and what turns line ends breaks it.
constexpr std::string_view magic{"\xd7"
                                 "DFSMB\r\n",
                                 8};

constexpr std::uint32_t format_now = 1;
constexpr std::size_t block_header_bytes = 9;

/// More than any block that is written; no memory is taken for more.
constexpr std::uint32_t block_bytes_max = 16u << 20;

enum class block_kind : char { header = 1, rows = 2, end = 3 };

struct header_block {
  std::uint32_t format = format_now;
  std::uint64_t cluster = 0;
  std::int64_t made_ms = 0;
};

struct stored_row {
  std::string key;
  std::string value;
};

struct end_block {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0; ///< Before this block.
  std::uint32_t crc = 0;   ///< Of those.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, header_block& x) {
  return f(x.format, x.cluster, x.made_ms);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stored_row& x) {
  return f(x.key, x.value);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, end_block& x) {
  return f(x.rows, x.bytes, x.crc);
}

void put_fixed32(std::string& to, std::uint32_t x) {
  for (int shift = 0; shift < 32; shift += 8)
    to += static_cast<char>(x >> shift);
}

std::uint32_t fixed32(std::string_view from) {
  std::uint32_t x = 0;
  for (std::size_t n = 4; n-- > 0;)
    x = (x << 8) | static_cast<unsigned char>(from[n]);
  return x;
}

/// Length, checksum, kind, payload; the checksum is of kind and payload.
std::string block(block_kind kind, std::string_view payload) {
  const std::string_view kind_byte{reinterpret_cast<const char*>(&kind), 1};
  std::string made;
  made.reserve(block_header_bytes + payload.size());
  put_fixed32(made, static_cast<std::uint32_t>(payload.size()));
  put_fixed32(made, crc32c(payload, crc32c(kind_byte)));
  made += kind_byte;
  made += payload;
  return made;
}

class row_stream final : public backup_stream {
public:
  row_stream(rocksdb::DB& db, std::string name,
             const backup_stream_options& options)
    : db_{db},
      name_{std::move(name)},
      options_{options},
      moment_{db.GetSnapshot()} {
    rocksdb::ReadOptions how;
    how.snapshot = moment_;
    how.readahead_size = 2u << 20;
    how.fill_cache = false; // Read once: the cache stays what it is.
    row_.reset(db.NewIterator(how));
    row_->SeekToFirst();
  }

  ~row_stream() override {
    row_.reset();
    db_.ReleaseSnapshot(moment_);
  }

  result<piece> next() override {
    piece x;
    if (bytes_ == 0)
      x.bytes = std::string{magic}
                + block(block_kind::header,
                        wire::encode(header_block{format_now, options_.cluster,
                                                  options_.made_ms}));
    std::vector<stored_row> rows;
    std::size_t taken = 0;
    for (; row_->Valid() && taken < options_.piece_bytes; row_->Next()) {
      rows.push_back({row_->key().ToString(), row_->value().ToString()});
      taken += rows.back().key.size() + rows.back().value.size();
    }
    if (!row_->status().ok())
      return metadata_error(row_->status(), name_);
    rows_ += rows.size();
    x.bytes += block(block_kind::rows, wire::encode(rows));
    bytes_ += x.bytes.size();
    crc_ = crc32c(x.bytes, crc_);
    if (!row_->Valid()) {
      x.last = true;
      x.bytes
        += block(block_kind::end, wire::encode(end_block{rows_, bytes_, crc_}));
    }
    x.rows = rows_;
    return x;
  }

private:
  rocksdb::DB& db_;
  std::string name_;
  backup_stream_options options_;
  const rocksdb::Snapshot* moment_;
  std::unique_ptr<rocksdb::Iterator> row_;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0; ///< Of all pieces so far.
  std::uint32_t crc_ = 0;   ///< Of those.
};

/// The blocks of a backup file, each vouched for by its checksum.
class block_reader {
public:
  block_reader(const byte_reader& from, const std::string& name)
    : from_{from},
      name_{name} {
    // nop
  }

  struct found {
    block_kind kind = block_kind::end;
    std::string payload;
  };

  result<nothing> read_magic() {
    const auto bytes = take(magic.size());
    if (!bytes && bytes.error().code != ec::integrity)
      return bytes.error();
    if (!bytes || *bytes != magic)
      return fail(ec::integrity, name_ + " is no backup of metadata");
    return done;
  }

  result<found> next() {
    const auto header = take(block_header_bytes);
    if (!header)
      return header.error();
    const auto length = fixed32(*header);
    const auto crc = fixed32(std::string_view{*header}.substr(4));
    if (length > block_bytes_max)
      return damaged();
    before_ = {bytes_ - block_header_bytes, crc_before_header_};
    auto payload = take(length);
    if (!payload)
      return payload.error();
    const auto kind = std::string_view{*header}.substr(8);
    if (crc32c(*payload, crc32c(kind)) != crc)
      return damaged();
    return found{static_cast<block_kind>(kind[0]), *std::move(payload)};
  }

  /// Whether nothing comes behind the last block.
  result<nothing> expect_end() {
    char more = 0;
    const auto got = from_(std::span{&more, 1});
    if (!got)
      return got.error();
    if (*got != 0)
      return fail(ec::integrity, name_ + " goes on behind its end");
    return done;
  }

  [[nodiscard]] error damaged() const {
    return fail(ec::integrity, name_ + " is damaged, after "
                                 + std::to_string(bytes_) + " bytes");
  }

  /// Bytes before the last block, and their checksum.
  [[nodiscard]] std::pair<std::uint64_t, std::uint32_t> before() const {
    return before_;
  }
  [[nodiscard]] std::uint64_t bytes() const {
    return bytes_;
  }

private:
  result<std::string> take(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t at = 0; at < size;) {
      const auto got = from_(std::span{bytes}.subspan(at));
      if (!got)
        return got.error();
      if (*got == 0)
        return fail(ec::integrity, name_ + " ends in the middle, after "
                                     + std::to_string(bytes_ + at) + " bytes");
      at += *got;
    }
    crc_before_header_ = crc_;
    crc_ = crc32c(bytes, crc_);
    bytes_ += size;
    return bytes;
  }

  const byte_reader& from_;
  const std::string& name_;
  std::uint64_t bytes_ = 0;
  std::uint32_t crc_ = 0; ///< Of all that was read.
  std::uint32_t crc_before_header_ = 0;
  std::pair<std::uint64_t, std::uint32_t> before_;
};

result<header_block> read_header(block_reader& from, const std::string& name) {
  if (auto good = from.read_magic(); !good)
    return good.error();
  const auto first = from.next();
  if (!first)
    return first.error();
  const auto header = wire::decode<header_block>(first->payload);
  if (first->kind != block_kind::header || !header)
    return from.damaged();
  if (header->format > format_now)
    return fail(ec::unsupported,
                name + " has format " + std::to_string(header->format)
                  + ", made by a newer dfsnode; this one reads up to "
                  + std::to_string(format_now));
  return header;
}

result<nothing> write_rows(rocksdb::DB& db, const std::string& directory,
                           const std::vector<stored_row>& rows) {
  rocksdb::WriteBatch batch;
  for (const auto& row : rows)
    batch.Put(row.key, row.value);
  rocksdb::WriteOptions how;
  how.disableWAL = true; // All of it is synced in the end.
  if (const auto written = db.Write(how, &batch); !written.ok())
    return metadata_error(written, directory);
  return done;
}

/// All rows into a new database, which is worth something only if this is done.
result<restored_file> fill(rocksdb::DB& db, const std::string& directory,
                           const byte_reader& from, const std::string& name) {
  block_reader blocks{from, name};
  const auto header = read_header(blocks, name);
  if (!header)
    return header.error();
  restored_file made{header->cluster, header->made_ms, 0, 0, {}};
  for (;;) {
    const auto next = blocks.next();
    if (!next)
      return next.error();
    if (next->kind == block_kind::end) {
      const auto end = wire::decode<end_block>(next->payload);
      const auto [bytes, crc] = blocks.before();
      if (!end || end->rows != made.rows || end->bytes != bytes
          || end->crc != crc)
        return blocks.damaged();
      break;
    }
    const auto rows = wire::decode<std::vector<stored_row>>(next->payload);
    if (next->kind != block_kind::rows || !rows)
      return blocks.damaged();
    if (auto written = write_rows(db, directory, *rows); !written)
      return written.error();
    made.rows += rows->size();
  }
  if (auto end = blocks.expect_end(); !end)
    return end.error();
  if (const auto flushed = db.Flush({}); !flushed.ok())
    return metadata_error(flushed, directory);
  made.bytes = blocks.bytes();
  return made;
}

} // namespace

std::unique_ptr<backup_stream>
make_backup_stream(rocksdb::DB& db, std::string name,
                   const backup_stream_options& options) {
  return std::make_unique<row_stream>(db, std::move(name), options);
}

result<restored_file>
restore_backup_file(const byte_reader& from, const std::string& name,
                    const std::string& to, bool force, master_term above) {
  auto place = metadata_place::open(to, force);
  if (!place)
    return place.error();
  auto db = place->make_draft();
  if (!db)
    return db.error();
  auto made = fill(**db, place->draft(), from, name);
  db->reset();
  if (!made)
    return made;
  auto replaced = place->take(above);
  if (!replaced)
    return replaced.error();
  made->replaced = *std::move(replaced);
  return made;
}

} // namespace dfs::storage
