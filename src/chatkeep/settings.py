"""Every setting, with its unit, default and bounds. The only reader of the environment."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_NAME = re.compile(r"([A-Z][A-Z0-9_]*?)_(API_KEY|BASE_URL|MODEL)\Z")
_SHORT_KEY = 16  # characters
_NOT_PROVIDERS = {"CHATKEEP", "OLLAMA"}

_Names = Annotated[tuple[str, ...], NoDecode]  # several values with commas between them


_OTHER_REQUESTS = (
    600  # in a window: what a person does with the web page takes 60 a minute, and there may be several tabs
)


class WrongSettings(Exception):
    """A setting has a value that cannot be; the text names each, a line each. Mend it and start again."""


class ProviderSettings(BaseModel):
    """What the environment says about one service behind HTTP."""

    model_config = ConfigDict(frozen=True)

    name: str
    api_key: SecretStr | None = None
    base_url: str | None = None
    model: str | None = None


def _names(name: str, *others: str) -> AliasChoices:
    return AliasChoices(f"chatkeep_{name}", *others)


class Settings(BaseSettings):
    """The whole configuration, frozen. Read it with `read_settings`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    host: str = Field("127.0.0.1", validation_alias=_names("host"), description="Address to listen on.")
    port: int = Field(
        8000, ge=0, le=65535, validation_alias=_names("port"), description="Port to listen on; 0 takes a free one."
    )
    chats_dir: Path = Field(
        Path("chats"), validation_alias=_names("chats_dir"), description="The data folder. Made when missing."
    )
    system_prompt_file: Path = Field(
        Path("system_prompt.txt"),
        validation_alias=_names("system_prompt_file"),
        description="Text that begins every new chat. Made with a default when missing, read again when it changes.",
    )
    provider: str | None = Field(
        None,
        validation_alias=_names("provider"),
        description="Provider used when a request names none. Left out: the first healthy of keys, Ollama, embedded.",
    )
    model: str | None = Field(
        None,
        validation_alias=_names("model"),
        description="Model used when a request names none, as `model` or `provider/model`.",
    )
    fallbacks: _Names = Field(
        (),
        validation_alias=_names("fallbacks"),
        description="Who answers when the one that was asked cannot, in order: `provider` or `provider/model`, with"
        " commas. Only before the first token.",
    )
    retries: int = Field(
        2,
        ge=0,
        le=10,
        validation_alias=_names("retries"),
        description="How often a call that failed before its first token is made again, before the next fallback.",
    )
    retry_wait_s: float = Field(
        10,
        ge=0,
        le=300,
        validation_alias=_names("retry_wait_s"),
        description="Longest wait in seconds before such a call; a provider that asks for more is not asked again.",
    )
    ollama_host: str = Field(
        "http://127.0.0.1:11434", validation_alias=AliasChoices("ollama_host"), description="Address of Ollama."
    )
    ollama_model: str | None = Field(
        None,
        validation_alias=AliasChoices("ollama_model"),
        description="Ollama's default model. Left out: the first it lists.",
    )
    ollama_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("ollama_api_key"), description="Bearer token sent to Ollama."
    )
    echo_enabled: bool = Field(
        False, validation_alias=_names("echo"), description="Offer the scripted provider `echo`, for demos and tests."
    )
    embedded_enabled: bool = Field(
        True,
        validation_alias=_names("embedded"),
        description="Offer the embedded model when its packages are installed.",
    )
    embedded_idle_s: float = Field(
        900,
        ge=1,
        validation_alias=_names("embedded_idle_s"),
        description="Seconds without use after which the embedded model leaves memory.",
    )
    api_key: SecretStr | None = Field(
        None,
        validation_alias=_names("api_key", "api_key"),
        description="The one key that is needed to use the server. Several, with names and roles: `chatkeep keys`.",
    )
    url: str | None = Field(
        None,
        validation_alias=_names("url"),
        description="Server that the commands talk to, as `https://chat.example.org`; CHATKEEP_API_KEY is sent to it."
        " Left out: the one of the data folder.",
    )
    allow_anonymous: bool = Field(
        False,
        validation_alias=_names("allow_anonymous"),
        description="Start without any key on an address that other machines can reach.",
    )
    allowed_hosts: _Names = Field(
        (),
        validation_alias=_names("allowed_hosts"),
        description="Names this server is reached by, with commas; `*.example.org` is any below it, `*` any at all."
        " Left out: its address, this machine's name, IP addresses and names without a dot.",
    )
    cors_origins: _Names = Field(
        (),
        validation_alias=_names("cors_origins"),
        description="Origins of other pages that may use this server, as `https://chat.example.org`, with commas.",
    )
    trusted_proxies: _Names = Field(
        ("127.0.0.1", "::1"),
        validation_alias=_names("trusted_proxies"),
        description="Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed, with commas.",
    )
    jwt_jwks_file: Path | None = Field(
        None,
        validation_alias=_names("jwt_jwks_file"),
        description="File of the public keys (JWKS) of who signs JSON Web Tokens; such tokens are then accepted.",
    )
    jwt_issuer: str | None = Field(
        None, validation_alias=_names("jwt_issuer"), description="What a token's `iss` must be."
    )
    jwt_audience: str | None = Field(
        None, validation_alias=_names("jwt_audience"), description="What a token's `aud` must hold."
    )
    jwt_algorithm: Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"] = Field(
        "RS256", validation_alias=_names("jwt_algorithm"), description="The one algorithm tokens are signed with."
    )
    jwt_role_claim: str | None = Field(
        None,
        validation_alias=_names("jwt_role_claim"),
        description="Claim that holds `admin`, `user` or `reader`. Left out: every token is a user's.",
    )
    rate_limit_enabled: bool = Field(
        True,
        validation_alias=_names("rate_limit_enabled", "rate_limit_enabled"),
        description="Limit the requests of each key, or of each address without keys.",
    )
    rate_limit_requests: int = Field(
        60,
        ge=1,
        le=1_000_000,
        validation_alias=_names("rate_limit_requests", "rate_limit_requests"),
        description="Requests that ask a model in a window. Set alone, it is the number of all others too.",
    )
    rate_limit_other_requests: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        validation_alias=_names("rate_limit_other_requests"),
        description="All other requests in a window. Left out: `CHATKEEP_RATE_LIMIT_REQUESTS` where that is set, else"
        " 600.",
    )
    rate_limit_window_s: float = Field(
        60,
        ge=1,
        le=86400,
        validation_alias=_names("rate_limit_window_seconds", "rate_limit_window_seconds"),
        description="Length of such a window in seconds; it moves with the time.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias=_names("log_level", "log_level"), description="Least severe log entries written."
    )
    log_json: bool | None = Field(
        None,
        validation_alias=_names("log_json", "log_json"),
        description="Log JSON lines. Left out: only when standard error is no terminal.",
    )
    log_dir: Path | None = Field(
        None,
        validation_alias=_names("log_dir"),
        description="Folder for `app.log` and `error.log`, both rotated, besides standard error.",
    )
    log_requests: bool = Field(
        True, validation_alias=_names("log_requests"), description="Log a line for every request."
    )
    metrics: bool = Field(
        True, validation_alias=_names("metrics"), description="Count and time what happens, for `GET /metrics`."
    )
    otel: bool = Field(
        False,
        validation_alias=_names("otel"),
        description="Send traces by OpenTelemetry (needs `chatkeep[otel]`), to where the usual `OTEL_…` variables say.",
    )
    first_token_s: float = Field(
        60,
        gt=0,
        le=3600,
        validation_alias=_names("first_token_s"),
        description="Seconds a provider may take until its first token.",
    )
    stall_s: float = Field(
        30,
        gt=0,
        le=3600,
        validation_alias=_names("stall_s"),
        description="Seconds a provider may be silent between tokens.",
    )
    run_s: float = Field(
        600, gt=0, le=86400, validation_alias=_names("run_s"), description="Seconds a run may take in all."
    )
    max_output_chars: int = Field(
        200_000,
        ge=1,
        validation_alias=_names("max_output_chars"),
        description="Characters after which a reply is cut with `length`.",
    )
    loop_guard: bool = Field(
        True,
        validation_alias=_names("loop_guard"),
        description="Stop a model that repeats itself, with finish_reason `loop`.",
    )
    checks: _Names = Field(
        (),
        validation_alias=_names("checks"),
        description="Checks of messages, with commas: `empty`, `cut`, `refusal`, `repetition`, `grounding`, and those"
        " of installed packages.",
    )
    denied_patterns_file: Path | None = Field(
        None,
        validation_alias=_names("denied_patterns_file"),
        description="Regular expressions, one a line, that no message and no reply may match. Read again when it"
        " changes.",
    )
    grounding_model: str | None = Field(
        None,
        validation_alias=_names("grounding_model"),
        description="Who judges for the check `grounding`, as `provider/model`. Left out: the model that replied.",
    )
    titles: Literal["first", "model"] = Field(
        "first",
        validation_alias=_names("titles"),
        description="Where titles come from: the first message of a chat, or a line that the model which answered it"
        " writes afterwards, in the background and at its price.",
    )
    context_tokens: int | None = Field(
        None,
        ge=256,
        validation_alias=_names("context_tokens"),
        description="Context window in tokens. Left out: the model's own.",
    )
    run_kept_s: float = Field(
        3600,
        ge=0,
        validation_alias=_names("run_kept_s"),
        description="Seconds a finished run's events can be replayed.",
    )
    trash_days: float = Field(
        7, ge=0, validation_alias=_names("trash_days"), description="Days a deleted chat stays in the trash."
    )
    max_body_bytes: int = Field(
        1_048_576, ge=1024, validation_alias=_names("max_body_bytes"), description="Largest request body in bytes."
    )
    shutdown_s: float = Field(
        30,
        ge=0,
        le=3600,
        validation_alias=_names("shutdown_s"),
        description="Seconds that runs get to end after SIGTERM.",
    )
    providers: tuple[ProviderSettings, ...] = Field(
        (), exclude=True, description="Filled from `<NAME>_API_KEY`, `<NAME>_BASE_URL` and `<NAME>_MODEL`."
    )

    @property
    def other_requests(self) -> int:
        """How many requests that ask no model are allowed in a window."""
        if self.rate_limit_other_requests is not None:
            return self.rate_limit_other_requests
        # Why: who set one number when there was but one meant it for both kinds.
        return self.rate_limit_requests if "rate_limit_requests" in self.model_fields_set else _OTHER_REQUESTS

    @field_validator("provider")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else None

    @field_validator("fallbacks", "allowed_hosts", "cors_origins", "trusted_proxies", "checks", mode="before")
    @classmethod
    def _parts(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _no_wildcard(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/*\s]+/?", origin.lower()):
                raise ValueError(f"{origin!r} is no origin; write it as https://chat.example.org, without a path or *")
        return tuple(origin.lower().rstrip("/") for origin in value)

    @field_validator("checks")
    @classmethod
    def _in_lower_case(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.lower() for name in value)

    @field_validator("grounding_model")
    @classmethod
    def _provider_and_model(cls, value: str | None) -> str | None:
        if value is not None and not all(value.partition("/")):
            raise ValueError("write it as provider/model")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network, strict=False)
        return value

    @field_validator("api_key")
    @classmethod
    def _fit_for_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value().strip() if value else ""
        if not key:
            return None
        if not is_key(key):
            raise ValueError("it must be at most 4096 printable ASCII characters without spaces")
        return SecretStr(key)

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None and not is_address(value):
            raise ValueError("write it as https://chat.example.org")
        return value.rstrip("/") if value else None

    @field_validator("ollama_host")
    @classmethod
    def _with_scheme(cls, value: str) -> str:
        return (value if "://" in value else f"http://{value}").rstrip("/")


def read_settings(dotenv: Path = Path(".env"), **options: object) -> Settings:
    """Read the environment, then `dotenv` for what it does not say; `options` (fields by name) win over both.

    Raises: WrongSettings.
    """
    given = {name: value for name, value in options.items() if value is not None}
    environment = {name: value for name, value in {**dotenv_values(dotenv), **os.environ}.items() if value}
    try:
        return Settings(_env_file=dotenv, providers=_providers(environment), **given)  # type: ignore[arg-type, call-arg]
    except ValidationError as exc:
        raise WrongSettings("\n".join(_explain(error) for error in exc.errors())) from exc


def doubts(settings: Settings, dotenv: Path = Path(".env")) -> list[str]:
    """What is probably not as somebody meant it, a sentence each."""
    known = {str(choice).upper() for field in Settings.model_fields.values() for choice in _choices(field)}
    given = {name.upper() for name, value in {**dotenv_values(dotenv), **os.environ}.items() if value}
    found = [f"{name} is no setting of this version." for name in sorted(given - known) if name.startswith("CHATKEEP_")]
    if settings.api_key is not None and len(settings.api_key.get_secret_value()) < _SHORT_KEY:
        found.append(f"CHATKEEP_API_KEY has fewer than {_SHORT_KEY} characters: it can be guessed.")
    return found


def is_key(text: str) -> bool:
    """Whether a header can carry `text` as a key."""
    return re.fullmatch(r"[!-~]{1,4096}", text) is not None


def is_address(text: str) -> bool:
    """Whether `text` is where a server may be: `https://chat.example.org`, or `http`, maybe with a port and a path."""
    try:
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_place and re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", text) is not None


def origins(dotenv: Path = Path(".env")) -> dict[str, set[str]]:
    """The variables that are set, in capitals, by where: `environment`, which wins, then the name of the file."""
    read = (("environment", {**os.environ}), (str(dotenv), dotenv_values(dotenv)))
    return {source: {name.upper() for name, value in found.items() if value} for source, found in read}


def variables_of(field: str) -> list[str]:
    """The environment variables that set `field`; of two that are set in one place the first counts."""
    return [str(choice).upper() for choice in _choices(Settings.model_fields[field])]


def _choices(field: FieldInfo) -> list[object]:
    alias = field.validation_alias
    return list(alias.choices) if isinstance(alias, AliasChoices) else []


def variable_of(field: str) -> str:
    """The environment variable that sets `field`."""
    return next(iter(variables_of(field)), field.upper())


def _providers(environment: dict[str, str]) -> tuple[ProviderSettings, ...]:
    """One entry a `<NAME>` that has any of the three variables, in alphabetical order."""
    found: dict[str, dict[str, str]] = {}
    for variable, value in environment.items():
        match = _NAME.match(variable)
        if match and match[1] not in _NOT_PROVIDERS:
            found.setdefault(match[1].lower(), {})[match[2].lower()] = value
    return tuple(ProviderSettings(name=name, **parts) for name, parts in sorted(found.items()))  # type: ignore[arg-type]


def _explain(error: object) -> str:
    """One line that names the variable, says what is wrong and shows the value unless it is secret."""
    assert isinstance(error, dict)
    field = str(error["loc"][0]) if error["loc"] else "settings"
    names = {variable_of(name).lower(): name for name in Settings.model_fields}
    variable = (
        variable_of(names.get(field.lower(), field))
        if names.get(field.lower(), field) in Settings.model_fields
        else field
    )
    shown = "" if "key" in field.lower() else f" (it is {error['input']!r})"
    said = str(error["msg"]).removeprefix("Value error, ")  # pydantic's, before the words of a validator of ours
    return f"{variable.upper()}: {said}{shown}"
