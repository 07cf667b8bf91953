"""The text of the two recall statements; every value goes in as a parameter, never into the text.

`for_scope` compares every memory of the scope by its words and by a sketch of its embedding (their
Hamming distance), which an index of a few hundred bytes a memory covers; the SKETCHED nearest are
then compared exactly.  Should there be more than COMPARED memories, it has looked at the newest of
them, and `for_large` takes the nearest of all from HNSW.  Both return (size, counts, id, text,
said_at, speaker, conversation_id, turn_id, mask, cosine, about, hits, steps, names, replaced_by),
at least one row, id null when nothing was found.

The texts come in few shapes, so that a connection has them prepared: words and vectors that a
question does not have are empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from memory.models import SKETCH_BITS
from memory.recall import PRIOR_SIZE
from memory.terms import MAX_TERMS

# Memories of a scope that one recall looks at; a million take longer than a turn can wait.
COMPARED = 150_000
# How many of the nearest by their sketches are compared exactly (see the migration).
SKETCHED = 160
# How many words a statement has room for.
ROOMS = (0, 2, 4, 8, MAX_TERMS)
# How many candidates each search contributes: words and meaning; the time asked about; names.
DEPTH = 40
TIMELY = 20
KIN = 12
# Hits whose neighbours come along, and those whose names are followed.
CORE = 12
SEEDS = 5
# A name that more memories hold leads everywhere, so it is not followed.
HOLDERS = 40
# By an id and nothing else (`offset 0` keeps other conditions out): the planner, who takes a small
# tenant in a large table for empty, would look for the id among all that the person or tenant has.
_ROW = """lateral (select * from memory_memory one
       where one.tenant_id = %(tenant_id)s and one.id = {id} offset 0)"""
_NEWER = """lateral (select source_id from memory_memorylink l
       where l.tenant_id = %(tenant_id)s and l.target_id = {id} and l.relation = 'supersedes'
       offset 0)"""
_NAMES = """lateral (select name from memory_memoryname n
       where n.tenant_id = %(tenant_id)s and n.memory_id = {id} offset 0)"""
_FILTERS = {"said_from": "said_at >=", "said_before": "said_at <"}

# The newest memory that replaces the one at hand, `m`; or, when it is what facts were drawn from
# and all of them were replaced, what replaces one of these.
_NEWEST = """(select l.source_id from memory_memorylink l
       join memory_memory n on n.tenant_id = l.tenant_id and n.id = l.source_id
       where l.tenant_id = %(tenant_id)s and l.target_id = {target} and l.relation = 'supersedes'
       order by n.said_at desc, n.id desc limit 1)"""
_REPLACED_BY = f"""coalesce({_NEWEST.format(target="m.id")},
      (select case when bool_and(newer is not null) then (array_agg(newer))[1] end from (
         select {_NEWEST.format(target="d.source_id")} as newer from memory_memorylink d
         where d.tenant_id = %(tenant_id)s and d.target_id = m.id
           and d.relation = 'derived_from') as drawn))"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Wanted:
    """The shape of a recall: which conditions and which searches the statement contains."""

    one_agent: bool
    not_conversation: bool
    not_turns: bool
    terms: int
    with_vector: bool
    spans: int = 0
    # Columns that have to hold a value of the query's filter; "said_from" and "said_before" bound.
    where: tuple[str, ...] = ()
    # Only what is in working memory.
    in_focus: bool = False

    @property
    def room(self) -> int:
        """Return for how many words there is room: the least of ROOMS that holds them."""
        return next(room for room in ROOMS if room >= self.terms)

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
        if self.in_focus:
            searched += (
                " and id in (select f.memory_id from memory_memoryfocus f "
                "where f.tenant_id = %(tenant_id)s and f.user_id = %(user_id)s)"
            )
        return searched

    @property
    def mask(self) -> str:
        """Return the expression for the words that a row holds: bit n for word n."""
        return self._mask("search")

    @property
    def mask_by_words(self) -> str:
        """Return the same of a row that is read from the index; its text when they were too many.

        The row is called `newest`.
        """
        read = f"select {self.mask} from memory_memory m where m.id = newest.id"  # noqa: S608
        return (
            f"case when words is not null then {self._mask('words')} "
            f"else ({read} and m.tenant_id = %(tenant_id)s) end"
        )

    def _mask(self, column: str) -> str:
        bits = [f"(({column} @@ q.t{n})::int::bigint << {n})" for n in range(self.room)]
        # Most rows hold none of the words: one look tells.
        return (
            f"case when {column} @@ q.whole then {' | '.join(bits)} else 0 end"
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
    def far(self) -> str:
        """Return how many bits of the sketches differ, null for another model's vectors."""
        if not self.with_vector:
            return "null::float8"
        return "case when embedding_model = %(model)s then sketch <~> q.s end"

    @property
    def about(self) -> str:
        """Return the distance to the question without its names."""
        return self.distance.replace("q.v", "q.a")

    @property
    def query(self) -> str:
        """Return the columns of `q`: each word as written or by its stem, any word, the vectors."""
        words = [_tsquery(place) for place in range(self.room)]
        columns = [f"{word} as t{place}" for place, word in enumerate(words)]
        columns.append(f"{' || '.join(words) or 'null::tsquery'} as whole")
        if self.with_vector:
            columns.append("%(vector)s::vector as v")
            columns.append("%(about)s::vector as a")
            columns.append("memory_sketch(%(vector)s::vector) as s")
        return ", ".join(columns)

    @property
    def counts(self) -> str:
        """Return the array of how many of the rows at hand hold each word.

        To be followed by `having true`: without words there is no aggregate that makes one row.
        """
        sums = ", ".join(f"sum(mask >> {n} & 1)" for n in range(self.room))
        return f"array[{sums}]::bigint[]"

    @property
    def rarities(self) -> str:
        """Return one column a word with its rarity (see `recall.Corpus.rarity`), 0 for no word."""
        pieces = [
            f"case when {n} <= %(terms)s then "
            f"ln(1 + (greatest(size - coalesce(counts[{n}], 0), 0) + {PRIOR_SIZE - 0.5}) "
            f"/ (coalesce(counts[{n}], 0) + 1.5)) else 0 end::float8 as r{n}"
            for n in range(1, self.room + 1)
        ]
        return ", ".join(["size", "counts", *pieces])

    @property
    def rarity_sum(self) -> str:
        """Return the summed rarity of the words that a row holds."""
        pieces = [f"(mask >> {n} & 1) * r{n + 1}" for n in range(self.room)]
        return " + ".join(pieces) or "0::float8"

    @property
    def whole_rarity(self) -> str:
        """Return the summed rarity of all words."""
        whole = " + ".join(f"r{n + 1}" for n in range(self.room))
        return f"greatest({whole}, 1e-9)" if whole else "1::float8"


@lru_cache(128)
def for_scope(wanted: Wanted) -> str:
    """Return the statement that compares the memories of a scope, at most COMPARED + 1 of them."""
    near = "select id from compared where false"
    if wanted.with_vector:
        near = f"select id from compared where far is not null order by far limit {SKETCHED}"  # noqa: S608
    return _statement(wanted, near)


@lru_cache(128)
def for_large(wanted: Wanted) -> str:
    """Return the statement that takes the nearest of all from HNSW, and else is `for_scope`."""
    near = "select id from compared where false"
    if wanted.with_vector:
        # A sub-select, because an index can only be ordered by a value that is known beforehand.
        near = f"""select id from memory_memory
     where {wanted.searched} and embedding_model = %(model)s and embedding is not null
     order by embedding <=> (select v from q) limit {DEPTH}"""  # noqa: S608
    return _statement(wanted, near)


def _statement(wanted: Wanted, near: str) -> str:
    """Return the whole: `compared`, what the words are worth, the best of all with their evidence.

    `close`: what is near by its sketch or of the time asked about, with its exact distance.
    `hits`: the best by words, by meaning, and of the time asked about.  `core`: the best of these
    by both, whose neighbours in the conversation (`beside`) and fellows by name (`kin`) come along.
    """
    within = " or ".join(
        f"(said_at >= %(from{n})s and said_at < %(until{n})s)" for n in range(wanted.spans)
    )
    timely, timely_hits = "", ""
    if wanted.spans:
        timely = f"""
     union (select id from compared where {within}
            order by coalesce(far, {SKETCH_BITS // 2}), said_at desc limit {4 * TIMELY})"""  # noqa: S608
        timely_hits = f"""
  union (select id from close where {within}
         order by coalesce(distance, 1), said_at desc limit {TIMELY})"""  # noqa: S608
    newest_first = "order by id desc" if wanted.one_agent else ""
    return f"""
with q as materialized (select {wanted.query}),
compared as materialized (
  select id, said_at, {wanted.mask_by_words} as mask, {wanted.far} as far
  from (select id, said_at, words, sketch, embedding_model from memory_memory
        where {wanted.searched} and state = 'indexed'
        {newest_first} limit {COMPARED + 1}) as newest, q
  union all
  select id, said_at, {wanted.mask}, null from memory_memory, q
  where {wanted.searched} and state = 'stored'),
seen as materialized (
  select (select count(*) from compared) as size, {wanted.counts} as counts
  from compared where mask <> 0 having true),
close as materialized (
  select m.id, m.said_at, {wanted.distance} as distance
  from (({near}){timely}) as close_by
    join memory_memory m on m.id = close_by.id and m.tenant_id = %(tenant_id)s, q),
rarity as materialized (select {wanted.rarities} from seen),
hits as materialized (
  (select id from compared, rarity where mask <> 0
   order by {wanted.rarity_sum} desc, said_at desc limit {DEPTH})
  union
  (select id from close where distance is not null order by distance limit {DEPTH}){timely_hits}),
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
  select name from (select id from core limit {SEEDS}) as seed, {_NAMES.format(id="seed.id")} as its
  union select unnest(%(names)s::text[])),
kin as materialized (
  select distinct holder.memory_id as kin_id from names cross join lateral (
    select array_agg(memory_id) as ids from (
      select memory_id from memory_memoryname n
      where n.tenant_id = %(tenant_id)s and n.user_id = %(user_id)s
        and n.namespace = %(namespace)s and n.name = names.name
      limit {HOLDERS + 1}) as first) as holders
  cross join lateral unnest(holders.ids) as holder(memory_id)
  where cardinality(holders.ids) <= {HOLDERS}),
newer as materialized (
  select source_id as newer_id from core, {_NEWER.format(id="core.id")} as link),
kept as (
  select id from hits union select id from beside
  union (select m.id from newer, {_ROW.format(id="newer_id")} as m where {wanted.searched})
  union (select m.id from kin, {_ROW.format(id="kin_id")} as m, q
         where {wanted.searched} order by coalesce({wanted.distance}, 1), m.said_at desc
         limit {KIN})),
evidence as (
  select m.id, m.text, m.said_at, m.speaker, m.conversation_id, m.turn_id,
    {wanted.mask} as mask, 1 - ({wanted.distance}) as cosine, 1 - ({wanted.about}) as about,
    (select array_agg(hit) from beside where beside.id = m.id) as hits,
    (select array_agg(step) from beside where beside.id = m.id) as steps,
    (select array_agg(n.name) from memory_memoryname n
     where n.tenant_id = %(tenant_id)s and n.memory_id = m.id) as names,
    {_REPLACED_BY} as replaced_by
  from kept join memory_memory m on m.id = kept.id and m.tenant_id = %(tenant_id)s, q)
select rarity.size, rarity.counts, evidence.*
from rarity left join evidence on true"""  # noqa: S608


def _tsquery(place: int) -> str:
    """Return the query for one word: as written, or by its stem; both may be empty."""
    pairs = (("simple", f"term{place}"), ("english", f"stem{place}"))
    return " || ".join(
        f"coalesce(plainto_tsquery('{language}', nullif(%({name})s, '')), ''::tsquery)"
        for language, name in pairs
    )
