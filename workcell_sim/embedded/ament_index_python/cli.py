"""``ament_index``: the resource index on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from .resources import get_resource, get_resource_types, get_resources


def main(argv: Sequence[str] = ()) -> str | None:
    """Print resource types, the resources of one, or one resource; return an error text or None."""
    parser = argparse.ArgumentParser(prog="ament_index", description="Query the ament index")
    parser.add_argument("resource_type", nargs="?", help="type of the resource")
    parser.add_argument("resource_name", nargs="?", help="name of the resource")
    options = parser.parse_args(argv)
    if options.resource_type is None:
        print(*sorted(get_resource_types()), sep="\n")
        return None
    if options.resource_name is None:
        for name, prefix in sorted(get_resources(options.resource_type).items()):
            print(f"{name}\t{prefix}")
        return None
    try:
        content, prefix = get_resource(options.resource_type, options.resource_name)
    except (LookupError, OSError) as error:
        return str(error)
    print(prefix)
    if content:
        print("<<<", content, ">>>", sep="\n")
    return None


def resource_type_completer(prefix: str | tuple[str, ...], **kwargs: Any) -> Iterator[str]:
    """Yield the resource types that begin with `prefix`."""
    return (name for name in get_resource_types() if name.startswith(prefix))


def resource_name_completer(prefix: str | tuple[str, ...], parsed_args: Any, **kwargs: Any) -> Iterator[str]:
    """Yield the resources of the type given so far whose names begin with `prefix`."""
    resource_type = getattr(parsed_args, "resource_type", None)
    names = get_resources(resource_type) if resource_type else {}
    return (name for name in names if name.startswith(prefix))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
