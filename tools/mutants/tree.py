"""The copy of the project in which changes are built."""

import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile

from mutants.schema import HEADER, schema_of
from mutants.sites import EXPLAINED, ROOT

WORK = ROOT / "build" / "mutate"
TREE = WORK / "tree"
BUILD = TREE / "build" / "dev"
PROGRAMS = ("core_test", "sim_test")
# What the two test programs are built from.
COPIED = ("CMakeLists.txt", "CMakePresets.json", "cmake", "src", "tests")
PARTS = pathlib.Path(__file__).resolve().parent


def own_files():
    """{path in the tree: content} of everything that is copied."""
    files = {}
    for top in COPIED:
        base = ROOT / top
        for file in [base] if base.is_file() else sorted(base.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                files[str(file.relative_to(ROOT))] = file.read_bytes()
    listener = (PARTS / "reach_listener.cpp").read_bytes()
    files["src/" + HEADER] = (PARTS / HEADER).read_bytes()
    for folder in ("core", "sim"):
        files[f"tests/{folder}/reach_listener_test.cpp"] = listener
    return files


def digest():
    """Of everything that decides whether a change is noticed."""
    state = hashlib.sha256()
    for name, data in sorted(own_files().items()):
        if name.endswith((".md", ".py")) or name == EXPLAINED:
            continue
        state.update(f"{name} {len(data)} ".encode() + data)
    return state.hexdigest()


def write_tree(changed):
    """Brings the tree up to date, `changed` being {path: text} of the files
    that differ. A file that stays keeps its time stamp, so that little is
    built."""
    files = own_files() | {name: text.encode()
                           for name, text in changed.items()}
    for name, data in files.items():
        target = TREE / name
        if target.exists() and target.read_bytes() == data:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    for top in ("src", "tests"):
        for file in (TREE / top).rglob("*"):
            if file.is_file() and str(file.relative_to(TREE)) not in files:
                file.unlink()


def build(targets=PROGRAMS, keep_going=False):
    """Whether the targets could be built, and what was printed."""
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "dev"], cwd=TREE, check=True,
                       stdout=subprocess.DEVNULL)
    done = subprocess.run(
        ["cmake", "--build", BUILD, "-j", str(os.cpu_count() or 1),
         "--target", *targets, *(["--", "-k", "0"] if keep_going else [])],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


def blamed(output, mutants):
    """Which of {number: mutant} a compiler's errors speak of: those of a line
    that an error or a note of it names, or else those of the file."""
    lines = {(m.path, m.line): [] for m in mutants.values()}
    for number, mutant in mutants.items():
        lines[(mutant.path, mutant.line)].append(number)
    guilty, files = set(), set()
    of_error = []
    for found in re.finditer(
            r"(src/core/[\w/]+\.[ch]pp):(\d+):\d+: (error|note|warning)|"
            r": (error|fatal error): ", output):
        if found.group(3) != "note":
            of_error = []
        if found.group(1):
            of_error.append((found.group(1), int(found.group(2))))
            files.add(found.group(1))
            guilty.update(lines.get(of_error[-1], ()))
    return guilty or {number for number, mutant in mutants.items()
                      if mutant.path in files}


def build_schema(mutants):
    """Builds {number: mutant} into the test programs and returns the numbers
    of those that are in them; ends the program if not even an unchanged tree
    can be built."""
    inside = dict(mutants)
    while True:
        texts = {}
        for path in {m.path for m in inside.values()}:
            here = {n: m for n, m in inside.items() if m.path == path}
            texts[path], left_out = schema_of(
                path, (ROOT / path).read_text(), here)
            for number in left_out:
                del inside[number]
        write_tree(texts)
        # The library first: a change in a header that does not compile would
        # have all tests built twice.
        built, output = build(["dfs_core"], keep_going=True)
        if built:
            built, output = build(keep_going=True)
        if built:
            return set(inside)
        guilty = blamed(output, inside)
        if not guilty:
            raise SystemExit(
                f"mutate: the tests do not build\n{output[-3000:]}")
        inside = {n: m for n, m in inside.items() if n not in guilty}


def object_of(path, text):
    """What the compiler makes of `text` in the place of `path`, without debug
    lines, which name columns; None if it makes nothing of it, empty for a
    header."""
    entries = json.loads((BUILD / "compile_commands.json").read_text())
    commands = [shlex.split(e["command"]) for e in entries
                if e["file"] == str(TREE / path)]
    if not commands:
        return b""
    words = commands[0][:commands[0].index("-o")] + ["-g0", "-w"]
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        made = pathlib.Path(folder) / "made.o"
        done = subprocess.run(
            [*words, "-o", made, "-c", "-x", "c++", "-"], input=text, text=True,
            cwd=BUILD, env={**os.environ, "CCACHE_DISABLE": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return made.read_bytes() if done.returncode == 0 else None


def verdict_of_compiler(mutant):
    """equal (the compiler makes the same of it), broken (it does not compile)
    or None."""
    source = (ROOT / mutant.path).read_text()
    changed = object_of(mutant.path, mutant.in_source(source))
    if changed is None:
        return "broken"
    if changed and changed == object_of(mutant.path, source):
        return "equal"
    return None
