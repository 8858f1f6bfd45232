"""The tokens that both sides issue and accept."""

import time

import jwt
import pytest
from users.signing import SESSION_SECONDS, Signer, new_nonce

KEY = "a-key-for-the-tests-of-signing"


def test_a_session_says_who_until_it_expires():
    signer = Signer(KEY)
    assert Signer(KEY).who(signer.session("ada")) == "ada"
    assert signer.who(signer.session("ada", now=time.time() - SESSION_SECONDS - 1)) is None


def test_forged_sessions_are_nobody():
    signer = Signer(KEY)
    claims = {"sub": "ada", "exp": time.time() + 60}
    forged = [
        None,
        "",
        "not a token",
        Signer(KEY + "!").session("ada"),
        signer.session("ada")[:-2],
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, KEY.ljust(32, "."), algorithm="HS256"),
    ]
    assert [signer.who(session) for session in forged] == [None] * len(forged)


def test_a_session_without_an_end_is_refused():
    signer = Signer(KEY)
    endless = jwt.encode({"sub": "ada"}, signer._session_key, algorithm="HS256")
    assert signer.who(endless) is None


def test_a_form_belongs_to_one_browser_and_one_person():
    signer, nonce = Signer(KEY), new_nonce()
    token = signer.form_token(nonce, "ada")
    assert Signer(KEY).form_is_ours(nonce, "ada", token)
    assert not signer.form_is_ours(nonce, "grace", token)
    assert not signer.form_is_ours(nonce, None, token)
    assert not signer.form_is_ours(new_nonce(), "ada", token)
    assert not signer.form_is_ours(nonce, "ada", "é" + token[1:])
    assert not signer.form_is_ours("", "ada", signer.form_token("", "ada"))
    assert not signer.form_is_ours(nonce, "ada", None)


def test_a_short_key_is_refused():
    with pytest.raises(SystemExit, match="SESSION_KEY is too short"):
        Signer("short")
