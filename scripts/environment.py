"""Makes a virtual environment and installs into it: ``environment.py DIRECTORY ARGUMENT...``.

The arguments are those of ``pip install``. The environment gets the Python that runs this script,
which may be a bare one: nothing but the standard library is needed. uv does the work where it can
be had, pip where not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 10)
ROOT = Path(__file__).resolve().parents[1]
MAIN = ROOT / ".venv"

TOO_OLD = """\
Python {oldest} or newer is needed, and {python} is {version}. Name another one:

    make {goal} PYTHON=python3.12
"""
NO_VENV = """\
{python} cannot make a virtual environment:

{said}

Debian and Ubuntu keep the needed part of Python in a package of its own. As root:

    apt-get install python3-venv

or name another Python:

    make {goal} PYTHON=/path/to/python3
"""


def main(directory: Path, arguments: list[str]) -> None:
    """Make the environment if it is not there, and install."""
    python = directory / "bin" / "python"
    if sys.version_info < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        sys.exit(TOO_OLD.format(oldest=oldest, version=sys.version.split()[0], **_who()))
    if _version(python) != sys.version_info[:2]:
        _make(directory, python)
    uv = _uv(directory) or _uv(MAIN) or _install_uv(directory, python)
    if uv is not None:
        command = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        # Only a new pip knows the groups of pyproject.toml.
        _run([python, "-m", "pip", "install", "--quiet", "--upgrade", "pip >= 25.1"])
        command = [python, "-m", "pip", "install", "--quiet"]
    _run([*command, *arguments])


def _version(python: Path) -> tuple[int, int] | None:
    """Give the version of an environment's Python; None if there is none that works."""
    program = "import sys; print(sys.version_info[0], sys.version_info[1])"
    try:
        said = subprocess.check_output([python, "-c", program])
    except (OSError, subprocess.CalledProcessError):
        return None
    major, minor = said.split()
    return int(major), int(minor)


def _make(directory: Path, python: Path) -> None:
    uv = _uv(MAIN) if directory != MAIN else None
    if uv is not None:
        shutil.rmtree(directory, ignore_errors=True)
        _run(
            [uv, "venv", "--quiet", "--no-python-downloads", "--python", sys.executable, directory]
        )
        return
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", directory],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if made.returncode or _version(python) is None:
        shutil.rmtree(directory, ignore_errors=True)  # a half-made one would be taken for done
        sys.exit(NO_VENV.format(said=made.stdout.decode(errors="replace").strip(), **_who()))


def _who() -> dict[str, str]:
    return {"python": sys.executable, "goal": os.environ.get("GOAL", "setup")}


def _uv(directory: Path) -> Path | None:
    uv = directory / "bin" / "uv"
    return uv if uv.exists() else None


def _install_uv(directory: Path, python: Path) -> Path | None:
    pip = [python, "-m", "pip"]
    if subprocess.call([*pip, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        subprocess.call([python, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
    if subprocess.call([*pip, "install", "--quiet", "uv"]):
        print("uv cannot be had here: pip installs, more slowly", file=sys.stderr)
    return _uv(directory)


def _run(command: list[str | Path]) -> None:
    code = subprocess.call(command, cwd=ROOT)
    if code:
        sys.exit(f"{' '.join(map(str, command))} ended with {code}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).absolute(), sys.argv[2:])
