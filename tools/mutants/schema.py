"""Puts many changes of one operator into one text, of which a variable of the
environment chooses one: the program is built once instead of once for each.
The technique is Untch, Offutt and Harrold's (mutant schemata, 1993).

Most operators keep their place: `a < b` becomes `a < tag < b`, where the tag
names the change, so that precedence is the compiler's business. `&&`, `||`,
`!` and `++` need the extent of their operands, which is found by brackets and
by the blanks that clang-format puts around binary operators."""

import re

from mutants.operands import parsed

HEADER = "mutants.hpp"

# Old operator -> (operator of the same precedence that binds the tag, change).
TAGGED = {
    "<": ("<", "less"), "<=": ("<", "less_equal"),
    ">": ("<", "greater"), ">=": ("<", "greater_equal"),
    "==": ("!=", "equal"), "!=": ("!=", "unequal"),
    "+": ("+", "plus"), "-": ("+", "minus"),
    "+=": ("+=", "add"), "-=": ("+=", "subtract"),
}
CALLS = {"std::min(": "least", "std::max(": "most"}


def edits_of(mutant, number, code, begin):
    """[(position, rank, length to replace, text)] that put the change into the
    text, or None if this kind of change can not be put there. Of equal
    positions the lower rank comes first: what ends before what begins, the
    inner end before the outer, the outer beginning before the inner."""
    at = begin + len(mutant.old) - len(mutant.old.lstrip())
    old = mutant.old.strip()

    def opens(start, end, text, length=0):
        return (start, (1, -end), length, text)

    def closes(start, end, text):
        return (end, (0, -start), 0, text)

    def instead(text):
        return [(at, (2, 0), len(old), text)]

    on = f"dfs_mutant::on({number})"
    if old in TAGGED:
        sign, change = TAGGED[old]
        tag = f"dfs_mutant::tag<{number}, dfs_mutant::{change}>{{}}"
        return instead(f"{sign} {tag} {sign}")
    if old in ("&&", "||"):
        # x ^ ((x ^ a) && (x ^ b)) is a && b, and a || b if x is true.
        start, _, _, end = code.of_logic(at)
        return [opens(start, end, f"({on} != (({on} != bool("),
                *instead(f")) {old} ({on} != bool("),
                closes(start, end, "))))")]
    if old in CALLS:
        return instead(f"dfs_mutant::{CALLS[old]}<{number}>(")
    if old in ("true", "false"):
        return instead(f"({on} != {old})")
    if old == "continue":
        return instead(f"if ({on}) break; else continue")
    if old == "!":
        end = code.unary_end(at + 1)
        return [opens(at, end, f"({on} != "), closes(at, end, ")")]
    if old == "++" and re.match(r"[\w(*]", code.text[at + 2]):
        end = code.unary_end(at + 2)
        return [(at, (2, 0), 2, f"dfs_mutant::up<{number}>("),
                closes(at, end, ")")]
    return None


def schema_of(name, source, numbered):
    """The text of a file with all changes of `numbered`, {number: mutant}, and
    the numbers of those that could not be put into it. Lines keep their
    numbers."""
    code = parsed(source)
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    edits, left_out = [], []
    for number, mutant in numbered.items():
        found = edits_of(mutant, number, code,
                         starts[mutant.line - 1] + mutant.column)
        if found is None:
            left_out.append(number)
        else:
            edits += found
    out, done = [], 0
    for at, _, length, text in sorted(edits, key=lambda edit: edit[:2]):
        out += [source[done:at], text]
        done = at + length
    out.append(source[done:])
    head = f'#include "{HEADER}"\n#line 1 "{name}"\n'
    return head + "".join(out), left_out
