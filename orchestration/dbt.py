"""The dbt project as Dagster assets; its tests are their blocking checks."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from packaging.version import Version
from pydantic import PrivateAttr

from assets.alerts import raise_refusal
from assets.disk import written_whole
from assets.home import Home, HomeError
from orchestration.database import is_damage, unreadable
from orchestration.fingerprint import (
    DBT_PROJECT,
    begin_growth,
    built_inputs_hash,
    forget_build,
    inputs_hash,
    project_digest,
    published_inputs_hash,
    record_build,
    record_growth,
)
from orchestration.ingestion import current_as_of, speaking_failures
from orchestration.instance import POOL
from orchestration.lineage import ColumnLineage, Columns
from orchestration.outcome import REMEDY
from orchestration.previews import last_rows, markdown_table
from orchestration.resources import RunOptions, Warehouse

OWNER = "team:tidegauge"
SHOWN_ROWS = 5


class Translator(DagsterDbtTranslator):
    """Names, groups and owners of dbt models in Dagster: schema/table, one group a topic, the layer as a tag."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        if dbt_resource_props["resource_type"] == "seed":
            return dg.AssetKey(["seeds", dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        if dbt_resource_props["resource_type"] != "model":
            return "reference"
        _, layer, topic, *_ = dbt_resource_props["fqn"]  # the folders that it lies in
        return "staging" if layer == "staging" else topic

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        if dbt_resource_props["resource_type"] != "model":
            return {"layer": "reference"}
        layer = {"analysis": "published"}.get(dbt_resource_props["schema"], dbt_resource_props["schema"])
        return {"layer": layer, "materialized": dbt_resource_props["config"]["materialized"]}

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return [OWNER]


class Dbt(DbtCliResource):
    """dbt without what dagster-dbt does before each command, seconds that serve nothing here.

    `dbt --version` as a process of its own asks a package index for the newest release; and an adapter of dbt's in
    this process would open the warehouse beside dbt. A test holds that neither happens.

    And no dbt outlives its run: dagster-dbt stops it only where an interrupt finds it reading a line of dbt's. Until it
    has ended, DuckDB's lock on the file keeps others out.
    """

    _started: list[DbtCliInvocation] = PrivateAttr(default_factory=list)

    def cli(self, *args: Any, **options: Any) -> DbtCliInvocation:
        invocation = super().cli(*args, **options)
        self._started.append(invocation)
        return invocation

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Called by Dagster when the run is over, however it ends."""
        for invocation in self._started:
            if invocation.process.poll() is None:
                invocation.process.send_signal(signal.SIGINT)
                try:
                    with suppress(subprocess.TimeoutExpired):
                        invocation.process.wait(invocation.termination_timeout_seconds)
                finally:  # a second interrupt too
                    invocation.process.kill()
                    invocation.process.wait()

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> None:
        return None


def dbt_project(home: Home) -> DbtProject:
    """The project with a manifest that fits the project's files.

    It lies where no run of dbt writes. Each makes a manifest of its own in `target`, and would be met half way through
    it: by a UI that loads the definitions meanwhile, or by the run after one whose dbt lived on.
    """
    project = DbtProject(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT, target_path=home.dbt / "parsed")
    stamp = home.dbt / "manifest.sha256"
    digest = project_digest()
    if not (project.manifest_path.exists() and stamp.exists() and stamp.read_text() == digest):
        with TemporaryDirectory() as aside:
            Dbt(project_dir=project).cli(["parse", "--quiet"], target_path=Path(aside)).wait()
            # runs go on from this: parsing only what has changed loses the settings of tests whose macros have
            for path in (home.dbt / "target" / "partial_parse.msgpack", project.manifest_path):
                _place(Path(aside) / path.name, path)
        stamp.write_text(digest)
    return project


def _place(made: Path, path: Path) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        with written_whole(path) as file:
            file.write(made.read_bytes())
    except OSError as error:
        raise HomeError(
            f"cannot write {path}: {error}. Make room or set TIDEGAUGE_HOME elsewhere, then run again."
        ) from error


def build_dbt_assets(project: DbtProject) -> dg.AssetsDefinition:
    """Every model, seed and test of the project, as one step that dbt orders itself."""

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        dagster_dbt_translator=Translator(),
        name="dbt_build",
        pool=POOL,
    )
    def dbt_build(context: dg.AssetExecutionContext, dbt: Dbt, warehouse: Warehouse, options: RunOptions):
        with speaking_failures():
            yield from _build(context, dbt, warehouse, options)

    return dbt_build


def _build(context: dg.AssetExecutionContext, dbt: Dbt, warehouse: Warehouse, options: RunOptions) -> Iterator:
    """Dagster's events of building and testing the models, where anything is new; raises EngineError."""
    with warehouse.connect() as connection:
        current = inputs_hash(connection)
        if not options.anew and built_inputs_hash(connection) == current == published_inputs_hash(warehouse.home):
            context.log.info("Nothing new since the last publication; the models stand.")
            return
        forget_build(connection)
        grows = begin_growth(connection, anew=options.anew)
        loaded = _columns_of(connection, "raw", "ref")
    with warehouse.home.exclusive(warehouse.wait_s):
        invocation = dbt.cli(
            ["build", "--exclude-resource-type", "unit_test", *([] if grows else ["--full-refresh"])],
            context=context,
            target_path=warehouse.home.dbt / "target",
        )
        lineage = ColumnLineage(invocation.manifest, loaded, warehouse.home.dbt / "lineage.json")
        failed: dict[str, dg.AssetCheckResult] = {}
        failure = None
        try:
            yield from _with_metadata(invocation, failed, lineage)
        except DagsterDbtCliRuntimeError as error:
            damage = unreadable(warehouse.home.warehouse, "a block of it is damaged")
            failure = damage if is_damage(error) else error
        if failed:  # told when dbt has let go of the file, with the rows that fail
            with warehouse.connect() as connection:
                refusing = [check for check in failed.values() if check.severity == dg.AssetCheckSeverity.ERROR]
                if refusing:
                    broken = [f"{check.asset_key.path[-1]}: the test {check.check_name}" for check in refusing]
                    raise_refusal(warehouse.home, current_as_of(connection), broken)
                yield from _with_failing_rows(failed, invocation, connection)
        if failure:
            raise failure
    if not context.is_subset:  # some models alone are no build that could be published
        lineage.save()
        with warehouse.connect() as connection:
            record_build(connection, current)
            record_growth(connection)


def _columns_of(connection: duckdb.DuckDBPyConnection, *schemas: str) -> dict[tuple[str, str], list[str]]:
    """The columns of every table of these schemas, by (schema, table)."""
    found = connection.execute(
        "select schema_name, table_name, list(column_name order by column_index) from duckdb_columns() "
        "where list_contains(?, schema_name) group by all",
        [schemas],
    ).fetchall()
    return {(schema, table): columns for schema, table, columns in found}


def _with_metadata(
    invocation: DbtCliInvocation, failed: dict[str, dg.AssetCheckResult], lineage: ColumnLineage
) -> Iterator:
    """The invocation's Dagster events as they come, but failed tests, which go into `failed` by their dbt id.

    Tables carry what report_rows.sql logs of them; models, of which columns theirs are made.
    """
    models = invocation.manifest["nodes"]
    compiled = invocation.target_path / "compiled"
    said_of_table = re.compile(r"table (\S+) ({.*})")
    contents: dict[str, dict[str, Any]] = {}
    for event in invocation.stream_raw_events():
        if said := said_of_table.fullmatch(event.raw_event["info"]["msg"]):
            contents[said[1]] = json.loads(said[2])
            continue
        for told in event.to_default_asset_events(
            manifest=invocation.manifest,
            dagster_dbt_translator=invocation.dagster_dbt_translator,
            context=invocation.context,
            target_path=invocation.target_path,
            project=invocation.project,
        ):
            node = event.raw_event["data"].get("node_info", {}).get("unique_id")
            if isinstance(told, dg.AssetCheckResult) and not told.passed:
                failed[node] = told
                continue
            if isinstance(told, dg.Output):
                metadata = dict(told.metadata) | (_contents_metadata(contents[node]) if node in contents else {})
                if models[node]["resource_type"] == "model":
                    sql = compiled / models[node]["package_name"] / models[node]["original_file_path"]
                    made_from = lineage.of_model(models[node], sql.read_text())
                    metadata |= _lineage_metadata(made_from, invocation)
                told = told.with_metadata(metadata)
            yield told


def _contents_metadata(contents: dict[str, Any]) -> dict[str, Any]:
    """What the macro `contents` says of a table, as the UI shows it."""
    metadata = {"dagster/row_count": contents["rows"]}
    metadata |= {name: contents[name] or "none" for name in ("first_date", "last_date") if name in contents}
    if rows := contents.get("last_rows"):
        metadata["last_rows"] = last_rows(list(rows[0]), [list(row.values()) for row in rows])
    return metadata


def _lineage_metadata(columns: Columns, invocation: DbtCliInvocation) -> dict[str, Any]:
    """Column lineage twice: as Dagster stores it, and as a table, for the open-source UI does not draw it."""
    nodes = invocation.manifest["nodes"] | invocation.manifest["sources"]
    deps = {
        name: [
            dg.TableColumnDep(invocation.dagster_dbt_translator.get_asset_key(nodes[node]), column)
            for node, column in made_from
        ]
        for name, made_from in columns.items()
    }
    shown = [
        (name, ", ".join(f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in of))
        for name, of in deps.items()
    ]
    return {
        "dagster/column_lineage": dg.TableColumnLineage(deps),
        "column_lineage": markdown_table(["column", "made from"], shown),
    }


def _with_failing_rows(
    failed: dict[str, dg.AssetCheckResult], invocation: DbtCliInvocation, connection: duckdb.DuckDBPyConnection
) -> Iterator[dg.AssetCheckResult]:
    """The failed tests, each with a report that shows the first of its failing rows."""
    compiled = {
        result["unique_id"]: result["compiled_code"]
        for result in invocation.get_artifact("run_results.json")["results"]
    }
    for node, check in failed.items():
        table, rows = check.asset_key.path[-1], check.metadata.get("dagster_dbt/failed_row_count")
        report = f"{table}: the test {check.check_name}: {rows.value if rows else 'some'} rows fail"
        try:
            shown = connection.sql(compiled[node]).limit(SHOWN_ROWS)
            lines = [", ".join(f"{n}={v}" for n, v in zip(shown.columns, row, strict=True)) for row in shown.fetchall()]
            report = "\n".join([report, *(f"  {line}" for line in lines)])
        except (KeyError, duckdb.Error) as error:  # a test that could not run has no rows to show
            report += f" ({str(error).splitlines()[0]})"
        if check.severity == dg.AssetCheckSeverity.ERROR:
            report += f"\n  {REMEDY}"
        yield check._replace(metadata={**check.metadata, "report": dg.MetadataValue.md(report)})
