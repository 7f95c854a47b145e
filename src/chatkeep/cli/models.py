"""`chatkeep models`: what can be asked, and what it costs."""

import msgspec

from chatkeep.chat.ports import OfferedModel, ProviderInfo
from chatkeep.cli.connection import connected
from chatkeep.cli.printing import print_json, print_rows, say
from chatkeep.cli.target import Target


class Providers(msgspec.Struct, frozen=True):
    """What the server knows of its providers."""

    providers: list[ProviderInfo]


class Models(msgspec.Struct, frozen=True):
    """What they offer."""

    models: list[OfferedModel]


def show(target: Target, provider: str | None, *, as_json: bool) -> None:
    """Print the models of `provider`, or of all. Raises: CliError."""
    with connected(target) as client:
        known = client.get("/api/llm/providers", Providers).providers
        if any(info.last_checked is None and info.state != "NOT_CONFIGURED" for info in known):
            client.get("/api/llm/health", msgspec.Raw, {"check": True, "provider": provider})
        models = client.get("/api/llm/models", Models, {"provider": provider}).models
    if as_json:
        print_json(models)
        return
    heads = ("MODEL", "WINDOW", "USD/M IN", "USD/M OUT")
    print_rows(heads, [_row(model) for model in models], to_fit=0)
    if not models:
        say(_nothing_of(next((info for info in known if info.name == provider), None)))


def _nothing_of(info: ProviderInfo | None) -> str:
    """Why there is none to list: of the one provider that was asked for, or of all."""
    if info is None:
        return "No model can be asked: set the key of a service, or install the embedded model."
    return f"No model of {info.name} can be asked: {info.error or info.state}"


def _row(model: OfferedModel) -> tuple[str, str | None, str | None, str | None]:
    window = f"{model.context_tokens:,}" if model.context_tokens is not None else None
    return model.id, window, _price(model.input_usd_per_mtok), _price(model.output_usd_per_mtok)


def _price(usd: float | None) -> str | None:
    return f"{usd:g}" if usd is not None else None
