#include "admin/tree_report.hpp"

#include "base/counted.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::admin {

namespace {

std::string text(std::uint64_t count, const char* one, const char* several,
                 const char* then = "") {
  return count == 0 ? std::string{}
                    : ", " + counted(count, one, several) + then;
}

} // namespace

void tree_report::failed(error why, const std::string& file) {
  why = explain_transfer(std::move(why), context_, file);
  if (++failures_ == 1)
    first_ = why.code;
  context_.out.progress({});
  if (failures_ <= complaints_max)
    context_.out.complain("", why);
}

error tree_report::stopped(const error& why, const std::string& target) {
  context_.out.progress({});
  if (why.code != ec::cancelled)
    return why;
  return fail(why.code, fmt::format("{}: {} after {}, {}", target, why.context,
                                    counted(shown_.files(), "file"),
                                    bytes_text(shown_.bytes())));
}

result<exit_code> tree_report::finish(const std::string& target) {
  context_.out.progress({});
  if (context_.out.how().json) {
    record said{{"path", target},
                {"files", cell::unsigned_number(shown_.files())},
                {"failed", cell::unsigned_number(failures_)},
                {"left_out", cell::unsigned_number(left_out_)}};
    shown_.add_to(said);
    context_.out.print(said);
  }
  context_.out.note(fmt::format(
    "{}: {}, {}{}{}", target, counted(shown_.files(), "file"), shown_.summary(),
    text(left_out_, "link or special file", "links or special files",
         " left out"),
    text(failures_, "failed", "failed")));
  return failures_ == 0 ? 0 : exit_status(first_);
}

result<nothing> each_entry(client::file_client& files, tree_report& report,
                           const std::string& path, const entry_visit& visit) {
  msg::list_directory page;
  page.path = path;
  for (;;) {
    const auto listed = files.ask(page);
    if (!listed && listed.error().code == ec::cancelled)
      return listed.error();
    if (!listed) {
      report.failed(listed.error(), path);
      return done;
    }
    for (const auto& each : listed->entries)
      if (auto begun = visit(each); !begun)
        return begun;
    if (!listed->more)
      return done;
    page.after = listed->next;
  }
}

result<nothing> check_directory(verb_context& context,
                                client::file_client& files,
                                const std::string& path) {
  const auto status = files.ask(msg::get_status{path});
  if (!status)
    return explain_transfer(status.error(), context, path);
  if (status->kind != msg::entry_kind::directory)
    return fail(ec::not_directory, path + " is a file. Try: without -r");
  return done;
}

} // namespace dfs::admin
