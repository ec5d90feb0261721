select * from {{ source('raw', 'holds') }}
