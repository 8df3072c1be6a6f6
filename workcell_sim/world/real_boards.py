"""Real board images as parts: pairs of a defect-free template and a part, with labels.

Layout of the folder: `<id>_temp.jpg` (template), `<id>_test.jpg` (part) and `<id>.txt` with one defect per line,
`x1 y1 x2 y2 type` in pixels, type 1 open, 2 short, 3 mouse bite, 4 spur, 5 spurious copper, 6 pin hole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from workcell_ros.errors import ConfigError
from workcell_sim.world.defects import Defect, DefectKind, severity_of

ImageU8 = npt.NDArray[np.uint8]

LABEL_KINDS = tuple(DefectKind)[:6]
LAYOUT_HINT = "a folder of <id>_temp.jpg, <id>_test.jpg and <id>.txt"
# Labels box a defect generously; what differs fills about this share of the box.
_FILL_OF_LABEL_BOX = 0.2


@dataclass(frozen=True)
class BoardPair:
    """Files of one template and the part that was made from it."""

    name: str
    template: Path
    part: Path
    labels: Path

    def load_template(self, side_px: int) -> ImageU8:
        """Loads the template as grey image (side_px, side_px). Raises ConfigError if it cannot be used."""
        return load_image(self.template, side_px)

    def load_part(self, side_px: int) -> tuple[ImageU8, tuple[Defect, ...]]:
        """Loads the part (side_px, side_px) and its true defects. Raises ConfigError if either cannot be used."""
        return load_image(self.part, side_px), load_labels(self.labels, side_px)


def find_pairs(folder: str | Path) -> tuple[BoardPair, ...]:
    """Finds the pairs of a folder, sorted by name.

    Raises:
        ConfigError: the folder is missing, holds no pair, or a file of a pair is missing.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigError(root, "boards", "is no folder", LAYOUT_HINT)
    templates = sorted(root.glob("*_temp.jpg"))
    if not templates:
        raise ConfigError(root, "boards", "holds no *_temp.jpg", LAYOUT_HINT)
    return tuple(_pair_of(template) for template in templates)


def _pair_of(template: Path) -> BoardPair:
    name = template.name.removesuffix("_temp.jpg")
    pair = BoardPair(name, template, template.with_name(f"{name}_test.jpg"), template.with_name(f"{name}.txt"))
    for file in (pair.part, pair.labels):
        if not file.is_file():
            raise ConfigError(file, "boards", f"is missing beside {template.name}", LAYOUT_HINT)
    return pair


def load_image(file: Path, side_px: int) -> ImageU8:
    """Loads a square grey image (side_px, side_px). Raises ConfigError if it is unreadable or of another size."""
    try:
        data = np.frombuffer(file.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise ConfigError(file, "image", error.strerror or str(error), "a readable JPEG or PNG") from None
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if image is None:
        raise ConfigError(file, "image", "cannot be decoded", "a JPEG or PNG; restore the file or remove its pair")
    if image.shape != (side_px, side_px):
        size = f"{image.shape[1]}x{image.shape[0]} pixels"
        raise ConfigError(file, "image", f"is {size}", f"{side_px}x{side_px} pixels")
    return np.asarray(image, dtype=np.uint8)


def load_labels(file: Path, side_px: int) -> tuple[Defect, ...]:
    """Loads the true defects of a part. Raises ConfigError with the line that cannot be understood."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, "labels", str(error), "a readable text file") from None
    return tuple(_label(file, number, line, side_px) for number, line in enumerate(lines, start=1) if line.strip())


def _label(file: Path, number: int, line: str, side_px: int) -> Defect:
    wanted = f"five whole numbers x1 y1 x2 y2 type with 0 <= x1 < x2 <= {side_px}, the same for y, and type 1..6"
    fields = re.split(r"[\s,]+", line.strip())
    try:
        x1, y1, x2, y2, label = (int(field) for field in fields)
    except ValueError:
        raise ConfigError(file, f"line {number}", f"{line!r} is no label", wanted) from None
    inside = 0 <= x1 < x2 <= side_px and 0 <= y1 < y2 <= side_px
    if not inside or not 1 <= label <= len(LABEL_KINDS):
        raise ConfigError(file, f"line {number}", f"{line!r} is out of range", wanted)
    kind = LABEL_KINDS[label - 1]
    area_px = int((x2 - x1) * (y2 - y1) * _FILL_OF_LABEL_BOX)
    return Defect(kind, (x1, y1, x2, y2), severity_of(kind, area_px))
