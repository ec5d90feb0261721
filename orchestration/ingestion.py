"""The reference tables and the raw datasets as Dagster assets, one asset a table."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date

import dagster as dg
import duckdb
import pandas as pd

from assets.calendars import as_of_at, calendar_table
from assets.catalog import Catalog, Dataset, load_catalog
from assets.home import HomeError
from assets.ingest import LandingError, create_raw_tables, ingest, landed_datasets, load_landed
from assets.sources.base import Source, SourceError
from orchestration.database import EngineError
from orchestration.resources import RunOptions, Warehouse

OWNERS = ["team:tidegauge"]

_REFERENCE = {
    "as_of": "The session that this run speaks of, and the moment up to which things count as known",
    "calendar": "Every civil day with the exchange's, the Federal Reserve's and the bond market's business days",
    "datasets": "What this home's source offers, and how old each dataset may be",
    "series": "What each series means: unit, frequency, publication rule, licence",
    "instruments": "Indices, funds and coins, and the part that each plays",
}


@dg.multi_asset(
    name="reference",
    specs=[
        dg.AssetSpec(["ref", name], description=text, group_name="reference", owners=OWNERS, kinds={"duckdb"})
        for name, text in _REFERENCE.items()
    ],
)
def reference(warehouse: Warehouse, options: RunOptions, source: dg.ResourceParam[Source]):
    """Tables made from the catalogue and the calendars; also decides the run's as-of."""
    catalog = load_catalog()
    with speaking_failures():
        warehouse.home.claim(source.name)
        as_of = options.as_of_date(source.last_day)
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
                    landed_datasets(warehouse.home) if options.rebuild else source.datasets,
                ),
                "series": catalog.series_table(source.service_of("fred_observations"), as_of),
                "instruments": catalog.instruments_table(as_of),
            }
            write_reference(connection, tables)
    for name, table in tables.items():
        yield dg.MaterializeResult(
            asset_key=["ref", name], metadata={"dagster/row_count": len(table), "as_of": as_of.isoformat()}
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
            "max_age_sessions": dataset.max_age_sessions,
            "licence": dataset.licence,
        }
        for dataset in catalog.datasets.values()
    ).astype({"max_age_sessions": "Int32"})


def raw_asset(dataset: Dataset) -> dg.AssetsDefinition:
    """The asset of one raw table: fetched, landed, appended."""
    deps = [dg.AssetKey(["ref", "as_of"])]
    if dataset.name == "prices":  # the members are the symbols to ask for
        deps.append(dg.AssetKey(["raw", "index_membership"]))

    @dg.asset(
        key=["raw", dataset.name],
        deps=deps,
        description=dataset.title,
        group_name="raw",
        owners=OWNERS,
        kinds={"parquet", "duckdb"},
        metadata={"licence": dataset.licence},
    )
    def load_dataset(
        context: dg.AssetExecutionContext,
        warehouse: Warehouse,
        options: RunOptions,
        source: dg.ResourceParam[Source],
    ) -> dg.MaterializeResult:
        catalog = load_catalog()
        with speaking_failures(), warehouse.connect() as connection:
            metadata = {}
            if options.rebuild:
                new_rows = load_landed(connection, warehouse.home, catalog, dataset)
            elif dataset.name not in source.datasets:
                metadata["note"] = f"the source {source.name} does not offer this dataset"
                new_rows = 0
            else:
                done = ingest(
                    connection,
                    warehouse.home,
                    catalog,
                    source,
                    dataset.name,
                    current_as_of(connection),
                    full_refresh=options.full_refresh,
                )
                new_rows = done.rows_new
                metadata["rows_received"] = done.rows_received
                if done.missing:
                    metadata["missing"] = ", ".join(sorted(done.missing))
                    context.log.warning(_missing_in_words(dataset, sorted(done.missing)))
            total = connection.execute(f"select count(*) from raw.{dataset.name}").fetchall()[0][0]
        return dg.MaterializeResult(metadata={"dagster/row_count": total, "rows_new": new_rows, **metadata})

    return load_dataset


def _missing_in_words(dataset: Dataset, missing: list[str]) -> str:
    shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
    return f"{dataset.name}: {len(missing)} asked for did not come (no longer kept, or not offered): {shown}"


def current_as_of(connection: duckdb.DuckDBPyConnection) -> date:
    """The session that the reference tables speak of."""
    return connection.execute("select as_of_date from ref.as_of").fetchall()[0][0]


@contextmanager
def speaking_failures() -> Iterator[None]:
    """Turns our own errors into Dagster failures that carry their message alone."""
    try:
        yield
    except (SourceError, LandingError, HomeError, EngineError) as error:
        raise dg.Failure(str(error), allow_retries=getattr(error, "retryable", False)) from error
