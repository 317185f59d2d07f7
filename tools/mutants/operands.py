"""Where the operands of an operator begin and end. Needs no parser: brackets tell
it, and the blanks that clang-format puts around binary operators."""

import functools
import re

# Where an expression begins at the latest.
KEYWORDS = {"return", "co_return", "case", "throw", "else", "do"}


def code_of(source, comment="#"):
    """`source` with literals blanked by `#` and comments by `comment`, at the
    same columns."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)

    def blanked(match):
        sign = comment if match.group().startswith("/") else "#"
        return re.sub(r"[^\n]", sign, match.group())
    return pattern.sub(blanked, source)


@functools.lru_cache(maxsize=64)
def parsed(source):
    """`Code` of the text; each file is asked for once a change."""
    return Code(source)


class Code:
    """The code of a file, and which bracket of it belongs to which."""

    def __init__(self, source):
        self.text = code_of(source, " ")
        self.pairs = {}
        opened = []
        for at, sign in enumerate(self.text):
            if sign in "([{" or (sign == "<" and self.is_bracket(at)):
                opened.append(at)
            elif sign in ")]}":
                while opened and self.text[opened[-1]] == "<":
                    opened.pop()
                if opened:
                    self.pair(opened.pop(), at)
            elif sign == ">" and self.text[at - 1] not in " -\n":
                if opened and self.text[opened[-1]] == "<":
                    self.pair(opened.pop(), at)

    def pair(self, opening, closing):
        self.pairs[opening] = closing
        self.pairs[closing] = opening

    def is_bracket(self, at):
        """Of a template: clang-format puts blanks around a comparison."""
        return (re.match(r"\w", self.text[at - 1])
                and self.text[at + 1] not in " =<\n")

    def ends_operand(self, at, weaker):
        """Whether the character belongs to an operator that binds less than the
        one whose operand is wanted; `weaker` names those of `&&` and `||`."""
        text = self.text
        sign, before, after = text[at], text[at - 1], text[at + 1:at + 2]
        if sign in ",;?":
            return True
        if sign == ":":
            return before != ":" and after != ":"
        if sign == "=":
            return after != "=" and before not in "=!<>"
        return (text[at:at + 2] in weaker and before in " \n"
                and text[at + 2:at + 3] in (" ", "\n"))

    def right_end(self, at, weaker):
        """Behind the last character of the operand that begins at `at`."""
        begun = at
        while at < len(self.text):
            if self.text[at] in ")]}" or self.ends_operand(at, weaker):
                break
            at = self.pairs[at] + 1 if self.pairs.get(at, -1) > at else at + 1
        return begun + len(self.text[begun:at].rstrip())

    def left_start(self, at, weaker):
        """Of the operand whose last character stands before `at`."""
        ended = at
        while at > 0:
            at -= 1
            sign = self.text[at]
            if sign in "([{" or (sign == "<" and at in self.pairs):
                at += 1
                break
            if at in self.pairs:
                at = self.pairs[at]
                continue
            # The second character of && and || has been seen as part of them.
            if self.ends_operand(at, weaker):
                at += 2 if sign in "&|" else 1
                break
            word = re.search(r"\b[a-z_]+\b$", self.text[max(0, at - 12):at + 1])
            if word and word.group() in KEYWORDS and not re.match(
                    r"\w", self.text[at + 1:at + 2]):
                at += 1
                break
        return ended - len(self.text[at:ended].lstrip())

    def unary_end(self, at):
        """Behind the operand of a unary operator: a name and what is called,
        indexed or reached through it."""
        text = self.text
        while text[at] in "*!&~-+":
            at += 1
        if text[at] == "(":
            at = self.pairs[at] + 1
        while True:
            step = re.compile(r"(?:::|\.|->)?~?[A-Za-z_]\w*").match(text, at)
            if step:
                at = step.end()
            elif text[at] in "([{<" and at in self.pairs:
                at = self.pairs[at] + 1
            else:
                return at

    def level(self, start, end):
        """The text between them, without what stands in brackets."""
        out = []
        while start < end:
            if self.pairs.get(start, -1) > start:
                start = self.pairs[start]
            out.append(self.text[start])
            start += 1
        return "".join(out)

    def of_logic(self, at):
        """(start of the left, end of the left, start of the right, end of the
        right operand) of the `&&` or `||` at `at`."""
        is_and = self.text[at] == "&"
        begin = re.compile(r"\s*").match(self.text, at + 2).end()
        return (self.left_start(at, ("||",) if is_and else ()),
                len(self.text[:at].rstrip()), begin,
                self.right_end(begin, ("||", "&&") if is_and else ("||",)))
