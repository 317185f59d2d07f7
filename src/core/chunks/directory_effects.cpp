#include "core/chunks/directory_effects.hpp"

#include <cstddef>

namespace dfs::core {

std::string_view to_string(directory_note::kind x) {
  constexpr std::string_view names[] = {"chunkserver is here",
                                        "chunkserver is lost",
                                        "chunkserver is dead",
                                        "chunk lease granted",
                                        "chunk lease refused",
                                        "chunk revoked",
                                        "chunk copied",
                                        "chunk copy failed",
                                        "replicas deleted",
                                        "orphans are collected",
                                        "alarm",
                                        "chunkserver is forgotten",
                                        "the metadata are not the newest",
                                        "deletion is confirmed",
                                        "replica left out",
                                        "two nodes with one store"};
  return names[static_cast<std::size_t>(x)];
}

} // namespace dfs::core
