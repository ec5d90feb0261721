select * from {{ source('ref', 'raised_alerts') }}
