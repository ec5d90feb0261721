select * from {{ source('ref', 'datasets') }}
