"""The refusal that the exchange answers with, and the texts of the common ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

#: A JSON-ready object with the field order of the exchange's documentation.
Json: TypeAlias = dict[str, object]


class Rejection(Exception):
    """An answer `{"code", "msg"}` with its HTTP status; `data` for a failed cancel-replace."""

    def __init__(
        self, code: int, msg: str, http_status: int = 400, data: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.http_status = http_status
        self.data = data

    def body(self) -> Json:
        """Returns the JSON body of the answer."""
        body: Json = {"code": self.code, "msg": self.msg}
        if self.data is not None:
            body["data"] = dict(self.data)
        return body


INSUFFICIENT = "Account has insufficient balance for requested action."
DUPLICATE = "Duplicate order sent."
CLOSED = "Market is closed."
TRIGGERS = "Order would trigger immediately."
TAKES = "Order would immediately match and take."
RELATION = "The relationship of the prices for the orders is not correct."
NO_LIQUIDITY = "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."


def refused(msg: str) -> Rejection:
    """Returns the matching engine's refusal of a new order."""
    return Rejection(-2010, msg)


def mandatory(name: str) -> Rejection:
    """Returns the refusal of a request without parameter `name`."""
    return Rejection(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def not_required(name: str) -> Rejection:
    """Returns the refusal of a parameter that this order type does not take."""
    return Rejection(-1106, f"Parameter '{name}' sent when not required.")


def filter_failure(name: str) -> Rejection:
    """Returns the refusal by filter `name`."""
    return Rejection(-1013, f"Filter failure: {name}")


def unknown_order() -> Rejection:
    """Returns the refusal to cancel what is not open."""
    return Rejection(-2011, "Unknown order sent.")
