#!/usr/bin/env python3
"""Checks what CONTRIBUTING.md says and a compiler does not: who includes whom,
banned names, sizes, and links in documents. Prints one line per fault,
`file:line: what`, and ends with 1 if there is any."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Folder -> folders it may include besides itself; the table of CONTRIBUTING.md.
LAYERS = {
    "base": set(),
    "messages": {"base"},
    "wire": {"base"},
    "core": {"messages", "base"},
    "net": {"wire", "base"},
    "storage": {"messages", "wire", "base"},
    "settings": {"core", "net", "wire", "messages", "base"},
    "client": {"core", "net", "wire", "messages", "base"},
    "chunkserver": {"core", "net", "storage", "wire", "messages", "base"},
    "fileserver": {"chunkserver", "core", "net", "storage", "wire", "messages",
                   "base"},
    "actors": {"core", "net", "storage", "chunkserver", "fileserver", "wire",
               "messages", "base"},
    "admin": {"client", "settings", "wire", "messages", "base"},
    "roles": {"actors", "admin", "client", "settings", "chunkserver",
              "fileserver", "storage", "core", "net", "wire", "messages",
              "base"},
    "main.cpp": {"roles", "admin", "settings", "base"},
}

# Third-party include prefix -> where it may stand (path prefixes under src/).
THIRD_PARTY = {
    "caf/meta/type_name.hpp": ("messages/", "actors/", "roles/"),
    "caf/": ("messages/type_ids.hpp", "messages/register.", "actors/",
             "roles/"),
    "boost/": ("net/", "client/", "chunkserver/", "fileserver/", "roles/", "actors/support/"),
    "rocksdb/": ("storage/",),
    "openssl/": ("wire/", "net/", "settings/"),
    "toml++/": ("settings/",),
    "spdlog/": ("actors/", "roles/"),
    "CLI/": ("admin/",),
    "histedit.h": ("admin/",),
    "nlohmann/": ("admin/",),
    "isa-l": ("base/",),
}

# Where the clock may be read; everything else takes time as an argument.
CLOCKS = ("src/base/time", "src/net/", "src/roles/", "src/client/",
          "src/chunkserver/", "src/fileserver/", "src/storage/",
          "src/admin/", "src/actors/support/", "tests/")

# Pattern -> (why not, path prefixes where it is allowed).
BANNED = {
    r"\bsleep_for\b|\busleep\(|\bsleep_until\b":
        ("wait for a condition instead", ()),
    r"\bsteady_clock::now\b|\bsystem_clock\b":
        ("time is an argument", CLOCKS),
    r"(?<![\w:])s?rand\(|\bstd::random_device\b":
        ("randomness comes from an rng& argument",
         ("src/base/", "src/net/", "src/roles/")),
    r"\bstd::shuffle\b|\bstd::\w+_distribution\b":
        ("differs between standard libraries", ()),
    r"\bstd::cout\b|(?<![\w:])printf\(":
        ("print through admin/output",
         ("src/admin/", "src/roles/", "src/base/assert", "tests/")),
}
UNFINISHED = r"\bTODO\b|\bFIXME\b|\bXXX\b|\bHACK\b"

# Where codes for operators are written: words in capitals.
CODES = ("src/core/", "src/admin/fsck/", "src/admin/fileserver_health")

LINES_MAX = {".hpp": 250, ".cpp": 500}
TEST_LINES_MAX = 600
COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 60

faults = []


def fault(path, line, what):
    faults.append(f"{path.relative_to(ROOT)}:{line}: {what}")


def project_files():
    """The files git knows or would add: build output is never looked at."""
    out = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others",
         "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in out.splitlines()
            if (ROOT / name).is_file()]


def check_includes(path, lines):
    place = path.relative_to(ROOT / "src")
    folder = place.parts[0]
    if folder not in LAYERS:
        fault(path, 1, f"folder '{folder}' is not in the layer table")
        return
    for number, line in enumerate(lines, 1):
        own = re.match(r'#include "([^"]+)"', line)
        if own:
            target = own.group(1).split("/")[0]
            if target != folder and target not in LAYERS[folder]:
                fault(path, number, f"{folder} may not include {target}")
        other = re.match(r"#include <([^>]+)>", line)
        if other:
            check_third_party(path, number, str(place), other.group(1))


def check_third_party(path, number, place, header):
    for prefix, places in THIRD_PARTY.items():
        if header.startswith(prefix):
            if not place.startswith(places):
                fault(path, number, f"<{header}> may not stand here")
            return


def without_comment(line):
    return re.sub(r"(?<!:)//.*", "", line)


def check_text(path, lines):
    name = str(path.relative_to(ROOT))
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            fault(path, number,
                  f"{len(line)} columns, the limit is {COLUMNS_MAX}")
        if line != line.rstrip():
            fault(path, number, "trailing space")
        if re.search(UNFINISHED, line):
            fault(path, number, "open an issue instead of a mark")
        code = without_comment(line)
        for pattern, (why, allowed) in BANNED.items():
            found = re.search(pattern, code)
            if found and not (allowed and name.startswith(allowed)):
                fault(path, number, f"'{found.group(0)}': {why}")
    limit = (TEST_LINES_MAX if name.startswith("tests/")
             else LINES_MAX[path.suffix])
    if len(lines) > limit:
        fault(path, len(lines), f"{len(lines)} lines, the limit is {limit}")


def check_functions(path, lines):
    """Functions as clang-format lays them out: the line that opens one ends
    with '{' after a parameter list, and '}' in its column closes it."""
    for number, line in enumerate(lines, 1):
        opens = re.match(
            r"( *)(?!.*\b(namespace|class|struct|enum|if|for|while|switch|else|"
            r"do|try|catch)\b).*\)( const)?( noexcept)?( override)?"
            r"( -> [\w:<>, ]+)? \{$", line)
        if not opens or "[" in line and "](" in line:
            continue
        closing = None
        for later in range(number, len(lines)):
            if re.match(r" *\}[;,)]*$", lines[later]) and (
                    len(lines[later]) - len(lines[later].lstrip())
                    <= len(opens.group(1))):
                closing = later + 1
                break
        if closing and closing - number > FUNCTION_LINES_MAX:
            fault(path, number, f"function of {closing - number} lines, "
                                f"the limit is {FUNCTION_LINES_MAX}")


def check_links(path, text):
    """Relative links of documents lead somewhere."""
    for match in re.finditer(r"\]\(([^)#:\s]+)(#[^)]*)?\)", text):
        if not (path.parent / match.group(1)).exists():
            line = text[:match.start()].count("\n") + 1
            fault(path, line, f"link to {match.group(1)}, which is not there")


def check_layer_table():
    """CONTRIBUTING.md tells people what LAYERS tells this program."""
    path = ROOT / "CONTRIBUTING.md"
    rows = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        row = re.match(r"\| ([\w.]+) \| ([^|]+) \|", line)
        if row and row.group(1) != "folder":
            rows[row.group(1)] = (number, set(re.findall(r"\w+", row.group(2))))
    for folder in sorted(LAYERS.keys() | rows.keys()):
        number, told = rows.get(folder, (1, None))
        if told != LAYERS.get(folder):
            fault(path, number, f"'{folder}' is another row in tools/tidy.py")


def check_codes():
    """Every code that `status` and `fsck` print has a section in the runbook,
    and every section is about one of them."""
    path = ROOT / "docs/runbook.md"
    told = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        heading = re.match(r"### ([A-Z_]+)$", line)
        if heading:
            told[heading.group(1)] = number
    used = {}
    for source in project_files():
        place = str(source.relative_to(ROOT))
        if not place.startswith(CODES) or source.suffix != ".cpp":
            continue
        for number, line in enumerate(source.read_text("utf-8").splitlines(),
                                      1):
            for code in re.findall(r'"([A-Z][A-Z_]{3,})"', line):
                used.setdefault(code, (source, number))
    for code in sorted(used.keys() - told.keys()):
        fault(*used[code], f"{code} has no section in docs/runbook.md")
    for code in sorted(told.keys() - used.keys()):
        fault(path, told[code], f"nothing says {code}")


def check_kind(path):
    """Programs and other build output are made, never committed. Golden files
    are the only ones that nobody reads."""
    if path.is_relative_to(ROOT / "tests/golden"):
        return
    if b"\0" in path.read_bytes():
        fault(path, 1, "is no text")


def main():
    check_layer_table()
    check_codes()
    for path in project_files():
        check_kind(path)
        if path.suffix in (".hpp", ".cpp"):
            lines = path.read_text(encoding="utf-8").splitlines()
            check_text(path, lines)
            check_functions(path, lines)
            if path.is_relative_to(ROOT / "src"):
                check_includes(path, lines)
            if path.suffix == ".hpp" and "#pragma once" not in lines:
                fault(path, 1, "no #pragma once")
        elif path.suffix == ".md":
            check_links(path, path.read_text(encoding="utf-8"))
    print("\n".join(faults) or "tidy: nothing to say")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
