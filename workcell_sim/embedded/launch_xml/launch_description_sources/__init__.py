"""The source of launch descriptions in XML."""

from launch.launch_description_sources import FrontendLaunchDescriptionSource
from launch.some_substitutions_type import SomeSubstitutionsType

from ..parser import Parser

__all__ = ["XMLLaunchDescriptionSource"]


class XMLLaunchDescriptionSource(FrontendLaunchDescriptionSource):
    """Loads a launch file in XML."""

    def __init__(self, launch_file_path: SomeSubstitutionsType) -> None:
        super().__init__(launch_file_path, method="interpreted XML launch file", parser=Parser)
