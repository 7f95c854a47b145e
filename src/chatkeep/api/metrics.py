"""Metrics: what Prometheus asks for every few seconds."""

from collections.abc import Callable

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.problems import AnyRequest, documented
from chatkeep.errors import NotFound

MetricsPage = Callable[[str], tuple[bytes, str]]
"""Gives the page in a form that this Accept header takes, and its content type."""

_SCRAPED = ResponseSpec(
    str, description="Every figure, in Prometheus' text format.", media_type="text/plain", generate_examples=False
)


@get(
    "/metrics", opt=needs(Action.SCRAPE), summary="Figures for Prometheus", responses={200: _SCRAPED, **documented(404)}
)
async def metrics(
    request: AnyRequest, metrics_page: NamedDependency[SkipValidation[MetricsPage | None]]
) -> Response[bytes]:
    """What was counted and timed since the start, as text; OpenMetrics for who asks for it. 404 when switched off."""
    if metrics_page is None:
        raise NotFound("This server keeps no metrics: CHATKEEP_METRICS is off.")
    page, content_type = metrics_page(request.headers.get("accept", ""))
    return Response(page, headers={"content-type": content_type})


HANDLERS = [metrics]
