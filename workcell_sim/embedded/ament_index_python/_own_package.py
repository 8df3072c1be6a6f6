"""Where this project's own package lies when no workspace with it is sourced."""

from __future__ import annotations

import site
import sys
from dataclasses import dataclass
from pathlib import Path

from workcell_sim.embedded import RUNTIME_DIR

OWN_PACKAGE = "workcell"


@dataclass(frozen=True)
class OwnPackage:
    """Prefix, and the directory that holds launch/, config/, urdf/ and worlds/."""

    prefix: Path
    share: Path


def find_own_package() -> OwnPackage | None:
    """Return where ``workcell`` lies: the checkout this code runs from, else the installed wheel."""
    checkout = RUNTIME_DIR.parent.parent
    if (checkout / "package.xml").is_file():
        return OwnPackage(prefix=checkout, share=checkout)
    # Where pip puts a wheel's data files.
    candidates = [Path(sys.prefix), Path(site.getuserbase()), *checkout.parents]
    for prefix in candidates:
        share = prefix / "share" / OWN_PACKAGE
        if share.is_dir():
            return OwnPackage(prefix=prefix, share=share)
    return None
