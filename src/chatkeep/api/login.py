"""Sessions for browsers: a cookie in the place of the key, which no script can read."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Meta

from chatkeep.access.identities import Identities
from chatkeep.access.policy import Action
from chatkeep.access.sessions import LIFETIME_S
from chatkeep.access.subject import ANONYMOUS, Subject
from chatkeep.api.admission import needs, subject_of
from chatkeep.api.credentials import COOKIE, credentials_of
from chatkeep.api.limiter import Limiter
from chatkeep.api.problems import AnyRequest, documented
from chatkeep.errors import Unauthorized


class Door(msgspec.Struct, frozen=True):
    """What a login needs: who is who, and how often one may try."""

    identities: Identities
    limiter: Limiter


Known = NamedDependency[SkipValidation[Door]]


class LoginBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /login`."""

    key: Annotated[str, Meta(min_length=1, description="An API key.", examples=["ck_…"])]


class WhoAnswer(msgspec.Struct, frozen=True):
    """Who asks. `name` is the key's; chats are those of `owner`, empty for the folder itself."""

    name: str
    owner: str
    role: str
    success: bool


class LogoutAnswer(msgspec.Struct, frozen=True):
    """The session is over, when there was one."""

    success: bool


@post(
    "/login",
    opt=needs(Action.LOGIN),
    status_code=200,
    summary="Begin a session",
    responses=documented(401, 422, 500, 507),
)
async def login(request: AnyRequest, door: Known, data: LoginBody) -> Response[WhoAnswer]:
    """Take a key and set a cookie for 30 days. A server without keys sets none, as it needs none."""
    if not door.identities.is_needed:
        return Response(_who(ANONYMOUS))
    try:
        subject = door.identities.find(data.key)
    except Unauthorized:
        door.limiter.note_failure(request.scope)
        raise
    door.limiter.check(request.scope, subject, Action.CHANGE)
    ended = credentials_of(request.scope).cookie
    subject, secret = await door.identities.log_in(subject, ended)
    request.scope["state"]["subject"] = subject
    return Response(_who(subject), cookies=[_cookie(request, secret, LIFETIME_S)])


@post(
    "/logout",
    opt=needs(Action.LOGIN),
    status_code=200,
    summary="End the session",
    responses=documented(500, 507),
)
async def logout(request: AnyRequest, door: Known) -> Response[LogoutAnswer]:
    """End the session of the cookie, and take that back; its open streams end within seconds. Without one: nothing."""
    cookie = credentials_of(request.scope).cookie
    if cookie is not None:
        await door.identities.log_out(cookie)
    return Response(LogoutAnswer(success=True), cookies=[_cookie(request, "", 0)])


@get("/login", opt=needs(Action.READ), summary="Who am I")
async def who(request: AnyRequest) -> WhoAnswer:
    """The key that this request was made with. 401 tells a page to ask for one."""
    return _who(subject_of(request))


HANDLERS = [login, logout, who]


def _who(subject: Subject) -> WhoAnswer:
    return WhoAnswer(subject.name, subject.owner, subject.role.value, success=True)


def _cookie(request: AnyRequest, value: str, max_age_s: int) -> Cookie:
    # Strict: no other page's request carries it. `secure` where it can be: browsers keep such cookies off plain HTTP.
    return Cookie(
        key=COOKIE,
        value=value,
        max_age=max_age_s,
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https",
    )
