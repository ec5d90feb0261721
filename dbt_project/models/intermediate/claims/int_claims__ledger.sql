-- int_claims__series reads the ledger while dbt parses, and once is enough
with conditions as (
    {{ claims_conditions() if execute }}
)

select * from conditions
