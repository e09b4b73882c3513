"""Bradley and Terry's model and its two ways with ties: what each pair of models adds to slope and curvature.

With d the difference of two strengths, the chances of first, second and tie are
    HALF         1 / (1 + e^-d), the rest, none; a tie is half a win of each
    DAVIDSON     e^(d/2), e^(-d/2) and e^t, by their sum (Davidson 1970)
    RAO_KUPPER   1 / (1 + e^(t-d)), 1 / (1 + e^(t+d)), the rest (Rao & Kupper 1967), t > 0
"""

from __future__ import annotations

import math

import numpy as np

from tamis.kernels.jit import njit

HALF, DAVIDSON, RAO_KUPPER = range(3)


@njit(cache=True, nogil=True)
def totals(weights, item, pair, shares, out):
    """What each pair of models has from the games of weighted items.

    weights  (d,) int64       how often each item counts
    item     (n,) int64       of each game
    pair     (n,) int64       pair of models of each game
    shares   (n, 3) float64   1 where the first won, the second won, neither; or chances that sum to 1
    out      (p, 3) float64   written: sums of shares
    """
    out[:] = 0.0
    for k in range(item.size):
        w = weights[item[k]]
        if w:
            for s in range(3):
                out[pair[k], s] += w * shares[k, s]


@njit(cache=True, nogil=True)
def slope(first, second, games, strengths, tie, ties, gradient):
    """Gradient of the log-likelihood.

    first, second  (p,) int64     models of each pair
    games          (p, 3) float64 won by the first, by the second, tied
    strengths      (m,) float64   log-odds
    tie            the model's t
    gradient       (m + 1,) float64  written; the last is that of t
    """
    gradient[:] = 0.0
    e = np.exp(strengths / 2) if ties == DAVIDSON else np.exp(strengths)
    odds = math.exp(tie)
    own = 0.0
    for k in range(first.size):
        a, b = e[first[k]], e[second[k]]
        won, lost, drawn = games[k, 0], games[k, 1], games[k, 2]
        n = won + lost + drawn
        if n == 0:
            continue
        if ties == HALF:
            g = won + drawn / 2 - n * a / (a + b)
        elif ties == DAVIDSON:  # e holds square roots
            up, down = a / b, b / a
            z = up + down + odds
            g = (won - lost) / 2 - n * (up - down) / z / 2
            own += drawn - n * odds / z
        else:
            miss_a, miss_b = odds * b / (a + odds * b), odds * a / (b + odds * a)
            g = (won + drawn) * miss_a - (lost + drawn) * miss_b
            own += drawn * 2 / (1 - 1 / (odds * odds)) - (won + drawn) * miss_a - (lost + drawn) * miss_b
        gradient[first[k]] += g
        gradient[second[k]] -= g
    gradient[strengths.size] = own


@njit(cache=True, nogil=True)
def curvature(first, second, games, strengths, tie, ties, hessian):
    """Minus the second derivatives of the log-likelihood.

    hessian  (m + 1, m + 1) float64  written; last row and column are those of t, zero for HALF
    """
    hessian[:] = 0.0
    m = strengths.size
    odds = math.exp(tie)
    for k in range(first.size):
        i, j = first[k], second[k]
        d = strengths[i] - strengths[j]
        won, lost, drawn = games[k, 0], games[k, 1], games[k, 2]
        n = won + lost + drawn
        if n == 0:
            continue
        cross = own = 0.0
        if ties == HALF:
            p = 1 / (1 + math.exp(-d))
            h = n * p * (1 - p)
        elif ties == DAVIDSON:
            up, down = math.exp(d / 2), math.exp(-d / 2)
            z = up + down + odds
            lead, tied = (up - down) / z, odds / z
            h = n * ((up + down) / z - lead * lead) / 4
            cross = -n * tied * lead / 2
            own = n * tied * (1 - tied)
        else:
            pa, pb = 1 / (1 + math.exp(tie - d)), 1 / (1 + math.exp(tie + d))
            left, right = (won + drawn) * pa * (1 - pa), (lost + drawn) * pb * (1 - pb)
            h = left + right
            cross = right - left
            own = h + drawn * 4 / (odds - 1 / odds) ** 2
        hessian[i, i] += h
        hessian[j, j] += h
        hessian[i, j] -= h
        hessian[j, i] -= h
        hessian[i, m] += cross
        hessian[m, i] += cross
        hessian[j, m] -= cross
        hessian[m, j] -= cross
        hessian[m, m] += own


@njit(cache=True, nogil=True)
def refit(weights, item, pair, shares, first, second, ties, start, inverse, steps, small, out, converged):
    """Fits to weighted items, all from the same start with the same inverse curvature: chords, not Newton steps.

    weights    (b, d) int64
    item, pair, shares   games, as in `totals`; first, second: pairs
    start      (m + 1,) float64       strengths and t of the fit to all items
    inverse    (m + 1, m + 1) float64 of the curvature there, the mean strength held at 0
    steps      most steps
    small      a step below it is the last
    out        (b, m + 1) float64   written
    converged  (b,) bool            written; False: fit that one by itself
    """
    m = start.size - 1
    games = np.empty((first.size, 3))
    gradient = np.empty(m + 1)
    for b in range(weights.shape[0]):
        totals(weights[b], item, pair, shares, games)
        at = start.copy()
        converged[b] = False
        for _ in range(steps):
            slope(first, second, games, at[:m], at[m], ties, gradient)
            step = inverse @ gradient
            largest = np.abs(step).max()
            if not largest < 4 or (ties == RAO_KUPPER and at[m] + step[m] <= 0):
                break
            at += step
            if largest < small:
                converged[b] = True
                break
        out[b] = at
