select * from {{ source('ref', 'instruments') }}
