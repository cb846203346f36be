"""What honest users lose: counted on passages whose ranks are known."""

from ragbastion.benchmarks.poisoning import honest
from ragbastion.benchmarks.poisoning.caps import no_guard
from ragbastion.benchmarks.poisoning.contexts import Choice, Pool
from ragbastion.benchmarks.poisoning.methods import Method, open_gate

from .test_trial import collection, embed


def last_only(pool: Pool, _: int) -> Choice:
    """Serve the worst candidate."""
    return Choice(places=(len(pool) - 1,))


def test_all_is_kept_where_nothing_is_guarded() -> None:
    """The four passages are the top ten."""
    method = Method(name="none", how="", gate=open_gate, choose=no_guard)
    [found] = honest.served(collection(), method, ["q"], embed)
    assert (found.gold, found.kept, found.top, found.lost) == (1, 1, 4, 0)


def test_what_is_gone_is_counted() -> None:
    """Three of four, the gold one among them."""
    method = Method(name="last", how="", gate=open_gate, choose=last_only)
    found = honest.served(collection(), method, ["q"], embed)
    row = honest.row("last", found, [], 7)
    assert (row["GK@10"], row["CR@10"]) == (0.0, 0.75)
    assert (row["GK@10 established"], row["GK@10 newcomers"]) == (0.0, None)
