"""People and their thoughts."""

import uuid

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorField
from django.db import models
from django.utils import timezone

from .rules import LONGEST_TEXT, MOST


class User(models.Model):
    """Somebody who can log in; the password is one of Django's hashes."""

    name = models.CharField(max_length=40, unique=True)
    password = models.CharField(max_length=128)
    seq = models.BigIntegerField(db_default=0, editable=False, db_index=True)


class ThoughtQuerySet(models.QuerySet["Thought"]):
    """How thoughts are listed: always the newest first."""

    def with_authors(self) -> "ThoughtQuerySet":
        return self.select_related("user").defer("words")

    def newest(self) -> list["Thought"]:
        return list(self.with_authors().order_by("-created", "-id")[:MOST])

    def with_words(self, query: str) -> "ThoughtQuerySet":
        return self.filter(words=SearchQuery(query, config="simple", search_type="websearch"))


class Thought(models.Model):
    """A short text of somebody. `seq` is set by a trigger: see migration 0001."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    text = models.CharField(max_length=LONGEST_TEXT)
    created = models.DateTimeField(default=timezone.now, editable=False)
    words = models.GeneratedField(
        expression=SearchVector("text", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    seq = models.BigIntegerField(db_default=0, editable=False, db_index=True)

    objects = ThoughtQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["-created", "-id"], name="thought_newest"),
            models.Index(fields=["user", "-created", "-id"], name="thought_of_user"),
            GinIndex(fields=["words"], name="thought_words"),
        ]

    @property
    def author(self) -> str:
        return self.user.name


class Feed(models.Model):
    """One row: which database this is. A reader who sees another id starts from the beginning."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
