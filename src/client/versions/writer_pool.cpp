#include "client/versions/writer_pool.hpp"

namespace dfs::client {

void writer_pool::take(bool fresh, std::chrono::milliseconds patience,
                       const taken& then) {
  if (!fresh && !idle_.empty()) {
    auto put = idle_.back();
    idle_.pop_back();
    ++put.sequence;
    return then(put);
  }
  master_.ask<msg::number_writer>({}, patience, [then](const auto& x) {
    if (x)
      then(msg::put_id{x->writer, 1});
    else
      then(x.error());
  });
}

} // namespace dfs::client
