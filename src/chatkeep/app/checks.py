"""The checks of one server, made from its settings."""

from chatkeep.chat.checks.check import Check
from chatkeep.chat.checks.threads import Checks
from chatkeep.chat.guard import Limits
from chatkeep.chat.observe import Observers
from chatkeep.chat.ports import Providers
from chatkeep.checks.completeness import cut, emptiness
from chatkeep.checks.grounding import Grounding
from chatkeep.checks.look import Look
from chatkeep.checks.plugins import InstalledChecks
from chatkeep.checks.refusal import refusal
from chatkeep.checks.repetition import repetition
from chatkeep.errors import ProviderFailed, ProviderNotFound, StorageFailed
from chatkeep.settings import Settings, WrongSettings
from chatkeep.storage.changing_file import ChangingFile

_PATTERNS = "patterns"
_LOOKS = {"empty": emptiness, "cut": cut, "refusal": refusal, "repetition": repetition}


def build_checks(settings: Settings, providers: Providers, limits: Limits, observers: Observers) -> Checks:
    """The checks that the settings name: our own in one thread, each of others in one of its own.

    Raises: WrongSettings.
    """
    names = dict.fromkeys(settings.checks)
    ours: list[Check] = [Look(name, fault) for name, fault in _LOOKS.items() if name in names]
    if settings.denied_patterns_file is not None:
        ours.append(_patterns(settings))
    elif _PATTERNS in names:
        raise WrongSettings("CHATKEEP_CHECKS: patterns needs CHATKEEP_DENIED_PATTERNS_FILE")
    judge = _judge(settings, providers)
    if Grounding.name in names:
        ours.append(Grounding(providers, limits, judge, observers.model_asked))
    own = {*_LOOKS, _PATTERNS, Grounding.name}
    return Checks(ours, *([check] for check in _of_others([name for name in names if name not in own], sorted(own))))


def _patterns(settings: Settings) -> Check:
    # Why here: the library of patterns takes 1.3 MB, which a server without patterns need not have.
    from chatkeep.checks.patterns import Patterns, WrongPattern  # noqa: PLC0415

    assert settings.denied_patterns_file is not None
    try:
        return Patterns(ChangingFile(settings.denied_patterns_file))
    except (WrongPattern, StorageFailed) as exc:
        reason = exc.detail if isinstance(exc, StorageFailed) else str(exc)
        raise WrongSettings(f"CHATKEEP_DENIED_PATTERNS_FILE: {settings.denied_patterns_file}: {reason}") from exc


def _judge(settings: Settings, providers: Providers) -> tuple[str, str] | None:
    if settings.grounding_model is None:
        return None
    name, _, model = settings.grounding_model.partition("/")
    try:
        provider = providers.get(name)
    except (ProviderNotFound, ProviderFailed) as exc:
        raise WrongSettings(f"CHATKEEP_GROUNDING_MODEL: {exc.detail}") from exc
    return provider.name, model


def _of_others(names: list[str], own: list[str]) -> list[Check]:
    if not names:
        return []
    installed = InstalledChecks()
    for name in names:
        if name not in installed.names:
            known = ", ".join([*own, *installed.names])
            raise WrongSettings(f"CHATKEEP_CHECKS: there is no check {name!r}; there are {known}")
    return [check for name in names if (check := installed.load(name)) is not None]
