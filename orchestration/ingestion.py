"""The reference tables and the raw datasets as Dagster assets, one asset a table."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing, contextmanager
from datetime import date
from typing import Any, TypeVar

import dagster as dg
import duckdb
import pandas as pd

from assets import alerts
from assets.calendars import as_of_at, calendar_table
from assets.catalog import Catalog, Dataset, load_catalog
from assets.decisions import all_decisions, standing
from assets.home import Home, HomeError
from assets.ingest import ingest
from assets.landing import LandingError, landed_datasets
from assets.raw import create_raw_tables, load_landed
from assets.screening import screen
from assets.sources.base import Source, SourceError
from assets.versions import PublishError
from assets.withdrawal import WithdrawalRefusedError
from expectations.observations import CHECKS
from orchestration.database import EngineError
from orchestration.fingerprint import published_as_of
from orchestration.instance import POOL
from orchestration.previews import column_schema, holds_metadata, preview
from orchestration.resources import RunOptions, Warehouse

T = TypeVar("T")

OWNERS = ["team:tidegauge"]
OUR_ERRORS = (SourceError, LandingError, HomeError, PublishError, EngineError)
# Services are asked for two minutes before they count as failed. For an outage that lasts, a run that may wait tries
# again after 5, 10 and 20 minutes; an error that is not a service's is never tried again.
MOST_RETRIES, RETRY_AFTER_S = 3, 300
DURATION = "Execution Duration"  # as dagster-dbt calls it, in seconds

_REFERENCE = {
    "as_of": "The session that this run speaks of, and the moment up to which things count as known",
    "calendar": "Every civil day with the exchange's, the Federal Reserve's and the bond market's business days",
    "datasets": "What this home's source offers, and how old each dataset may be",
    "series": "What each series means: unit, frequency, publication rule, licence",
    "instruments": "Indices, funds and coins, and the part that each plays",
    "ticker_changes": "Under which tickers a company was traded before, and since when under the next",
    "raised_alerts": "What earlier runs have raised, as it was raised",
}


@dg.multi_asset(
    name="reference",
    specs=[
        dg.AssetSpec(
            ["ref", name],
            description=text,
            group_name="reference",
            owners=OWNERS,
            kinds={"duckdb"},
            tags={"layer": "reference"},
        )
        for name, text in _REFERENCE.items()
    ],
    pool=POOL,
)
def reference(warehouse: Warehouse, options: RunOptions, source: dg.ResourceParam[Source]):
    """Tables made from the catalogue and the calendars; also decides the run's as-of."""
    catalog = load_catalog()
    with speaking_failures():
        warehouse.home.claim(source.name)
        built = None if options.fetch else _built_as_of(warehouse)
        as_of = options.as_of_date(source.last_day, published_as_of(warehouse.home), built)
        if options.rebuild:
            warehouse.remove()
        with warehouse.connect() as connection:
            create_raw_tables(connection, catalog)
            tables = {
                "as_of": _as_of_table(as_of, source),
                "calendar": calendar_table(as_of),
                "datasets": _datasets_table(
                    catalog,
                    source,
                    landed_datasets(warehouse.home) if options.rebuild or not options.fetch else source.datasets,
                ),
                "series": catalog.series_table(source.service_of("fred_observations"), as_of),
                "instruments": catalog.instruments_table(as_of),
                "ticker_changes": catalog.ticker_changes_table(),
                "raised_alerts": raised_alerts_table(alerts.raised(warehouse.home)),
            }
            write_reference(connection, tables)
            schemas = {name: column_schema(connection, f"ref.{name}") for name in tables}
    for name, table in tables.items():
        yield dg.MaterializeResult(
            asset_key=["ref", name],
            metadata={
                "dagster/row_count": len(table),
                "dagster/column_schema": schemas[name],
                "as_of": as_of.isoformat(),
            },
        )


def write_reference(connection: duckdb.DuckDBPyConnection, tables: dict[str, pd.DataFrame]) -> None:
    """Replace the reference tables, all or none."""
    connection.execute("create schema if not exists ref")
    connection.execute("begin")
    for name, table in tables.items():
        columns = ", ".join(
            f'"{column}"::{"TIMESTAMP" if column.endswith("_at") else "DATE"} as "{column}"'
            if pd.api.types.is_datetime64_any_dtype(kind)
            else f'"{column}"'
            for column, kind in table.dtypes.items()
        )
        connection.register("incoming", table)
        connection.execute(f"create or replace table ref.{name} as select {columns} from incoming")
        connection.unregister("incoming")
    connection.execute("commit")


def _built_as_of(warehouse: Warehouse) -> date | None:
    """The session of which the build is; None where there is no build."""
    if not warehouse.home.warehouse.exists():
        return None
    with warehouse.connect() as connection:
        return current_as_of(connection) if is_built(connection) else None


def _as_of_table(as_of: date, source: Source) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of_date": [pd.Timestamp(as_of)],
            "as_of_at": [as_of_at(as_of)],
            "source": [source.name],
            "is_simulated": [source.name == "sample"],
        }
    )


def _datasets_table(catalog: Catalog, source: Source, offered: Collection[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "dataset": dataset.name,
            "title": dataset.title,
            "source": source.service_of(dataset.name),
            "offered": dataset.name in offered,
            "required": dataset.required,
            "max_age_sessions": dataset.max_age_sessions,
            "licence": dataset.licence,
        }
        for dataset in catalog.datasets.values()
    ).astype({"max_age_sessions": "Int32"})


def raised_alerts_table(raised: Iterable[alerts.Alert]) -> pd.DataFrame:
    """The rows of ref.raised_alerts."""
    types = dict.fromkeys(alerts.COLUMNS, "str") | dict.fromkeys(("raised_at", "as_of_date"), "datetime64[us]")
    types |= dict.fromkeys(("value", "threshold"), "float64")
    return pd.DataFrame(map(vars, raised), columns=alerts.COLUMNS).astype(types)


def build_raw_assets(
    behind: Mapping[str, Sequence[str]], descriptions: Mapping[str, str], publish_stale: bool
) -> dg.AssetsDefinition:
    """One asset a raw table, all loaded by one step: each service in a thread of its own, within its own politeness.

    `behind` maps a dataset to the published tables that are made from it, `descriptions` to what is said of its rows.
    A dataset that fails keeps no other from being loaded; the step fails at its end, unless `publish_stale` is set and
    nothing required is among the failed. What can be asked again is, at growing intervals, where the run may wait.
    """
    catalog = load_catalog()

    @dg.multi_asset(
        name="raw",
        specs=[_raw_spec(dataset, descriptions[dataset.name]) for dataset in catalog.datasets.values()],
        can_subset=True,
        pool=POOL,
    )
    def raw(
        context: dg.AssetExecutionContext,
        warehouse: Warehouse,
        options: RunOptions,
        source: dg.ResourceParam[Source],
    ) -> Iterator[dg.MaterializeResult]:
        asked = [d for d in catalog.datasets.values() if dg.AssetKey(["raw", d.name]) in context.selected_asset_keys]
        failures: dict[str, Exception] = {}
        with speaking_failures(), warehouse.connect() as connection:
            as_of = options.load_up_to(current_as_of(connection))

            def load(dataset: Dataset) -> dg.MaterializeResult:
                with connection.cursor() as cursor:  # a connection of its own for the thread
                    may_go = 100 if options.accept_changes else warehouse.max_withdrawn_pct
                    return _load_dataset(cursor, warehouse.home, catalog, source, dataset, as_of, options, may_go)

            with closing(in_parallel(asked, source, load)) as ends:  # the threads end before the connection does
                for dataset, loaded in ends:
                    failure = loaded.exception()
                    if failure is None:
                        result = loaded.result()
                        for note in result.metadata.pop("notes"):
                            context.log.warning(note)
                        yield result
                    elif isinstance(failure, OUR_ERRORS):
                        failures[dataset.name] = failure
                    else:
                        raise failure
        if not failures:
            return
        report = failures_in_words(failures, source, behind)
        required = [name for name in failures if catalog.datasets[name].required]
        if required or not publish_stale:
            retryable = all(getattr(failure, "retryable", False) for failure in failures.values())
            refused = all(isinstance(failure, WithdrawalRefusedError) for failure in failures.values())
            failure = dg.Failure(report, metadata={"refused": True} if refused else {}, allow_retries=False)
            if retryable and options.retries and context.retry_number < MOST_RETRIES:
                raise dg.RetryRequested(MOST_RETRIES, RETRY_AFTER_S * 2**context.retry_number) from failure
            alerts.raise_failed_source(warehouse.home, map(source.service_of, failures), as_of, report)
            raise failure
        context.log.warning(report)
        for name, failure in failures.items():
            yield dg.MaterializeResult(asset_key=["raw", name], metadata={"failed": str(failure)})

    return raw


def _raw_spec(dataset: Dataset, description: str) -> dg.AssetSpec:
    deps = [dg.AssetKey(["ref", "as_of"])]
    if dataset.name == "prices":  # the members are the symbols to ask for
        deps.append(dg.AssetKey(["raw", "index_membership"]))
    return dg.AssetSpec(
        ["raw", dataset.name],
        deps=deps,
        description=description,
        group_name="raw",
        owners=OWNERS,
        kinds={"parquet", "duckdb"},
        tags={"layer": "raw", "required": str(dataset.required).lower()},
        metadata={"licence": dataset.licence}
        | ({"documentation": dg.MetadataValue.url(dataset.documentation)} if dataset.documentation else {}),
    )


def in_parallel(
    datasets: Sequence[Dataset], source: Source, load: Callable[[Dataset], T]
) -> Iterator[tuple[Dataset, Future[T]]]:
    """What `load` made of each dataset, as they end: services side by side, the datasets of one after each other.

    Prices wait for the membership, whoever serves it. A caller who leaves before the last one stops the source.
    """
    ends: dict[str, Future[T]] = {dataset.name: Future() for dataset in datasets}
    by_service: dict[str, list[Dataset]] = {}
    for dataset in sorted(datasets, key=lambda d: d.name == "prices"):
        by_service.setdefault(source.service_of(dataset.name), []).append(dataset)

    def serve(group: list[Dataset]) -> None:
        for dataset in group:
            if dataset.name == "prices" and "index_membership" in ends:
                wait([ends["index_membership"]])
            try:
                ends[dataset.name].set_result(load(dataset))
            except Exception as error:  # noqa: BLE001 - handed to the caller, who raises what is not ours
                ends[dataset.name].set_exception(error)

    names = {end: dataset for dataset, end in zip(datasets, ends.values(), strict=True)}
    with ThreadPoolExecutor(len(by_service) or 1) as pool:
        try:
            for group in by_service.values():
                pool.submit(serve, group)
            for end in as_completed(names):
                yield names[end], end
        except BaseException:
            source.stopped.set()
            raise


def _load_dataset(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    catalog: Catalog,
    source: Source,
    dataset: Dataset,
    as_of: date,
    options: RunOptions,
    max_withdrawn_pct: float,
) -> dg.MaterializeResult:
    """One dataset fetched, landed, appended; what a person should hear of it is in the metadata `notes`."""
    began = time.monotonic()
    metadata: dict[str, Any] = {"notes": []}
    if options.rebuild or not options.fetch:
        rows_new = load_landed(connection, home, catalog, dataset)
    elif dataset.name not in source.datasets:
        metadata["note"] = f"the source {source.name} does not offer this dataset"
        rows_new = load_landed(connection, home, catalog, dataset)  # it may have done so before
    else:
        done = ingest(
            connection,
            home,
            catalog,
            source,
            dataset.name,
            as_of,
            full_refresh=options.full_refresh,
            since=options.since_date,
            release=options.release,
            max_withdrawn_pct=max_withdrawn_pct,
        )
        rows_new = done.rows_new
        metadata |= {"rows_received": done.rows_received, "rows_withdrawn": done.withdrawn}
        failed = [f"{name} ({reason})" for name, reason in done.failed.items()]
        told = {"missing": done.missing, "failed": failed, "restated": done.restated, "refused": done.refused}
        told["inferred"] = done.inferred
        for what, names in told.items():
            if names:
                metadata[what] = "; ".join(sorted(names))
                metadata["notes"].append(_in_words(dataset, what, sorted(names)))
    table = f"raw.{dataset.name}"
    total = connection.execute(f"select count(*) from {table}").fetchall()[0][0]
    landed = sum(file.stat().st_size for file in (home.landing / dataset.name).glob("*.parquet"))
    metadata |= {
        "dagster/row_count": total,
        "dagster/column_schema": column_schema(connection, table),
        "rows_new": rows_new,
        "landed_mb": round(landed / 1e6, 2),
        **preview(connection, table, dataset.date_column),
        DURATION: time.monotonic() - began,
    }
    return dg.MaterializeResult(asset_key=["raw", dataset.name], metadata=metadata)


def build_holds(catalog: Catalog) -> dg.AssetsDefinition:
    """The asset of what is on hold: checks and decisions applied to all that is loaded, before the models build."""

    @dg.asset(
        key=["raw", "holds"],
        deps=[dg.AssetKey(["raw", name]) for name in catalog.datasets],
        description="What is on hold, accepted or corrected, by which rule or decision",
        group_name="raw",
        owners=OWNERS,
        kinds={"duckdb"},
        tags={"layer": "raw"},
        pool=POOL,
    )
    def holds(warehouse: Warehouse) -> dg.MaterializeResult:
        with speaking_failures(), warehouse.connect() as connection:
            as_of = current_as_of(connection)
            decided = standing(all_decisions(warehouse.home), as_of)
            appended = screen(connection, warehouse.home, catalog, CHECKS, decided, as_of)
            return dg.MaterializeResult(metadata={"versions appended": appended} | holds_metadata(connection))

    return holds


_NOTES = {
    "missing": "asked for did not come (no longer kept, or not offered)",
    "failed": "did not come though they should have; the next run asks again",
    "restated": "were restated by the vendor and loaded anew",
    "refused": "files or answers have rows that went to quarantine",
    "inferred": "files are read as they show themselves, since the mapping does not say how",
}


def _in_words(dataset: Dataset, what: str, names: list[str]) -> str:
    if names == [dataset.name]:
        return f"{dataset.name}: the service does not offer it (any more), and it is not required"
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"{dataset.name}: {len(names)} {_NOTES[what]}: {shown}"


def failures_in_words(failures: Mapping[str, Exception], source: Source, behind: Mapping[str, Sequence[str]]) -> str:
    """One paragraph a service: what failed and what to do, the assets that were not loaded, the tables behind."""
    by_service: dict[str, dict[str, Exception]] = {}
    for name, failure in failures.items():
        by_service.setdefault(source.service_of(name), {})[name] = failure
    paragraphs = []
    for service, failed in by_service.items():
        # what was asked of a dead service after the first says the same again
        final = [str(failure) for failure in failed.values() if not getattr(failure, "retryable", False)]
        reasons = "; ".join(dict.fromkeys([*final, *map(str, list(failed.values())[:1])]))
        assets = ", ".join(f"raw/{name}" for name in sorted(failed))
        tables = ", ".join(sorted({table for name in failed for table in behind.get(name, ())})) or "none"
        paragraphs.append(
            f"The source {service} failed: {reasons.rstrip('.')}. Not brought up to date: {assets}. Published tables "
            f"made from it, stale until then: {tables}. Nothing that was loaded is lost, and the next run catches up."
        )
    return "\n".join(paragraphs)


def is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a run has begun to fill this warehouse."""
    there = "select 1 from duckdb_tables() where (schema_name, table_name) = ('ref', 'as_of')"
    return bool(connection.execute(there).fetchall())


def current_as_of(connection: duckdb.DuckDBPyConnection) -> date:
    """The session that the reference tables speak of; raises EngineError where there are none yet."""
    if not is_built(connection):
        raise EngineError("nothing was loaded into this home yet. Run the job `refresh`, or `tidegauge run`.")
    return connection.execute("select as_of_date from ref.as_of").fetchall()[0][0]


@contextmanager
def speaking_failures() -> Iterator[None]:
    """Turns our own errors into Dagster failures that carry their message alone."""
    try:
        yield
    except OUR_ERRORS as error:
        raise dg.Failure(str(error), allow_retries=getattr(error, "retryable", False)) from error
