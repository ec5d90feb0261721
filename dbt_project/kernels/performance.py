"""What followed a session, what the challengers of the regime model say, and intervals that know of dependence.

Shapes: `values`, `out` float64[elements]; `offsets` int64[groups + 1], group g owns offsets[g]:offsets[g + 1];
parameters one a group. An element is a session and the one before it the session before: a session without a value
is there, as NaN.

hmmlearn and jumpmodels take seconds to import, so that they are where they are needed and not above.

All compiled functions stand in this one file: numba's cache does not notice a callee changed in another.
"""

import itertools
import math

import numpy as np

from dbt_project.kernels import indicators

OUTCOME_COLUMNS = ("forward_return", "worst_loss", "max_drawdown", "realized_volatility")
CHALLENGER_COLUMNS = ("hmm_turbulent", "jump_turbulent")
INTERVAL_COLUMNS = ("estimate", "low", "high")

# hmmlearn's prior on variances is made for numbers of the size of one
PERCENT = 100
PERSISTENCE = 0.95
# The features and their half-lives are those of Shu, Yu and Mulvey (2024), "Downside risk reduction using
# regime-switching signals: a statistical jump model approach"; clipping and scaling as in their package's example.
DEVIATION_HALFLIFE = 10
SORTINO_HALFLIVES = (20, 60)
CLIP = 3
# four of the longest half-life: what lies before the first return then weighs a sixteenth
WARM_UP = 240

_compiled = indicators._compiled


# --- families: what one SQL function returns, columns in the order of *_COLUMNS ---


def outcome_family(offsets, prices, horizon, out):
    """OUTCOME_COLUMNS of the horizon[g] sessions after an entry at the next session's price; float64[4, elements].

    forward_return       last price / entry - 1
    worst_loss           lowest price / entry - 1, the entry included: never above 0
    max_drawdown         deepest fall from a high since the entry: never above 0
    realized_volatility  sample standard deviation of the log returns * sqrt(252)
    NaN until the horizon is over, and where one of its prices is missing.
    """
    outcomes(offsets, prices, horizon, *out)


def challenger_family(offsets, returns, fitted, least, penalty, seed, out):
    """CHALLENGER_COLUMNS into out float64[2, elements]: filtered probability, and 0 or 1.

    Both are fitted on the sessions where `fitted` is not 0, and then read the returns one by one from the first:
    later returns change nothing. NaN on a session without a return, and everywhere where fewer than least[g] of the
    sessions to fit have one or none comes after them (they may not be over).
    """
    out[:] = np.nan
    for g, (first, last) in enumerate(itertools.pairwise(offsets)):
        there = np.isfinite(returns[first:last])
        known = returns[first:last][there]
        to_fit = np.flatnonzero(fitted[first:last][there])
        if len(to_fit) < max(least[g], 1) or to_fit[-1] + 1 == len(known):
            continue
        hmm, jump = out[:, first:last]
        hmm[there] = filtered_hmm(known, to_fit)
        jump[there] = online_jump(known, to_fit, penalty[g], int(seed[g]))


def interval_family(offsets, values, members, signs, block, draws, seed, low, high, out):
    """INTERVAL_COLUMNS of a sum of signed means into out float64[3, groups].

    members[g] float64[elements of g, means] and signs[g] float64[means]: the sum over the means of sign * mean of
    the values where the member is not 0. Quantiles low[g] and high[g], as numpy.quantile, of draws[g] circular block
    bootstraps of all the group's sessions, members or not, in blocks of block[g], the last one cut to the length of the
    group. A sign of 0 leaves its mean out, and a draw without one of the others is left out. Groups of one seed and
    length have the same draws.
    """
    out[:] = np.nan
    places = {}
    for g, (first, last) in enumerate(itertools.pairwise(offsets)):
        sessions = last - first
        if sessions == 0:
            continue
        blocks = -(-sessions // block[g])
        key = (int(seed[g]), int(draws[g]), int(blocks))
        if key not in places:
            # RandomState, because numpy promises that its stream never changes
            places[key] = np.random.RandomState(key[0]).random_sample(key[1:])
        starts = (places[key] * sessions).astype(np.int64)
        wanted = signs[g] != 0
        means = np.empty((draws[g] + 1, wanted.sum()))
        drawn_means(values[first:last], np.ascontiguousarray(members[g][:, wanted]), starts, block[g], means)
        statistic = (means * signs[g][wanted]).sum(axis=1)
        drawn = statistic[1:][np.isfinite(statistic[1:])]
        out[0, g] = statistic[0]
        if len(drawn) and np.isfinite(statistic[0]):
            out[1:, g] = np.quantile(drawn, (low[g], high[g]))


# --- challengers ---


def hmm_parameters(returns):
    """Means, variances and transitions of a two-state Gaussian hidden Markov model of returns, the calm state first.

    In percent. hmmlearn starts from clusters of returns, which tell ups from downs and not calm from turbulent; this
    starts from half and twice the variance around one mean, so that nothing is drawn at random.
    """
    from hmmlearn.hmm import GaussianHMM

    x = PERCENT * returns[:, None]
    model = GaussianHMM(2, "diag", n_iter=1000, tol=1e-6, init_params="")
    model.startprob_ = np.full(2, 0.5)
    model.transmat_ = np.array([[PERSISTENCE, 1 - PERSISTENCE], [1 - PERSISTENCE, PERSISTENCE]])
    model.means_ = np.full((2, 1), x.mean())
    model.covars_ = x.var() * np.array([[0.5], [2.0]])
    model.fit(x)
    variances = model.covars_.reshape(2)
    order = np.argsort(variances)
    return model.means_[order, 0], variances[order], model.transmat_[np.ix_(order, order)]


def filtered_hmm(returns, to_fit):
    """P(turbulent | returns so far) of each return, by the forward recursion from the chain's stationary state."""
    if np.ptp(returns[to_fit]) == 0:
        return np.full(len(returns), np.nan)
    means, variances, transition = hmm_parameters(returns[to_fit])
    out = np.empty(len(returns))
    forward_probability(PERCENT * returns, means, variances, transition, out)
    return out


def jump_features(returns):
    """Exponentially weighted downside deviation and Sortino ratios, float64[returns, 3]; of past returns alone."""
    import pandas as pd

    series = pd.Series(returns)
    losses = np.minimum(series, 0.0) ** 2

    def mean(x, halflife):
        return x.ewm(halflife=halflife, min_periods=WARM_UP).mean()

    ratios = [mean(series, h) / np.sqrt(mean(losses, h)) for h in SORTINO_HALFLIVES]
    return np.column_stack([np.sqrt(mean(losses, DEVIATION_HALFLIFE)), *ratios])


def online_jump(returns, to_fit, penalty, seed):
    """1 where a two-state statistical jump model sees the turbulent state, from what was known then, else 0.

    Turbulent is the state of the higher volatility in the sessions to fit. NaN before the features are warm, and
    everywhere where the sessions to fit show one state only.
    """
    from jumpmodels.jump import JumpModel

    out = np.full(len(returns), np.nan)
    features = jump_features(returns)
    warm = np.isfinite(features).all(axis=1)
    to_fit = to_fit[warm[to_fit]]
    if not len(to_fit):
        return out
    mean, deviation = features[to_fit].mean(axis=0), features[to_fit].std(axis=0)
    features = np.clip(features, mean - CLIP * deviation, mean + CLIP * deviation)
    mean, deviation = features[to_fit].mean(axis=0), features[to_fit].std(axis=0)
    if not (deviation > 0).all():
        return out
    scaled = (features - mean) / deviation
    model = JumpModel(n_components=2, jump_penalty=penalty, random_state=seed)
    model.fit(scaled[to_fit], ret_ser=returns[to_fit], sort_by="vol")
    if np.isfinite(model.centers_).all():
        out[warm] = model.predict_online(scaled[warm])
    return out


# --- compiled ---


@_compiled
def outcomes(offsets, prices, horizon, forward_return, worst_loss, max_drawdown, realized_volatility):
    """See outcome_family."""
    for g in range(len(offsets) - 1):
        n = horizon[g]
        for i in range(offsets[g], offsets[g + 1]):
            forward_return[i] = worst_loss[i] = max_drawdown[i] = realized_volatility[i] = np.nan
            entry = i + 1
            if entry + n >= offsets[g + 1] or not np.isfinite(prices[entry : entry + n + 1]).all():
                continue
            lowest = highest = prices[entry]
            deepest = 0.0
            mean = math.log(prices[entry + n] / prices[entry]) / n
            squares = 0.0
            for j in range(entry + 1, entry + n + 1):
                lowest = min(lowest, prices[j])
                highest = max(highest, prices[j])
                deepest = min(deepest, prices[j] / highest - 1.0)
                squares += (math.log(prices[j] / prices[j - 1]) - mean) ** 2
            forward_return[i] = prices[entry + n] / prices[entry] - 1.0
            worst_loss[i] = lowest / prices[entry] - 1.0
            max_drawdown[i] = deepest
            if n > 1:
                realized_volatility[i] = math.sqrt(252 * squares / (n - 1))


@_compiled
def forward_probability(x, mean, variance, transition, out):
    """P(state 1 | x so far) of a two-state Gaussian chain that starts from its stationary distribution."""
    leaving, entering = transition[1, 0], transition[0, 1]
    second = entering / (entering + leaving) if entering + leaving > 0.0 else 0.5
    for t in range(len(x)):
        if t > 0:
            second = second * transition[1, 1] + (1.0 - second) * transition[0, 1]
        odds = 0.5 * (x[t] - mean[0]) ** 2 / variance[0] - 0.5 * (x[t] - mean[1]) ** 2 / variance[1]
        odds += 0.5 * math.log(variance[0] / variance[1])
        # how much more likely the second state makes x, without leaving what a double can hold
        weight = math.exp(min(max(odds, -700.0), 700.0))
        second = second * weight / (second * weight + (1.0 - second))
        out[t] = second


@_compiled
def drawn_means(values, members, starts, block, means):
    """Row 0 of means float64[draws + 1, means] are the members' means, the others those of each draw; NaN of none.

    Sums up to each session, once around, make a block the difference of two.
    """
    sessions, columns = members.shape
    draws, blocks = starts.shape
    rest = sessions - (blocks - 1) * block
    counts, sums = np.zeros((sessions + block + 1, columns)), np.zeros((sessions + block + 1, columns))
    for t in range(sessions + block):
        for c in range(columns):
            member = members[t % sessions, c] != 0.0
            counts[t + 1, c] = counts[t, c] + member
            sums[t + 1, c] = sums[t, c] + (values[t % sessions] if member else 0.0)
    for c in range(columns):
        means[0, c] = sums[sessions, c] / counts[sessions, c] if counts[sessions, c] > 0 else np.nan
    for d in range(draws):
        for c in range(columns):
            count = total = 0.0
            for b in range(blocks):
                start = starts[d, b]
                end = start + (rest if b == blocks - 1 else block)
                count += counts[end, c] - counts[start, c]
                total += sums[end, c] - sums[start, c]
            means[d + 1, c] = total / count if count > 0 else np.nan
