"""What apt-get says that it takes."""

from __future__ import annotations

import pytest

from seaway.errors import SeawayError
from seaway.rooms.images.debian import taken

SAID = """Reading package lists...
Suggested packages:
   glibc-doc (2.36-9)
The following NEW packages will be installed:
   python3 (3.11.2-1+b1)
   libcrypt1:arm64 (1:4.4.33-2)
0 upgraded, 2 newly installed, 0 to remove and 2 not upgraded.
"""


def test_names_and_versions_of_what_is_new_are_read() -> None:
    assert taken(SAID) == [("libcrypt1", "1:4.4.33-2"), ("python3", "3.11.2-1+b1")]


def test_an_apt_that_says_it_in_other_words_is_told() -> None:
    with pytest.raises(SeawayError, match="does not say which packages"):
        taken("Installing:\n  python3\n")
