"""Measures the anomaly model on generated textures beside a plain threshold on local contrast.

`python -m bench.surface [--images N]`

Each texture is taught from ten good images in light of 80 to 120 %, and looked at in light of 70 to 130 %. Half of the
images are good; the others have a scratch, a hole, a stain or a smudge. The area under the ROC curve says how often a
bad image looks odder than a good one; the shares of false alarms and of missed images are those at each one's own
threshold, set from good images alone: one false alarm in 1,000 for the model, mean and three deviations for the peer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bench.output import keep, show
from workcell_perception.surface import learn_surface

ImageU8 = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
Texture = Callable[[np.random.Generator], FloatArray]

SIDE_PX = 640
GOOD_IMAGES = 10
SEED = 18
FLAWS = ("scratch", "hole", "stain", "smudge")


@dataclass(frozen=True)
class Result:
    """How one detector did on one texture; shares 0..1."""

    texture: str
    detector: str
    roc_area: float
    false_alarms: float
    missed: float
    ms_median: float
    teach_s: float


def woven(rng: np.random.Generator) -> FloatArray:
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    phase = rng.uniform(0, 2 * np.pi, 2)
    threads = 30 * np.sin(x / 5 + phase[0]) * np.sin(y / 5 + phase[1])
    fibres = cv2.GaussianBlur(rng.normal(0, 14, (SIDE_PX, SIDE_PX)), (0, 0), 1.2)
    return np.asarray(120 + threads + fibres, dtype=np.float64)


def brushed(rng: np.random.Generator) -> FloatArray:
    grain = cv2.GaussianBlur(rng.normal(0, 60, (SIDE_PX, SIDE_PX)), (0, 0), sigmaX=15, sigmaY=0.8)
    return np.asarray(130 + 1.5 * grain + rng.normal(0, 4, grain.shape), dtype=np.float64)


def cast(rng: np.random.Generator) -> FloatArray:
    coarse, fine = (cv2.GaussianBlur(rng.normal(0, s, (SIDE_PX, SIDE_PX)), (0, 0), r) for s, r in ((90, 5), (18, 1)))
    return np.asarray(115 + coarse + fine, dtype=np.float64)


TEXTURES: dict[str, Texture] = {"woven": woven, "brushed": brushed, "cast": cast}


def flawed(image: FloatArray, flaw: str, rng: np.random.Generator) -> FloatArray:
    x, y = (int(n) for n in rng.integers(60, SIDE_PX - 60, size=2))
    level = float(image.mean())
    spoilt = image.astype(np.float32)
    if flaw == "scratch":
        heading = rng.uniform(0, 2 * np.pi)
        end = (int(x + 50 * np.cos(heading)), int(y + 50 * np.sin(heading)))
        cv2.line(spoilt, (x, y), end, 1.4 * level, 2)
    elif flaw == "hole":
        cv2.circle(spoilt, (x, y), 5, 0.45 * level, -1)
    elif flaw == "stain":
        shade = np.ones_like(spoilt)
        cv2.circle(shade, (x, y), 20, 0.8, -1)
        spoilt *= cv2.GaussianBlur(shade, (0, 0), 5)
    else:
        place = (slice(y - 20, y + 20), slice(x - 20, x + 20))
        spoilt[place] = cv2.GaussianBlur(np.ascontiguousarray(spoilt[place]), (0, 0), 3)
    return np.asarray(spoilt, dtype=np.float64)


def photo(texture: FloatArray, light: float) -> ImageU8:
    return np.clip(texture * light, 0, 255).astype(np.uint8)


def plain_oddity(image: ImageU8) -> float:
    """The peer: the largest deviation of smoothed brightness from the image's mean, as share of it."""
    smooth = cv2.GaussianBlur(image, (9, 9), 0).astype(np.float32)
    return float(np.abs(smooth - smooth.mean()).max() / max(float(smooth.mean()), 1.0))


def roc_area(good: FloatArray, bad: FloatArray) -> float:
    """Share of pairs of a bad and a good image in which the bad one scores higher."""
    higher, equal = bad[:, None] > good[None, :], bad[:, None] == good[None, :]
    return float(np.mean(higher + 0.5 * equal))


def measure(name: str, texture: Texture, images: int) -> list[Result]:
    rng = np.random.default_rng(SEED)
    taught = [photo(texture(rng), rng.uniform(0.8, 1.2)) for _ in range(GOOD_IMAGES)]
    begin_s = time.process_time()
    model = learn_surface(taught)
    teach_s = time.process_time() - begin_s
    plain = np.array([plain_oddity(image) for image in taught])
    plain_limit = float(plain.mean() + 3 * plain.std(ddof=1))
    scores: dict[str, dict[bool, list[float]]] = {key: {True: [], False: []} for key in ("ours", "plain")}
    times_ms = []
    for number in range(images):
        is_good = number % 2 == 0
        surface = texture(rng)
        surface = surface if is_good else flawed(surface, FLAWS[number // 2 % len(FLAWS)], rng)
        image = photo(surface, rng.uniform(0.7, 1.3))
        begin_s = time.thread_time()
        scores["ours"][is_good].append(float(model.heat_map(image).max()))
        times_ms.append((time.thread_time() - begin_s) * 1e3)
        scores["plain"][is_good].append(plain_oddity(image))
    results = []
    for detector, limit in (("ours", model.threshold), ("plain", plain_limit)):
        good, bad = (np.array(scores[detector][is_good]) for is_good in (True, False))
        ms, taught_s = (float(np.median(times_ms)), teach_s) if detector == "ours" else (float("nan"), 0.0)
        shares = (float(np.mean(good > limit)), float(np.mean(bad <= limit)))
        results.append(Result(name, detector, roc_area(good, bad), *shares, ms, taught_s))
    return results


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="bench.surface", description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="images per texture")
    options = parser.parse_args(args)
    cv2.setNumThreads(1)
    results = [row for name, texture in TEXTURES.items() for row in measure(name, texture, options.images)]
    columns = ["surface", "ROC area", "false alarms", "missed", "ms", "teach s"]
    rows: list[list[object]] = [
        [f"{r.texture}, {r.detector}", r.roc_area, r.false_alarms, r.missed, r.ms_median, r.teach_s] for r in results
    ]
    show("surfaces from ten good images", columns, rows)
    keep("surface", {"results": [asdict(r) for r in results]})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
