"""HEAD is GET without the body (RFC 9110, section 9.3.2), on every route."""

from litestar.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """Asks the application as GET, and ends the answer where its body would begin, also that of an endless stream."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        # Why a copy: the server looks into the scope, too, to know that no body belongs to the answer.
        asked: Scope = {**scope, "method": "GET"}  # type: ignore[assignment]
        try:
            await self.app(asked, receive, send_head)
        finally:
            scope["path_template"] = asked.get("path_template", "")
