#include "storage/ordered_log/log_format.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "wire/little_endian.hpp"

namespace dfs::storage {

namespace {

using wire::load;

constexpr std::string_view segment_magic{"dfsolog", 7};
constexpr char format = 1;
constexpr std::string_view block_magic{"\xd7"
                                       "OB\x01",
                                       4};
enum class tag : std::uint8_t { message = 1, promise = 2, cut = 3 };

template <class T>
void put(std::string& out, T x) {
  const auto at = out.size();
  out.resize(at + sizeof(T));
  wire::store(out.data() + at, x);
}

/// Takes a number from the front. @pre there is room for it.
template <class T>
T take(std::string_view& from) {
  const auto x = load<T>(from.data());
  from.remove_prefix(sizeof(T));
  return x;
}

error no_records() {
  return fail(ec::integrity, "the log has a block that holds no records");
}

result<nothing> read_record(std::string_view& left, std::string_view all,
                            const record_visitor& visitor) {
  const auto what = take<std::uint8_t>(left);
  switch (static_cast<tag>(what)) {
    case tag::message: {
      if (left.size() < log_message_head_bytes - 1)
        return no_records();
      const auto sequence = take<std::uint64_t>(left);
      const auto length = take<std::uint32_t>(left);
      (void) take<std::uint32_t>(left);
      if (length > left.size())
        return no_records();
      visitor.message(sequence, all.size() - left.size(),
                      left.substr(0, length));
      left.remove_prefix(length);
      return done;
    }
    case tag::promise: {
      if (left.size() < log_promise_head_bytes - 1)
        return no_records();
      const auto length = take<std::uint32_t>(left);
      if (length > left.size())
        return no_records();
      visitor.promise(left.substr(0, length));
      left.remove_prefix(length);
      return done;
    }
    case tag::cut:
      if (left.size() < sizeof(std::uint64_t))
        return no_records();
      visitor.cut(take<std::uint64_t>(left));
      return done;
  }
  return fail(ec::unsupported, "the log has a record of kind "
                                 + std::to_string(what)
                                 + ": made by a newer version");
}

} // namespace

std::string encode_segment_head(const log_segment_head& x) {
  std::string out{segment_magic};
  out.push_back(format);
  put(out, x.owner.value());
  put(out, x.segment);
  put(out, x.first_block);
  put(out, x.last_sequence);
  put(out, x.safe);
  put(out, x.bytes);
  put(out, x.salt);
  put(out, crc32c(out));
  return out;
}

result<std::optional<log_segment_head>>
decode_segment_head(std::string_view bytes) {
  const std::optional<log_segment_head> none;
  if (bytes.size() < log_segment_head_bytes || !bytes.starts_with(segment_magic)
      || load<std::uint32_t>(bytes.data() + 60) != crc32c(bytes.substr(0, 60)))
    return none;
  if (bytes[segment_magic.size()] != format)
    return fail(ec::unsupported, "a log of a newer format");
  log_segment_head x;
  x.owner = store_id{load<std::uint64_t>(bytes.data() + 8)};
  x.segment = load<std::uint64_t>(bytes.data() + 16);
  x.first_block = load<std::uint64_t>(bytes.data() + 24);
  x.last_sequence = load<std::uint64_t>(bytes.data() + 32);
  x.safe = load<std::uint64_t>(bytes.data() + 40);
  x.bytes = load<std::uint64_t>(bytes.data() + 48);
  x.salt = load<std::uint32_t>(bytes.data() + 56);
  return std::optional{x};
}

std::string
encode_block(log_block_head x, std::string_view records, std::uint32_t salt) {
  std::string out;
  out.reserve(log_block_bytes(records.size()));
  out += block_magic;
  put(out, static_cast<std::uint32_t>(records.size()));
  put(out, x.number);
  put(out, x.segment);
  put(out, x.safe);
  put(out, crc32c(records));
  put(out, crc32c(out, salt));
  out += records;
  out.resize(log_block_bytes(records.size()));
  return out;
}

std::optional<log_block_head>
decode_block_head(std::string_view bytes, std::uint32_t salt) {
  if (bytes.size() < log_block_head_bytes || !bytes.starts_with(block_magic)
      || load<std::uint32_t>(bytes.data() + 36)
           != crc32c(bytes.substr(0, 36), salt))
    return std::nullopt;
  log_block_head x;
  x.bytes = load<std::uint32_t>(bytes.data() + 4);
  x.number = load<std::uint64_t>(bytes.data() + 8);
  x.segment = load<std::uint64_t>(bytes.data() + 16);
  x.safe = load<std::uint64_t>(bytes.data() + 24);
  x.checksum = load<std::uint32_t>(bytes.data() + 32);
  return x;
}

void append_message(std::string& records, std::uint64_t sequence,
                    std::string_view bytes) {
  DFS_ASSERT(bytes.size() <= ordered_message_bytes_max);
  put(records, static_cast<std::uint8_t>(tag::message));
  put(records, sequence);
  put(records, static_cast<std::uint32_t>(bytes.size()));
  put(records, crc32c(bytes));
  records += bytes;
}

void append_promise(std::string& records, std::string_view bytes) {
  DFS_ASSERT(bytes.size() <= ordered_promise_bytes_max);
  put(records, static_cast<std::uint8_t>(tag::promise));
  put(records, static_cast<std::uint32_t>(bytes.size()));
  records += bytes;
}

void append_cut(std::string& records, std::uint64_t sequence) {
  put(records, static_cast<std::uint8_t>(tag::cut));
  put(records, sequence);
}

result<nothing>
read_records(std::string_view records, const record_visitor& visitor) {
  for (auto left = records; !left.empty();)
    if (auto read = read_record(left, records, visitor); !read)
      return read;
  return done;
}

bool is_message(std::string_view head, std::uint64_t sequence,
                std::string_view bytes) {
  return head.size() == log_message_head_bytes
         && head[0] == static_cast<char>(tag::message)
         && load<std::uint64_t>(head.data() + 1) == sequence
         && load<std::uint32_t>(head.data() + 9) == bytes.size()
         && load<std::uint32_t>(head.data() + 13) == crc32c(bytes);
}

} // namespace dfs::storage
