"""The gate and the publication as Dagster sees them: blocking checks on every published table, one published asset.

A run writes one candidate and has it audited once. The checks show what the audit found; the publication is that
candidate.
"""

import json
import subprocess
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import dagster as dg
import duckdb
from pydantic import PrivateAttr

from assets import age, candidate, site
from assets.alerts import raise_refusal
from assets.calendars import sessions_between
from assets.catalog import load_catalog
from assets.decisions import accepted_rules, all_decisions, standing
from assets.home import Home, HomeError
from assets.publish import GateRefused, publish
from assets.sources.base import Source
from assets.versions import DATABASE, PARQUET, Publication, PublishError, read_manifest
from expectations import data_docs, suites
from expectations.runner import Result, Verdict, judge
from orchestration.alerts import channels, deliver_alerts
from orchestration.database import EngineError
from orchestration.fingerprint import built_inputs_hash, inputs_hash
from orchestration.ingestion import OWNERS, current_as_of, speaking_failures
from orchestration.instance import POOL
from orchestration.jobs import CHECK
from orchestration.previews import charts, markdown_table, plain_record
from orchestration.resources import RunOptions, Warehouse, last_session_on_offer
from orchestration.settings import PROJECT, Settings

PUBLICATION = dg.AssetKey(["published", "analysis"])
DELIVERY = dg.AssetKey(["published", "alert_delivery"])


def published_tables(manifest: Path) -> tuple[str, ...]:
    """The tables that the exposure `analysis` names: what is published."""
    content = json.loads(manifest.read_text())
    exposure = next(e for e in content["exposures"].values() if e["name"] == "analysis")
    return tuple(sorted(content["nodes"][node]["name"] for node in exposure["depends_on"]["nodes"]))


def tables_behind(manifest: Path) -> dict[str, list[str]]:
    """The published tables that are made, by whatever way, from each raw dataset."""
    content = json.loads(manifest.read_text())
    children, published = content["child_map"], set(published_tables(manifest))

    def below(node: str) -> set[str]:
        found = {content["nodes"][node]["name"]} & published if node.startswith("model.") else set()
        return found.union(*(below(child) for child in children[node] if child.startswith("model.")))

    return {
        source["name"]: sorted(below(node))
        for node, source in content["sources"].items()
        if source["source_name"] == "raw"
    }


def raw_descriptions(manifest: Path) -> dict[str, str]:
    """What dbt's sources say of the rows of each raw dataset."""
    sources = json.loads(manifest.read_text())["sources"].values()
    return {source["name"]: source["description"] for source in sources if source["source_name"] == "raw"}


class CandidateOfRun(dg.ConfigurableResource):
    """The candidate that this run has had audited, kept from the gate to the publication; none outlives the run."""

    _audited: candidate.Audited | None = PrivateAttr(None)

    def keep(self, audited: candidate.Audited) -> None:
        self._audited = audited

    def of(self, build: candidate.Build) -> candidate.Audited | None:
        """The candidate, where there is one and it is of that build."""
        audited = self._audited
        return audited if audited and audited.candidate.build == build and audited.candidate.path.exists() else None

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Called by Dagster when the run is over, however it ends."""
        if self._audited:
            self._audited.candidate.remove()


def build_gate(tables: Sequence[str]) -> dg.AssetChecksDefinition:
    """One blocking check a published table: what the audit of the candidate says of it."""

    @dg.multi_asset_check(
        name="gate",
        specs=[
            dg.AssetCheckSpec(
                name="expectations",
                asset=dg.AssetKey(["analysis", table]),
                description=f"The Great Expectations suite of {table}",
                blocking=True,
            )
            for table in tables
        ],
        can_subset=True,
        pool=POOL,
    )
    def gate(
        context: dg.AssetCheckExecutionContext,
        warehouse: Warehouse,
        options: RunOptions,
        candidate_of_run: CandidateOfRun,
    ):
        asked = [table for table in tables if _check_key(table) in context.selected_asset_check_keys]
        with speaking_failures(), warehouse.connect() as connection:
            build = _build_of(connection, warehouse, options)
            if len(asked) == len(tables):
                refuses = context.run.job_name != CHECK  # a look at the gate refuses nothing
                verdict = _audit(connection, warehouse.home, build, tables, candidate_of_run, refuses=refuses).verdict
            else:  # some tables of the build, of which no publication can be made
                verdict = judge(
                    connection,
                    as_of=build.as_of,
                    tables=asked,
                    previous=build.previous,
                    accepted=_accepted(warehouse.home, build.as_of),
                    withdrawn_pct=build.withdrawn_pct,
                )
        for table in asked:
            yield _check_result(table, verdict)

    return gate


def _audit(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    build: candidate.Build,
    tables: Sequence[str],
    candidate_of_run: CandidateOfRun,
    *,
    refuses: bool,
) -> candidate.Audited:
    """Write the candidate of a build and have it audited: the one place where what is published is judged."""

    def judged(attached: duckdb.DuckDBPyConnection, database: str) -> Verdict:
        return judge(
            attached,
            as_of=build.as_of,
            tables=tables,
            database=database,
            previous=build.previous,
            accepted=_accepted(home, build.as_of),
            withdrawn_pct=build.withdrawn_pct,
        )

    written = candidate.write(connection, home, suites.keys(tables), build)
    audited = candidate.audit(connection, home, written, judged)
    candidate_of_run.keep(audited)
    home.record_gate(audited.verdict.summary())
    if refuses and not audited.verdict.passed:
        raise_refusal(home, build.as_of, _broken(audited.verdict))
    _write_data_docs(home, audited.verdict, build.is_simulated)
    return audited


def _accepted(home: Home, as_of: date) -> set[tuple[str, str]]:
    """The rules of the gate, (table, rule), that the operator accepts a build against."""
    rules = accepted_rules(standing(all_decisions(home), as_of), as_of)
    return {tuple(rule.split(".", 1)) for rule in rules}


def _build_of(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, options: RunOptions) -> candidate.Build:
    """What lies in the warehouse now, and the publication that it is held against."""
    source, is_simulated = connection.execute("select source, is_simulated from ref.as_of").fetchall()[0]
    published = warehouse.home.analysis.resolve()  # one file, though another version be published meanwhile
    previous = published if published.exists() and not options.accept_changes else None
    withdrew = previous is not None and _withdrew_since_published(connection, warehouse.home)
    return candidate.Build(
        as_of=current_as_of(connection),
        source=source,
        is_simulated=is_simulated,
        inputs_hash=built_inputs_hash(connection),
        code_revision=code_revision(),
        previous=previous,
        withdrawn_pct=100 if withdrew else 0,  # how much may be withdrawn is judged where it comes in
    )


def _withdrew_since_published(connection: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Whether anything is gone that was withdrawn or put on hold since the last publication."""
    try:
        manifest = read_manifest(home)
    except PublishError:  # a damaged publication must not keep the one that mends it back
        manifest = None
    if manifest is None:
        return False
    at = datetime.fromisoformat(manifest["published_at"]).replace(tzinfo=None)
    return any(
        connection.execute(
            f"""select 1 from raw.{dataset.name} where fetched_at > ?
                group by {", ".join(dataset.key)}
                having arg_max(adjustment, load_number) in ('withdrawn', 'held') limit 1""",
            [at],
        ).fetchall()
        for dataset in load_catalog().datasets.values()
    )


def _broken(verdict: Verdict) -> list[str]:
    """The rules that a build was refused for, in words."""
    return [
        f"{result.table}: {result.description} ({result.rule})"
        for result in verdict.failures
        if result.severity == "critical"
    ]


def _write_data_docs(home: Home, verdict: Verdict, is_simulated: bool) -> None:
    try:
        data_docs.write(home.data_docs, verdict, is_simulated)
    except OSError as error:
        raise HomeError(
            f"cannot write {home.data_docs}: {error}. Nothing was published; "
            "make room or set TIDEGAUGE_HOME elsewhere, then run again."
        ) from error


def _check_key(table: str) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey(["analysis", table]), "expectations")


def _check_result(table: str, verdict: Verdict) -> dg.AssetCheckResult:
    results = [result for result in verdict.results if result.table == table]
    failed = [result for result in results if not result.success]
    critical = [result for result in failed if result.severity == "critical"]
    metadata: dict = {"rules": len(results), "failed": len(failed)}
    if failed:
        metadata["report"] = dg.MetadataValue.md("\n".join(verdict.findings(table)))
    metadata |= {f"rows that break {result.rule}": _failing_rows(result) for result in failed if result.sample}
    return dg.AssetCheckResult(
        asset_key=["analysis", table],
        check_name="expectations",
        passed=not critical,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def _failing_rows(result: Result) -> dg.TableMetadataValue:
    return dg.MetadataValue.table([plain_record(row) for row in result.sample])


def build_publication(tables: Sequence[str], keep_versions: int) -> dg.AssetsDefinition:
    """The asset that people read: the candidate that the gate of the run has passed, put in place."""

    @dg.asset(
        key=PUBLICATION,
        deps=[dg.AssetKey(["analysis", table]) for table in tables],
        description="What people read: published/analysis.duckdb, its Parquet twins, the site and the manifest",
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        tags={"layer": "published"},
        pool=POOL,
    )
    def publication(
        warehouse: Warehouse, options: RunOptions, candidate_of_run: CandidateOfRun
    ) -> dg.MaterializeResult:
        home = warehouse.home
        with speaking_failures(), warehouse.connect() as connection:
            build = _build_of(connection, warehouse, options)
            if build.inputs_hash is None or build.inputs_hash != inputs_hash(connection):
                raise EngineError(
                    "the models in warehouse.duckdb were not built from what is loaded now. "
                    "Run `tidegauge run` to build and publish them together."
                )
            audited = candidate_of_run.of(build) or _audit(
                connection, home, build, tables, candidate_of_run, refuses=True
            )
            try:
                published = publish(connection, home, audited, site.write, keep=keep_versions)
            except GateRefused as refusal:
                raise dg.Failure(str(refusal), metadata={"refused": True}, allow_retries=False) from refusal
            shown = charts(connection, tables)
        return dg.MaterializeResult(metadata=_of_publication(published, home) | shown)

    return publication


def build_delivery(settings: Settings) -> dg.AssetsDefinition:
    """The alerts of a publication on their way; raises HomeError where a channel is not set as it should be."""
    channels(settings)

    @dg.asset(
        key=DELIVERY,
        deps=[PUBLICATION],
        description="Alerts that were not sent before, to the webhook, by mail and into the desktop file, where set",
        group_name="published",
        owners=OWNERS,
        kinds={"slack", "email"},
        pool=POOL,
    )
    def alert_delivery(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with speaking_failures():
            done = deliver_alerts(settings)
        for trouble in done.troubles:
            context.log.warning(trouble)
        return dg.MaterializeResult(metadata={"sent": done.sent, "to be tried again": done.left})

    return alert_delivery


def _of_publication(published: Publication, home: Home) -> dict:
    manifest, parquet = published.manifest, published.path / PARQUET
    tables = (
        (name, table["rows"], _megabytes(parquet / f"{name}.parquet")) for name, table in manifest["tables"].items()
    )
    return {
        "dagster/row_count": sum(table["rows"] for table in manifest["tables"].values()),
        "version": published.version,
        "as_of": manifest["as_of"],
        "source": manifest["source"] + (" (simulated data)" if manifest["simulated"] else ""),
        "size_mb": _megabytes(published.path / DATABASE),
        "tables": markdown_table(["table", "rows", "Parquet, MB"], tables),
        "gate_warnings": manifest["gate"]["failed_warning"],
        "path": dg.MetadataValue.path(str(home.analysis)),
        "page": dg.MetadataValue.path(str(home.site)),
        "gate_pages": dg.MetadataValue.path(str(home.data_docs / "index.html")),
    }


def _megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 2)


@dg.asset_check(
    asset=PUBLICATION,
    description="How many NYSE sessions that are over and on offer what is published does not speak of: one is a "
    "warning, three are an error; days on which the exchange is closed make nothing stale",
)
def freshness(warehouse: Warehouse, source: dg.ResourceParam[Source]) -> dg.AssetCheckResult:
    """It blocks nothing, and ends no run."""
    with speaking_failures():
        manifest = read_manifest(warehouse.home)
    due = last_session_on_offer(source.last_day)
    if manifest is None:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"Nothing is published yet; {due} is over. Run `refresh`.",
            metadata={"as_of": "nothing is published", "last_session": due.isoformat()},
        )
    missed = sessions_between(date.fromisoformat(manifest["as_of"]), due)
    return dg.AssetCheckResult(
        passed=not missed,
        severity=dg.AssetCheckSeverity.ERROR if missed >= age.ALARMS else dg.AssetCheckSeverity.WARN,
        description=f"As of {manifest['as_of']}; {age.sessions_ended(missed)} since then. Run `refresh`."
        if missed
        else f"As of {manifest['as_of']}.",
        metadata={"as_of": manifest["as_of"], "last_session": due.isoformat(), "sessions_missed": missed},
    )


def code_revision() -> str:
    """The git revision of the project; "unknown" outside a checkout or without git."""
    command = ["git", "-C", str(PROJECT), "rev-parse", "HEAD"]
    try:
        git = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return git.stdout.strip() or "unknown"
