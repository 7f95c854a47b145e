"""Delete chats, with the runs that belong to them."""

import asyncio
from collections.abc import Mapping

from chatkeep.chat.model import ChatKey
from chatkeep.chat.ports import ChatStore
from chatkeep.chat.restoring import check_stored_revision, run_ids_in
from chatkeep.chat.run import Ending, Run
from chatkeep.chat.seal import load_or_none
from chatkeep.chat.turn import Turns
from chatkeep.errors import ChatNotFound, ChatUnreadable


class Deleting:
    """Deletes chats of `store`. `runs` are those in memory, by their ids, and `turns` has those that are going."""

    def __init__(self, store: ChatStore, turns: Turns, runs: Mapping[str, Run]) -> None:
        self._store = store
        self._turns = turns
        self._runs = runs

    async def delete(self, key: ChatKey, *, purge: bool, revision: int | None) -> set[str]:
        """Stop the chat's runs, delete it, and return those whose replies were in it, or were rolled back or refused.

        `revision` is what it must have before they are stopped. Raises: ChatNotFound, RevisionConflict, StorageFailed.
        """
        if going := self._turns.lanes[key]:
            await check_stored_revision(self._store, key, revision, is_begun=True)
            revision = None  # what the stopped runs leave in the chat is not somebody's change
        for run in going:
            await self._turns.stop(run, Ending.STOP)
        for run in self._turns.lanes[key]:
            await run.wait_ended()
        # Why a shield: a request that is given up must not part a delete from what the store notes of it.
        return await asyncio.shield(self._delete(key, purge=purge, revision=revision))

    async def _delete(self, key: ChatKey, *, purge: bool, revision: int | None) -> set[str]:
        async with self._store.editing(key):
            await check_stored_revision(self._store, key, revision, is_begun=bool(self._turns.unsealed(key)))
            run_ids = await self._run_ids(key)
            try:
                await self._store.delete(key, purge=purge)
            except ChatNotFound:
                # A chat whose only turns the disk refused has no file.
                if not self._turns.unsealed(key):
                    raise
            self._turns.forget(key)
            # Race: a message may have come since; its run goes on, and begins the chat anew.
            ended = {run.run_id for run in self._runs.values() if run.record.key == key and run.ended}
        return run_ids | ended

    async def _run_ids(self, key: ChatKey) -> set[str]:
        try:
            return run_ids_in(await load_or_none(self._store, key))
        except ChatUnreadable:
            return set()  # it may be deleted all the same
