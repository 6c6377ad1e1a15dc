"""The wheel and the sdist: what is in them, and that they work in an environment of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "opentelemetry/instrumentation/oauth/"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    return folder


def wheel_of(built: Path) -> Path:
    [wheel] = built.glob("*.whl")
    return wheel


def environment(folder: Path, *requirements: str) -> Path:
    """A clean virtual environment; gives its ``bin``."""
    script = ROOT / "scripts" / "environment.py"
    subprocess.run([sys.executable, script, folder, *requirements], check=True, capture_output=True)
    return folder / "bin"


def clean_environ(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PYTHONPATH", "COV"))}
    return kept | more


def test_the_wheel_has_the_package_and_nothing_else(built: Path) -> None:
    names = zipfile.ZipFile(wheel_of(built)).namelist()
    strangers = [
        name for name in names if not name.startswith(PACKAGE) and ".dist-info/" not in name
    ]
    assert strangers == []
    assert f"{PACKAGE}py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if re.search(r"__pycache__|\.pyc$|/tests?/", name)]


def test_the_sdist_has_the_sources_and_no_tests(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= set(names)
    assert f"src/{PACKAGE}semconv.py" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", ".tools"))]


EXCHANGE = """
import httpx
answer = {"access_token": "Cnry", "token_type": "Bearer"}
transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "Cnry"}
assert httpx.Client(transport=transport).post("https://as.example/token", data=form).json() == answer
"""


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_works_with_its_runtime_dependencies_alone(
    built: Path, tmp_path: Path, kind: str
) -> None:
    [artifact] = built.glob(kind)
    python = environment(tmp_path / "venv", str(artifact), "httpx") / "python"
    program = (
        "from opentelemetry.instrumentation.oauth import OAuthInstrumentor\n"
        "OAuthInstrumentor().instrument()\n" + EXCHANGE + "print('fine')\n"
    )
    done = subprocess.run(
        [python, "-W", "error", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        env=clean_environ(),
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")


def test_with_the_prometheus_extra_the_first_lines_of_the_readme_show_data(
    built: Path, tmp_path: Path
) -> None:
    wheel = wheel_of(built)
    requirement = f"opentelemetry-instrumentation-oauth[prometheus] @ {wheel.as_uri()}"
    bin_folder = environment(tmp_path / "venv", requirement, "httpx")
    app = tmp_path / "app.py"
    app.write_text(EXCHANGE + "import sys; print('ready', flush=True); sys.stdin.read()\n")
    port = "19102"
    environ = clean_environ(
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_EXPORTER_PROMETHEUS_PORT=port,
        OTEL_TRACES_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        PATH=f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
    )
    with subprocess.Popen(
        [bin_folder / "opentelemetry-instrument", "python", app],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
    ) as program:
        assert program.stdout is not None
        assert program.stdin is not None
        assert program.stdout.readline() == b"ready\n"
        told = scrape(port)
        program.stdin.close()
    assert re.search(r'oauth_flow_total\{.*oauth_grant_type="client_credentials".*\} 1\.0', told)
    assert "Cnry" not in told


def scrape(port: str) -> str:
    for _ in range(50):
        try:
            with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers on {port}")
