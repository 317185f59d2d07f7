#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::sim {

/// A measured value in one run.
struct measurement {
  std::string_view name; ///< One of `bounds`.
  double value = 0;
};

/// What a value must keep; nothing where it is only reported.
struct bound {
  std::string_view name;
  std::string_view unit;
  std::optional<double> p99;
  std::optional<double> max;
};

/// All values of one name over all runs.
class figure {
public:
  explicit figure(bound limits) : limits_{limits} {
    // nop
  }

  void add(double value, std::uint64_t seed);

  [[nodiscard]] const bound& limits() const {
    return limits_;
  }
  [[nodiscard]] std::size_t count() const {
    return samples_.size();
  }
  /// Nearest rank. @param share In (0, 1]. @pre something was added.
  [[nodiscard]] double percentile(double share) const;
  [[nodiscard]] double max() const {
    return percentile(1);
  }
  /// The run with the largest value.
  [[nodiscard]] std::uint64_t worst_seed() const;
  [[nodiscard]] bool holds() const;

private:
  struct sample {
    double value;
    std::uint64_t seed;
  };

  bound limits_;
  mutable std::vector<sample> samples_;
  mutable bool sorted_ = true;
};

} // namespace dfs::sim
