"""Runs the own test suites of requests and httpx, without and with the instrumentation.

A test that passes without it and fails with it is a fault of ours, and so is an internal error that
we log. The suites come from the sdists; httpx2's has none, so httpx's runs with the module renamed.
Everything lies in ``.tools/peers``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools" / "peers"
PYTHON = TOOLS / "venv" / "bin" / "python"
PLUGIN = ROOT / "tests" / "peers"

REQUIREMENTS = [
    "requests[socks]==2.34.2",
    "pytest-httpbin==2.1.0",
    "httpbin~=0.10.0",
    "pytest-mock",
    "trustme",
    "httpx[brotli,cli,http2,socks,zstd]==0.28.1",
    "httpx2[brotli,cli,http2,socks,zstd]>=2",
    "chardet<6",
    "trio",
    "uvicorn",
    "cryptography",
    "opentelemetry-sdk",
]


class Suite(NamedTuple):
    """One library's own tests."""

    library: str
    sdist: str
    renamed: dict[str, str]
    """Modules that the tests name otherwise."""
    options: tuple[str, ...] = ()


SUITES = (
    Suite("requests", "requests==2.34.2", {}),
    Suite("httpx", "httpx==0.28.1", {}, ("-m", "not network")),
    Suite(
        "httpx2",
        "httpx==0.28.1",
        {"httpx": "httpx2", "httpcore": "httpcore2"},
        ("-m", "not network"),
    ),
)


def environment() -> None:
    """Install the libraries, what their suites need, and ourselves."""
    wanted = json.dumps(REQUIREMENTS)
    stamp = TOOLS / "installed"
    if not (stamp.exists() and stamp.read_text() == wanted and PYTHON.exists()):
        TOOLS.mkdir(parents=True, exist_ok=True)
        script = ROOT / "scripts" / "environment.py"
        directory = PYTHON.parents[1]
        command = [sys.executable, script, directory, "-e", ".", *REQUIREMENTS]
        subprocess.run(command, check=True)
        stamp.write_text(wanted)


def unpack(suite: Suite) -> Path:
    """Give a folder with the suite's tests and pytest's settings, and without the library."""
    archives = TOOLS / "sdists"
    pattern = f"{suite.sdist.replace('==', '-')}.tar.gz"
    if not (archives / pattern).exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run(
            [*pip, "--no-binary", ":all:", "--dest", archives, suite.sdist],
            check=True,
        )
    folder = TOOLS / suite.library
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with tarfile.open(archives / pattern) as archive:
        for member in archive:
            _, _, name = member.name.partition("/")
            if member.isfile() and (name == "pyproject.toml" or name.startswith("tests/")):
                content = archive.extractfile(member)
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(_renamed(suite, name, content.read() if content else b""))
    return folder


def _renamed(suite: Suite, name: str, content: bytes) -> bytes:
    if name.endswith(".py"):
        for old, new in suite.renamed.items():
            content = re.sub(rb"\b%b\b" % old.encode(), new.encode(), content)
    return content


def run(suite: Suite, folder: Path, *, watched: bool) -> dict[str, Any]:
    """Run a suite; give what the plugin reports."""
    report = TOOLS / f"{suite.library}-{'with' if watched else 'without'}.json"
    report.unlink(missing_ok=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environ |= {"PYTHONPATH": str(PLUGIN), "PEER_REPORT": str(report)}
    if watched:
        environ["PEER_WATCHED"] = "1"
    pytest = [PYTHON, "-m", "pytest", "-p", "peer_plugin", "-p", "no:cacheprovider"]
    subprocess.run(
        [*pytest, "-q", "-rf", "--tb=line", "tests", *suite.options],
        cwd=folder,
        env=environ,
        stdout=(TOOLS / f"{report.stem}.log").open("w"),
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=900,
        check=False,
    )
    if not report.exists():
        sys.exit(f"{suite.library}'s suite did not run; see {TOOLS / report.stem}.log")
    told: dict[str, Any] = json.loads(report.read_text())
    return told


def count(told: dict[str, Any], outcome: str) -> int:
    """Count the tests with an outcome."""
    return sum(each == outcome for each in told["outcomes"].values())


def main() -> int:
    """Run all suites, print the table; give the exit code."""
    environment()
    rows = ["suite      passed before/with   failed before/with   new   internal errors   seconds"]
    bad: list[str] = []
    for suite in SUITES:
        began = time.monotonic()
        folder = unpack(suite)
        without = run(suite, folder, watched=False)
        watched = run(suite, folder, watched=True)
        new = sorted(
            test
            for test, outcome in watched["outcomes"].items()
            if outcome == "failed" and without["outcomes"].get(test) != "failed"
        )
        gone = sorted(without["outcomes"].keys() - watched["outcomes"].keys())
        errors = watched["internal_errors"]
        bad += [f"{suite.library}: {test} fails with the instrumentation" for test in new]
        bad += [f"{suite.library}: {test} did not run with the instrumentation" for test in gone]
        bad += [f"{suite.library}: {error}" for error in errors]
        passed = f"{count(without, 'passed')} / {count(watched, 'passed')}"
        failed = f"{count(without, 'failed')} / {count(watched, 'failed')}"
        took = time.monotonic() - began
        rows.append(
            f"{suite.library:10} {passed:>18}   {failed:>18}   {len(new):>3}   {len(errors):>15}"
            f"   {took:>7.0f}"
        )
        if suite.library not in watched["hooked"] or not count(watched, "passed"):
            bad.append(f"{suite.library}: its suite did not run, or was not watched")
    print("\n".join([*rows, "", *bad]).rstrip())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
