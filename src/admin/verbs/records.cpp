#include "admin/file_transfer.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"
#include "wire/record.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::admin {

namespace {

bool is_text(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
  });
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes)
    text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

/// Prints records as they come.
class record_printer final : public client::byte_sink {
public:
  explicit record_printer(output& out) : out_{out} {
    // nop
  }

  void write(std::uint64_t, client::piece bytes,
             std::function<void(result<nothing>)> then) override {
    scanner_.take(bytes.bytes.view(),
                  [this](auto id, auto payload) { show(id, payload); });
    if (out_.flush())
      then(done);
    else
      then(fail(ec::io_error, "nobody reads the output any more"));
  }

  void finish() {
    scanner_.finish([this](auto id, auto payload) { show(id, payload); });
    auto said = counted(records_, "record");
    if (repeated_ > 0)
      said += fmt::format(", {} left out", counted(repeated_, "repeated one"));
    if (scanner_.skipped() > 0)
      said += fmt::format(", {} in no record", bytes_text(scanner_.skipped()));
    out_.note(said);
  }

private:
  void show(wire::record_id id, std::string_view payload) {
    if (!filter_.is_new(id)) {
      ++repeated_;
      return;
    }
    ++records_;
    if (!out_.how().json) {
      out_.raw(payload);
      if (!payload.ends_with('\n'))
        out_.raw("\n");
      return;
    }
    record said{{"writer", fmt::format("{:016x}", id.writer.value())},
                {"sequence", cell::unsigned_number(id.sequence)},
                {"bytes", cell::unsigned_number(payload.size())}};
    if (is_text(payload))
      said.emplace_back("text", payload);
    else
      said.emplace_back("hex", hex(payload));
    out_.print(said);
  }

  output& out_;
  wire::record_scanner scanner_;
  wire::record_filter filter_;
  std::uint64_t records_ = 0;
  std::uint64_t repeated_ = 0;
};

} // namespace

verb records_verb() {
  return {"records",
          "Files",
          "Print the records of a file, each once, whatever stands between.",
          {"records /events", "records /events --json | jq .text"},
          [](parameters& to) -> action {
            auto path = std::make_shared<std::string>();
            to.positional("PATH", *path, "of the file");
            return [path](verb_context& context) -> result<exit_code> {
              auto printer = std::make_shared<record_printer>(context.out);
              const auto got = read_range(context, *path, {}, printer, nullptr);
              if (!got)
                return explain_transfer(got.error(), context, *path);
              printer->finish();
              return 0;
            };
          }};
}

} // namespace dfs::admin
