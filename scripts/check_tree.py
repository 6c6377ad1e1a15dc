"""Fails if a file of the repository knows the machine that it was written on.

That is a path of somebody's machine, or the host of a package index: whoever builds this has
others.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# This file is left out: it would find itself.
FORBIDDEN = {
    "a path of a machine": rb"(?<![\w.*/])/(work|root|home/\w+|Users/\w+|opt/wheels)/\w",
    "the host of a package index": rb"\b(pypi|pythonhosted|npmjs|yarnpkg)[.](org|com)\b",
    "the choice of a package index": rb"--(extra-)?index-url|\bfind-links\s*=",
}


def main() -> int:
    """Print every finding; give the exit code."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    found = 0
    for name in sorted(filter(None, listed.decode().split("\0"))):
        path = ROOT / name
        if path == Path(__file__).resolve() or not path.is_file():
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            for what, pattern in FORBIDDEN.items():
                if match := re.search(pattern, line):
                    print(f"{name}:{number}: {what}: {match[0].decode(errors='replace')}")
                    found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
