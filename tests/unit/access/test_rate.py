"""Rate limits: who is counted as whom, in which group, and what a refusal says."""

import pytest

from chatkeep.access.policy import Action
from chatkeep.access.rate import Allowance, Group, RateLimits, address_key, group_of
from chatkeep.access.subject import ANONYMOUS, Rate, Role, Subject
from chatkeep.errors import RateLimited

HERE = "192.0.2.1"
ELSEWHERE = "192.0.2.2"
ALICE = Subject("alice", "alice", Role.USER, credential="digest of alice's key")
BOB = Subject("bob", "bob", Role.USER, credential="digest of bob's key")


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> RateLimits:
    return RateLimits(dict.fromkeys(Group, Rate(requests=3, window_s=60)), clock)


def refused_after(rates: RateLimits, subject: Subject | None, address: str, group: Group) -> int:
    """How many requests pass before one does not."""
    for count in range(1000):
        try:
            rates.hit(subject, address, group)
        except RateLimited:
            return count
    raise AssertionError("nothing was refused")


def test_an_allowance_tells_what_is_left_and_when_the_oldest_request_leaves_the_window(
    rates: RateLimits, clock: Clock
) -> None:
    assert rates.hit(ALICE, HERE, Group.TALK) == Allowance(limit=3, remaining=2, reset_after_s=60)
    clock.now += 20
    assert rates.hit(ALICE, HERE, Group.TALK) == Allowance(limit=3, remaining=1, reset_after_s=40)
    clock.now += 50
    assert rates.hit(ALICE, HERE, Group.TALK) == Allowance(limit=3, remaining=1, reset_after_s=10)


def test_a_refusal_says_when_to_come_back_and_whoever_does_is_let_through(rates: RateLimits, clock: Clock) -> None:
    for _ in range(3):
        rates.hit(ALICE, HERE, Group.TALK)
        clock.now += 7
    with pytest.raises(RateLimited) as refused:
        rates.hit(ALICE, HERE, Group.TALK)
    assert (refused.value.retry_after_s, refused.value.limit) == (60 - 21, 3)

    clock.now += 38
    with pytest.raises(RateLimited):
        rates.hit(ALICE, HERE, Group.TALK)
    clock.now += 1
    assert rates.hit(ALICE, HERE, Group.TALK).remaining == 0
    with pytest.raises(RateLimited) as again:
        rates.hit(ALICE, HERE, Group.TALK)
    assert again.value.retry_after_s == 7


def test_a_refused_request_is_not_counted(rates: RateLimits, clock: Clock) -> None:
    assert refused_after(rates, ALICE, HERE, Group.TALK) == 3
    for _ in range(59):
        clock.now += 1
        with pytest.raises(RateLimited):
            rates.hit(ALICE, HERE, Group.TALK)
    clock.now += 1

    assert rates.hit(ALICE, HERE, Group.TALK).remaining == 2


def test_each_key_and_each_address_and_each_group_is_counted_for_itself(rates: RateLimits) -> None:
    assert refused_after(rates, ALICE, HERE, Group.TALK) == 3
    assert refused_after(rates, ALICE, HERE, Group.REST) == 3
    assert refused_after(rates, BOB, HERE, Group.TALK) == 3
    assert refused_after(rates, None, HERE, Group.TALK) == 3
    assert refused_after(rates, ANONYMOUS, ELSEWHERE, Group.TALK) == 3


def test_each_group_has_a_default_of_its_own(clock: Clock) -> None:
    rates = RateLimits({Group.TALK: Rate(2, 60), Group.REST: Rate(5, 60)}, clock)

    assert [refused_after(rates, ALICE, HERE, group) for group in Group] == [2, 5]


def test_a_key_is_counted_wherever_it_comes_from(rates: RateLimits) -> None:
    for number in range(3):
        rates.hit(ALICE, f"192.0.2.{number}", Group.TALK)

    with pytest.raises(RateLimited):
        rates.hit(ALICE, "198.51.100.1", Group.TALK)


def test_nobody_known_and_anonymous_are_counted_by_address_together(rates: RateLimits) -> None:
    rates.hit(None, HERE, Group.REST)
    rates.hit(ANONYMOUS, HERE, Group.REST)

    assert rates.hit(None, HERE, Group.REST).remaining == 0


def test_a_keys_own_rate_replaces_the_default(rates: RateLimits) -> None:
    carol = Subject("carol", "carol", Role.USER, credential="carol's", rate=Rate(requests=7, window_s=10))

    assert rates.hit(carol, HERE, Group.TALK) == Allowance(limit=7, remaining=6, reset_after_s=10)
    assert refused_after(rates, carol, HERE, Group.TALK) == 6


def test_an_address_that_guesses_is_refused_and_its_right_keys_are_not(rates: RateLimits, clock: Clock) -> None:
    for _ in range(20):
        rates.note_failure(HERE)
        clock.now += 1
    with pytest.raises(RateLimited) as refused:
        rates.note_failure(HERE)

    assert (refused.value.retry_after_s, refused.value.limit) == (40, 20)
    assert rates.hit(ALICE, HERE, Group.TALK).remaining == 2
    rates.note_failure(ELSEWHERE)
    clock.now += 40
    rates.note_failure(HERE)


def test_a_crowd_of_addresses_makes_no_key_forgotten(rates: RateLimits) -> None:
    assert refused_after(rates, ALICE, HERE, Group.TALK) == 3
    for number in range(50_000):
        rates.hit(None, f"10.0.{number >> 8}.{number & 255}", Group.TALK)

    with pytest.raises(RateLimited):
        rates.hit(ALICE, HERE, Group.TALK)


def test_half_a_second_of_a_window_is_rounded_up(clock: Clock) -> None:
    assert RateLimits({Group.TALK: Rate(1, 1.5)}, clock).hit(ALICE, HERE, Group.TALK).reset_after_s == 2


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        ("chat.example.org", "unknown"),
        ("192.0.2.7:80", "unknown"),
        ("1" * 10_000, "unknown"),
    ],
)
def test_an_address_is_counted_whole_for_ipv4_and_by_its_64_for_ipv6(address: str, key: str) -> None:
    assert address_key(address) == key


def test_every_action_has_its_group_and_those_that_are_open_are_free() -> None:
    groups = {action: group_of(action) for action in Action}

    assert {action for action, group in groups.items() if group is None} == {Action.OPEN, Action.SCRAPE, Action.LOGIN}
    assert {action for action, group in groups.items() if group is Group.TALK} == {Action.TALK}
    assert {action for action, group in groups.items() if group is Group.REST} == {
        Action.READ,
        Action.CHANGE,
        Action.AUDIT,
    }
