"""The network: two convolutions, a pool, an LSTM and two dense layers, in Keras on JAX."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from leeward.domain.errors import BadUsage, unknown_name
from leeward.indicators.features import WINDOW

if TYPE_CHECKING:
    import keras

#: Candles that a convolution looks at.
KERNEL = 3
_DROPOUT = 0.2


@dataclass(frozen=True, slots=True)
class Preset:
    """Units of the layers; `pool` is how many steps become one."""

    name: str
    conv: tuple[int, int]
    pool: int
    lstm: int
    dense: int


PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset("small", (32, 32), 4, 48, 50),
        Preset("spec", (64, 64), 2, 100, 50),
        Preset("tiny", (4, 4), 4, 4, 4),
    )
}
#: Trains in a second and is never worth promoting.
_FOR_TESTS: Final = "tiny"


def preset_named(name: str) -> Preset:
    """Returns the preset; raises BadUsage for one that does not exist."""
    if name not in PRESETS:
        raise unknown_name("preset", name, [each for each in PRESETS if each != _FOR_TESTS])
    return PRESETS[name]


@cache
def load_keras() -> Any:
    """Returns Keras on JAX; raises BadUsage, with the way out, where the extra is missing."""
    # Keras reads its backend from nowhere else, and only on its first import.
    os.environ["KERAS_BACKEND"] = "jax"  # noqa: TID251 - not a setting of Leeward
    return trainer_library("keras")


def trainer_library(name: str) -> Any:
    """Returns a library of the extra `train`; raises BadUsage where it is missing."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise BadUsage(
            f"training needs {error.name}, which is not installed; "
            "install the extra: pip install 'leeward[train]'"
        ) from None


def build(preset: Preset, channels: int, target: str, seed: int) -> keras.Model:
    """Returns a network that was not trained yet, its weights drawn from the seed.

    Input [batch, 120, channels], output [batch, 1]: a return in units of volatility, or with the
    target "meta" a probability.
    """
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    head = "sigmoid" if target == "meta" else None
    return keras.Sequential(
        [
            layers.Input((WINDOW, channels), name="features"),
            *(layers.Conv1D(n, KERNEL, padding="same", activation="relu") for n in preset.conv),
            layers.MaxPooling1D(preset.pool),
            layers.LSTM(preset.lstm),
            layers.Dropout(_DROPOUT, seed=seed),
            layers.Dense(preset.dense, activation="relu"),
            layers.Dense(1, activation=head),
        ]
    )


def mflop(preset: Preset, channels: int) -> float:
    """Returns the million floating point operations of one window."""
    first, second = preset.conv
    steps = WINDOW // preset.pool
    conv = WINDOW * KERNEL * (channels * first + first * second)
    lstm = steps * 4 * preset.lstm * (second + preset.lstm)
    dense = preset.lstm * preset.dense + preset.dense
    return 2 * (conv + lstm + dense) / 1e6
