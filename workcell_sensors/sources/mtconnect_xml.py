"""XML from the network, read so that a hostile document does no harm; pure."""

from __future__ import annotations

import codecs
import re
from xml.etree import ElementTree

DOCUMENT_BYTES_MAX = 64 << 20
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)


def parse_xml(data: bytes) -> ElementTree.Element:
    """Returns the root of a document.

    Documents that declare a type or entities (and so could refer to files or grow without bound) are refused before
    the parser sees them. Every document is read as UTF-8, and one that can only be UTF-16 or UTF-32 is refused, so that
    such a declaration cannot hide in another encoding.

    Raises:
        ValueError: it is too large, is no XML, or declares what no MTConnect document declares.
    """
    if len(data) > DOCUMENT_BYTES_MAX:
        raise ValueError(f"a document of {len(data)} bytes; valid: up to {DOCUMENT_BYTES_MAX}")
    if b"\0" in data or data.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        raise ValueError("no XML in UTF-8")
    if _DECLARES.search(data):
        raise ValueError("a document with a type declaration; an MTConnect document has none")
    try:
        return ElementTree.fromstring(data, parser=ElementTree.XMLParser(encoding="utf-8"))
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"no XML: {error}") from None


def local_name(tag: str) -> str:
    """Returns an element's name without its namespace, which changes with every version of the standard.

    >>> local_name("{urn:mtconnect.org:MTConnectStreams:2.7}Header")
    'Header'
    """
    return tag.rpartition("}")[2]
