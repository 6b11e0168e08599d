"""What a turn asks for, as values: no database, no texts."""

from dataclasses import replace

import pytest

from bot.flows.controls import ASK_TO_ERASE, LANGUAGE_CHOICES, MENU, NEXT_STEPS, PERSON
from bot.flows.engine import take_turn
from bot.flows.model import (
    Action,
    Book,
    Choice,
    Do,
    Effect,
    Erase,
    EraseCaseNow,
    GiveAnswer,
    HandOff,
    Hide,
    Pressed,
    PressedStale,
    RaiseAlarm,
    RecordUnanswered,
    RecordVote,
    Said,
    Say,
    Sent,
    ShowThemeOf,
    StaffSpoke,
    State,
    TellCases,
)
from bot.model import SendClass
from khmer_nlu import Parsed

BOOK = Book(
    menu=(Choice(action=Action(do=Do.ANSWER, of="unpaid_wages")), Choice(action=Action(do=Do.TOPICS)), PERSON),
    themes={"wages_thailand": ("unpaid_wages", "wage_time_limit"), "jobs": ("find_job",), "training": ()},
    related={"unpaid_wages": ("wage_time_limit",)},
    offered_by={"start_wage_claim": "unpaid_wages"},
)
MET = State(greeted=True)
CONTROLS_OF_LATER_STEPS = ("call_me", "prefer_listening", "opt_out", "complain_service")


def parsed(intent: str = "nlu_fallback", **changes: object) -> Parsed:
    plain = Parsed(
        text="words",
        key="words",
        language="km",
        intent=intent,
        decision="fallback" if intent == "nlu_fallback" else "answer",
        confidence=0.9,
        ranking=((intent, 0.9),) if intent != "nlu_fallback" else (),
        entities=(),
        crisis=None,
        slot_value=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def said(intent: str = "nlu_fallback", text: str = "some words", **changes: object) -> Said:
    return Said(text=text, parsed=parsed(intent, text=text, **changes))


def press(do: Do, of: str = "") -> Pressed:
    return Pressed(action=Action(do=do, of=of))


def choices_of(effects: tuple[Effect, ...]) -> list[Choice]:
    return [choice for effect in effects for choice in getattr(effect, "choices", ())]


def texts_of(effects: tuple[Effect, ...]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, Say)]


def test_a_greeting_first_is_greeted_and_offered_a_language() -> None:
    turn = take_turn(BOOK, State(), said("greet"))

    assert texts_of(turn.effects) == ["greeting"]
    assert choices_of(turn.effects) == list(LANGUAGE_CHOICES)
    assert turn.state.greeted


def test_a_first_question_is_answered_before_any_greeting_and_language_is_offered_after_it() -> None:
    turn = take_turn(BOOK, State(), said("unpaid_wages"))

    assert isinstance(turn.effects[0], GiveAnswer)
    assert turn.effects[0].answer == "unpaid_wages"
    assert texts_of(turn.effects[1:]) == ["intro_note"]


def test_a_first_crisis_is_answered_with_help_alone() -> None:
    turn = take_turn(BOOK, State(), said(crisis="crisis_violence"))

    assert texts_of(turn.effects) == ["crisis_violence_demo"]
    assert RaiseAlarm(crisis="crisis_violence") in turn.effects


def test_a_first_message_that_asks_to_hide_shows_the_cover_alone() -> None:
    turn = take_turn(BOOK, State(), said("hide_chat"))

    assert turn.effects[0] == Hide()
    assert texts_of(turn.effects) == ["hide_cover"]


@pytest.mark.parametrize(("language", "answered_in"), [("en", "en"), ("km-Latn", "km"), ("mixed", "km"), ("km", "km")])
def test_until_a_language_is_chosen_each_message_is_answered_in_its_own(language: str, answered_in: str) -> None:
    assert take_turn(BOOK, State(), said("find_job", language=language)).state.language == answered_in


def test_a_short_word_of_another_language_does_not_change_the_language() -> None:
    assert take_turn(BOOK, MET, said("show_menu", text="menu", language="en")).state.language == "km"


def test_a_sentence_of_another_language_does_until_one_is_chosen() -> None:
    heard = said("find_job", text="i look for work near my home", language="en")

    assert take_turn(BOOK, MET, heard).state.language == "en"


def test_a_chosen_language_stays_when_a_message_is_in_another() -> None:
    state = take_turn(BOOK, MET, press(Do.LANGUAGE, "km")).state

    assert take_turn(BOOK, state, said("find_job", language="en")).state.language == "km"


@pytest.mark.parametrize("crisis", ["crisis_self_harm", "crisis_violence", "crisis_confined", "crisis_child"])
def test_a_crisis_comes_before_the_intent_and_can_be_corrected(crisis: str) -> None:
    turn = take_turn(BOOK, MET, said("find_job", crisis=crisis))

    assert not any(isinstance(effect, GiveAnswer) for effect in turn.effects)
    assert Action(do=Do.NOT_MEANT, of=crisis) in [choice.action for choice in choices_of(turn.effects)]
    assert PERSON in choices_of(turn.effects)


def test_an_idiom_of_despair_is_answered_and_followed_by_one_question() -> None:
    turn = take_turn(BOOK, MET, said("unpaid_wages", idiom=True))

    answer, question = turn.effects
    assert isinstance(answer, GiveAnswer)
    assert isinstance(question, Say)
    assert question.text == "idiom_question"
    assert not any(isinstance(effect, RaiseAlarm) for effect in turn.effects)
    fine, hard = (choice.action for choice in question.choices[:2])
    assert texts_of(take_turn(BOOK, MET, Pressed(action=fine)).effects) == ["fine_reply"]
    assert RaiseAlarm(crisis="crisis_self_harm") in take_turn(BOOK, MET, Pressed(action=hard)).effects


def test_with_staff_on_duty_the_crisis_text_is_the_one_with_staff() -> None:
    turn = take_turn(replace(BOOK, staffed=True), MET, said(crisis="crisis_confined"))

    assert texts_of(turn.effects) == ["crisis_confined"]


def test_unsure_once_asks_did_you_mean_with_three_at_most_and_keeps_the_question() -> None:
    ranking = (("unpaid_wages", 0.3), ("find_job", 0.2), ("wage_time_limit", 0.1), ("show_menu", 0.09))
    turn = take_turn(BOOK, MET, said("unpaid_wages", decision="ask", ranking=ranking))

    shown = [choice.action.of for choice in choices_of(turn.effects)[:3]]
    assert texts_of(turn.effects) == ["did_you_mean"]
    assert shown == ["unpaid_wages", "find_job", "wage_time_limit"]
    assert RecordUnanswered(guesses=ranking[:3]) in turn.effects
    assert turn.state.unsure == 1


def test_unsure_twice_gives_the_menu_and_a_person() -> None:
    turn = take_turn(BOOK, replace(MET, unsure=1), said(ranking=(("find_job", 0.2),)))

    assert texts_of(turn.effects) == ["unsure_again"]
    assert choices_of(turn.effects) == list(BOOK.menu)


def test_a_question_without_any_guess_gives_the_menu_at_once() -> None:
    assert texts_of(take_turn(BOOK, MET, said(ranking=())).effects) == ["unsure_again"]


def test_an_understood_message_ends_the_unsureness() -> None:
    assert take_turn(BOOK, replace(MET, unsure=1), said("find_job")).state.unsure == 0


def test_no_after_did_you_mean_is_none_of_these() -> None:
    turn = take_turn(BOOK, replace(MET, unsure=1), said("deny"))

    assert texts_of(turn.effects) == ["unsure_again"]


def test_an_intent_of_a_flow_that_does_not_exist_yet_gives_the_answer_that_offers_it() -> None:
    (answer,) = take_turn(BOOK, MET, said("start_wage_claim")).effects

    assert isinstance(answer, GiveAnswer)
    assert answer.answer == "unpaid_wages"


def test_a_topic_without_content_is_said_honestly() -> None:
    turn = take_turn(BOOK, MET, said("passport_cost"))

    assert texts_of(turn.effects) == ["no_answer_yet"]
    assert choices_of(turn.effects) == [MENU, PERSON]


def test_every_answer_offers_more_sources_votes_menu_and_a_person() -> None:
    (answer,) = take_turn(BOOK, MET, said("find_job")).effects

    assert isinstance(answer, GiveAnswer)
    does = [choice.action.do for choice in answer.choices]
    assert does[:4] == [Do.MORE, Do.SOURCE, Do.HELPED, Do.NOT_HELPED]
    assert answer.choices[4:] == (MENU, PERSON)


def test_more_offers_related_answers() -> None:
    (answer,) = take_turn(BOOK, MET, press(Do.MORE, "unpaid_wages")).effects

    assert isinstance(answer, GiveAnswer)
    assert answer.choices[0].action == Action(do=Do.ANSWER, of="wage_time_limit")


def test_did_not_help_offers_a_person() -> None:
    (vote,) = take_turn(BOOK, MET, press(Do.NOT_HELPED, "find_job")).effects

    assert isinstance(vote, RecordVote)
    assert (vote.answer, vote.helped) == ("find_job", False)
    assert PERSON in vote.choices


def test_only_themes_with_answers_are_listed() -> None:
    turn = take_turn(BOOK, MET, press(Do.TOPICS))

    assert [choice.action.of for choice in choices_of(turn.effects)] == ["wages_thailand", "jobs", "talk_to_human"]


def test_a_theme_lists_its_answers_and_is_no_dead_end() -> None:
    (shown,) = take_turn(BOOK, MET, press(Do.THEME, "wages_thailand")).effects

    assert isinstance(shown, ShowThemeOf)
    assert [choice.action.of for choice in shown.choices] == [
        "unpaid_wages",
        "wage_time_limit",
        "show_menu",
        "talk_to_human",
    ]


def test_asking_for_a_person_hands_off() -> None:
    (effect,) = take_turn(BOOK, MET, said("talk_to_human")).effects

    assert isinstance(effect, HandOff)


def test_asking_for_a_case_tells_its_status() -> None:
    assert isinstance(take_turn(BOOK, MET, said("case_status")).effects[0], TellCases)


@pytest.mark.parametrize("control", CONTROLS_OF_LATER_STEPS)
def test_a_control_of_a_later_step_gives_a_sentence_the_menu_and_a_person(control: str) -> None:
    turn = take_turn(BOOK, MET, said(control))

    assert len(texts_of(turn.effects)) == 1
    assert choices_of(turn.effects) == [MENU, PERSON]


def erase_state() -> State:
    return take_turn(BOOK, MET, said("delete_my_data")).state


def test_deleting_is_asked_back_once_and_names_a_person() -> None:
    turn = take_turn(BOOK, MET, said("delete_my_data"))

    assert turn.effects == (ASK_TO_ERASE,)
    assert PERSON in ASK_TO_ERASE.choices
    assert turn.state.asked_to_erase


@pytest.mark.parametrize(
    ("heard", "effects"),
    [
        (Pressed(action=Action(do=Do.ERASE)), (Erase(choices=NEXT_STEPS),)),
        (said("affirm"), (Erase(choices=NEXT_STEPS),)),
        (Pressed(action=Action(do=Do.KEEP)), (Say(text="erase_kept", choices=NEXT_STEPS),)),
        (said("deny"), (Say(text="erase_kept", choices=NEXT_STEPS),)),
    ],
)
def test_yes_and_no_may_be_pressed_or_written(heard: Pressed | Said, effects: tuple[object, ...]) -> None:
    turn = take_turn(BOOK, erase_state(), heard)

    assert turn.effects == effects
    assert not turn.state.asked_to_erase


def test_a_button_of_long_ago_asks_again_and_deletes_nothing() -> None:
    later = take_turn(BOOK, erase_state(), said("unpaid_wages")).state

    turn = take_turn(BOOK, later, Pressed(action=Action(do=Do.ERASE)))

    assert turn.effects == (ASK_TO_ERASE,)
    assert take_turn(BOOK, turn.state, Pressed(action=Action(do=Do.ERASE))).effects == (Erase(choices=NEXT_STEPS),)


def test_yes_means_delete_only_right_after_the_question() -> None:
    later = take_turn(BOOK, erase_state(), said("unpaid_wages")).state

    assert Erase(choices=NEXT_STEPS) not in take_turn(BOOK, later, said("affirm")).effects


def test_after_deleting_only_the_language_is_remembered() -> None:
    state = replace(erase_state(), language="en", language_chosen=True, start_code="poipet", album="7", unsure=1)

    after = take_turn(BOOK, state, Pressed(action=Action(do=Do.ERASE))).state

    assert after == State(language="en", language_chosen=True, greeted=True)


def test_a_number_is_tried_three_times_at_the_most() -> None:
    state = replace(MET, number_tries=3)

    turns = []
    for _ in range(4):
        turn = take_turn(BOOK, state, said(text="៤៨២១"))
        state = turn.state
        turns.append(turn.effects)

    assert turns[:3] == [(EraseCaseNow(number=4821, choices=NEXT_STEPS),)] * 3
    assert texts_of(turns[3]) == ["only_digits"]


@pytest.mark.parametrize("digits", ["12", "1" * 10, "1" * 9000, "²²²²"])
def test_what_can_be_no_case_number_is_not_tried(digits: str) -> None:
    turn = take_turn(BOOK, replace(MET, number_tries=3), said(text=digits))

    assert turn.state.number_tries == 3
    assert texts_of(turn.effects) == ["only_digits"]


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("", "empty_message"),
        ("  \n ", "empty_message"),
        ("12 500", "only_digits"),
        ("🙏", "only_emoji"),
        ("?!", "only_emoji"),
    ],
)
def test_a_message_without_words_gets_a_fitting_reply(text: str, reply: str) -> None:
    assert texts_of(take_turn(BOOK, MET, said(text=text, language="und")).effects) == [reply]


def test_a_long_story_that_was_not_understood_is_thanked_for() -> None:
    turn = take_turn(BOOK, MET, said(text="word " * 2000, ranking=(("find_job", 0.2),)))

    assert texts_of(turn.effects) == ["long_story"]


def test_a_stale_button_explains_itself() -> None:
    assert texts_of(take_turn(BOOK, MET, PressedStale()).effects) == ["stale_button"]


@pytest.mark.parametrize(
    ("kind", "reply"),
    [
        ("voice", "attachment_voice"),
        ("photo", "attachment_photo"),
        ("location", "attachment_location"),
        ("contact", "attachment_contact"),
        ("document", "attachment_other"),
        ("sticker", "sticker_reply"),
    ],
)
def test_what_is_not_text_gets_a_fitting_reply(kind: str, reply: str) -> None:
    assert texts_of(take_turn(BOOK, MET, Sent(kind=kind)).effects) == [reply]  # type: ignore[arg-type]


def test_an_own_contact_card_is_thanked_for() -> None:
    assert texts_of(take_turn(BOOK, MET, Sent(kind="contact", own=True)).effects) == ["contact_own"]


def test_pictures_that_came_at_once_get_one_reply() -> None:
    first = take_turn(BOOK, MET, Sent(kind="photo", album="7"))
    second = take_turn(BOOK, first.state, Sent(kind="photo", album="7"))
    other = take_turn(BOOK, second.state, Sent(kind="photo", album="8"))

    assert [texts_of(turn.effects) for turn in (first, second, other)] == [
        ["attachment_photo"],
        [],
        ["attachment_photo"],
    ]


def test_words_under_a_picture_are_answered_and_the_picture_is_not_looked_at() -> None:
    heard = replace(said("greet"), beside=Sent(kind="photo", album="7"))
    turn = take_turn(BOOK, MET, heard)

    assert texts_of(turn.effects) == ["greet_again", "caption_only"]
    assert take_turn(BOOK, turn.state, Sent(kind="photo", album="7")).effects == ()


def test_danger_under_a_picture_is_danger() -> None:
    heard = replace(said("nlu_fallback", crisis="crisis_violence"), beside=Sent(kind="photo"))

    assert texts_of(take_turn(BOOK, MET, heard).effects) == ["crisis_violence_demo"]


def test_the_code_of_a_link_is_kept_even_when_the_talk_starts_over() -> None:
    turn = take_turn(BOOK, State(), Pressed(action=Action(do=Do.START, of="poipet")))
    again = take_turn(BOOK, turn.state, Pressed(action=Action(do=Do.START)))
    over = take_turn(BOOK, again.state, said("restart"))

    assert texts_of(turn.effects) == ["greeting"]
    assert [turn.state.start_code, again.state.start_code, over.state.start_code] == ["poipet"] * 3
    assert State.from_json("km", over.state.to_json()).start_code == "poipet"


def test_help_says_how_it_is_used_and_shows_the_menu() -> None:
    (help_text,) = take_turn(BOOK, MET, Pressed(action=Action(do=Do.HELP))).effects

    assert help_text == Say(text="help", choices=BOOK.menu, send_class=SendClass.B)


def test_the_staff_group_is_no_contact() -> None:
    turn = take_turn(BOOK, State(), StaffSpoke())

    assert (texts_of(turn.effects), turn.state) == (["staff_group"], State())


def test_starting_over_forgets_all_but_the_language() -> None:
    state = State(language="en", language_chosen=True, greeted=True, unsure=1)

    turn = take_turn(BOOK, state, said("restart"))

    assert turn.state == State(language="en")
    assert texts_of(turn.effects) == ["greeting"]


def test_the_state_survives_storage() -> None:
    state = State(language="en", language_chosen=True, greeted=True, unsure=1)

    assert State.from_json("en", {**state.to_json(), "of_a_newer_version": 1}) == state


@pytest.mark.parametrize("do", list(Do))
def test_an_action_survives_storage(do: Do) -> None:
    assert Action.decode(Action(do=do, of="x:y").encode()) == Action(do=do, of="x:y")


@pytest.mark.parametrize("do", list(Do))
def test_no_button_of_any_kind_is_a_dead_end(do: Do) -> None:
    turn = take_turn(BOOK, MET, press(do, {Do.CONTROL: "show_menu", Do.PLACE: "in_thailand"}.get(do, "find_job")))

    assert turn.effects
    assert choices_of(turn.effects)
