"""Checks of other packages."""

from importlib.metadata import EntryPoint

from structlog.testing import capture_logs

from chatkeep.chat.checks.check import Checked
from chatkeep.chat.model import CheckResult
from chatkeep.checks.plugins import GROUP, InstalledChecks


class Polite:
    """What a package may ship."""

    name = "polite"
    stages = ("reply",)

    async def __call__(self, checked: Checked) -> CheckResult | None:
        return CheckResult(self.name, "pass" if "please" in checked.message.text else "warn")


class Misnamed(Polite):
    """Not called what its entry point says."""


class Wrongly(Polite):
    """Has a stage that does not exist."""

    name = "wrongly"
    stages = ("afterwards",)


class Broken:
    """Cannot be made."""

    def __init__(self) -> None:
        raise OSError("no model file")


def installed(**checks: str) -> InstalledChecks:
    return InstalledChecks(EntryPoint(name, value, GROUP) for name, value in checks.items())


def test_a_class_without_arguments_is_a_check() -> None:
    found = installed(polite=f"{__name__}:Polite", broken=f"{__name__}:Broken")

    assert found.names == ["broken", "polite"]
    assert isinstance(found.load("polite"), Polite)


def test_a_broken_check_is_logged_and_left_out() -> None:
    found = installed(
        broken=f"{__name__}:Broken",
        gone="no_such_module:Check",
        misnamed=f"{__name__}:Misnamed",
        wrongly=f"{__name__}:Wrongly",
        number=f"{__name__}:GROUP",
    )
    with capture_logs() as logged:
        assert [found.load(name) for name in found.names] == [None] * 5

    assert [entry["check"] for entry in logged] == found.names


def test_nothing_of_a_package_runs_before_its_check_is_asked_for() -> None:
    assert installed(gone="no_such_module:Check").names == ["gone"]
