"""What recall compares of every memory of a person, in an index of its own.

`words` and `sketch` are made by the database from the text and the embedding, so that no writer can
forget them.  The index covers them: a scan reads a few hundred bytes a memory, one after the other,
under the same row-level security as the table.
"""

import django.contrib.postgres.search
import pgvector.django.bit
import pgvector.django.indexes
from django.db import migrations, models

# Words without their places; null when they are too many for an entry of an index (2,704 bytes in
# all), and the row is read instead.  `pg_column_size` is stable in name only: it looks at nothing
# but its argument.
_WORDS = """
create function memory_words(said text) returns tsvector
immutable parallel safe strict
return (
  select case when pg_column_size(words) <= 2100 then words end
  from (select strip(to_tsvector('simple'::regconfig, said)
    || to_tsvector('english'::regconfig, said)) as words offset 0) as made)
"""
# Two bits a dimension: above -0.02, above 0.02 (a dimension of a unit vector spreads by 0.05).  The
# Hamming distance then counts by how many of the three levels two vectors differ.  Of the 10
# nearest by cosine, 99.6 to 100 % are among the 160 nearest of 5,000 by it; by the signs alone,
# 97.8 to 99.4 %.
_SKETCH = """
create function memory_sketch(meaning vector) returns bit
immutable parallel safe strict
return (binary_quantize(meaning + array_fill(0.02::real, array[384])::vector)
  || binary_quantize(meaning - array_fill(0.02::real, array[384])::vector))::bit(768)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0003_cognition"),
    ]

    operations = [
        migrations.RunSQL(_WORDS, "drop function memory_words(text)"),
        migrations.RunSQL(_SKETCH, "drop function memory_sketch(vector)"),
        # Each new column writes the table again, and with it all its indexes; this one takes hours.
        migrations.RemoveIndex(model_name="memory", name="memory_by_meaning"),
        migrations.AddField(
            model_name="memory",
            name="words",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(
                        embedding__isnull=False, then=models.Func("text", function="memory_words")
                    )
                ),
                output_field=django.contrib.postgres.search.SearchVectorField(null=True),
            ),
        ),
        migrations.AddField(
            model_name="memory",
            name="sketch",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func(
                    "embedding",
                    function="memory_sketch",
                    template="%(function)s(%(expressions)s)::bit(768)",
                ),
                output_field=pgvector.django.bit.BitField(length=768, null=True),
            ),
        ),
        migrations.AddIndex(
            model_name="memory",
            index=pgvector.django.indexes.HnswIndex(
                ef_construction=64,
                fields=["embedding"],
                m=16,
                name="memory_by_meaning",
                opclasses=["vector_cosine_ops"],
            ),
        ),
        # Uncompressed in row and index.  Vacuumed early: what the visibility map does not know is
        # looked up in the table again.
        migrations.RunSQL(
            "alter table memory_memory alter column words set storage main, "
            "set (autovacuum_vacuum_scale_factor = 0.02, "
            "autovacuum_vacuum_insert_scale_factor = 0.02)",
            "alter table memory_memory reset (autovacuum_vacuum_scale_factor, "
            "autovacuum_vacuum_insert_scale_factor)",
        ),
        migrations.AddIndex(
            model_name="memory",
            index=models.Index(
                condition=models.Q(("state", "indexed")),
                fields=["tenant_id", "user_id", "namespace", "agent_id", "id"],
                include=[
                    *("said_at", "conversation_id", "turn_id"),
                    *("embedding_model", "words", "sketch"),
                ],
                name="memory_to_compare",
            ),
        ),
        migrations.AddIndex(
            model_name="memory",
            index=models.Index(
                condition=models.Q(("state", "stored")),
                fields=["tenant_id", "user_id", "namespace"],
                name="memory_not_indexed",
            ),
        ),
    ]
