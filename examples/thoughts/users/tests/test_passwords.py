"""Hashes that Django made are understood."""

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from users.passwords import fits


@pytest.mark.parametrize("password", ["sea", "ünïcode 🌊", "", "a" * 500])
def test_a_hash_of_django_fits_its_password_only(password):
    encoded = PBKDF2PasswordHasher().encode(password, "salt", 1000)
    assert fits(password, encoded)
    assert not fits(password + "x", encoded)


@pytest.mark.parametrize("encoded", [None, "", "!unusable", "md5$salt$hash", "pbkdf2_sha256$1$x"])
def test_what_is_no_such_hash_fits_nothing(encoded):
    assert not fits("", encoded)
