"""Replies by which a model declines, and those that only begin like one."""
# ruff: noqa: RUF001 - replies in other scripts, and with typographic quotes

import pytest

from chatkeep.chat.model import Message
from chatkeep.checks.refusal import refusal

REFUSALS = """
I'm sorry, but I can't help with that.
I’m sorry, but I can’t assist with that request.
Sorry, I can't help with that.
Sorry, but I can't continue with this.
I cannot
I cannot assist with that.
I'm sorry, I cannot generate that image.
I can't provide instructions for making explosives.
I'm unable to help with this request.
I am not able to provide medical diagnoses.
I'm sorry, but as an AI language model, I cannot provide legal advice.
As an AI language model, I cannot engage in sexual content.
I apologize, but I cannot fulfill that request.
I apologise, but I can't create that kind of content.
My apologies, but I am unable to assist with that.
I must decline to answer that.
I have to respectfully decline.
I decline to answer.
Unfortunately, I can't share that information.
I won't help you with hacking someone's account.
I will not provide that.
I'm not going to write that story.
I do not feel comfortable writing that.
I don't feel comfortable helping with this.
I'm not comfortable sharing that.
No, I can't do that.
I won't be able to help with that.
I'm sorry, I can't do that, Dave.
**I'm sorry**, but I can't comply with that.
I'm really sorry, but I can’t help you with that. If you are in danger, please call your local emergency number.
I cannot in good conscience help with this.
I can't discuss that topic.
Es tut mir leid, aber ich kann dir dabei nicht helfen.
Tut mir leid, aber diese Anfrage kann ich nicht beantworten.
Je suis désolé, mais je ne peux pas vous aider avec cela.
Lo siento, pero no puedo ayudar con eso.
Mi dispiace, ma non posso aiutarti con questo.
Desculpe, mas não posso ajudar com isso.
Извините, но я не могу помочь с этим.
很抱歉，我无法提供这方面的帮助。
对不起，我不能回答这个问题。
申し訳ありませんが、そのご要望にはお答えできません。
""".strip().splitlines()

HONEST = """
I'm sorry to hear that your cat is ill. Have you called a vet?
I'm sorry for the confusion! The answer is 4.
I'm sorry, I misread your question. Paris has about two million inhabitants.
I'm sorry, but the answer is no: 91 is 7 times 13.
I'm sorry, but that's not quite right: whales are mammals.
'I'm sorry, but I can't come to the party' is how I would put it.
The phrase "I'm sorry, but I can't help with that" is a refusal.
Sorry for the mix-up: the correct year is 1969.
Sorry, I meant 1815.
Sorry, not sorry: tabs are better than spaces.
Sorry is a word of Old English origin.
I apologize for the mistake. Here is the corrected table.
I can't wait to hear how it goes!
I cannot stress enough how important backups are.
I cannot recommend this book enough.
I can't help but notice that the loop never ends.
I can't help wondering whether a simpler design would do.
I couldn't help laughing.
I couldn't agree more.
I can't thank you enough for asking that.
I can't believe how well that worked.
I can't give you an exact figure, but about 40 percent of them survive.
I cannot give a precise date, but it was in the early 1850s.
I can't say for sure, but it looks like a race between two threads.
I can't answer that with certainty, but most historians say 1453.
I can't see any error in your query; the index is missing.
I can't do this justice in a few words, but the Odyssey is about coming home.
I cannot write this without mentioning Ada Lovelace: she published the first program.
I cannot tell a lie, said George Washington, according to the legend.
I won't repeat the whole file; only these two lines change.
I won't lie: it is a hard exam.
I will not go into details; in short, it is a hash table.
I will not be able to attend on Friday, as I am travelling. Kind regards, Anna
I'm not sure, but I think it was Euler.
I'm not able to find a counterexample, so the claim is probably true.
I am not going to pretend that it is easy. Begin with small steps.
I am unable to reproduce the bug with version 3.2, which suggests that it was fixed.
Unfortunately, the train does not run on Sundays.
Unfortunately, I can't think of a shorter proof.
Unfortunately, no: the method was removed in version 3.
No, I can't think of one either.
No problem, I can help with that.
As an AI, I find this question fascinating: what is it like to be a bat?
As an AI language model, I don't have feelings, but here is a poem about joy.
I can do that. Here is the plan.
I can help with that! Start by unplugging it.
I must admit that I like this one.
I have to say, that is a clever trick.
I decided to keep the first version.
Entschuldigung für die Verwechslung: Die Antwort ist 12.
Tut mir leid, das zu hören. Wie geht es dir jetzt?
Es tut mir leid, dass es nicht funktioniert hat. Versuche es mit sudo.
Je suis désolé d'apprendre cela.
Lo siento mucho. ¿Cómo estás?
Извините за ошибку: правильный ответ 12.
很抱歉听到这个消息。
对不起，我刚才说错了，答案是四。
すみません、先ほどの答えは間違いでした。正しくは四です。
""".strip().splitlines()


def said(text: str, finish_reason: str = "stop") -> Message:
    return Message(role="assistant", content=text, finish_reason=finish_reason)


@pytest.mark.parametrize("text", REFUSALS)
def test_a_reply_that_declines_is_a_refusal(text: str) -> None:
    assert refusal(said(text)) == "The model declined."


@pytest.mark.parametrize("text", HONEST)
def test_a_reply_that_only_begins_like_a_refusal_is_none(text: str) -> None:
    assert refusal(said(text)) is None


def test_what_a_providers_filter_ended_is_a_refusal_whatever_it_says() -> None:
    assert refusal(said("Once upon a time", "content_filter")) == "The provider's filter ended it."


def test_a_reply_that_declines_a_part_and_goes_on_to_help_is_no_refusal() -> None:
    assert (
        refusal(said(f"I can't give medical advice. {'But here is what is known of the common cold. ' * 20}")) is None
    )
    assert refusal(said("I can't write the whole program, but this is its heart:\n```\nloop()\n```")) is None
