import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent, UsageReport
from chatkeep.chat.model import Usage
from chatkeep.providers import ollama_wire, openai_wire

IMPOSSIBLE = [b"9" * 400, b"9" * 5000, b"-1", b"9007199254740992", b"1e999", b"1.5", b'"many"', b"[]", b"{}"]
SAID = [Delta("a"), Finish("stop")]


def from_openai(usage: bytes) -> list[ProviderEvent]:
    reply = openai_wire.ReplyDecoder()
    events = reply.feed(
        b'{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":%s}' % usage,
    )
    return [*events, *reply.end()]


def from_ollama(counts: bytes) -> list[ProviderEvent]:
    reply = ollama_wire.ReplyDecoder()
    events = reply.feed(b'{"message":{"content":"a"},"done":true,%s}' % counts)
    return [*events, *reply.end()]


@pytest.mark.parametrize("number", IMPOSSIBLE, ids=lambda number: number[:16].decode())
def test_a_count_that_cannot_be_costs_the_usage_and_not_the_reply(number: bytes) -> None:
    assert from_openai(b'{"prompt_tokens":1,"completion_tokens":%s}' % number) == SAID
    assert from_openai(b'{"prompt_tokens":1,"completion_tokens":2,"total_tokens":%s}' % number) == SAID
    assert from_ollama(b'"prompt_eval_count":1,"eval_count":%s' % number) == SAID
    assert from_ollama(b'"prompt_eval_count":%s,"eval_count":1' % number) == SAID


@pytest.mark.parametrize("usage", [b"null", b"{}", b"[]", b"7", b'"none"'])
def test_a_usage_that_is_none_costs_nothing_else(usage: bytes) -> None:
    assert from_openai(usage) == SAID


def test_counts_up_to_what_json_keeps_exact_are_taken_also_as_text() -> None:
    greatest = 2**53 - 1
    report = UsageReport(Usage(1, greatest, greatest + 1))
    assert from_openai(b'{"prompt_tokens":"1","completion_tokens":%d}' % greatest)[1] == report
    assert from_ollama(b'"prompt_eval_count":"1","eval_count":%d' % greatest)[1] == report


def test_a_detail_that_cannot_be_costs_the_detail_alone() -> None:
    counted = UsageReport(Usage(10, 5, 15))
    for details in (
        b"7",
        b"[]",
        b'{"cached_tokens":-1}',
        b'{"cached_tokens":11}',
        b'{"cached_tokens":"%s"}' % (b"9" * 5000),
    ):
        usage = b'{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":%s}' % details
        assert from_openai(usage)[1] == counted
    for details in (b"null", b'{"reasoning_tokens":{}}', b'{"reasoning_tokens":6}'):
        usage = b'{"prompt_tokens":10,"completion_tokens":5,"completion_tokens_details":%s}' % details
        assert from_openai(usage)[1] == counted
