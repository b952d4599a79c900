from keyturn.ceremony.tokeninventory import KeyOrigin, KeyProfile, KeyState
from keyturn.ceremony.tokenreport import Level, TokenAssurance
from keyturn_app.screens.hsm import words


def test_every_value_has_words_and_a_shape() -> None:
    looks = [
        *(words.state_look(each) for each in KeyState),
        *(words.level_look(each) for each in Level),
        *(words.assurance_look(each) for each in TokenAssurance),
    ]
    assert all(each.word and each.icon for each in looks)
    assert all(words.state_text(each) for each in KeyState)
    assert all(words.profile_word(each) and words.profile_text(each) for each in KeyProfile)
    assert all(words.origin_word(each) for each in KeyOrigin)
    assert all(words.worth(each) for each in TokenAssurance)


def test_a_strange_label_stays_as_it_is() -> None:
    assert words.key_name("keyturn-log") == "Log key"
    assert words.key_name("somebody's") == "somebody's"
    assert words.part_word("private") == "Private half"
