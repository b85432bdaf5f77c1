"""A model that reads sentiment, behind it the price model, behind that a rule."""

from __future__ import annotations

from leeward.strategies.ml_basic import MlBasic


class MlWithSentiment(MlBasic):
    """Long while the sentiment model expects a rise; without it the price model, then the rule.

    As `ml_basic`, with one more step: the column `ladder` is 2 where the sentiment model predicts,
    1 where it does not (sentiment that is missing or stale is unknown, never zero) and the price
    model does, and 0 where the rule decides. Entries are tagged `sentiment`, `price`, `confirmed`
    or `rule`, so that every report shows which step earned what.
    """

    needs = ("prediction", "sentiment")
    models = (("sentiment_", "sentiment"), ("", "price"))
