"""Apache Superset on a home's publication: its database made or brought up to date, our dashboard imported, served.

    python bi/serve.py                 http://127.0.0.1:8088/superset/dashboard/tidegauge/
    python bi/serve.py --prepare       all but the serving

Runs in an environment of its own (`make superset`), whose packages and the product's do not fit together.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
OWNER = "tidegauge"
# what anonymous visitors may do
MAY_LOOK = {
    "can_read": ("Chart", "Dashboard", "Dataset", "Explore", "CssTemplate", "Annotation", "EmbeddedDashboard", "Theme"),
    "can_dashboard": ("Superset",),
    "can_explore_json": ("Superset",),
    "can_slice": ("Superset",),
    "can_log": ("Superset",),
    "can_time_range": ("Api",),
    "can_query": ("Api",),
    "can_list": ("DynamicPlugin",),
    "can_get": ("Datasource", "MenuApi"),
    "can_get_drill_info": ("Dataset",),
    "can_view_chart_as_table": ("Dashboard",),
    "can_csv": ("Superset",),
    "menu_access": ("Dashboards", "Charts"),
    "all_datasource_access": ("all_datasource_access",),
}
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
    if not key.exists() or not key.stat().st_size:
        key.touch(mode=0o600)
        key.write_text(secrets.token_urlsafe(42))
    os.environ |= {
        "SUPERSET_HOME": str(folder),
        "SUPERSET_CONFIG_PATH": str(HERE / "superset_config.py"),
        "FLASK_APP": "superset.app:create_app()",
    }
    superset("db", "upgrade")
    superset("init")
    # an import needs somebody to own it; nobody logs in as this one, whose password is told to nobody
    names = ("--username", OWNER, "--firstname", OWNER, "--lastname", OWNER, "--email", "nobody@localhost")
    superset("fab", "create-admin", *names, "--password", secrets.token_urlsafe(32))
    import_dashboard(analysis)


def import_dashboard(analysis: Path) -> None:
    """Our database, datasets, charts and dashboard as they stand in the folder, over what Superset has of them."""
    from superset.app import create_app  # here, because it reads the settings that were made above

    folder = HERE / "dashboard"
    contents = {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.yaml"))}
    changed = {"databases/tidegauge.yaml": {"sqlalchemy_uri": f"duckdb:///{analysis}?{OPTIONS}"}}
    if json.loads(analysis.with_name("manifest.json").read_text())["simulated"]:
        changed["dashboards/tidegauge.yaml"] = {"dashboard_title": "Tidegauge: SIMULATED market, no observations"}
    for name, values in changed.items():
        contents[name] = yaml.safe_dump(yaml.safe_load(contents[name]) | values)
    with create_app().app_context():
        from superset import security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.utils.core import override_user

        with override_user(security_manager.find_user(username=OWNER)):
            ImportAssetsCommand(contents).run()
        public = security_manager.find_role("Public")
        public.permissions = [
            security_manager.add_permission_view_menu(name, view) for name, views in MAY_LOOK.items() for view in views
        ]
        security_manager.session.commit()


def superset(*arguments: str) -> None:
    done = subprocess.run([program("superset"), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"superset {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    main()
