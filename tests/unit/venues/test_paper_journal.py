"""The books of an account on paper survive whatever ends the process."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from tests.paper import SYMBOL, TERMS, buy, candle, hour, stop_at, venue_in
from tests.paper_victim import digest, step

from leeward.domain.errors import CannotWrite, Failed
from leeward.domain.orders import Side
from leeward.venues.governor import Lane
from leeward.venues.paper_books import PaperBooks
from leeward.venues.paper_journal import PaperJournal

ROWS, SNAPSHOT = "rows.jsonl", "snapshot.json"
ROOT = Path(__file__).parents[3]


def trade(folder: Path, steps: int = 60) -> list[tuple[int, str]]:
    """Trades at random; returns number and fingerprint of the books after each step."""

    async def work() -> list[tuple[int, str]]:
        venue, dice = venue_in(folder), random.Random(5)  # noqa: S311 - a test's choices
        venue.offer_open(SYMBOL, hour(0), 100.0)
        told = [(venue._books.number, digest(venue._books))]
        for number in range(1, steps):
            if venue._exchange._prices(SYMBOL) is None:
                venue.offer_open(SYMBOL, hour(number), 100.0)
            await step(venue, dice, number)
            told.append((venue._books.number, digest(venue._books)))
        return told

    return asyncio.run(work())


def in_order(books: PaperBooks) -> None:
    """Asserts what holds of books at any time."""
    base, quote = Decimal(0), TERMS.opening.amount
    for fill in books.fills:
        sign = 1 if fill.side is Side.BUY else -1
        base += sign * fill.quantity.value
        quote -= sign * fill.quantity.value * fill.price.value
        assert fill.commission is not None
        quote -= fill.commission.amount
    totals = {asset: total.amount for asset, total in books.totals.items()}
    assert (totals.get("BTC", Decimal(0)), totals["USDT"]) == (base, quote)
    assert all(books.free(asset).amount >= 0 for asset in totals)
    ids = [fill.trade_id for fill in books.fills]
    assert ids == sorted(set(ids))


def test_books_load_as_they_were(tmp_path: Path) -> None:
    number, expected = trade(tmp_path)[-1]
    books = PaperJournal(tmp_path).load()
    in_order(books)
    assert (books.number, digest(books)) == (number, expected)
    assert len(books.fills) > 5


def test_a_file_cut_anywhere_holds_all_rows_before_the_cut(tmp_path: Path) -> None:
    told = dict(trade(tmp_path, 30))
    written = (tmp_path / ROWS).read_bytes()
    dice = random.Random(1)  # noqa: S311 - as above
    for length in sorted(
        {0, 1, len(written) - 1, *(dice.randrange(len(written)) for _ in range(80))}
    ):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / ROWS).write_bytes(written[:length])
        books = PaperJournal(folder).load()
        assert books.number == written[:length].count(b"\n")
        assert books.number not in told or told[books.number] == digest(books)
        assert (folder / ROWS).read_bytes() == written[: written.rfind(b"\n", 0, length) + 1]


def test_rows_that_the_snapshot_holds_count_once(tmp_path: Path) -> None:
    _, expected = trade(tmp_path)[-1]
    rows = (tmp_path / ROWS).read_bytes()
    venue_in(tmp_path).close()
    assert (tmp_path / ROWS).read_bytes() == b""
    assert digest(PaperJournal(tmp_path).load()) == expected
    (tmp_path / ROWS).write_bytes(rows)  # killed between snapshot and cut
    assert digest(PaperJournal(tmp_path).load()) == expected


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    trade(tmp_path, 5)
    lines = (tmp_path / ROWS).read_bytes().splitlines(keepends=True)
    (tmp_path / ROWS).write_bytes(lines[0] + b"{broken\n" + b"".join(lines[2:]))
    with pytest.raises(Failed, match="line 2 of the paper account's books"):
        PaperJournal(tmp_path).load()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="books of the paper account"):
        venue_in(tmp_path / "file" / "account")


def test_ids_go_on_after_a_restart(tmp_path: Path) -> None:
    async def one(k: int) -> set[int]:
        venue = venue_in(tmp_path)
        venue.offer_open(SYMBOL, hour(2 * k), 100.0)
        await venue.place(buy(f"in{k}", "0.1"), Lane.ENTRY)
        await venue.place(stop_at(f"stop{k}", "90.00", "0.1"), Lane.PROTECTION)
        venue.offer_candle(candle(2 * k, 100.0, 101.0, 99.0, 100.0))
        books = venue._books
        return {*books.orders, *(fill.trade_id for fill in books.fills)}

    first = asyncio.run(one(0))
    second = asyncio.run(one(1))
    assert first < second
    assert max(first) < min(second - first)


def test_no_answer_is_forgotten_over_kills(tmp_path: Path) -> None:
    dice = random.Random(7)  # noqa: S311 - as above
    for seed in range(4):
        number, expected = killed_after(dice.randrange(1, 120), tmp_path, seed)
        books = PaperJournal(tmp_path).load()
        in_order(books)
        assert books.number >= number
        if books.number == number:
            assert digest(books) == expected


def killed_after(answers: int, folder: Path, seed: int) -> tuple[int, str]:
    """Returns number and fingerprint of the books in the last answer before a SIGKILL."""
    command = [sys.executable, "-m", "tests.paper_victim", str(folder), str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        told = [victim.stdout.readline() for _ in range(answers)]
        victim.kill()
        told += victim.stdout.readlines()
    whole = [json.loads(line) for line in told if line.endswith(b"\n")]
    return whole[-1]["number"], whole[-1]["digest"]
