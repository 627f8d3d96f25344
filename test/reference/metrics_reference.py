"""Reference values of the metrics: scikit-learn, SciPy, and DeLong's test by its definition.

Writes data/metrics.json beside this file. README.md describes it.

    python3 metrics_reference.py
"""
import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics as skm
from sklearn.calibration import calibration_curve

HERE = Path(__file__).resolve().parent


def finite(values):
    """A list for JSON; what is not finite becomes null."""
    return [float(v) if np.isfinite(v) else None for v in np.atleast_1d(values)]


def draw(rng, n, prevalence, strength, step):
    """Labels and the probabilities of two models that see some of the same. `step` rounds them, so that they tie."""
    label = (rng.random(n) < prevalence).astype(int)
    label[:4] = [0, 1, 0, 1]
    shared = rng.standard_normal(n)
    scores = []
    for s in strength:
        logit = s * (2 * label - 1) + 0.7 * shared + 0.7 * rng.standard_normal(n)
        p = 1 / (1 + np.exp(-logit))
        scores.append(np.clip(np.round(p / step) * step, 0, 1) if step else p)
    return label, scores


def delong(label, a, b):
    """The definition: all pairs of a malignant and a benign image, structural components, their covariances."""
    pos, neg = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    v10, v01, auc = [], [], []
    for score in (np.asarray(a), np.asarray(b)):
        x, y = score[pos][:, None], score[neg][None, :]
        psi = np.where(x > y, 1.0, np.where(x == y, 0.5, 0.0))
        v10.append(psi.mean(axis=1))
        v01.append(psi.mean(axis=0))
        auc.append(psi.mean())
    s = np.cov(np.array(v10)) / len(pos) + np.cov(np.array(v01)) / len(neg)
    difference = auc[1] - auc[0]
    variance = s[0, 0] + s[1, 1] - 2 * s[0, 1]
    z = difference / np.sqrt(variance)
    half = stats.norm.ppf(0.975) * np.sqrt(variance)
    return {
        "auc": auc,
        "variance": [s[0, 0], s[1, 1]],
        "covariance": s[0, 1],
        "difference": difference,
        "interval": [difference - half, difference + half],
        "z": z,
        "p": 2 * stats.norm.sf(abs(z)),
    }


def case(name, seed, n, prevalence, strength, step, thresholds):
    rng = np.random.default_rng(seed)
    label, scores = draw(rng, n, prevalence, strength, step)
    score = scores[0]
    fpr, tpr, at = skm.roc_curve(label, score, drop_intermediate=False)
    precision, recall, pr_at = skm.precision_recall_curve(label, score)
    true, predicted = calibration_curve(label, score, n_bins=10)
    # The size of each bin, by the edges that calibration_curve uses.
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], score)
    sizes = np.bincount(bins, minlength=10)
    sizes = sizes[sizes > 0]
    every = np.unique(score)
    rates = {}
    for threshold in thresholds:
        hit = (score >= threshold).astype(int)
        tn, fp, fn, tp = skm.confusion_matrix(label, hit, labels=[0, 1]).ravel()
        rates[str(threshold)] = {
            "confusion": {"tp": int(tp), "fp": int(fp), "fn": int(fn), "tn": int(tn)},
            "accuracy": skm.accuracy_score(label, hit),
            "f1": skm.f1_score(label, hit),
            "sensitivity": skm.recall_score(label, hit),
            "specificity": skm.recall_score(label, hit, pos_label=0),
            "ppv": skm.precision_score(label, hit),
            "npv": skm.precision_score(label, hit, pos_label=0),
        }
    return {
        "name": name,
        "label": label.tolist(),
        "score": finite(score),
        "other": finite(scores[1]),
        "auc": skm.roc_auc_score(label, score),
        "averagePrecision": skm.average_precision_score(label, score),
        "roc": {"fpr": finite(fpr), "tpr": finite(tpr), "threshold": finite(at)[1:]},
        "pr": {"precision": finite(precision), "recall": finite(recall), "threshold": finite(pr_at)},
        "brier": skm.brier_score_loss(label, score),
        "reliability": {"observed": finite(true), "predicted": finite(predicted), "images": sizes.tolist()},
        "calibrationError": float(np.sum(sizes * np.abs(true - predicted)) / n),
        "rates": rates,
        "youden": float(np.max(tpr - fpr)),
        "bestF1": float(max(skm.f1_score(label, score >= t) for t in every)),
        "delong": delong(label, *scores),
    }


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def multiclass(name, seed, n, shares, strength=1.2, step=None, without=(), never=()):
    """More than two classes: overall figures, and each class against the rest. Not defined values become null."""
    rng = np.random.default_rng(seed)
    k = len(shares)
    label = rng.choice(k, size=n, p=np.asarray(shares) / np.sum(shares))
    present = [c for c in range(k) if c not in without]
    # Every class that is to occur does, twice.
    label[: 2 * len(present)] = np.repeat(present, 2)
    label[np.isin(label, without)] = present[0]
    p = softmax(strength * np.eye(k)[label] + rng.standard_normal((n, k)) - 10 * np.isin(np.arange(k), never))
    if step:
        # Rounded, so that they tie; the first class takes what is left.
        p = np.floor(p / step) * step
        p[:, 0] = 1 - p[:, 1:].sum(axis=1)
    predicted = p.argmax(axis=1)
    every = list(range(k))
    precision, recall, f1, support = skm.precision_recall_fscore_support(
        label, predicted, labels=every, zero_division=0
    )
    hit = np.eye(k)[label]
    by_class = []
    for c in every:
        actual, score = (label == c).astype(int), p[:, c]
        true, mean = calibration_curve(actual, score, n_bins=10)
        bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], score)
        sizes = np.bincount(bins, minlength=10)
        sizes = sizes[sizes > 0]
        some = 0 < actual.sum() < n
        by_class.append(
            {
                "images": int(support[c]),
                "predicted": int((predicted == c).sum()),
                "precision": precision[c],
                "recall": recall[c],
                "f1": f1[c],
                "auc": skm.roc_auc_score(actual, score) if some else None,
                "averagePrecision": skm.average_precision_score(actual, score) if some else None,
                "brier": skm.brier_score_loss(actual, score, pos_label=1),
                "calibrationError": float(np.sum(sizes * np.abs(true - mean)) / n),
                "reliability": {"observed": finite(true), "predicted": finite(mean), "images": sizes.tolist()},
            }
        )
    try:
        # Of two classes it takes one column only; the AUCs of both are equal.
        macro_auc = skm.roc_auc_score(label, p if k > 2 else p[:, 1], multi_class="ovr", average="macro", labels=every)
    except ValueError:
        macro_auc = None
    complete = all(c["averagePrecision"] is not None for c in by_class)
    return {
        "name": name,
        "label": label.tolist(),
        "probabilities": p.tolist(),
        "confusion": skm.confusion_matrix(label, predicted, labels=every).tolist(),
        "accuracy": skm.accuracy_score(label, predicted),
        "macroF1": skm.f1_score(label, predicted, labels=every, average="macro", zero_division=0),
        "weightedF1": skm.f1_score(label, predicted, labels=every, average="weighted", zero_division=0),
        "macroAuc": macro_auc,
        "macroAveragePrecision": skm.average_precision_score(hit, p, average="macro") if complete else None,
        # By its definition: scikit-learn has it of more than two classes from 1.8 on.
        "brier": float(np.mean(np.sum((p - hit) ** 2, axis=1))),
        "byClass": by_class,
    }


def runs(values):
    values = np.asarray(values)
    n = len(values)
    low, high = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
    return {"values": values.tolist(), "mean": values.mean(), "deviation": values.std(ddof=1), "interval": [low, high]}


def paired(a, b):
    result = stats.ttest_rel(b, a)
    return {"a": list(a), "b": list(b), "p": result.pvalue, **{k: v for k, v in runs(np.subtract(b, a)).items() if k != "values"}}


def main():
    rng = np.random.default_rng(7)
    five = 0.9 + 0.02 * rng.standard_normal((2, 5))
    values = np.sort(rng.standard_normal(37))
    mask, target = rng.random(400), (rng.random(400) < 0.4).astype(int)
    hit = (mask >= 0.5).astype(int)
    reference = {
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
        "cases": [
            case("no ties", 1, 150, 0.5, (0.5, 0.9), None, (0.5, 0.3, 0.85)),
            case("many ties", 2, 200, 0.3, (0.6, 0.5), 0.05, (0.5, 0.35, 0.9)),
            case("hardly any scores", 3, 90, 0.6, (0.4, 0.8), 0.25, (0.5, 0.25, 0.75)),
            case("few malignant", 4, 300, 0.03, (0.9, 0.3), None, (0.5, 0.2)),
            case("small", 5, 12, 0.5, (0.3, 0.6), None, (0.5,)),
            case("scores at the edges of bins", 6, 120, 0.5, (0.6, 1.0), 0.1, (0.5, 0.3, 0.7)),
        ],
        "multiclass": [
            multiclass("two classes", 10, 80, (1, 1)),
            multiclass("three classes", 11, 150, (4, 2, 1)),
            multiclass("three classes with many ties", 12, 200, (1, 1, 1), step=0.125),
            multiclass("three classes of one image in fifty", 13, 300, (48, 1, 1)),
            multiclass("three classes, one of them never predicted", 14, 120, (20, 20, 1), never=(2,)),
            multiclass("three classes on twelve images", 15, 12, (1, 1, 1)),
            multiclass("three classes, one of them without an image", 16, 60, (2, 1, 1), without=(2,)),
            multiclass("six classes", 17, 341, (41, 19, 93, 77, 66, 45)),
            multiclass("six classes, two of them without an image", 18, 90, (1, 1, 1, 1, 1, 1), without=(0, 4)),
        ],
        "runs": [runs([0.9, 0.92]), runs(five[0]), runs([1.0, 0.5, 0.75, 0.25]), runs(rng.random(40))],
        "paired": paired(five[0], five[1]),
        "percentiles": {"values": values.tolist(), "interval": np.percentile(values, [2.5, 97.5]).tolist()},
        "mask": {
            "mask": mask.tolist(),
            "target": target.tolist(),
            "dice": skm.f1_score(target, hit),
            "iou": skm.jaccard_score(target, hit),
        },
    }
    (HERE / "data" / "metrics.json").write_text(json.dumps(reference, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
