select * from {{ source('ref', 'as_of') }}
