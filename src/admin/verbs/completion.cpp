#include "admin/verbs/all.hpp"

#include "admin/completion.hpp"

namespace dfs::admin {

verb completion_verb() {
  struct options {
    std::string shell;
  };
  return {"completion",
          "Settings",
          "Print a script that completes dfsnode's commands in a shell.",
          {"completion bash > /etc/bash_completion.d/dfsnode",
           "completion bash > ~/.local/share/bash-completion/completions/"
           "dfsnode"},
          [](parameters& to) -> action {
            auto x = std::make_shared<options>();
            to.choice("SHELL", {"bash"}, x->shell, "which shell");
            return [x](verb_context& context) -> result<exit_code> {
              context.out.raw(bash_completion());
              return 0;
            };
          }};
}

} // namespace dfs::admin
