"""Earlier generations as files: what of them a person, a small disk or a kill has to do with."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.model import ChatKey
from chatkeep.errors import ChatUnreadable, RevisionConflict, StorageFull
from chatkeep.storage.folder import Folder
from chatkeep.storage.generations import Generations
from tests.contract.test_chat_store import KEY, a_chat, file_store, grown, numbers_of, written

pytestmark = pytest.mark.anyio


def generation(folder: Path, number: int, name: str = "space") -> Path:
    return folder / ".chatkeep" / "generations" / f"{name}~{number}.json"


def all_generations(folder: Path) -> list[str]:
    own = folder / ".chatkeep"
    found = [*(own / "generations").rglob("*.json"), *(own / "trash" / "generations").rglob("*.json")]
    return sorted(path.name for path in found)


async def test_a_generation_is_the_very_file_that_was_replaced(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        (first, *_) = await written(store, 1)
        before = (tmp_path / "space.json").stat()
        content = (tmp_path / "space.json").read_bytes()
        await store.save(KEY, grown(first, 1))

    kept = generation(tmp_path, 1)
    assert (kept.stat().st_ino, kept.read_bytes()) == (before.st_ino, content)
    assert (tmp_path / "space.json").stat().st_nlink == 1


async def test_those_of_an_owner_are_in_a_folder_of_their_own(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await written(store, 2, ChatKey("alice", "space"))

    assert (tmp_path / ".chatkeep" / "generations" / "@alice" / "space~1.json").is_file()
    assert not generation(tmp_path, 1).exists()


async def test_only_five_are_on_the_disk(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await written(store, 9)

    assert all_generations(tmp_path) == [f"space~{number}.json" for number in (4, 5, 6, 7, 8)]


@pytest.mark.parametrize("by", ["in place", "replaced"])
async def test_what_a_hand_wrote_between_is_kept_as_a_generation(tmp_path: Path, by: str) -> None:
    async with file_store(tmp_path) as store:
        (chat,) = await written(store, 1)
        path = tmp_path / "space.json"
        edited = path.read_text().replace("question 0", "by hand")
        if by == "in place":
            path.write_text(edited)
        else:
            path.with_suffix(".new").write_text(edited)
            path.with_suffix(".new").replace(path)
        await store.save(KEY, grown(chat, 1))

        assert generation(tmp_path, 1).read_text() == edited
        assert (await store.restore(KEY, 1)).messages[1].text == "by hand"


async def test_a_file_of_the_older_format_is_kept_as_it_was_when_it_is_upgraded(tmp_path: Path) -> None:
    old = '{"messages": [{"role": "user", "content": "hi"}]}'
    (tmp_path / "space.json").write_text(old)
    async with file_store(tmp_path) as store:
        await store.save(KEY, grown(await store.load(KEY), 1))

        assert generation(tmp_path, 0).read_text() == old
        assert await numbers_of(store) == [0]
        assert [message.text for message in (await store.restore(KEY, 0)).messages] == ["hi"]


async def test_a_file_that_is_no_chat_any_more_is_not_overwritten(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        (chat,) = await written(store, 1)
        (tmp_path / "space.json").write_text("{ half")

        with pytest.raises(ChatUnreadable):
            await store.save(KEY, grown(chat, 1))

    assert (tmp_path / "space.json").read_text() == "{ half"


async def test_a_hand_that_wrote_another_revision_is_not_overwritten(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        (chat,) = await written(store, 1)
        path = tmp_path / "space.json"
        edited = path.read_text().replace('"revision": 1', '"revision": 9')
        path.write_text(edited)

        with pytest.raises(RevisionConflict):
            await store.save(KEY, grown(chat, 1))
        assert path.read_text() == edited

        await store.save(KEY, grown(await store.load(KEY), 1))
        assert await numbers_of(store) == [9]


async def test_what_a_kill_before_the_replacement_left_is_not_taken_for_a_generation(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        (chat,) = await written(store, 1)
        os.link(tmp_path / "space.json", generation(tmp_path, 1))

        assert await store.generations(KEY) == []
        changed = msgspec.structs.replace(grown(chat, 1), title="Second")
        await store.save(KEY, changed)

        assert [(each.number, each.title) for each in await store.generations(KEY)] == [(1, "Version 1")]
        assert (tmp_path / "space.json").stat().st_nlink == 1


async def test_a_generation_that_is_no_chat_is_not_listed_and_not_restored(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        versions = await written(store, 3)
        generation(tmp_path, 1).write_text("{")

        assert await numbers_of(store) == [2]
        with pytest.raises(ChatUnreadable):
            await store.restore(KEY, 1)
        assert await store.load(KEY) == versions[-1]


async def test_generations_are_no_chats_to_the_list_and_the_search(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await written(store, 4)
    async with file_store(tmp_path) as store:
        rows, _ = await store.summaries("", limit=10, before=None)

        assert [row.chat_id for row in rows] == ["space"]
        assert rows[0].message_count == 8


async def test_a_purge_leaves_no_byte_of_a_chat_whatever_a_hand_did_to_its_revision(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await written(store, 4)
        path = tmp_path / "space.json"
        path.write_text(path.read_text().replace('"revision": 4', '"revision": 40'))
        await store.delete(KEY, purge=False)
        await written(store, 4)
        await written(store, 2, ChatKey("", "space-2"))
        await store.delete(KEY, purge=True)

    assert all_generations(tmp_path) == ["space-2~1.json"]
    assert list((tmp_path / ".chatkeep" / "trash").iterdir()) == []


async def test_a_deleted_chats_generations_go_when_its_days_in_the_trash_are_over(tmp_path: Path) -> None:
    trash = tmp_path / ".chatkeep" / "trash"
    async with file_store(tmp_path) as store:
        await written(store, 3)
        await store.delete(KEY, purge=False)
        await written(store, 2)
    for path in list(trash.rglob("space~*.json")):
        chat_id, _, *number = path.stem.split("~")
        path.rename(path.with_name("~".join([chat_id, "1000000000", *number]) + ".json"))
    assert len(all_generations(tmp_path)) == 3

    async with file_store(tmp_path) as store:
        assert all_generations(tmp_path) == ["space~1.json"]
        assert await store.deleted("", limit=10, before=None) == ([], None)


async def test_a_file_that_is_no_chat_takes_its_generations_into_the_trash(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await written(store, 3)
        (tmp_path / "space.json").write_text("{")
        await store.delete(KEY, purge=False)

        assert not generation(tmp_path, 2).exists()
        assert len(all_generations(tmp_path)) == 2
        ((row,), _) = await store.deleted("", limit=10, before=None)
        assert (row.chat_id, row.title, row.message_count) == ("space", "", 0)
        with pytest.raises(ChatUnreadable):
            await store.restore(KEY, None)
        assert len((await store.deleted("", limit=10, before=None))[0]) == 1


async def test_generations_of_a_chat_whose_file_was_taken_away_by_hand_go_after_the_days_of_the_trash(
    tmp_path: Path,
) -> None:
    async with file_store(tmp_path) as store:
        await written(store, 3)
        await written(store, 3, ChatKey("alice", "space"))
        await written(store, 2, ChatKey("alice", "other"))
    (tmp_path / "space.json").unlink()
    (tmp_path / "@alice" / "space.json").unlink()
    generations = Generations(Folder(tmp_path))

    generations.remove_abandoned(3600)
    assert len(all_generations(tmp_path)) == 5
    generations.remove_abandoned(0)
    assert all_generations(tmp_path) == ["other~1.json"]


async def test_generations_that_a_kill_kept_from_the_trash_come_back_with_their_chat(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await written(store, 4)
        await store.delete(KEY, purge=False)
        for path in (tmp_path / ".chatkeep" / "trash" / "generations").iterdir():
            path.rename(generation(tmp_path, int(path.stem.split("~")[2])))
        generation(tmp_path, 2).unlink()

        await store.restore(KEY, None)

        assert await numbers_of(store) == [3, 1]


async def test_what_another_chat_of_the_id_has_left_does_not_come_back_with_one_from_the_trash(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await store.save(KEY, msgspec.structs.replace(a_chat(), revision=4))
        await store.delete(KEY, purge=False)
        await written(store, 4)
        (tmp_path / "space.json").unlink()

        await store.restore(KEY, None)

        assert await numbers_of(store) == []
        assert all_generations(tmp_path) == []


async def test_a_chat_of_an_owner_whose_folder_is_gone_is_brought_back(tmp_path: Path) -> None:
    key = ChatKey("alice", "space")
    async with file_store(tmp_path) as store:
        versions = await written(store, 2, key)
        await store.delete(key, purge=False)
        (tmp_path / "@alice").rmdir()

        assert await store.restore(key, None) == versions[-1]
        assert await numbers_of(store, key) == [1]


class TestElsewhere:
    """Where the generations are on a file system of their own, of 16 KiB: no link can go there."""

    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[Path]:
        """A data folder with such generations."""
        place = tmp_path / ".chatkeep" / "generations"
        place.mkdir(parents=True)
        if os.geteuid() != 0:
            pytest.skip("only root can mount a small disk")
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", str(place)], check=False, capture_output=True
        )
        if mounted.returncode:
            pytest.skip(f"no disk could be mounted: {mounted.stderr.decode().strip()}")
        yield tmp_path
        subprocess.run(["umount", "--lazy", str(place)], check=True)

    async def test_a_generation_is_a_copy(self, small: Path) -> None:
        async with file_store(small) as store:
            (first, *_) = await written(store, 2)
            assert await numbers_of(store) == [1]
            assert generation(small, 1).stat().st_nlink == 1
            assert await store.restore(KEY, 1) == msgspec.structs.replace(first, revision=3)

    async def test_without_room_for_it_a_message_is_saved_all_the_same(self, small: Path) -> None:
        async with file_store(small) as store:
            chat = msgspec.structs.replace(a_chat(), title="x" * 20_000)
            await store.save(KEY, chat)
            after = grown(chat, 1)
            await store.save(KEY, after)

            assert await store.load(KEY) == after
            assert await store.generations(KEY) == []
            assert list((small / ".chatkeep" / "generations").iterdir()) == []

    async def test_without_room_for_the_present_no_generation_is_brought_back(self, small: Path) -> None:
        async with file_store(small) as store:
            (first,) = await written(store, 1)
            big = msgspec.structs.replace(grown(first, 1), title="x" * 20_000)
            await store.save(KEY, big)
            assert await numbers_of(store) == [1]

            with pytest.raises(StorageFull):
                await store.restore(KEY, 1)

            assert await store.load(KEY) == big
            assert list((small / ".chatkeep" / "tmp").iterdir()) == []
