"""The publication, copied to a PostgreSQL server for a team.

Belongs here: the copy, in one transaction, by ADBC. Does not belong here: what is published and why (publish.py).

    analysis                       the schema that people read; its COMMENT names the publication
    analysis_incoming              the next one while it is copied, seen by nobody else
    analysis_outgoing_<version>    an earlier one that could not be removed yet, because somebody still uses it
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import adbc_driver_postgresql.dbapi as postgresql
import duckdb
from adbc_driver_manager import Error

from assets.candidate import Described, comments
from assets.redaction import redact
from assets.sql import comments_on, literal, quoted
from assets.versions import SCHEMA, Publication, PublishError

_INCOMING = f"{SCHEMA}_incoming"
_OUTGOING = f"{SCHEMA}_outgoing_"
_OURS = "Tidegauge publication"
_LOCK = 7_236_478_301  # any number that nobody else takes
_PATIENCE = "5s"  # for the readers of an outgoing schema; it is tried again with each publication
_BATCH_ROWS = 100_000
_TYPES = {
    "DATE": "date",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
    "VARCHAR": "text",
    "TIMESTAMP": "timestamp",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Copied:
    """What was copied."""

    version: str
    tables: int
    rows: int


def copy_publication(
    publication: Publication, reader: duckdb.DuckDBPyConnection, address: str, keys: Mapping[str, Sequence[str]]
) -> Copied:
    """Copy a publication, on which `reader` is open, into the schema `analysis` of the server at `address` (postgresql://).

    Comments come along, and the columns in `keys` become primary keys. Readers see the old publication until the new
    one is there as a whole, and wait for nothing; who could read the old one can read the new one. PublishError where
    the server cannot be reached or refuses, or where a schema `analysis` is there that is not ours: nothing has
    changed then.
    """
    rows = 0
    try:
        with postgresql.connect(address) as server, server.cursor() as cursor:
            standing = _standing(cursor)
            cursor.execute(f"drop schema if exists {_INCOMING} cascade")
            cursor.execute(f"create schema {_INCOMING}")
            tables = publication.manifest["tables"]
            described = comments(reader, reader.execute("select current_database()").fetchone()[0])
            for table in tables:
                source = reader.sql(f"from {quoted(table)}")
                rows += _copy_table(source, cursor, table, keys.get(table, ()), described[table])
            told = f"{_OURS} {publication.version} as of {publication.manifest['as_of']}"
            if publication.manifest["simulated"]:
                told = f"{told}, SIMULATED DATA"
            cursor.execute(f"comment on schema {_INCOMING} is {literal(told)}")
            if standing:
                _grant_as_before(cursor)
                # a schema is renamed without waiting for those who read its tables
                cursor.execute(f"alter schema {SCHEMA} rename to {quoted(_outgoing(standing, cursor))}")
            cursor.execute(f"alter schema {_INCOMING} rename to {SCHEMA}")
            server.commit()
            _remove_outgoing(server, cursor)
    except Error as error:
        raise PublishError(
            f"could not copy the publication to {redact(address)}: {_told(error)} "
            "What stood there stands. See that the server runs and lets you create schemas, then run again."
        ) from error
    return Copied(publication.version, len(tables), rows)


def _standing(cursor: postgresql.Cursor) -> str | None:
    """The comment of the server's schema `analysis`; None where there is none."""
    cursor.execute(f"select pg_try_advisory_xact_lock({_LOCK})")
    if not cursor.fetchone()[0]:
        raise PublishError("another publication is on its way to this server. Run again when it is there.")
    cursor.execute(f"select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = '{SCHEMA}'")
    found = cursor.fetchone()
    if found is None:
        return None
    if not (found[0] or "").startswith(_OURS):
        raise PublishError(
            f"the server has a schema {SCHEMA} that Tidegauge did not make, and would be replaced. "
            "Rename it, or name another database."
        )
    return found[0]


def _copy_table(
    rows: duckdb.DuckDBPyRelation, cursor: postgresql.Cursor, table: str, key: Sequence[str], described: Described
) -> int:
    kinds = {name: str(kind) for name, kind in zip(rows.columns, rows.types, strict=True)}
    unknown = [f"{name} {kind}" for name, kind in kinds.items() if kind not in _TYPES]
    if unknown:
        raise PublishError(f"{table} has columns of types that PostgreSQL is not told of: {', '.join(unknown)}.")
    target = f"{_INCOMING}.{quoted(table)}"
    columns = ", ".join(f"{quoted(name)} {_TYPES[kind]}" for name, kind in kinds.items())
    cursor.execute(f"create table {target} ({columns})")
    copied = cursor.adbc_ingest(table, rows.to_arrow_reader(_BATCH_ROWS), mode="append", db_schema_name=_INCOMING)
    if key:
        cursor.execute(f"alter table {target} add primary key ({', '.join(map(quoted, key))})")
    for statement in comments_on(target, *described):
        cursor.execute(statement)
    return copied


def _grant_as_before(cursor: postgresql.Cursor) -> None:
    """Who may use the schema that stands may use the incoming one, and read its tables."""
    cursor.execute(
        "select case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end "
        "from pg_namespace, aclexplode(nspacl) "
        f"where nspname = '{SCHEMA}' and privilege_type = 'USAGE' and grantee <> nspowner"
    )
    for (role,) in cursor.fetchall():
        cursor.execute(f"grant usage on schema {_INCOMING} to {role}")
        cursor.execute(f"grant select on all tables in schema {_INCOMING} to {role}")


def _outgoing(standing: str, cursor: postgresql.Cursor) -> str:
    """A name for the schema that stands, after its version; the same one may have been copied before."""
    version = standing.removeprefix(_OURS).split()[0]
    cursor.execute(f"select count(*) from pg_namespace where starts_with(nspname, {literal(_OUTGOING + version)})")
    return f"{_OUTGOING}{version}_{cursor.fetchone()[0]}"


def _remove_outgoing(server: postgresql.Connection, cursor: postgresql.Cursor) -> None:
    """Drop the earlier publications, but what somebody reads or has built a view on."""
    cursor.execute(
        "select nspname, (select coalesce(string_agg(format('%I.%I', nspname, relname), ', '), '') from pg_class "
        "where relnamespace = n.oid and relkind = 'r') from pg_namespace as n "
        f"where starts_with(nspname, '{_OUTGOING}')"
    )
    found = cursor.fetchall()
    server.commit()
    for schema, tables in found:
        try:
            cursor.execute(f"set local lock_timeout = '{_PATIENCE}'")
            if tables:
                cursor.execute(f"drop table {tables} restrict")
            cursor.execute(f"drop schema {quoted(schema)} restrict")
            server.commit()
        except Error as error:
            server.rollback()
            log.warning("the earlier publication stays on the server as schema %s: %s", schema, _told(error))


def _told(error: Error) -> str:
    """What the server says, in one line."""
    return redact(" ".join(str(error).split()))
