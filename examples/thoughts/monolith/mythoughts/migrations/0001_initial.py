"""The tables, and the trigger that numbers rows in the order they become visible."""

import uuid

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

NUMBER = """
CREATE SEQUENCE mythoughts_seq;
CREATE FUNCTION mythoughts_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- One writer at a time, until it commits: see export.py.
    PERFORM pg_advisory_xact_lock(hashtextextended('mythoughts_seq', 0));
    NEW.seq := nextval('mythoughts_seq');
    RETURN NEW;
END $$;
CREATE TRIGGER number BEFORE INSERT OR UPDATE ON mythoughts_user
    FOR EACH ROW EXECUTE FUNCTION mythoughts_number();
CREATE TRIGGER number BEFORE INSERT OR UPDATE ON mythoughts_thought
    FOR EACH ROW EXECUTE FUNCTION mythoughts_number();
"""

NO_NUMBER = """
DROP TRIGGER number ON mythoughts_thought;
DROP TRIGGER number ON mythoughts_user;
DROP FUNCTION mythoughts_number();
DROP SEQUENCE mythoughts_seq;
"""


def name_this_feed(apps, schema_editor):
    apps.get_model("mythoughts", "Feed").objects.create()


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Feed",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
            ],
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40, unique=True)),
                ("password", models.CharField(max_length=128)),
                ("seq", models.BigIntegerField(db_default=0, db_index=True, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="Thought",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("text", models.CharField(max_length=280)),
                (
                    "created",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "words",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.contrib.postgres.search.SearchVector("text", config="simple"),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
                ("seq", models.BigIntegerField(db_default=0, db_index=True, editable=False)),
                (
                    "user",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="mythoughts.user"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["-created", "-id"], name="thought_newest"),
                    models.Index(fields=["user", "-created", "-id"], name="thought_of_user"),
                    django.contrib.postgres.indexes.GinIndex(fields=["words"], name="thought_words"),
                ],
            },
        ),
        migrations.RunSQL(NUMBER, NO_NUMBER),
        migrations.RunPython(name_this_feed, migrations.RunPython.noop),
    ]
