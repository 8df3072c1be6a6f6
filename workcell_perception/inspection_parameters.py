"""Parameters of the inspection node."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_perception.inspector import INSPECTORS
from workcell_ros.schema import param


@dataclass(frozen=True)
class InspectionParameters:
    """Parameters of the inspection node."""

    exposure_s: float = param(0.004, "Exposure of the camera", unit="s", low=0.0002, high=0.03)
    golden_dir: str = param("out/golden", "Folder of the taught golden references", read_only=True)
    verdict_file: str = param("config/verdict.yaml", "Tolerance rules", read_only=True)
    calibration_file: str = param(
        "", "Camera calibration, a file or a folder of versions; empty: camera/camera_info", read_only=True
    )
    inspector: str = param("golden", "How defects are found", choices=tuple(INSPECTORS), read_only=True)
    image_timeout_s: float = param(
        1.5, "Wait for an image before `unsure`", unit="s", low=0.05, high=30.0, read_only=True
    )
    deadline_s: float = param(0.5, "A verdict later than this after its image is counted as late", unit="s", low=0.01)
    questions_dir: str = param("", "Where unsure parts wait for a person's answer; empty asks nobody", read_only=True)
    whole_view_variant: int = param(
        -1, "Take the whole image for a part of this variant; -1 finds parts in it", low=-1, high=949, read_only=True
    )
    teach_images: int = param(10, "Images of good parts that inspection/teach collects", low=3, high=100)
    teach_period_s: float = param(0.5, "Time between two of them", unit="s", low=0.0, high=60.0)
    annotate: bool = param(True, "Draw verdicts where somebody watches inspection/annotated/compressed")
    camera_node: str = param("world", "Node that drives the camera", read_only=True)
    camera_exposure_parameter: str = param("camera_exposure_s", "Its parameter for the exposure", read_only=True)
