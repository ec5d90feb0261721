{# how far ahead a session looks, days: announcements and lists reach two weeks, hardly more #}
{% set days_ahead = 30 %}
{# an auction settles within so many days #}
{% set days_to_issue = 21 %}

with sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

as_of as (
    select * from {{ ref('stg_reference__as_of') }}
),

auction_versions as (
    select * from {{ ref('stg_fiscal_data__auctions_versions') }}
),

upcoming_versions as (
    select * from {{ ref('stg_fiscal_data__upcoming_auctions_versions') }}
),

lives as (
    select
        *,
        lead(known_at) over (partition by cusip, auction_date order by known_at) as replaced_at
    from auction_versions
),

issue_days as (
    select distinct issue_date as date
    from auction_versions
    where issue_date is not null
),

-- what has no day of issue may be part of any settlement that its auction could lead to: what it adds is
-- not known
auctions as (
    select
        lives.cusip,
        lives.auction_date,
        coalesce(lives.issue_date, issue_days.date) as issue_date,
        lives.issue_date is not null as is_dated,
        lives.security_type,
        lives.security_term,
        case when lives.issue_date is not null then lives.offering_bn end as offering_bn,
        case when lives.issue_date is not null then lives.total_accepted_bn end as total_accepted_bn,
        case when lives.issue_date is not null then lives.soma_accepted_bn end as soma_accepted_bn,
        case
            when lives.issue_date is not null then lives.maturing_public_by_type_bn
        end as maturing_public_by_type_bn,
        lives.is_void,
        lives.known_at,
        lives.replaced_at
    from lives
    left join issue_days
        on lives.issue_date is null
        and {{ days_between('lives.auction_date', 'issue_days.date') }} between 0 and {{ days_to_issue }}
),

upcoming as (
    select
        *,
        lead(known_at) over (
            partition by record_date, security_type, security_term, cusip, auction_date
            order by known_at
        ) as replaced_at
    from upcoming_versions
),

moments as (
    select
        'ahead' as scope,
        date,
        as_of_at
    from sessions
    union all
    select
        'all' as scope,
        as_of_date as date,
        as_of_at
    from as_of
),

-- each session with the settlements ahead of it, and the as-of with all of them
seen as (
    select
        'ahead' as scope,
        sessions.date,
        auctions.*
    from sessions
    inner join auctions
        on sessions.date < auctions.issue_date
        and sessions.as_of_at >= auctions.known_at
    where
        not auctions.is_void
        and {{ days_between('sessions.date', 'auctions.issue_date') }} <= {{ days_ahead }}
        and (sessions.as_of_at < auctions.replaced_at or auctions.replaced_at is null)
    union all
    select
        'all' as scope,
        as_of.as_of_date as date,
        auctions.*
    from auctions
    cross join as_of
    where auctions.replaced_at is null and auctions.issue_date is not null and not auctions.is_void
),

-- an auction that was put off stands under both its dates
ranked as (
    select
        *,
        row_number() over (
            partition by scope, date, issue_date, cusip
            order by known_at desc, auction_date desc
        ) as recency_rank
    from seen
),

announced as (
    select * from ranked
    where recency_rank = 1
    qualify bool_or(is_dated) over (partition by scope, date, issue_date)
),

-- a list stands until the last of its rows is void
lists as (
    select
        record_date,
        min(known_at) as known_at,
        case when count(*) = count(replaced_at) then max(replaced_at) end as replaced_at
    from upcoming
    where not is_void
    group by record_date
),

latest_lists as (
    select
        moments.scope,
        moments.date,
        moments.as_of_at,
        max(lists.record_date) as record_date
    from moments
    inner join lists
        on moments.as_of_at >= lists.known_at
        and (moments.as_of_at < lists.replaced_at or lists.replaced_at is null)
    group by moments.scope, moments.date, moments.as_of_at
),

-- what only the list has: auctions that are not announced yet
listed as (
    select
        latest_lists.scope,
        latest_lists.date,
        upcoming.issue_date,
        upcoming.cusip,
        upcoming.auction_date,
        upcoming.security_type,
        upcoming.security_term,
        upcoming.announcement_date,
        upcoming.offering_bn,
        upcoming.known_at
    from latest_lists
    inner join upcoming
        on latest_lists.record_date = upcoming.record_date
        and latest_lists.as_of_at >= upcoming.known_at
        and (latest_lists.as_of_at < upcoming.replaced_at or upcoming.replaced_at is null)
    left join announced
        on latest_lists.scope = announced.scope
        and latest_lists.date = announced.date
        and (
            (upcoming.cusip = announced.cusip and upcoming.issue_date = announced.issue_date)
            or (
                upcoming.security_type = announced.security_type
                and upcoming.security_term = announced.security_term
                and upcoming.auction_date = announced.auction_date
            )
        )
    where
        announced.date is null
        and not upcoming.is_void
        and upcoming.issue_date > latest_lists.date
        and (
            latest_lists.scope = 'all'
            or {{ days_between('latest_lists.date', 'upcoming.issue_date') }} <= {{ days_ahead }}
        )
),

securities as (
    select
        scope,
        date,
        issue_date,
        cusip,
        security_type,
        security_term,
        offering_bn,
        total_accepted_bn,
        soma_accepted_bn,
        maturing_public_by_type_bn,
        false as is_tentative,
        is_dated,
        known_at
    from announced
    union all
    select
        scope,
        date,
        issue_date,
        cusip,
        security_type,
        security_term,
        offering_bn,
        cast(null as double) as total_accepted_bn,
        cast(null as double) as soma_accepted_bn,
        cast(null as double) as maturing_public_by_type_bn,
        offering_bn is null or coalesce(announcement_date > date, true) as is_tentative,
        true as is_dated,
        known_at
    from listed
),

-- amounts are whole dollars: as decimals their sums are exact, in whatever order they are added
in_decimals as (
    select
        scope,
        date,
        issue_date,
        cusip,
        security_type,
        security_term,
        security_type in ('Bill', 'CMB') as is_bill,
        cast(offering_bn as decimal(18, 9)) as offering_bn,
        cast(soma_accepted_bn as decimal(18, 9)) as soma_bn,
        cast(coalesce(total_accepted_bn - soma_accepted_bn, offering_bn) as decimal(18, 9)) as amount_bn,
        cast(maturing_public_by_type_bn as decimal(18, 9)) as maturing_public_by_type_bn,
        total_accepted_bn is not null or not is_dated as is_auctioned,
        is_tentative,
        known_at
    from securities
)

select * from in_decimals
