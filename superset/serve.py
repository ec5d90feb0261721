"""Apache Superset on a home's publication: its database made or brought up to date, our dashboard imported, served.

    python superset/serve.py                 http://127.0.0.1:8088/superset/dashboard/tidegauge/
    python superset/serve.py --prepare       all but the serving

Runs in an environment of its own (`make superset`), whose packages and the product's do not fit together.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
# read-only, and without reach to other files, whatever is typed into it
OPTIONS = "access_mode=read_only&enable_external_access=false"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8088, help="on loopback")
    parser.add_argument("--prepare", action="store_true", help="do not serve")
    options = parser.parse_args()
    home = Path(os.environ.get("TIDEGAUGE_HOME", PROJECT / ".tidegauge")).resolve()
    analysis = home / "published" / "analysis.duckdb"
    if not analysis.exists():
        sys.exit(f"nothing is published in {home} yet: run `tidegauge run` first, or set TIDEGAUGE_HOME")
    prepare(home, analysis)
    if options.prepare:
        return
    print(
        f"Superset at http://127.0.0.1:{options.port}/superset/dashboard/tidegauge/; stop it with Ctrl-C.", flush=True
    )
    os.execv(
        program("gunicorn"),
        ["gunicorn", "--bind", f"127.0.0.1:{options.port}", "--threads", "8", "superset.app:create_app()"],
    )


def prepare(home: Path, analysis: Path) -> None:
    folder = home / "superset"
    folder.mkdir(exist_ok=True)
    key = folder / "secret_key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(secrets.token_urlsafe(42))
    os.environ |= {
        "SUPERSET_HOME": str(folder),
        "SUPERSET_CONFIG_PATH": str(HERE / "superset_config.py"),
        "FLASK_APP": "superset.app:create_app()",
    }
    superset("db", "upgrade")
    superset("init")
    with tempfile.TemporaryDirectory() as scratch:
        ours = Path(scratch) / "dashboard"
        shutil.copytree(HERE / "dashboard", ours)
        database = ours / "databases" / "tidegauge.yaml"
        content = yaml.safe_load(database.read_text())
        content["sqlalchemy_uri"] = f"duckdb:///{analysis}?{OPTIONS}"
        database.write_text(yaml.safe_dump(content))
        superset("import-directory", str(ours), "--overwrite")


def superset(*arguments: str) -> None:
    done = subprocess.run([program("superset"), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"superset {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    main()
