"""Start, follow, drop, re-attach, stop, continue, restart, in any order: no gap, no double, exactly one end."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from chatkeep.chat.branch import Tree
from chatkeep.chat.continuation import ContinueRequest, Interrupting
from chatkeep.chat.follow import PING, check_position, follow
from chatkeep.chat.messages import IfBusy, SendRequest
from chatkeep.chat.model import Message
from chatkeep.chat.rewriting import RewriteRequest
from chatkeep.chat.run import RunState
from chatkeep.errors import ChatBusy, ChatNotFound, Conflict, InvalidRequest, ProviderFailed
from chatkeep.storage.checking.folder import FolderCheck
from tests.puppet import Call, Heart, numbers

T = TypeVar("T")

CHATS = st.sampled_from(["one", "two"])
# Why not the messages themselves: how many there are depends on how far the runs came, and what is drawn must not.
PLACES = st.integers(0, 40)
DEADLINE_S = 20


class Follower:
    """A reader of one run: what it saw, and the stream it reads from, None when it dropped the line."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.seen = b""
        self.pieces: AsyncGenerator[bytes, None] | None = None

    @property
    def position(self) -> int:
        return numbers(self.seen)[-1] if numbers(self.seen) else -1


class Runs(RuleBasedStateMachine):
    runs = Bundle("runs")
    followers = Bundle("followers")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="chatkeep-model-"))
        self.heart = Heart(self.folder)
        self.do(self.heart.start())
        self.all_runs: list[str] = []
        self.all_followers: list[Follower] = []
        self.asked: dict[str, str] = {}

    def do(self, work: Coroutine[object, object, T]) -> T:
        return self.runner.run(asyncio.wait_for(work, DEADLINE_S))

    @rule(target=runs, chat_id=CHATS, if_busy=st.sampled_from(["enqueue", "reject", "interrupt", "rollback"]))
    def start(self, chat_id: str, if_busy: IfBusy) -> object:
        message = f"question {len(self.all_runs)}"
        try:
            run = self.do(self.heart.chat.send("", SendRequest(message, chat_id=chat_id, if_busy=if_busy)))
        except ChatBusy:
            assert if_busy == "reject"
            return multiple()
        self.all_runs.append(run.run_id)
        self.asked[run.run_id] = message
        return run.run_id

    @rule(
        target=runs,
        chat_id=CHATS,
        if_busy=st.sampled_from(["reject", "interrupt", "rollback"]),
        words=st.sampled_from([["half "], []]),
        alone=st.booleans(),
    )
    def go_on(self, chat_id: str, if_busy: Interrupting, words: list[str], alone: bool) -> object:
        self.speak(words)
        self.let_it_work()
        self.heart.puppet.prefills = alone
        try:
            run = self.do(self.heart.chat.continue_reply("", ContinueRequest(chat_id, if_busy=if_busy)))
        except (ChatBusy, ChatNotFound, Conflict):
            return multiple()
        self.all_runs.append(run.run_id)
        if not run.record.asks_again:
            self.asked[run.run_id] = run.record.user.text
        return run.run_id

    @rule(
        target=runs, chat_id=CHATS, if_busy=st.sampled_from(["reject", "rollback"]), edits=st.booleans(), place=PLACES
    )
    def ask_again(self, chat_id: str, if_busy: Interrupting, edits: bool, place: int) -> object:
        self.let_it_work()
        asked = [m.id for m in self.do(self.stored(chat_id)) if m.role == "user" and not m.continues]
        if not asked:
            return multiple()
        named = asked[place % len(asked)]
        message = f"edited {len(self.all_runs)}" if edits else None
        try:
            request = RewriteRequest(chat_id, named, message, if_busy=if_busy)
            run = self.do(self.heart.chat.rewrite("", request))
        except (ChatBusy, InvalidRequest):  # rolling back may take the very question
            return multiple()
        self.all_runs.append(run.run_id)
        if message is not None:
            self.asked[run.run_id] = message
        return run.run_id

    @rule(chat_id=CHATS, place=PLACES)
    def switch(self, chat_id: str, place: int) -> None:
        names = [message.id for message in self.do(self.stored(chat_id)) if message.id]
        if not names:
            return
        named = names[place % len(names)]
        try:
            self.do(self.heart.chat.switch_branch("", chat_id, named))
        except ChatBusy:
            return
        assert named in [message.id for message in self.do(self.heart.chat.history("", chat_id)).messages]

    async def stored(self, chat_id: str) -> list[Message]:
        """Every message in the chat's file, on whatever path."""
        try:
            return (await self.heart.chat.history("", chat_id)).chat.messages
        except ChatNotFound:
            return []

    @rule(words=st.lists(st.text(alphabet="ab \n\u2028é", min_size=1, max_size=5), min_size=1, max_size=4))
    def speak(self, words: list[str]) -> None:
        for call in self.open_calls():
            call.say(*words)

    @rule()
    def let_it_work(self) -> None:
        self.do(asyncio.sleep(0.02))

    @rule(how=st.sampled_from(["finish", "fail", "cut"]))
    def end_a_call(self, how: str) -> None:
        for call in self.open_calls()[:1]:
            if how == "finish":
                call.finish("the", "end")
            elif how == "fail":
                call.fail(ProviderFailed("broken on purpose"))
            else:
                call.cut()

    def open_calls(self) -> list[Call]:
        return [call for call in self.heart.puppet.calls if not call.closed]

    @rule(target=followers, run_id=runs)
    def attach(self, run_id: str) -> Follower:
        follower = Follower(run_id)
        self.all_followers.append(follower)
        self.do(self.reattach(follower))
        return follower

    async def reattach(self, follower: Follower) -> None:
        run = await self.heart.chat.run("", follower.run_id)
        check_position(run, follower.position)
        follower.pieces = follow(run, follower.position, ping_s=0.005)

    @rule(follower=followers, pieces=st.integers(1, 4))
    def read(self, follower: Follower, pieces: int) -> None:
        async def some() -> None:
            if follower.pieces is None:
                await self.reattach(follower)
            assert follower.pieces is not None
            for _ in range(pieces):
                piece = await anext(follower.pieces, None)
                if piece is None:
                    return
                follower.seen += piece.replace(PING, b"")

        self.do(some())

    @rule(follower=followers)
    def drop_the_line(self, follower: Follower) -> None:
        if follower.pieces is not None:
            self.do(self.close(follower))

    async def close(self, follower: Follower) -> None:
        if follower.pieces is not None:
            await follower.pieces.aclose()
            follower.pieces = None

    @rule(run_id=consumes(runs))
    def stop(self, run_id: str) -> None:
        run = self.do(self.heart.chat.stop("", run_id))
        assert run.state.is_final

    @rule()
    def restart(self) -> None:
        async def again() -> None:
            for follower in self.all_followers:
                await self.close(follower)
            await self.heart.aclose()
            self.check_folder()
            self.heart = Heart(self.folder)
            await self.heart.start()

        self.do(again())

    @invariant()
    def nobody_saw_a_gap_or_a_double(self) -> None:
        for follower in self.all_followers:
            assert numbers(follower.seen) == list(range(len(numbers(follower.seen))))

    def teardown(self) -> None:
        try:
            self.do(self.end_everything())
            self.do(self.check_everything())
            self.do(self.heart.aclose())
            self.check_folder()
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    def check_folder(self) -> None:
        """What is left on the disk is what `chatkeep check` expects there."""
        check = FolderCheck(self.folder, run_kept_s=3600, advance=lambda _done, _total: None)
        assert list(check.findings(repair=False)) == []

    async def end_everything(self) -> None:
        for run_id in self.all_runs:
            run = await self.heart.chat.run("", run_id)
            while not run.ended:
                for call in self.open_calls():
                    call.finish("bye")
                await asyncio.sleep(0.005)

    async def check_everything(self) -> None:
        whole: dict[str, bytes] = {}
        for run_id in self.all_runs:
            follower = Follower(run_id)
            await self.reattach(follower)
            assert follower.pieces is not None
            async for piece in follower.pieces:
                follower.seen += piece.replace(PING, b"")
            whole[run_id] = follower.seen
            ends = follower.seen.count(b"event: done\n") + follower.seen.count(b"event: failed\n")
            assert ends == 1
            assert numbers(follower.seen) == list(range(len(numbers(follower.seen))))
        for follower in self.all_followers:
            await self.close(follower)
            assert whole[follower.run_id].startswith(follower.seen)
        await self.check_chats()

    async def check_chats(self) -> None:
        """Every question that was not rolled back stands in its chat once, in order, with its replies after it."""
        for chat_id in ("one", "two"):
            messages = await self.stored(chat_id)
            turns = [message for message in messages if message.role != "system"]
            runs = [await self.heart.chat.run("", run_id) for run_id in self.all_runs]
            kept = [
                run
                for run in runs
                if run.record.chat_id == chat_id and b'"rolled_back":true' not in b"".join(run.frames)
            ]
            asked = [self.asked[run.run_id] for run in kept if run.run_id in self.asked]
            assert [m.text for m in turns if m.role == "user"] == asked
            assert [m.run_id for m in turns if m.role == "assistant"] == [run.run_id for run in kept]
            self.check_tree(messages)
            assert all(run.state is not RunState.RUNNING for run in runs)

    def check_tree(self, messages: list[Message]) -> None:
        """A reply follows what it answers, or the one it goes on with, or the message that asked for that."""
        tree = Tree(messages)
        for place, message in enumerate(messages):
            if message.role != "assistant":
                continue
            before = messages[tree.parents[place]]
            if message.continues is not None:
                assert message.continues in (before.id, before.continues)
            else:
                assert before.role == "user"
            if message.run_id in self.asked and message.continues is None:
                assert before.text == self.asked[message.run_id]


Runs.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRuns = Runs.TestCase
