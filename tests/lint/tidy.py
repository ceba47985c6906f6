"""clang-tidy over files and batches of files of build/lint. What passed is not looked at again, in
whichever checkout, until it, something it includes, the tool or a library differs.

tidy.py JOBS FILE…: from the checkout's root; FILE as compile_commands.json has it."""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

root = os.getcwd()
database = "build/lint"
remembered = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache",
                          "sluice/tidy")
most_remembered = 8  # of one file: branches differ


def without_root(text):
    return text.replace(root + "/", "")


@functools.cache
def content(name):
    """Of a file below the root, as any checkout has it: a batch names its files in full."""
    try:
        return hashlib.sha256(without_root(pathlib.Path(name).read_text()).encode()).hexdigest()
    except OSError:
        return "none"


@functools.cache
def of_all():
    """What counts for each file: the tool, its settings, and Debian's libraries."""
    said = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    packages = subprocess.run(["dpkg-query", "-W", "*-dev"], capture_output=True).stdout
    return said + packages + pathlib.Path(".clang-tidy").read_bytes()


def key(command, includes):
    digest = hashlib.sha256(of_all() + without_root(command).encode())
    for name in includes:
        digest.update(f"{name} {content(name)}\n".encode())
    return digest.hexdigest()


def includes_of(command):
    """What the preprocessor reads of ours, relative to the root."""
    words = shlex.split(command)
    at = words.index("-o")
    del words[at:at + 2]
    rule = subprocess.run([*words, "-MM"], cwd=database, capture_output=True, text=True,
                          check=True).stdout
    names = shlex.split(rule.partition(":")[2].replace("\\\n", " "))
    return sorted(os.path.relpath(os.path.join(database, name), root) for name in names)


def look(file, command):
    """Whether clang-tidy finds nothing."""
    memory = remembered / without_root(file).replace("/", "%")
    for kept in memory.glob("*"):
        if key(command, kept.read_text().splitlines()) == kept.name:
            os.utime(kept)
            return True
    ran = subprocess.run(["clang-tidy", "--quiet", "-p", database, file], capture_output=True,
                         text=True)
    sys.stderr.write("".join(line for line in ran.stderr.splitlines(keepends=True)
                             if "warnings generated" not in line))
    sys.stdout.write(ran.stdout)
    if ran.returncode != 0:
        return False
    includes = includes_of(command)
    memory.mkdir(parents=True, exist_ok=True)
    (memory / key(command, includes)).write_text("\n".join(includes))
    for old in sorted(memory.glob("*"), key=os.path.getmtime)[:-most_remembered]:
        old.unlink()
    return True


def main():
    commands = {entry["file"]: entry["command"]
                for entry in json.loads(pathlib.Path(database, "compile_commands.json").read_text())}
    with concurrent.futures.ThreadPoolExecutor(int(sys.argv[1])) as pool:
        passed = list(pool.map(lambda file: look(file, commands[os.path.join(root, file)]), sys.argv[2:]))
    sys.exit(not all(passed))


main()
