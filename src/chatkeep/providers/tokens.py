"""A count of tokens as services tell it. What such a count is of is the wire formats' part."""

from typing import Annotated

from msgspec import Meta

# The greatest integer that every reader of JSON keeps exact: RFC 8259, section 6.
TokenCount = Annotated[int, Meta(ge=0, le=2**53 - 1)]
