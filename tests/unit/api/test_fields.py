import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import fields
from common.errors import UserError
from common.names import TAG_MAX, check_database


@given(st.integers())
def test_replicas_are_the_nearest_of_one_to_ten(number: int) -> None:
    assert fields.replicas({"replicas": str(number)}) == min(max(number, 1), 10)


@given(st.text(max_size=12))
def test_replicas_are_an_integer_or_an_error(text: str) -> None:
    form = {"replicas": text} if text else {}
    if re.fullmatch("-?[0-9]+", text):
        assert 1 <= fields.replicas(form) <= 10
    else:
        with pytest.raises(UserError) as caught:
            fields.replicas(form)
        assert caught.value.code in ("bad_replicas", "missing_replicas")


@given(st.text(max_size=3), st.integers())
def test_a_short_tag_makes_a_random_one(short: str, seed: int) -> None:
    made = fields.new_tag({"cluster_tag": short}, random.Random(seed))
    assert re.fullmatch(f"[a-z0-9]{{{TAG_MAX}}}", made)


@given(st.text(alphabet="abz019-.A/ \0", min_size=4, max_size=30))
def test_create_and_the_others_cut_a_tag_alike(tag: str) -> None:
    def cut(with_new: bool) -> str:
        form = {"cluster_tag": tag}
        try:
            return fields.new_tag(form, random.Random(1)) if with_new else fields.tag(form)
        except UserError as error:
            return error.code

    assert cut(with_new=True) == cut(with_new=False)


@given(st.text(alphabet=st.one_of(st.sampled_from("ab_*, "), st.characters()), max_size=40))
def test_databases_are_names_or_an_error(text: str) -> None:
    parts = {part.strip() for part in text.split(",")} - {""}
    try:
        expected = sorted(check_database(name) for name in parts - {"*"})
    except UserError:
        expected = []
    if expected or parts == {"*"}:
        found = fields.databases({"databases": text})
        assert (list(found.names), found.everything) == (expected, "*" in parts)
    else:
        with pytest.raises(UserError) as caught:
            fields.databases({"databases": text})
        assert caught.value.code == ("bad_databases" if parts else "missing_databases")


def test_a_star_stands_among_names() -> None:
    assert fields.databases({"databases": "b,*,a"}) == fields.Databases(("a", "b"), everything=True)


def test_options_are_off_by_themselves() -> None:
    assert fields.option({"force": "1"}, "force")
    assert not fields.option({"force": "0"}, "force")
    assert not fields.option({}, "force")


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_no_mistake_repeats_a_token(user: str, token: str) -> None:
    marked = f"{token}\u2603secret\u2603"  # a snowman is in no valid token and in no sentence of ours
    with pytest.raises(UserError) as caught:
        fields.caller({"username": user, "token": marked})
    assert "\u2603" not in caught.value.detail
    assert caught.value.__cause__ is None


def test_a_caller_does_not_show_the_token() -> None:
    assert "Ty5wvW7LuQ3T" not in repr(fields.caller({"username": "johny2", "token": "Ty5wvW7LuQ3T"}))
