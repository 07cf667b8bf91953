"""The text of the two recall statements; every value goes in as a parameter, never into the text.

`for_few` serves a user with at most EXACT_ROWS memories in one pass over them: words and vectors
are compared exactly.  For more it answers with the count alone, and `for_many` follows, which
takes its vectors from HNSW.  Both return (size, counts, id, text, said_at, speaker,
conversation_id, turn_id, mask, cosine, about, hits, steps, names), at least one row, id null when
nothing was found.

Measured as time of the server's processor on PostgreSQL 18, rows of 180 characters: 0.9 ms for a
user without memories, 5 ms at 2,000, 22 ms at 9,000; `for_many` 65 ms at 30,000, mostly words:
row-level security keeps `@@`, which is not leakproof, from using an index.
"""

from __future__ import annotations

from dataclasses import dataclass

from memory.recall import PRIOR_SIZE
from memory.terms import Term

EXACT_ROWS = 10_000
# How many candidates each search contributes: words and meaning; the time asked about; names.
DEPTH = 40
TIMELY = 20
KIN = 24
# Hits whose neighbours come along, and those whose names are followed.
CORE = 12
SEEDS = 5
# A name that more memories hold leads everywhere, so it is not followed.
HOLDERS = 40
_FILTERS = {"said_from": "said_at >=", "said_before": "said_at <"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The shape of a recall: which conditions and which searches the statement contains."""

    one_agent: bool
    not_conversation: bool
    not_turns: bool
    terms: tuple[Term, ...]
    with_vector: bool
    spans: int = 0
    is_large: bool = False
    # Columns that have to hold a value of the query's filter; "said_from" and "said_before" bound.
    where: tuple[str, ...] = ()

    @property
    def owned(self) -> str:
        """Return the condition for the scope's rows."""
        owned = "tenant_id = %(tenant_id)s and user_id = %(user_id)s and namespace = %(namespace)s"
        return f"{owned} and agent_id = %(agent_id)s" if self.one_agent else owned

    @property
    def searched(self) -> str:
        """Return the condition for the rows that may be found."""
        searched = self.owned
        if self.not_conversation:
            searched += " and conversation_id is distinct from %(conversation_id)s"
        if self.not_turns:
            searched += " and (turn_id is null or turn_id <> all(%(turn_ids)s))"
        for name in self.where:
            searched += f" and {_FILTERS.get(name, f'{name} =')} %(where_{name})s"
        return searched

    @property
    def mask(self) -> str:
        """Return the expression for the words that a row holds: bit n for word n."""
        bits = [f"((search @@ q.t{n})::int::bigint << {n})" for n in range(len(self.terms))]
        # Most rows hold none of the words: one look tells.
        return (
            f"case when search @@ q.whole then {' | '.join(bits)} else 0 end"
            if bits
            else "0::bigint"
        )

    @property
    def distance(self) -> str:
        """Return the cosine distance, null for another model's vectors."""
        if not self.with_vector:
            return "null::float8"
        return "case when embedding_model = %(model)s then embedding <=> q.v end"

    @property
    def about(self) -> str:
        """Return the distance to the question without its names."""
        return self.distance.replace("q.v", "q.a")

    @property
    def query(self) -> str:
        """Return the columns of `q`: each word as written or by its stem, any word, the vector."""
        words = [_tsquery(place, term) for place, term in enumerate(self.terms)]
        columns = [f"{word} as t{place}" for place, word in enumerate(words)]
        columns.append(f"{' || '.join(words) or 'null::tsquery'} as whole")
        columns.append("%(vector)s::vector as v")
        columns.append("coalesce(%(about)s, %(vector)s)::vector as a")
        return ", ".join(columns)

    @property
    def counts(self) -> str:
        """Return the array of how many of the rows at hand hold each word.

        To be followed by `having true`: without words there is no aggregate that makes one row.
        """
        sums = ", ".join(f"sum(mask >> {n} & 1)" for n in range(len(self.terms)))
        return f"array[{sums}]::bigint[]"

    @property
    def rarities(self) -> str:
        """Return one column a word with its rarity (see `recall.Corpus.rarity`)."""
        pieces = [
            f"ln(1 + (greatest(size - coalesce(counts[{n}], 0), 0) + {PRIOR_SIZE - 0.5}) "
            f"/ (coalesce(counts[{n}], 0) + 1.5))::float8 as r{n}"
            for n in range(1, len(self.terms) + 1)
        ]
        return ", ".join(["size", "counts", *pieces])

    @property
    def rarity_sum(self) -> str:
        """Return the summed rarity of the words that a row holds."""
        pieces = [f"(mask >> {n} & 1) * r{n + 1}" for n in range(len(self.terms))]
        return " + ".join(pieces) or "0::float8"

    @property
    def whole_rarity(self) -> str:
        """Return the summed rarity of all words."""
        return " + ".join(f"r{n + 1}" for n in range(len(self.terms))) or "1::float8"


def for_few(wanted: Wanted) -> str:
    """Return the statement that compares every memory of the user, if they are few."""
    return f"""
with q as materialized (select {wanted.query}),
total as materialized (
  select count(*) as size from (
    select 1 from memory_memory where {wanted.owned} limit {EXACT_ROWS + 1}) as counted),
compared as materialized (
  select id, conversation_id, said_at, {wanted.mask} as mask, {wanted.distance} as distance
  from memory_memory, q
  where {wanted.searched} and (select size from total) <= {EXACT_ROWS}),
seen as materialized (
  select (select size from total) as size, {wanted.counts} as counts from compared having true),
{_found(wanted, "compared where distance is not null order by distance", "compared")}"""  # noqa: S608


def for_many(wanted: Wanted) -> str:
    """Return the statement that finds vectors through HNSW and words by a scan."""
    near = "compared where false"
    if wanted.with_vector:
        # A sub-select, because an index can only be ordered by a value that is known beforehand.
        near = f"""memory_memory
   where {wanted.searched} and embedding_model = %(model)s and embedding is not null
   order by embedding <=> (select v from q)"""  # noqa: S608
    matching = "search @@ q.whole" if wanted.terms else "false"
    return f"""
with q as materialized (select {wanted.query}),
compared as materialized (
  select id, conversation_id, said_at, {wanted.mask} as mask, {wanted.distance} as distance
  from memory_memory, q where {wanted.searched} and {matching}),
seen as materialized (
  select (select count(*) from memory_memory where {wanted.owned}) as size,
    {wanted.counts} as counts from compared having true),
{_found(wanted, near, "compared")}"""  # noqa: S608


def _found(wanted: Wanted, near: str, compared: str) -> str:
    """Return the common end: the best of all searches, with their rows and their evidence.

    `hits`: the best by words, by meaning, and of the time asked about.  `core`: the best of these
    by both, whose neighbours in the conversation (`beside`) and fellows by name (`kin`) come along.
    """
    timely = ""
    if wanted.spans:
        within = " or ".join(
            f"(said_at >= %(from{n})s and said_at < %(until{n})s)" for n in range(wanted.spans)
        )
        timely = f"""
  union (select id from {compared} where {within}
         order by coalesce(distance, 1), said_at desc limit {TIMELY})"""  # noqa: S608
        if compared == "compared" and wanted.is_large:
            timely = f"""
  union (select id from memory_memory, q where {wanted.searched} and ({within})
         order by coalesce({wanted.distance}, 1), said_at desc limit {TIMELY})"""  # noqa: S608
    return f"""rarity as materialized (select {wanted.rarities} from seen),
hits as materialized (
  (select id from {compared}, rarity where mask <> 0
   order by {wanted.rarity_sum} desc, said_at desc limit {DEPTH})
  union
  (select id from {near} limit {DEPTH}){timely}),
known as materialized (
  select m.id, m.conversation_id, m.said_at, {wanted.mask} as mask, {wanted.distance} as distance
  from hits join memory_memory m on m.id = hits.id and m.tenant_id = %(tenant_id)s, q),
core as materialized (
  select known.id, conversation_id, said_at from known, rarity
  order by coalesce(1 - distance, 0) + 0.5 * ({wanted.rarity_sum}) / ({wanted.whole_rarity}) desc,
    said_at desc limit {CORE}),
beside as materialized (
  select core.id as hit, n.id, n.step from core cross join lateral (
    (select id, row_number() over (order by m.said_at, m.id) as step from memory_memory m
     where m.tenant_id = %(tenant_id)s and m.conversation_id = core.conversation_id
       and (m.said_at, m.id) > (core.said_at, core.id) and {wanted.searched}
     order by m.said_at, m.id limit 2)
    union all
    (select id, -row_number() over (order by m.said_at desc, m.id desc) from memory_memory m
     where m.tenant_id = %(tenant_id)s and m.conversation_id = core.conversation_id
       and (m.said_at, m.id) < (core.said_at, core.id) and {wanted.searched}
     order by m.said_at desc, m.id desc limit 2)) as n),
names as materialized (
  select distinct name from memory_memoryname
  where tenant_id = %(tenant_id)s and memory_id in (select id from core limit {SEEDS})
  union select unnest(%(names)s::text[])),
kin as materialized (
  select distinct holder.memory_id as id from names cross join lateral (
    select array_agg(memory_id) as ids from (
      select memory_id from memory_memoryname n
      where n.tenant_id = %(tenant_id)s and n.user_id = %(user_id)s
        and n.namespace = %(namespace)s and n.name = names.name
      limit {HOLDERS + 1}) as first) as holders
  cross join lateral unnest(holders.ids) as holder(memory_id)
  where cardinality(holders.ids) <= {HOLDERS}),
kept as (
  select id from hits union select id from beside
  union (select m.id
         from kin join memory_memory m on m.id = kin.id and m.tenant_id = %(tenant_id)s, q
         where {wanted.searched} order by coalesce({wanted.distance}, 1), m.said_at desc
         limit {KIN})),
evidence as (
  select m.id, m.text, m.said_at, m.speaker, m.conversation_id, m.turn_id,
    {wanted.mask} as mask, 1 - ({wanted.distance}) as cosine, 1 - ({wanted.about}) as about,
    (select array_agg(hit) from beside where beside.id = m.id) as hits,
    (select array_agg(step) from beside where beside.id = m.id) as steps,
    (select array_agg(n.name) from memory_memoryname n
     where n.tenant_id = %(tenant_id)s and n.memory_id = m.id) as names
  from kept join memory_memory m on m.id = kept.id and m.tenant_id = %(tenant_id)s, q)
select rarity.size, rarity.counts, evidence.*
from rarity left join evidence on true"""  # noqa: S608


def _tsquery(place: int, term: Term) -> str:
    """Return the query for one word: as written, and by its stem unless it has to be exact."""
    written = f"plainto_tsquery('simple', %(term{place})s)"
    if term.exact:
        return written
    return f"({written} || plainto_tsquery('english', %(term{place})s))"
