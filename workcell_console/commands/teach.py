"""`workcell teach NAME IMAGES...`: a product from images of good parts, or defect classes from labelled pairs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workcell_perception.calibration import Calibration, load_calibration
from workcell_perception.calibration_store import newest_calibration
from workcell_perception.comparison import Comparator
from workcell_perception.defect_model import MODEL_NAME, SENSITIVE_COMPARISON
from workcell_perception.defects import DefectClass, name_defects
from workcell_perception.errors import GoldenError, ImageError, RegistrationError
from workcell_perception.golden import GoldenStore
from workcell_perception.images import ImageU8, check_image, read_image
from workcell_perception.inspector import surface_name
from workcell_perception.layout import VARIANT_ID_MAX
from workcell_perception.learn_defects import learn_defects, make_example
from workcell_perception.model_store import ModelStore
from workcell_perception.questions import Answer, answered_parts
from workcell_perception.registration import Registrar
from workcell_perception.scoring import LabelledDefect
from workcell_perception.surface_lesson import teach_surface
from workcell_perception.teach import Lesson, Refusal, TeachImage, teach, teach_clean
from workcell_perception.teach_report import BadImage, write_report
from workcell_ros.errors import WorkcellError
from workcell_sim.world.real_boards import BoardPair, find_pairs

DEFAULT_MODELS = Path("out/golden")
DEFAULT_EXPOSURE_S = 0.004
_FOCAL_SIDES = 2.6
_PAIR_SIDE_PX = 640


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "teach a product from images of good parts, or defect classes from labelled pairs"
    parser = subparsers.add_parser("teach", help=text, description=text)
    parser.add_argument("name", help=f"the product's number, 0..{VARIANT_ID_MAX} as on its fiducial, or `{MODEL_NAME}`")
    parser.add_argument("images", nargs="*", type=Path, help="images of good parts")
    parser.add_argument("--bad", nargs="+", type=Path, default=[], help="images of bad parts, to see what is found")
    parser.add_argument("--answers", type=Path, help="folder of questions that a person has answered, to learn from")
    parser.add_argument("--surface", action="store_true", help="teach a texture instead of a printed pattern")
    parser.add_argument("--labelled", type=Path, help=f"with `{MODEL_NAME}`: folder of labelled pairs")
    parser.add_argument(
        "--models", type=Path, default=DEFAULT_MODELS, help=f"folder of models; default {DEFAULT_MODELS}"
    )
    parser.add_argument(
        "--calibration", type=Path, help="camera calibration, or a folder of them; default: none needed"
    )
    parser.add_argument("--exposure", type=float, default=DEFAULT_EXPOSURE_S, metavar="S", help="of the images")
    parser.add_argument("--light-copper", action="store_true", help="copper is the brighter of the two levels")
    parser.set_defaults(run=_teach)


def _teach(options: argparse.Namespace) -> int:
    begin_s = time.perf_counter()
    if options.name == MODEL_NAME:
        file = _teach_defects(options)
    elif not options.name.isdigit() or int(options.name) > VARIANT_ID_MAX:
        raise WorkcellError(f"name {options.name!r} is no product; valid: 0..{VARIANT_ID_MAX}, or {MODEL_NAME!r}")
    elif options.surface:
        file = _teach_surface(options)
    else:
        file = _teach_reference(options)
    print(file.with_suffix(".md").read_text(encoding="utf-8"))
    print(f"{file} taught in {time.perf_counter() - begin_s:.1f} s")
    return 0


def _teach_reference(options: argparse.Namespace) -> Path:
    variant = int(options.name)
    items, unreadable = _read_good(options)
    calibration, registrar = _calibration(options.calibration, items), Registrar()
    answered = answered_parts(options.answers, variant) if options.answers is not None else ()
    good = [(part.name, part.image) for part in answered if part.answer is Answer.GOOD]
    is_dark = not options.light_copper
    lesson = teach(items, calibration, registrar, variant=variant, copper_is_dark=is_dark, answered=good)
    lesson = Lesson(lesson.golden, (*unreadable, *lesson.refused), lesson.kept)
    bad_items, bad_unreadable = _read(options.bad, options.exposure)
    bad = [_look(item, lesson, calibration, registrar) for item in bad_items]
    bad += [_compare(part.name, part.image, lesson) for part in answered if part.answer is Answer.BAD]
    bad += [BadImage(refusal.name, problem=refusal.reason) for refusal in bad_unreadable]
    return GoldenStore(options.models).save(lesson.golden, write_report(f"Product {variant}", lesson, bad))


def _teach_surface(options: argparse.Namespace) -> Path:
    items, unreadable = _read_good(options)
    lesson = teach_surface([(item.name, item.image) for item in items])
    bad_items, bad_unreadable = _read(options.bad, options.exposure)
    refused = [*unreadable, *lesson.refused, *bad_unreadable]
    report = lesson.report(options.name, [(item.name, item.image) for item in bad_items], refused)
    name = surface_name(int(options.name))
    return ModelStore(options.models).save(name, lesson.model.to_arrays(), {"images": lesson.model.images}, report)


def _teach_defects(options: argparse.Namespace) -> Path:
    if options.labelled is None:
        raise WorkcellError(f"`teach {MODEL_NAME}` needs --labelled FOLDER of labelled pairs")
    learned = learn_defects([_example(pair) for pair in find_pairs(options.labelled)])
    return learned.model.save(options.models, learned.report())


def _example(pair: BoardPair) -> Any:
    comparator = Comparator(teach_clean(pair.load_template(_PAIR_SIDE_PX), variant=0), SENSITIVE_COMPARISON)
    part, defects = pair.load_part(_PAIR_SIDE_PX)
    return make_example(
        comparator, part, [LabelledDefect(DefectClass(defect.kind.value), defect.box) for defect in defects]
    )


def _read(files: Sequence[Path], exposure_s: float) -> tuple[list[TeachImage], list[Refusal]]:
    items, refused = [], []
    for file in files:
        try:
            items.append(TeachImage(file.name, read_image(file), exposure_s))
        except ImageError as error:
            refused.append(Refusal(file.name, str(error)))
    return items, refused


def _read_good(options: argparse.Namespace) -> tuple[list[TeachImage], list[Refusal]]:
    items, unreadable = _read(options.images, options.exposure)
    # A calibrated camera's answered parts may teach alone.
    if not items and (options.answers is None or options.calibration is None):
        why = "".join(f" ({refusal.name}: {refusal.reason})" for refusal in unreadable[:1])
        raise GoldenError(f"no image of a good part can be read{why}; give at least three")
    return items, unreadable


def _calibration(file: Path | None, items: Sequence[TeachImage]) -> Calibration:
    if file is not None:
        return load_calibration(newest_calibration(file))
    height, width = items[0].image.shape
    return Calibration.ideal(width, height, _FOCAL_SIDES * width)


def _look(item: TeachImage, lesson: Lesson, calibration: Calibration, registrar: Registrar) -> BadImage:
    """What the new reference finds on a bad part."""
    try:
        straight = calibration.straighten(check_image(item.image, calibration.width_px, calibration.height_px))
        rectified = registrar.rectify(straight, registrar.locate(straight))
    except (ImageError, RegistrationError) as error:
        return BadImage(item.name, problem=str(error))
    return _compare(item.name, rectified, lesson)


def _compare(name: str, rectified: ImageU8, lesson: Lesson) -> BadImage:
    comparator = Comparator(lesson.golden)
    return BadImage(name, name_defects(comparator.compare(rectified).regions, comparator.copper))
