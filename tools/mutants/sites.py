"""Where a source file can be changed by one operator, and into what."""

import dataclasses
import pathlib
import re

from mutants.operands import code_of, parsed

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# The changes that a person has shown to change nothing.
EXPLAINED = "tests/equivalent_mutants.txt"

# Operator as clang-format writes it -> what stands there instead. The blanks
# tell an operator from a template bracket, a reference or a sign.
SWAPS = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ",
    " == ": " != ", " != ": " == ", " && ": " || ", " || ": " && ",
    " + ": " - ", " - ": " + ", " += ": " -= ", " -= ": " += ",
    "++": "--", "std::min(": "std::max(", "std::max(": "std::min(",
}
WORDS = {"true": "false", "false": "true", "continue": "break"}
NEGATION = re.compile(r"(?<![\w)\]])!(?=[\w(])")


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One changed operator. `line` counts from 1, `column` from 0."""
    path: str
    line: int
    column: int
    old: str
    new: str
    text: str  # The line as it stands, without blanks around it.

    def in_source(self, source):
        """`source`, the text of the file, with this change. Operands stay what
        they are: the first `&&` of `a && b && c` becomes `(a || b) && c`."""
        lines = source.split("\n")
        begin = sum(len(x) + 1 for x in lines[:self.line - 1]) + self.column
        end = begin + len(self.old)
        pieces = [(begin, end, self.new)]
        if self.old.strip() in ("&&", "||"):
            code = parsed(source)
            at = begin + len(self.old) - len(self.old.lstrip())
            start, left, _, right = code.of_logic(at)
            after = code.text[right:].lstrip()[:2]
            if self.old.strip() == "&&" and after == "&&":
                pieces += [(start, start, "("), (right, right, ")")]
            if self.old.strip() == "||" and "||" in code.level(start, left):
                pieces += [(start, start, "("), (left, left, ")")]
        for begin, end, text in sorted(pieces, reverse=True):
            source = source[:begin] + text + source[end:]
        return source

    @property
    def changed(self):
        source = self.in_source((ROOT / self.path).read_text())
        return source.split("\n")[self.line - 1].strip()

    @property
    def key(self):
        """Survives a move of the line, but not a change of it."""
        return f"{self.path} | {self.text} | {self.changed}"

    @property
    def place(self):
        """Of one change in one text of the file."""
        return f"{self.path}:{self.line}:{self.column}"

    def __str__(self):
        return f"{self.path}:{self.line}\n    - {self.text}\n    + {self.changed}"


def without_assertions(code):
    """Blanks assertions: a weaker one cannot fail a test, by its nature."""
    out, depth = list(code), 0
    at = code.find("DFS_ASSERT(")
    while at >= 0:
        depth, end = 0, at + len("DFS_ASSERT")
        while end < len(code):
            depth += (code[end] == "(") - (code[end] == ")")
            if depth == 0:
                break
            end += 1
        for i in range(at, min(end + 1, len(code))):
            if out[i] != "\n":
                out[i] = "#"
        at = code.find("DFS_ASSERT(", end)
    return "".join(out)


def spots_of(line):
    """(column, old, new) of every possible change of one line of code."""
    spots = [(m.start(), old, new)
             for old, new in SWAPS.items()
             for m in re.finditer(re.escape(old), line)]
    spots += [(m.start(), old, new)
              for old, new in WORDS.items()
              for m in re.finditer(rf"\b{old}\b", line)]
    spots += [(m.start(), "!", "") for m in NEGATION.finditer(line)]
    # An operator that clang-format put at the start of a line.
    first = re.match(r"\s*(&&|\|\||[<>=!]=|[<>+-]) ", line)
    if first:
        old = first.group(1)
        new = SWAPS.get(f" {old} ", "").strip()
        if new:
            spots.append((first.start(1), old, new))
    spots = {s[0]: s for s in spots if not (
        first and s[1].startswith(" ") and s[0] == first.start(1) - 1)}
    return sorted(spots.values())


def mutants_in(name, source):
    """Every possible change of the text of one source file."""
    found = []
    lines = without_assertions(code_of(source)).split("\n")
    originals = source.split("\n")
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if bare.startswith(("#", "template", "static_assert", "using ")):
            continue
        if "= default" in line or "operator" in line:
            continue
        found += [Mutant(name, number, column, old, new,
                         originals[number - 1].strip())
                  for column, old, new in spots_of(line)]
    return found


def mutants_of(path):
    """Every possible change of one source file."""
    return mutants_in(str(path.relative_to(ROOT)), path.read_text())
