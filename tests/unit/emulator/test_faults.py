from __future__ import annotations

import pytest

from leeward.domain.errors import BadUsage
from leeward.emulator.faults import (
    EFFECTS,
    REQUEST_FAULTS,
    FaultBoard,
    read_timeline,
)

START = 1_700_000_000_000


def strikes(board: FaultBoard, now_ms: int = START, **facts: str) -> list[str]:
    return [fault.id for fault in board.striking(REQUEST_FAULTS, now_ms, facts)]


def test_timeline_is_read_from_yaml() -> None:
    text = """
    faults:
      - {id: lost, effect: reset_after, match: {route: "POST /api/v3/order"}, at: 30s, count: 1}
      - {effect: symbol_halt, symbol: BTCUSDT, at: 2024-01-01T00:00:00Z, ms: 2m}
    """
    board = FaultBoard(1, START)
    lost, halt = (board.add(entry, START) for entry in read_timeline(text, "test"))
    assert (lost.id, lost.at_ms, lost.count) == ("lost", START + 30_000, 1)
    assert (halt.id, halt.at_ms) == ("fault-2", 1_704_067_200_000)
    assert halt.number("ms", 0) == 120_000
    assert halt.text("symbol") == "BTCUSDT"


def test_fault_strikes_what_matches_within_its_time_and_count() -> None:
    board = FaultBoard(1, START)
    board.add(
        {"id": "a", "effect": "latency", "match": {"route": "POST *"}, "at": "1s", "for": "2s",
         "count": 2},
        START,
    )  # fmt: skip
    assert strikes(board, START, route="POST /api/v3/order") == []
    assert strikes(board, START + 1000, route="GET /api/v3/order") == []
    assert strikes(board, START + 1000, route="POST /api/v3/order") == ["a"]
    assert strikes(board, START + 2999, route="POST /api/v3/order") == ["a"]
    assert strikes(board, START + 2999, route="POST /api/v3/order") == []
    assert strikes(board, START + 3000, route="POST /api/v3/order") == []


def test_only_the_nth_match_is_struck() -> None:
    board = FaultBoard(1, START)
    board.add({"id": "a", "effect": "busy_1008", "nth": 3}, START)
    assert [strikes(board) for _ in range(4)] == [[], [], ["a"], []]


def test_chance_follows_from_the_seed() -> None:
    def struck(seed: int) -> list[bool]:
        board = FaultBoard(seed, START)
        board.add({"effect": "bad_json", "probability": 0.5}, START)
        return [bool(strikes(board)) for _ in range(64)]

    assert struck(1) == struck(1) != struck(2)
    assert 10 < sum(struck(1)) < 54


@pytest.mark.parametrize("share", [0.5, "0.5"])
def test_fractions_count_the_same_as_numbers_and_as_text(share: object) -> None:
    board = FaultBoard(1, START)
    fault = board.add({"effect": "rate_429", "probability": share, "seconds": "2.5"}, START)
    assert (fault.probability, fault.number("seconds", 5)) == (0.5, 2.5)


def test_actions_are_due_once_in_time_order() -> None:
    board = FaultBoard(1, START)
    board.add({"id": "late", "effect": "ws_cut", "at": "2s"}, START)
    board.add({"id": "early", "effect": "price_jump", "symbol": "BTCUSDT", "at": "1s"}, START)
    assert board.next_action_ms() == START + 1000
    assert board.due_actions(START) == []
    assert [fault.id for fault in board.due_actions(START + 5000)] == ["early", "late"]
    assert board.due_actions(START + 5000) == []
    assert board.next_action_ms() is None


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"effect": "reset_aftr"}, "did you mean 'reset_after'"),
        ({"effect": "latency", "count": 0}, "count is 0"),
        ({"effect": "latency", "probability": 2}, "probability is 2"),
        ({"effect": "latency", "probability": "often"}, "probability is 'often'"),
        ({"effect": "rate_429", "seconds": "nan"}, "seconds is 'nan'"),
        ({"effect": "latency", "at": "soon"}, "'soon' is no duration"),
        ({"effect": "latency", "match": "POST"}, "match is 'POST'"),
    ],
)
def test_malformed_faults_are_refused(entry: dict[str, object], word: str) -> None:
    with pytest.raises(BadUsage, match=word):
        FaultBoard(1, START).add(entry, START)


@pytest.mark.parametrize("text", ["{", "faults: 3", "just words", "- latency"])
def test_malformed_timelines_are_refused(text: str) -> None:
    with pytest.raises(BadUsage):
        read_timeline(text, "faults.yaml")


def test_an_effect_stands_in_one_part_of_the_menu() -> None:
    assert len(EFFECTS) == len(set(EFFECTS))
