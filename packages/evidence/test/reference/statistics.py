"""Makes statistics.json: figures of SciPy and statsmodels that the tests of this package are held to.

Python 3.11, scipy 1.17.1, statsmodels 0.15.0, numpy 2.4.6:
    python3 -m venv /tmp/references
    /tmp/references/bin/pip install scipy==1.17.1 statsmodels==0.15.0 numpy==2.4.6
    /tmp/references/bin/python packages/evidence/test/reference/statistics.py > packages/evidence/test/reference/statistics.json
    npx biome format --write packages/evidence/test/reference/statistics.json

From libraries: McNemar (scipy.stats.binomtest), Wilson and Newcombe of independent shares (statsmodels), Benjamini-Hochberg (both, which must
agree), the normal distribution (scipy.special), BCa (scipy.stats.bootstrap). Written here from the papers, as neither library has them:
Newcombe's interval of paired shares (1998, method 10), checked against figures of the paper's Table III, and the confidence sequences, whose ends
are found by brentq: the discrete mixture of log odds ratios for a share and for the difference of two, and the beta-binomial mixture by betaln, which the former is
compared with.
"""

import json
from itertools import product
from math import log, sqrt

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import betaln, logsumexp, ndtr, ndtri
from scipy.stats import binomtest, bootstrap, false_discovery_control
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

Z = float(ndtri(0.975))


def mcnemar():
    counts = [0, 1, 2, 3, 5, 8, 13, 30, 100]
    rows = list(product(counts, counts)) + [(0, 1000), (480, 520), (5000, 5300), (49_000, 51_000), (499_000, 501_000)]
    for baseline, canary in rows:
        n = baseline + canary
        worse, different = (1.0, 1.0) if n == 0 else (
            binomtest(canary, n, 0.5, alternative=side).pvalue for side in ("greater", "two-sided"))
        yield {"baseline": baseline, "canary": canary, "worse": float(worse), "different": float(different)}


SHARES = [(0, 1), (1, 1), (0, 10), (1, 10), (5, 10), (10, 10), (3, 7), (1, 100), (50, 100), (99, 100), (0, 1000), (5, 1000),
          (37, 5000), (2500, 5000), (500, 1_000_000)]


def wilson():
    for (k, n), level in product(SHARES, [0.9, 0.95, 0.999]):
        low, high = proportion_confint(k, n, alpha=1 - level, method="wilson")
        yield {"k": k, "n": n, "z": float(ndtri((1 + level) / 2)), "low": float(low), "high": float(high)}


def newcombe():
    for (kb, nb), (kc, nc) in product(SHARES[2::2], SHARES[1::2]):
        low, high = confint_proportions_2indep(kc, nc, kb, nb, compare="diff", method="newcomb")
        yield {"baseline": [kb, nb], "canary": [kc, nc], "low": float(low), "high": float(high)}


def score(k, n):
    middle, half = 2 * k + Z * Z, Z * sqrt(Z * Z + 4 * k * (1 - k / n))
    return (middle - half) / (2 * (n + Z * Z)), (middle + half) / (2 * (n + Z * Z))


def newcombe_paired_interval(e, f, g, h):
    """e: both, f: the first only, g: the second only, h: neither, as in the paper; the first minus the second."""
    n = e + f + g + h
    first, second = (e + f) / n, (e + g) / n
    (l2, u2), (l3, u3) = score(e + f, n), score(e + g, n)
    margins = (e + f) * (g + h) * (e + g) * (f + h)
    agreement = e * h - f * g
    if agreement > 0:
        agreement = max(agreement - n / 2, 0)
    phi = agreement / sqrt(margins) if margins > 0 else 0.0
    low = (first - l2) ** 2 - 2 * phi * (first - l2) * (u3 - second) + (u3 - second) ** 2
    high = (u2 - first) ** 2 - 2 * phi * (u2 - first) * (second - l3) + (second - l3) ** 2
    return (f - g) / n - sqrt(max(low, 0)), (f - g) / n + sqrt(max(high, 0))


# Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired data" (1998), Table III, method 10.
TABLE_III = {
    (36, 12, 2, 0): (0.0569, 0.3404), (20, 12, 2, 16): (0.0562, 0.3292), (18, 12, 2, 18): (0.0562, 0.3290),
    (36, 14, 0, 0): (0.1528, 0.4167), (35, 14, 0, 1): (0.1461, 0.4175), (18, 14, 0, 18): (0.1441, 0.3963),
    (2, 98, 0, 0): (0.9178, 0.9945), (0, 30, 0, 0): (0.8395, 1.0000), (54, 0, 0, 0): (-0.0664, 0.0664),
    (53, 0, 0, 1): (-0.0729, 0.0729), (27, 0, 0, 27): (-0.0351, 0.0351),
}


def newcombe_paired():
    for cells, published in TABLE_III.items():
        assert np.allclose(newcombe_paired_interval(*cells), published, atol=1e-4), cells
    cells = list(TABLE_III) + list(product([0, 1, 20], [0, 3, 9], [0, 2, 9], [1, 40])) + [(900, 40, 55, 99_005)]
    for e, f, g, h in cells:
        low, high = newcombe_paired_interval(e, f, g, h)
        yield {"both": e, "canary": f, "baseline": g, "neither": h, "low": low, "high": high}


def benjamini_hochberg():
    random = np.random.default_rng(1)
    sets = [[0.05], [0.01, 0.02, 0.03, 0.04, 0.05], [0.03, 0.01, 0.03, 0.9, 0.01], [0.0, 1.0, 1.0], [0.2] * 4,
            # The 15 p-values of the example in Benjamini and Hochberg (1995), section 4.
            [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]]
    sets += [(random.random(size) ** power).tolist() for size in (2, 7, 20) for power in (1, 4)]
    for p in sets:
        rejected, adjusted, _, _ = multipletests(p, alpha=0.05, method="fdr_bh")
        assert np.allclose(adjusted, false_discovery_control(p, method="bh"), rtol=1e-12)
        yield {"p": p, "rate": 0.05, "adjusted": adjusted.tolist(), "rejected": rejected.tolist()}


COUNTS = [(0, 1), (1, 1), (0, 20), (3, 20), (0, 100), (1, 100), (20, 100), (100, 100), (0, 1000), (5, 1000), (500, 1000), (5, 10_000),
          (50, 10_000), (2000, 10_000), (5000, 1_000_000), (500_000, 1_000_000)]
LOG_ODDS = np.concatenate([sign * 8 / 2.0 ** np.arange(14) for sign in (1, -1)])


def ends(log_evidence, k, n, alpha):
    """Where the evidence against a share reaches 1/alpha, on both sides of what was seen."""
    beyond = lambda p: log_evidence(p) - log(1 / alpha)
    low = 0.0 if k == 0 or beyond(0.0) < 0 else brentq(beyond, 0.0, k / n, xtol=1e-15, rtol=1e-14)
    high = 1.0 if k == n or beyond(1.0) < 0 else brentq(beyond, k / n, 1.0, xtol=1e-15, rtol=1e-14)
    return low, high


def mixture_of(k, n):
    return lambda p: logsumexp(k * LOG_ODDS - n * np.log1p(p * np.expm1(LOG_ODDS))) - log(len(LOG_ODDS))


def sequence():
    for (k, n), alpha in product(COUNTS, [0.05, 0.025, 0.001]):
        mixture = mixture_of(k, n)

        def beta_binomial(p):
            p = min(max(p, 1e-300), 1 - 1e-16)
            return betaln(0.5 + k, 0.5 + n - k) - betaln(0.5, 0.5) - k * log(p) - (n - k) * np.log1p(-p)

        low, high = ends(mixture, k, n, alpha)
        beta_low, beta_high = ends(beta_binomial, k, n, alpha)
        yield {"k": k, "n": n, "alpha": alpha, "low": float(low), "high": float(high),
               "betaBinomial": {"low": float(beta_low), "high": float(beta_high)}}


def difference():
    """The pairs of shares whose mixtures multiply to less than 1/alpha, by their difference: a search for the best pair inside one for the end."""
    sides = [((0, 0), (0, 0)), ((0, 0), (3, 20)), ((5, 1000), (0, 0)), ((0, 100), (0, 10)), ((5, 1000), (2, 50)), ((36, 6650), (11, 350)),
             ((100, 10_000), (100, 10_000)), ((2000, 10_000), (1900, 10_000)), ((10, 20), (20, 20)), ((1, 3), (0, 2)), ((0, 5), (2, 3)), ((3, 3), (1, 4)),
             ((5000, 1_000_000), (300, 50_000))]
    for ((kb, nb), (kc, nc)), alpha in product(sides, [0.05, 0.001]):
        of_baseline, of_canary = mixture_of(kb, nb), mixture_of(kc, nc)

        def beyond(apart):
            span = (max(0.0, -apart), min(1.0, 1 - apart))
            if span[1] - span[0] < 1e-12:
                return of_baseline(span[0]) + of_canary(span[0] + apart) - log(1 / alpha)
            found = minimize_scalar(lambda p: of_baseline(p) + of_canary(p + apart), bounds=span, method="bounded", options={"xatol": 1e-13})
            return min(found.fun, *(of_baseline(p) + of_canary(p + apart) for p in span)) - log(1 / alpha)

        seen = (kc / nc if nc else 0) - (kb / nb if nb else 0)
        low = -1.0 if beyond(-1.0) < 0 else brentq(beyond, -1.0, seen, xtol=1e-10)
        high = 1.0 if beyond(1.0) < 0 else brentq(beyond, seen, 1.0, xtol=1e-10)
        yield {"baseline": [kb, nb], "canary": [kc, nc], "alpha": alpha, "low": float(low), "high": float(high)}


def normal():
    for z in [-37, -20, -8, -5, -3.001, -2.999, -1.959963984540054, -1, -0.1, 0, 0.3, 1, 2.5, 3.5, 6]:
        yield {"z": z, "cdf": float(ndtr(z))}


def quantile():
    for p in [1e-300, 1e-20, 1e-9, 1e-4, 0.0012, 0.025, 0.05, 0.2, 0.4999, 0.5, 0.6, 0.8, 0.975, 0.999, 0.9999999]:
        yield {"p": p, "z": float(ndtri(p))}


def bca():
    """With so many resamples that two sources of chance agree to the second digit of the width."""
    random = np.random.default_rng(2)
    for values in [(random.exponential(1, 25)).round(3).tolist(), random.normal(0, 1, 40).round(3).tolist()]:
        found = bootstrap((values,), np.mean, n_resamples=200_000, method="BCa", rng=np.random.default_rng(3))
        low, high = found.confidence_interval
        yield {"values": values, "low": float(low), "high": float(high)}


TABLES = [mcnemar, wilson, newcombe, newcombe_paired, benjamini_hochberg, sequence, difference, normal, quantile, bca]

if __name__ == "__main__":
    tables = [f'"{table.__name__}": [\n' + ",\n".join(json.dumps(row) for row in table()) + "\n]" for table in TABLES]
    print("{\n" + ",\n".join(tables) + "\n}")
