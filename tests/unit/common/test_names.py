"""The rules of names, each at its borders."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import CODES, UserError
from common.names import (
    TAG_MAX,
    check_database,
    check_token,
    check_username,
    cluster_name,
    cut_tag,
    instance_name,
)

DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
usernames = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", fullmatch=True)
tags = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


def refused(check: Callable[[str], str], text: str) -> str:
    with pytest.raises(UserError) as caught:
        check(text)
    assert caught.value.code in CODES
    assert CODES[caught.value.code] == 400
    return caught.value.code


@pytest.mark.parametrize("name", ["a", "Z", "0", "johny2", "a.b_c@d+e-f", "x" * 64])
def test_usernames_that_can_be_a_login_are_taken(name: str) -> None:
    assert check_username(name) == name


@pytest.mark.parametrize(
    "name", ["", "x" * 65, ".a", "-a", "_a", "a b", "a/b", "a:b", "ä", "a\n", "a\x00", "a=b", 'a"']
)
def test_other_usernames_are_refused(name: str) -> None:
    assert refused(check_username, name) == "bad_username"


@pytest.mark.parametrize("token", ["12345678", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "x" * 128])
def test_tokens_of_printable_ascii_are_taken(token: str) -> None:
    assert check_token(token) == token


@pytest.mark.parametrize(
    "token", ["", "1234567", "x" * 129, "with space", 'with"quote', "with\\slash", "ümläute1", "12345678\n"]
)
def test_other_tokens_are_refused_without_an_echo(token: str) -> None:
    assert refused(check_token, token) == "bad_token"
    with pytest.raises(UserError) as caught:
        check_token(token)
    assert not token or token not in caught.value.detail


@pytest.mark.parametrize(
    ("tag", "cut"),
    [
        ("my-test-db1", "my-test-db1"),
        ("twelve-chars", "twelve-chars"),
        ("thirteen-chars", "thirteen-cha"),
        ("a" * 500, "a" * 12),
        ("0", "0"),
        ("a--b", "a--b"),
        ("twelve-chars!!!", "twelve-chars"),
    ],
)
def test_a_tag_is_cut_to_twelve_and_then_checked(tag: str, cut: str) -> None:
    assert cut_tag(tag) == cut


@pytest.mark.parametrize("tag", ["", "-abc", "abc-", "ABCD", "a_b", "a.b", "abcdefghijk-lmn", "äbcd", "abc\n", "a/b"])
def test_other_tags_are_refused(tag: str) -> None:
    assert refused(cut_tag, tag) == "bad_cluster_tag"


@given(tags)
def test_cutting_again_changes_nothing(tag: str) -> None:
    assert cut_tag(cut_tag(tag)) == cut_tag(tag)
    assert len(cut_tag(tag)) <= TAG_MAX


@pytest.mark.parametrize("name", ["_users", "test", "a", "a/b", "a$b(c)+d-e_f0", "x" * 238])
def test_databases_that_couchdb_takes_are_taken(name: str) -> None:
    assert check_database(name) == name


@pytest.mark.parametrize(
    "name", ["", "_replicator", "_global_changes", "Test", "0a", "a b", "a.b", "x" * 239, "a\n", "*"]
)
def test_other_databases_are_refused(name: str) -> None:
    assert refused(check_database, name) == "bad_databases"


@given(usernames, tags)
def test_names_of_objects_are_dns_labels_with_room_for_what_kubernetes_adds(user: str, tag: str) -> None:
    name = cluster_name(user, tag)
    assert len(name) <= 25
    assert DNS_LABEL.fullmatch(name)
    assert DNS_LABEL.fullmatch(instance_name(name, 9))


@given(usernames, usernames, tags)
def test_two_users_may_use_one_tag(one: str, other: str, tag: str) -> None:
    assert (cluster_name(one, tag) == cluster_name(other, tag)) == (one == other)


def test_the_name_of_a_cluster_never_changes() -> None:
    """What runs is found by it after an upgrade of kanto."""
    assert cluster_name("johny2", "my-test-db1") == "cdb-my-test-db1-dc4b27f2"
