#!/usr/bin/env python3
"""clang-tidy over source files, on all processors, keeping in mind what it has already passed.

    scripts/tidy.py BUILD_FOLDER FILE...

A file is passed once clang-tidy had nothing to say of it. It is looked at again when anything changes
that the verdict depends on: the file, what it includes, how it is compiled, the checks, clang-tidy
itself. Verdicts are kept in ~/.cache/darkroom/tidy; an interrupted run goes on where it was.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

CLANG, TIDY = "clang++-19", "clang-tidy-19"
# The build's flags are g++'s: clang does not know all of its warnings.
UNKNOWN_WARNINGS = "-Wno-unknown-warning-option"
FINDING = re.compile(r"^(/[^:\n]+):\d+:\d+: (?:error|warning): .*\[([a-z]+-[a-z]+)", re.MULTILINE)
TOP = pathlib.Path(__file__).resolve().parent.parent
VERDICTS = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "darkroom" / "tidy"


def output_of(command, folder=TOP):
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"tidy: {' '.join(command)}:\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def fingerprint(entry, version):
    """SHA-256 of all that clang-tidy's verdict depends on; the same for every checkout of the same text."""
    arguments = shlex.split(entry["command"])[1:]
    without_output = arguments[: arguments.index("-o")] if "-o" in arguments else arguments
    # -C keeps comments (NOLINT), the markers of lines keep who includes what.
    preprocess = [CLANG, *without_output, UNKNOWN_WARNINGS, "-w", "-E", "-C", entry["file"]]
    parts = [
        version,
        output_of([TIDY, "--dump-config", entry["file"]]),
        " ".join(without_output).encode(),
        pathlib.Path(entry["file"]).read_bytes(),
        output_of(preprocess, entry["directory"]),
    ]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.replace(bytes(TOP), b"TOP"))
        digest.update(b"\0")
    return digest.hexdigest()


def counts(path, check):
    """Whether a finding is about our code; what does not compile always counts."""
    return pathlib.Path(path).is_relative_to(TOP) or check != "clang-analyzer"


def look_at(entry, build, version):
    """What clang-tidy says of the file; empty if nothing, now or the last time."""
    verdict = VERDICTS / fingerprint(entry, version)
    if verdict.exists():
        return ""
    tidy = subprocess.run(
        [TIDY, "-p", build, "--quiet", "--warnings-as-errors=*", f"--extra-arg={UNKNOWN_WARNINGS}", entry["file"]],
        cwd=TOP, capture_output=True, text=True, check=False)
    # clang-tidy leaves out what it finds in other people's headers, but not when the analyzer's path begins in
    # our file: of a coroutine it takes the frame for uninitialised, and says so of Asio's awaitable.hpp.
    findings = FINDING.findall(tidy.stdout)
    errors = re.findall(r"^[^\n]*: (?:error|warning): ", tidy.stdout, re.MULTILINE)
    left_out = len(findings) == len(errors) > 0 and not any(counts(*finding) for finding in findings)
    if tidy.returncode == 0 or left_out:
        verdict.touch()
        return ""
    # Beside findings, stderr holds only how many were not shown.
    return tidy.stdout or tidy.stderr


def main(build, files):
    VERDICTS.mkdir(parents=True, exist_ok=True)
    version = output_of([TIDY, "--version"])
    entries = {entry["file"]: entry for entry in json.loads((TOP / build / "compile_commands.json").read_text())}
    paths = [str(TOP / file) for file in files]
    not_built = [path for path in paths if path not in entries]
    if not_built:
        sys.exit("tidy: not part of the build: " + ", ".join(not_built))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as processors:
        looks = {processors.submit(look_at, entries[path], build, version): path for path in paths}
        for count, look in enumerate(concurrent.futures.as_completed(looks), 1):
            said = look.result()
            if said:
                failed += 1
                print(said, flush=True)
            if count % 20 == 0 or count == len(paths):
                print(f"tidy: {count} of {len(paths)} files, {failed} with findings", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
