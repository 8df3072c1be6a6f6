"""Why a transform cannot be given."""


class TransformException(Exception):
    """Base of all of them."""


class ConnectivityException(TransformException):
    """The two frames are not part of the same tree."""


class LookupException(TransformException):
    """A frame does not exist, or the tree has a loop."""


class ExtrapolationException(TransformException):
    """The time asked for lies outside of what the buffer holds."""


class InvalidArgumentException(TransformException):
    """A frame's name is empty or starts with a slash."""


class TimeoutException(TransformException):
    """The answer did not come in time."""
