with composite as (
    select * from {{ ref('int_regime__composite') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

thresholds as (
    select * from {{ ref('regime_thresholds') }}
),

stated as (
    select
        *,
        lag(direction) over in_order as direction_before,
        lag(threat_level) over in_order as threat_level_before
    from composite
    window in_order as (partition by model_version order by session_number)
),

direction_changes as (
    select * from stated
    where direction <> direction_before
),

-- the cut that was passed, upwards or downwards
threat_changes as (
    select
        stated.*,
        thresholds.value as cut
    from stated
    inner join thresholds
        on stated.model_version = thresholds.model_version
        and thresholds.rule = 'threat_cut_' || case
            when stated.threat_level > stated.threat_level_before then stated.threat_level
            else stated.threat_level + 1
        end
    where stated.threat_level <> stated.threat_level_before
),

directions as (
    select
        direction_changes.model_version,
        direction_changes.date,
        direction_changes.direction_before || ' to ' || direction_changes.direction as change,
        count(*) filter (
            where case direction_changes.direction
                when 'bullish' then composite.pulse >= rules.bullish_enter
                when 'bearish' then composite.pulse <= rules.bearish_enter
                else
                    composite.pulse < rules.bullish_enter
                    and composite.pulse > rules.bearish_enter
                    and case direction_changes.direction_before
                        when 'bullish' then composite.pulse < rules.bullish_leave
                        else composite.pulse > rules.bearish_leave
                    end
            end
        ) as called_for,
        max(rules.direction_dwell) as dwell
    from direction_changes
    inner join rules on direction_changes.model_version = rules.model_version
    inner join composite
        on direction_changes.model_version = composite.model_version
        and direction_changes.session_number >= composite.session_number
        and direction_changes.session_number - rules.direction_dwell < composite.session_number
    group by
        direction_changes.model_version,
        direction_changes.date,
        direction_changes.direction_before,
        direction_changes.direction
),

threat_levels as (
    select
        threat_changes.model_version,
        threat_changes.date,
        threat_changes.threat_level_before || ' to ' || threat_changes.threat_level as change,
        count(*) filter (
            where case
                when threat_changes.threat_level > threat_changes.threat_level_before
                    then composite.risk_score >= threat_changes.cut
                else composite.risk_score < threat_changes.cut - rules.threat_margin
            end
        ) as called_for,
        max(rules.threat_dwell) as dwell
    from threat_changes
    inner join rules on threat_changes.model_version = rules.model_version
    inner join composite
        on threat_changes.model_version = composite.model_version
        and threat_changes.session_number >= composite.session_number
        and threat_changes.session_number - rules.threat_dwell < composite.session_number
    group by
        threat_changes.model_version,
        threat_changes.date,
        threat_changes.threat_level_before,
        threat_changes.threat_level
)

select * from directions
where called_for <> dwell
union all
select * from threat_levels
where called_for <> dwell
