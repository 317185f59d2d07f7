#!/usr/bin/env python3
"""`./dev mutate` puts many changes into one text: chosen in it, each must do
what the same change does that is written out."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from mutants import schema, sites, tree  # noqa: E402

INCLUDES = """
#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>
"""

# As clang-format writes it. `said` counts the calls that a short circuit saves.
SAMPLE = """
int said = 0;
bool say(bool x) {
  said += 1;
  return x;
}
struct point {
  int x = 1;
  bool shown = true;
  point* self() {
    return this;
  }
  bool operator==(const point&) const = default;
};
template <class A, class B>
std::pair<A, B> both(A a, B b) {
  return {a, b};
}
int logic(bool a, bool b, bool c) {
  if (say(a) && say(b) && say(c))
    return 1;
  if (say(a) || (say(b) && !say(c)) || say(a && b))
    return 2;
  const auto any = say(a) // of three, and (none && of these
                   || say(b) || say(c);
  const bool first = both<bool, int>(b, 1).first && !both<bool, int>(a, 1).first;
  const auto chosen = a && b ? b || c : b && !c;
  const auto inner = [=](bool d) {
    return d && [&] { return c || d; }() && !(a && c);
  };
  for (auto i : {a && b, b || c})
    if (!i && say(c))
      return 3;
  return any ? 4 + first : inner(chosen) && b ? 5 : 6;
}
int arithmetic(int a, int b, unsigned c) {
  int sum = a + b - 3 * a + 1;
  sum += b - 2;
  sum -= a + 1;
  auto least = std::min(a, b) + std::max({a, b, 7});
  if (a < b + 1 && b >= a - 1)
    sum += std::max(a, b, std::greater<>{});
  if (c > 2 == (b <= 3))
    ++sum;
  return sum + least
         - (a != b ? 1 : 2);
}
std::string objects(int a) {
  std::set<int> seen{a, a + 1};
  point p;
  p.x = a;
  auto* at = &p;
  std::string text = "a";
  text += p == point{} ? "same" : "other";
  std::vector<int> left{1, 2, 3};
  auto it = left.begin() + 1;
  text += std::to_string(*++it);
  text += std::to_string(++at->self()->x * left[1]);
  if (!seen.contains(2) || !at->shown)
    text = "b" + text + '&';
  std::optional<int> known;
  if (a > 1)
    known = a;
  if (!known || *known == 2)
    text += "?";
  const auto from = std::chrono::seconds{a};
  if (from + std::chrono::seconds{1} > std::chrono::seconds{2})
    text += "late";
  return text;
}
int loops(int n) {
  int sum = 0;
  bool odd = false;
  for (int i : {1, 2, 3, 4, 5, 6}) {
    odd = !odd;
    if (i == n)
      continue;
    if (odd)
      sum += i;
    else
      continue;
    sum += 10;
  }
  return sum;
}
std::string outcome() {
  std::string text;
  for (int i : {0, 1, 2, 3, 4, 5, 6, 7}) {
    said = 0;
    text += std::to_string(logic((i & 1) != 0, (i & 2) != 0, (i & 4) != 0));
    text += ' ' + std::to_string(said) + ' ';
    text += std::to_string(arithmetic(i, 4, i)) + ' ';
    text += objects(i) + ' ' + std::to_string(loops(i)) + '|';
  }
  return text;
}
"""
# What the language does not allow to be changed in this way.
UNSUITED = """
constexpr int size(int n) {
  return n + 1;
}
constexpr auto three = size(2);
"""


def numbered(source):
    """{number: change} of all but what C++ does not know: a text less a text."""
    found = sites.mutants_in("src/core/sample.cpp", source)
    return {number: m for number, m in enumerate(found, 1)
            if not ("text" in m.text and m.old.strip() in ("+=", "+"))}


def program_of(text, folder):
    """Built from `text`, to be run with a change chosen."""
    (folder / "sample.cpp").write_text(text)
    done = subprocess.run(
        ["clang++", "-std=c++20", "-w", f"-I{ROOT / 'tools' / 'mutants'}",
         folder / "sample.cpp", "-o", folder / "sample"],
        capture_output=True, text=True)
    return folder / "sample" if done.returncode == 0 else None, done.stderr


def output_of(program, number=0):
    return subprocess.run(
        [program], env={**os.environ, "DFS_MUTANT": str(number)}, text=True,
        capture_output=True, check=True).stdout


class OneTextOfManyChanges(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def test_chosen_change_does_what_it_does_written_out(self):
        changes = numbered(SAMPLE)
        self.assertGreater(len(changes), 60)
        main = '#include <cstdio>\nint main() { std::puts(outcome().c_str()); }'
        text, left_out = schema.schema_of("src/core/sample.cpp", SAMPLE, changes)
        self.assertEqual(left_out, [])
        together, errors = program_of(INCLUDES + text + main, self.folder)
        self.assertIsNotNone(together, errors)

        # Every change in a namespace of its own: one program tells all.
        apart = INCLUDES + "#include <cstdio>\n"
        for number, change in {0: None, **changes}.items():
            source = change.in_source(SAMPLE) if change else SAMPLE
            apart += f"namespace n{number} {{\n{source}\n}}\n"
        calls = "".join(f"std::puts(n{number}::outcome().c_str());"
                        for number in (0, *changes))
        (self.folder / "apart").mkdir()
        written_out, errors = program_of(
            apart + f"int main() {{ {calls} }}", self.folder / "apart")
        self.assertIsNotNone(written_out, errors)

        expected = dict(zip((0, *changes),
                            output_of(written_out).splitlines()))
        noticed = 0
        for number, wanted in expected.items():
            with self.subTest(number=number,
                              line=getattr(changes.get(number), "text", "")):
                self.assertEqual(output_of(together, number).strip("\n"), wanted)
            noticed += wanted != expected[0]
        # Otherwise the sample would show nothing.
        self.assertGreater(noticed, len(changes) * 3 // 4)

    def test_change_that_can_not_be_put_in_is_named_by_the_compiler(self):
        source = SAMPLE + UNSUITED
        changes = numbered(source)
        text, _ = schema.schema_of("src/core/sample.cpp", source, changes)
        program, errors = program_of(
            INCLUDES + text + "int main() {}", self.folder)
        self.assertIsNone(program)
        blamed = {changes[i].text for i in tree.blamed(errors, changes)}
        self.assertEqual(blamed, {"return n + 1;"})


if __name__ == "__main__":
    unittest.main()
