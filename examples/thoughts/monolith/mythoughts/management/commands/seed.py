"""Makes people and thoughts, the same ones every time. Running it again changes nothing."""

import random
import uuid
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from mythoughts.models import Thought, User

PASSWORD = "calm-seas-and-fair-winds"  # of every seeded person, who exist for show
ITERATIONS = 20_000  # fewer than Django's default: the password above is no secret
FIRST_DAY = datetime(2025, 1, 1, 8, tzinfo=UTC)
NAMESPACE = uuid.UUID("5ea3a700-7b0a-4c3e-9a8e-1d2f3c4b5a69")
NAMES = (
    *("ada", "grace", "alan", "edsger", "barbara", "donald", "margaret", "john", "katherine"),
    *("dennis", "radia", "ken", "frances", "niklaus", "hedy", "tony", "joan", "claude", "mary"),
    *("linus", "evelyn", "konrad", "jean", "vint", "sophie", "ivan", "annie", "maurice"),
    *("dorothy", "robin", "karen", "leslie", "anita", "peter", "susan", "james", "adele"),
    *("guido", "lynn", "bjarne", "carol", "fred", "shafi", "butler", "irene", "jim"),
    *("stephanie", "richard", "betty", "stephen"),
)
OPENINGS = (
    *("Today I learned that", "I keep forgetting that", "It turns out", "Nobody told me"),
    *("After the second coffee", "On a walk I noticed", "My notebook says"),
    *("Worth remembering:", "A colleague showed me", "I finally understood why"),
)
SUBJECTS = (
    *("a small change", "the tide", "an old program", "a good question", "the harbour"),
    *("a slow query", "the lighthouse", "a simple test", "the last lock"),
    *("a patient reviewer", "the morning fog", "a short name"),
)
ENDINGS = (
    *("saves a whole afternoon.", "is kinder than it looks.", "lifts every boat."),
    *("hides in plain sight.", "explains more than a diagram.", "wins in the end."),
    *("needs no hurry.", "is best shared early.", "comes back when you least expect it."),
    "makes the next step obvious.",
)


class Command(BaseCommand):
    help = "Make people and thoughts to try the application with"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--users", type=int, default=50)
        parser.add_argument("--thoughts", type=int, default=2000)
        parser.add_argument("--if-empty", action="store_true", help="only if there is nobody yet")

    @transaction.atomic
    def handle(self, *, users: int, thoughts: int, if_empty: bool, **_: object) -> None:
        if if_empty and User.objects.exists():
            return
        if users < 1:
            raise CommandError("--users must be 1 or more")
        User.objects.bulk_create(people(users), ignore_conflicts=True)
        known = list(User.objects.filter(name__in=names(users)).order_by("id"))
        Thought.objects.bulk_create(imagined(known, thoughts), ignore_conflicts=True, batch_size=1000)
        self.stdout.write(f"{User.objects.count()} people, {Thought.objects.count()} thoughts")


def names(count: int) -> list[str]:
    more = [f"{NAMES[n % len(NAMES)]}{n // len(NAMES) + 1}" for n in range(len(NAMES), count)]
    return [*NAMES, *more][:count]


def people(count: int) -> list[User]:
    hasher = PBKDF2PasswordHasher()
    return [
        User(name=name, password=hasher.encode(PASSWORD, salt(name), ITERATIONS)) for name in names(count)
    ]


def salt(name: str) -> str:
    return uuid.uuid5(NAMESPACE, name).hex


def imagined(people: list[User], count: int) -> list[Thought]:
    dice = random.Random(1)
    return [
        Thought(
            id=uuid.uuid5(NAMESPACE, f"thought {n}"),
            user=dice.choice(people),
            text=" ".join(dice.choice(words) for words in (OPENINGS, SUBJECTS, ENDINGS)),
            created=FIRST_DAY + timedelta(minutes=97 * n),
        )
        for n in range(count)
    ]
