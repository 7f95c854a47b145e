"""What a check can find, and how it is told. Each code is described in docs/check.md."""

from enum import StrEnum

import msgspec

_MOST_SHOWN = 60  # characters of a value of the file in a sentence


class Code(StrEnum):
    """Names what was found, for programs: never changed, only added to."""

    # in a chat
    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    NOT_A_CHAT = "not_a_chat"
    NEWER_FORMAT = "newer_format"
    WRONG_VALUE = "wrong_value"
    WRONG_CHAT_ID = "wrong_chat_id"
    MISSING_ID = "missing_id"
    MALFORMED_ID = "malformed_id"
    DUPLICATE_ID = "duplicate_id"
    DUPLICATE_RUN = "duplicate_run"
    UNKNOWN_PARENT = "unknown_parent"
    UNKNOWN_CURRENT = "unknown_current"
    UNKNOWN_CONTINUES = "unknown_continues"
    INVALID_TIME = "invalid_time"
    FUTURE_TIME = "future_time"
    CREATED_AFTER_UPDATED = "created_after_updated"
    # of a file or folder
    NOT_A_FILE = "not_a_file"
    NOT_READABLE = "not_readable"
    NOT_A_CHAT_ID = "not_a_chat_id"
    NOT_AN_OWNER = "not_an_owner"
    OPEN_TO_OTHERS = "open_to_others"
    # in chatkeep's own folder
    JOURNAL_UNREADABLE = "journal_unreadable"
    JOURNAL_NAME = "journal_name"
    JOURNAL_TORN = "journal_torn"
    JOURNAL_GAP = "journal_gap"
    JOURNAL_AFTER_END = "journal_after_end"
    INDEX_BROKEN = "index_broken"
    INDEX_WRONG = "index_wrong"
    TRASH_NAME = "trash_name"
    GENERATION_NAME = "generation_name"
    GENERATION_UNREADABLE = "generation_unreadable"
    KEYS_UNREADABLE = "keys_unreadable"
    SESSIONS_UNREADABLE = "sessions_unreadable"
    LOST_TEMPORARY = "lost_temporary"
    # information
    OLDER_FORMAT = "older_format"
    FOREIGN_FIELDS = "foreign_fields"
    TIME_BACKWARDS = "time_backwards"
    FOREIGN_FILE = "foreign_file"
    FOLDER_OWNED = "folder_owned"
    JOURNAL_UNFINISHED = "journal_unfinished"
    JOURNAL_NEVER_BEGUN = "journal_never_begun"
    JOURNAL_EXPIRED = "journal_expired"
    INDEX_MISSING = "index_missing"
    INDEX_OTHER_VERSION = "index_other_version"
    INDEX_BEHIND = "index_behind"
    AUDIT_TORN = "audit_torn"


_INFORMATION = frozenset(list(Code)[list(Code).index(Code.OLDER_FORMAT) :])


class Fault(msgspec.Struct, frozen=True):
    """One thing that was found in some bytes. `what` is a sentence for people."""

    code: Code
    what: str


class Finding(msgspec.Struct, frozen=True):
    """One thing that was found in a data folder. `file` is a path within it, `what` a sentence for people."""

    file: str
    code: Code
    what: str
    repaired: bool = False

    @property
    def is_information(self) -> bool:
        """Whether nothing is wrong: it is said, and neither counted nor repaired."""
        return self.code in _INFORMATION


def shown(value: object) -> str:
    """A value of a file as it may stand in a sentence, whatever it is."""
    text = ascii(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
