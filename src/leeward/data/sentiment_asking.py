"""Questions to a sentiment source: few, spaced, bounded in time and size, answers in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from leeward.data.fetching import Fetcher
from leeward.domain.errors import BadSentiment

#: The largest source sends its whole history in less than a megabyte.
MOST_BYTES = 16_000_000
#: Seconds an answer may take in all, and seconds between two questions to one source.
_WITHIN_S = 30.0
_PAUSE_S = 1.0
_SHOWN = 60  # characters of an answer that is none


@dataclass
class Asker:
    """Asks one source; `name` is what messages call it."""

    name: str
    fetcher: Fetcher
    _asked: list[str] = field(default_factory=list)

    def ask(self, url: str, params: Mapping[str, str | int] | None = None) -> object:
        """Returns the JSON that GET `url` answers, None where the source says 404.

        Raises RetryLater, Failed or BadConfig as `Fetcher.get` does, BadSentiment for an answer
        that is not JSON.
        """
        if self._asked:
            self.fetcher.sleep(_PAUSE_S)
        self._asked.append(url)
        reply = self.fetcher.get(url, params, _WITHIN_S)
        if reply.status == 404:
            return None
        try:
            answer: object = json.loads(reply.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise self.unreadable(url, reply.body.decode(errors="replace")) from None
        if reply.status != 200:
            raise self.unreadable(url, answer)
        return answer

    def unreadable(self, url: str, answer: object) -> BadSentiment:
        """Returns the error for an answer that is not one of this source."""
        return BadSentiment(
            f"{url}: this is not an answer of {self.name}: {str(answer)[:_SHOWN]!r}; "
            "is there a proxy or a login page on the way? Nothing of it was stored"
        )


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
