#pragma once

// Included first by every source that ./dev mutate changes. What the changes
// look like in the text, and why, stands in tools/mutants/schema.py.

// A changed text is built, not judged.
#pragma clang diagnostic ignored "-Weverything"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <utility>

namespace dfs_mutant {

inline constexpr int numbers_max = 16'384;

/// Which changes the program has come to.
inline bool reached[numbers_max];

/// The change that is made; 0 is none. Before static initialisation comes to
/// it, none is.
inline const int active = [] {
  const auto* text = std::getenv("DFS_MUTANT");
  return text != nullptr ? std::atoi(text) : 0;
}();

/// Whether change `number` is made. Not constexpr, on purpose: a change of what
/// the compiler computes does not compile, and is judged in another way.
[[gnu::always_inline]] inline bool on(int number) {
  reached[number] = true;
  return active == number;
}

#define DFS_MUTANT_CHANGE(NAME, OLD, NEW)                                      \
  struct NAME {                                                                \
    template <class A, class B>                                                \
    static constexpr auto apply(bool changed, A&& a, B&& b)                    \
      -> decltype(std::forward<A>(a) OLD std::forward<B>(b)) {                 \
      if (changed)                                                             \
        return std::forward<A>(a) NEW std::forward<B>(b);                      \
      return std::forward<A>(a) OLD std::forward<B>(b);                        \
    }                                                                          \
  };

DFS_MUTANT_CHANGE(less, <, <=)
DFS_MUTANT_CHANGE(less_equal, <=, <)
DFS_MUTANT_CHANGE(greater, >, >=)
DFS_MUTANT_CHANGE(greater_equal, >=, >)
DFS_MUTANT_CHANGE(equal, ==, !=)
DFS_MUTANT_CHANGE(unequal, !=, ==)
DFS_MUTANT_CHANGE(plus, +, -)
DFS_MUTANT_CHANGE(minus, -, +)
DFS_MUTANT_CHANGE(add, +=, -=)
DFS_MUTANT_CHANGE(subtract, -=, +=)
#undef DFS_MUTANT_CHANGE

/// Stands between the operands of a changed operator.
template <int Number, class Change>
struct tag {};

/// The left operand and the tag; waits for the right one.
template <class A, int Number, class Change>
struct left {
  A&& a;

  template <class B>
  constexpr decltype(auto) with(B&& b) const {
    return Change::apply(on(Number), std::forward<A>(a), std::forward<B>(b));
  }

  template <class B>
  constexpr decltype(auto) operator<(B&& b) const {
    return with(std::forward<B>(b));
  }

  template <class B>
  constexpr decltype(auto) operator!=(B&& b) const {
    return with(std::forward<B>(b));
  }

  template <class B>
  constexpr decltype(auto) operator+(B&& b) const {
    return with(std::forward<B>(b));
  }
};

template <class A, int Number, class Change>
constexpr left<A, Number, Change> operator<(A&& a, tag<Number, Change>) {
  return {std::forward<A>(a)};
}

template <class A, int Number, class Change>
constexpr left<A, Number, Change> operator!=(A&& a, tag<Number, Change>) {
  return {std::forward<A>(a)};
}

template <class A, int Number, class Change>
constexpr left<A, Number, Change> operator+(A&& a, tag<Number, Change>) {
  return {std::forward<A>(a)};
}

/// The right operand of an assignment, which binds from the right.
template <class B, int Number, class Change>
struct right {
  B&& b;
};

template <class B, int Number, class Change>
constexpr right<B, Number, Change> operator+=(tag<Number, Change>, B&& b) {
  return {std::forward<B>(b)};
}

template <class A, class B, int Number, class Change>
constexpr decltype(auto) operator+=(A&& a, right<B, Number, Change> x) {
  return Change::apply(on(Number), std::forward<A>(a), std::forward<B>(x.b));
}

/// `++x` that becomes `--x`.
template <int Number, class T>
constexpr decltype(auto) up(T&& x) {
  if (on(Number))
    --x;
  else
    ++x;
  return (x);
}

template <int Number, class T>
constexpr const T& least(const T& a, const T& b) {
  return on(Number) ? std::max(a, b) : std::min(a, b);
}

template <int Number, class T, class Less>
constexpr const T& least(const T& a, const T& b, Less less) {
  return on(Number) ? std::max(a, b, less) : std::min(a, b, less);
}

template <int Number, class T>
constexpr T least(std::initializer_list<T> xs) {
  return on(Number) ? std::max(xs) : std::min(xs);
}

template <int Number, class T>
constexpr const T& most(const T& a, const T& b) {
  return on(Number) ? std::min(a, b) : std::max(a, b);
}

template <int Number, class T, class Less>
constexpr const T& most(const T& a, const T& b, Less less) {
  return on(Number) ? std::min(a, b, less) : std::max(a, b, less);
}

template <int Number, class T>
constexpr T most(std::initializer_list<T> xs) {
  return on(Number) ? std::min(xs) : std::max(xs);
}

} // namespace dfs_mutant
