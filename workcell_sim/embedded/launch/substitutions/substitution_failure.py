"""The error of a substitution that has no text to give."""


class SubstitutionFailure(RuntimeError):
    """A substitution cannot be performed in the context it was given."""
