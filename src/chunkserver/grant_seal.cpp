#include "chunkserver/grant_seal.hpp"

#include "wire/codec.hpp"
#include "wire/token.hpp"

#include <string>

namespace dfs::chunkserver {

namespace {

std::string words_of(msg::chunk_grant x) {
  x.seal.clear();
  return wire::encode(x);
}

} // namespace

void seal_grant(msg::chunk_grant& x, const wire::key_ring& keys) {
  x.seal = wire::sign_words(words_of(x), keys);
}

result<nothing>
check_grant(const msg::chunk_grant& x, const wire::key_ring& keys) {
  return wire::check_words(words_of(x), x.seal, keys);
}

} // namespace dfs::chunkserver
