"""Runs the unit tests with the oldest or newest libraries: ``versions.py oldest|newest [3.X …]``.

The oldest are those of pyproject.toml and of the instrumentation's own table of libraries. Without
a version the oldest run on the oldest Python found, the newest on every one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from opentelemetry.instrumentation.oauth.hooks.registry import LIBRARIES

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
UNIT = "not integration and not soak"
ENVIRONMENTS = ROOT / ".venvs"
IGNORED = tuple(f"--ignore=tests/{each}" for each in ("integration", "packaging", "demo"))
OVERRIDES = "h11 >= 0.16"
"""The oldest httpx asks for an h11 that httpx2 excludes; it works with this one."""


class Run(NamedTuple):
    """One environment in which the unit tests run."""

    name: str
    python: Path
    requirements: list[str]
    options: list[str]


def oldest(pythons: dict[str, Path]) -> Iterator[Run]:
    """Each library in the oldest version that we allow."""
    watched = {library.name: ".".join(map(str, library.oldest)) for library in LIBRARIES}
    overrides = ENVIRONMENTS / "overrides.txt"
    overrides.parent.mkdir(exist_ok=True)
    overrides.write_text(OVERRIDES)
    wanted = ["--overrides", str(overrides), "--group", "tools", "flask", *_floors()]
    wanted += [f"{name} == {version}" for name, version in watched.items()]
    # Old versions use what later Pythons and libraries deprecate: that is no error of ours. The
    # oldest httpx wants a running loop, which a coroutine that is driven by hand and dropped has
    # not; the doctor's tests fake an environment of today's OpenTelemetry.
    options = [
        "-W",
        "default",
        "--ignore=tests/doctor",
        "-k",
        "not dropped and not collector_finds",
    ]
    for version, python in pythons.items():
        yield Run(f"oldest-{version}", python, wanted, options)


def newest(pythons: dict[str, Path]) -> Iterator[Run]:
    """Everything in its newest version."""
    for version, python in pythons.items():
        yield Run(f"newest-{version}", python, ["--upgrade", "--group", "test"], [])


def _floors() -> list[str]:
    """Give ``name == floor`` for everything that the package itself requires."""
    required = map(Requirement, requires("opentelemetry-instrumentation-oauth") or ())
    return [
        f"{requirement.name} == {specifier.version}"
        for requirement in required
        for specifier in requirement.specifier
        if specifier.operator == ">=" and requirement.name.startswith(("opentelemetry", "wrapt"))
    ]


def find_pythons(wanted: list[str]) -> dict[str, Path]:
    """Find interpreters on the PATH, and those that pyenv or uv have installed."""
    places = [Path(place) for place in os.get_exec_path()]
    places += sorted((Path.home() / ".local/share/uv/python").glob("*/bin"))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places += sorted((pyenv / "versions").glob("*/bin"))
    found: dict[str, Path] = {}
    for version in wanted:
        for place in places:
            python = place / f"python{version}"
            if python.exists() and _works(python):
                found[version] = python
                break
    return found


def _works(python: Path) -> bool:
    program = "import ctypes, ssl, venv"  # pyenv's shims and half-built interpreters do not
    done = subprocess.run([python, "-c", program], capture_output=True, check=False)
    return done.returncode == 0


def run(one: Run) -> str:
    """Make the environment and test in it; give a line for the table."""
    print(f"\n=== {one.name}", flush=True)
    environment = ENVIRONMENTS / one.name
    began = time.monotonic()
    made = subprocess.run(
        [one.python, ROOT / "scripts/environment.py", environment, "-e", ".", *one.requirements],
        check=False,
    )
    if made.returncode:
        return "could not be installed"
    command = [environment / "bin/python", "-m", "pytest", "-q", "-m", UNIT, *IGNORED, *one.options]
    tested = subprocess.run(command, cwd=ROOT, check=False)
    took = time.monotonic() - began
    return ("passed" if tested.returncode == 0 else "FAILED") + f" in {took:.0f} s"


def main(arguments: list[str]) -> int:
    """Run what is asked for; give the exit code."""
    if not arguments or arguments[0] not in ("oldest", "newest"):
        print(__doc__, file=sys.stderr)
        return 2
    kind, *wanted = arguments
    pythons = find_pythons(wanted or list(PYTHONS))
    missing = [version for version in wanted or PYTHONS if version not in pythons]
    if kind == "oldest" and not wanted:
        pythons = dict(list(pythons.items())[:1])
        missing = []
    results = {one.name: run(one) for one in (oldest if kind == "oldest" else newest)(pythons)}
    print()
    for name, result in results.items():
        print(f"{name:24} {result}")
    for version in missing:
        print(f"{'python ' + version:24} not on this machine")
    unfit = (wanted and missing) or not results
    return 1 if unfit or any(not result.startswith("passed") for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
