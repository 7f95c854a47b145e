"""What a server's answer means to a command: a value, or the one error with its exit code."""

from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from chatkeep.chat.events import Problem
from chatkeep.cli.exit_codes import CliError, ExitCode

T = TypeVar("T")

_BY_STATUS = {
    401: ExitCode.REFUSED,
    403: ExitCode.REFUSED,
    404: ExitCode.NOT_FOUND,
    407: ExitCode.REFUSED,  # a proxy's: RFC 9110, section 15.5.8
    409: ExitCode.CONFLICT,
}

_NO_IDS = ("", ".", "..")  # they would make another path: RFC 3986, section 5.2.4


def path_of(template: str, *ids: str) -> str:
    """`template` with each `{}` replaced by one id, whatever characters it has. Raises: CliError for what is none."""
    for each in ids:
        if each in _NO_IDS:
            raise CliError(ExitCode.NOT_FOUND, f"Nothing has the id {each!r}.")
    return template.format(*(quote(each, safe="") for each in ids))


def answered(response: httpx.Response, kind: type[T], name: str) -> T:
    """The body as `kind`, `msgspec.Raw` for its JSON as it is. Raises: CliError when it is a refusal or no such."""
    if not response.is_success:
        raise refused(response, name)
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as exc:
        raise strange(name, f"its answer to {response.request.url.path} is not as expected: {exc}") from exc


def exit_code_of(status: int) -> ExitCode:
    """What a command ends with whose request, or run, failed with that status."""
    return _BY_STATUS.get(status, ExitCode.FAILED)


def refused(response: httpx.Response, name: str) -> CliError:
    """The error that `response`, whose body was read, tells of."""
    code = exit_code_of(response.status_code)
    try:
        found = msgspec.json.decode(response.content, type=Problem)
    except msgspec.MsgspecError:
        said = f"{response.status_code} {response.reason_phrase}".strip()
        if response.has_redirect_location:
            return strange(name, f"it sends us on to {response.headers['Location']}")
        if code is ExitCode.REFUSED:
            return CliError(code, f"Refused by {name}: {said}.")
        return strange(name, f"it answered {said}")
    wrong = "".join(f"\n  {error.path}: {error.message}" for error in found.errors if error.message not in found.detail)
    return CliError(code, f"{found.detail}{wrong}", found.code)


def unreachable(exc: httpx.RequestError, name: str) -> CliError:
    """The error for a line that could not be made, or broke."""
    return CliError(ExitCode.UNREACHABLE, f"Cannot reach {name}: {reason_of(exc)}.")


def strange(name: str, why: str) -> CliError:
    """The error for a server that is none of ours, or a proxy before one."""
    return CliError(ExitCode.UNREACHABLE, f"{name} does not answer as chatkeep does: {why}.")


def reason_of(exc: httpx.RequestError) -> str:
    """Why the line broke, in words that go on a sentence."""
    match exc:
        case httpx.ConnectTimeout():
            return "it does not answer"
        case httpx.TimeoutException():
            return "it has fallen silent"
        case httpx.ReadError() | httpx.WriteError() | httpx.RemoteProtocolError() | httpx.CloseError():
            return "the line broke"
        case _:
            return str(exc) or type(exc).__name__
