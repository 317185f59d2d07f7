#include "admin/file_cells.hpp"

#include "base/utc_time.hpp"

namespace dfs::admin {

cell kind_cell(msg::entry_kind x) {
  return x == msg::entry_kind::directory ? "directory" : "file";
}

cell time_cell(std::chrono::milliseconds unix_time) {
  if (unix_time.count() == 0)
    return cell::nothing();
  return utc_text(unix_milliseconds{unix_time});
}

record status_record(const msg::file_status& x) {
  record shown{{"path", x.path},
               {"kind", kind_cell(x.kind)},
               {"inode", cell::unsigned_number(x.inode.value())},
               {"class", to_string(x.where)}};
  if (x.kind == msg::entry_kind::directory) {
    shown.emplace_back("entries", cell::unsigned_number(x.entries));
    // None of its own: as the directory above says.
    shown.emplace_back("replication", x.replication == 0
                                        ? cell::nothing()
                                        : cell::unsigned_number(x.replication));
  } else {
    shown.emplace_back("bytes", cell::unsigned_number(x.length));
  }
  if (x.kind == msg::entry_kind::file
      && x.where == msg::storage_class::versioned) {
    shown.emplace_back("version", cell::unsigned_number(x.version.value()));
  } else if (x.kind == msg::entry_kind::file) {
    shown.emplace_back("growing", cell::boolean(x.growing));
    shown.emplace_back("chunks", cell::unsigned_number(x.chunks));
    shown.emplace_back("replication", cell::unsigned_number(x.replication));
  }
  shown.emplace_back("created", time_cell(x.created));
  shown.emplace_back("modified", time_cell(x.modified));
  return shown;
}

std::string join_path(const std::string& directory, const std::string& name) {
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

} // namespace dfs::admin
