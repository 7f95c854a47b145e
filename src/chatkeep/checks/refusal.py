"""Replies by which a model declines, in the words that models use for it."""

import re

from chatkeep.chat.model import Message

_MOST_CHARS = 600  # who declines is brief; a longer reply that begins so goes on to help
_BEGINNING = 240  # characters in which it is said

_ENGLISH = re.compile(
    r"""\W*
    (?: (?: i(?:'m|\ am)\ (?:very\ |really\ |so\ |truly\ )?sorry | sorry | i\ apologi[sz]e | my\ apologies
          | unfortunately | no ) \b [^.!?\n]{0,30}? \W+ )?
    (?: (?: but | however ) ,?\ )?
    (?: (?: as | being )\ an?\ (?: ai | artificial | language | large ) [^,.\n]{0,40} ,\ )?
    i (?:
        (?: (?: \ (?: cannot | can\ not | can't | won't | will\ not | could\ not | couldn't )
              | (?:'m|\ am)\ (?: unable | not\ (?: able | going | allowed | permitted | comfortable ) ) (?:\ to)?
              | \ (?: do\ not | don't )\ feel\ comfortable
              | (?: \ will\ not | \ won't | 'll\ not )\ be\ able\ to )
            (?: (?: \ (?: really | directly | actually | ethically | currently | in\ good\ conscience ) )?
              \ (?: help | assist | comply | fulfil | answer | creat | generat | writ | shar | provid | giv | offer
                | produce | support | discuss | engag(?:e|ing)\ (?:in|with) | participate | proceed | accommodate
                | facilitate | encourage | promote | talk\ about | do\ (?:that|this) | continue\ (?:with\ )?th
                | (?: complete | respond\ to )\ (?:that|this|your) ) \w* \b
            # What follows in replies that do not decline: "I can't help but notice", "I can't give an exact date".
            (?! \ (?: but | myself | wondering | noticing | laughing | enough
                    | (?:you\ )? (?:with\ )? (?:an?\ |any\ |the\ )? (?: exact | precise | defini | guarantee | single )
                    | (?: it\ | that\ | this\ )? (?: with(?:out|\ certainty) | for\ (?:certain|sure) | definitively
                                                   | justice ) ) )
          | [ .!]* \Z ) )
      | \ (?: (?: must | have\ to | need\ to | will\ have\ to )\ )? (?: respectfully\ | politely\ )? decline \b
    )""",
    re.VERBOSE,
)

# Of each language: how it is opened, that the model cannot, and what. Words may stand between them.
_OTHERS = [
    re.compile(rf"\W*(?:{opening})[^.。\n]{{0,40}}(?:{unable})[^.。\n]{{0,40}}(?:{to_do})")
    for opening, unable, to_do in (
        (
            r"(?:es )?tut mir leid\b",
            r"\bkann\b[^.\n]{0,60}\bnicht\b",
            "helfen|unterstützen|bereitstell|beantwort|erstell",
        ),
        (r"(?:je suis )?désolée?\b", r"\bje ne (?:peux|suis) pas\b", "aider|fournir|répondre|assister|créer"),
        (r"lo siento\b", r"\bno puedo\b", "ayudar|proporcionar|responder|crear|asistir|cumplir|ofrecer"),
        (r"(?:mi dispiace|spiacente)\b", r"\bnon posso\b", "aiutar|fornir|risponder|crear|assister"),
        (r"(?:desculpe|lamento|sinto muito)\b", r"\bnão posso\b", "ajudar|fornecer|responder|criar|auxiliar"),
        (r"(?:извините|простите|к сожалению)\b", r"\bя не могу\b", "помочь|предоставить|ответить|выполнить|создать"),
        ("非常抱歉|很抱歉|抱歉|对不起", "不能|无法", "帮助|提供|回答|协助|满足|生成|讨论"),
        (
            "申し訳(?:ありません|ございません)|すみません",
            "手伝|答え|提供|回答|対応|作成",
            "できません|できかね|いたしかね|られません",
        ),
    )
]


def refusal(reply: Message) -> str | None:
    """Whether the model, or a filter of its provider, declined to answer."""
    if reply.finish_reason == "content_filter":
        return "The provider's filter ended it."
    text = reply.text.strip()
    if len(text) > _MOST_CHARS or "```" in text:
        return None
    beginning = text[:_BEGINNING].casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return "The model declined." if any(wording.match(beginning) for wording in (_ENGLISH, *_OTHERS)) else None
