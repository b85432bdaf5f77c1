"""Exchange clients that we did not write, unchanged but for the address, against the emulator."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.served import Served, generated, served

#: The clients' own code, not ours: what they use is deprecated, and they leave sockets to the
#: collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Served]:
    with served(generated()) as running:
        yield running


@pytest.fixture(autouse=True)
def litter() -> Iterator[None]:
    """Collects what a client left open while its warnings are still ignored."""
    yield
    gc.collect()


@pytest.fixture
def leaving() -> Iterator[ExitStack]:
    """What a test must do at its end, also where it fails: close its clients."""
    with ExitStack() as stack:
        yield stack


def fall(emulator: Served, share: float) -> None:
    """Trades BTCUSDT at a share of its price, then at its price again."""
    price = emulator.price()
    for each in (price * share, price):
        emulator.sim("POST", "trade", symbol="BTCUSDT", price=f"{each:.2f}", qty="20")


def ccxt_settings(emulator: Served, account: str) -> dict[str, Any]:
    key = emulator.account(account)
    rest, ws = f"http://{emulator.host}", f"ws://{emulator.host}"
    versions = {"sapi": "v1", "sapiV2": "v2", "sapiV3": "v3", "sapiV4": "v4"}
    return {
        "apiKey": key["api_key"],
        "secret": key["api_secret"],
        "urls": {
            "api": {
                "public": f"{rest}/api/v3",
                "private": f"{rest}/api/v3",
                "v1": f"{rest}/api/v1",
                **{name: f"{rest}/sapi/{version}" for name, version in versions.items()},
                "ws": {
                    "spot": f"{ws}/ws",
                    "margin": f"{ws}/ws",
                    "ws-api": {"spot": f"{ws}/ws-api/v3"},
                },
            }
        },
        "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
    }


def test_ccxt_trades_and_reads(emulator: Served, leaving: ExitStack) -> None:
    import ccxt  # type: ignore[import-untyped] # the package ships no types

    client = ccxt.binance(ccxt_settings(emulator, "ccxt"))
    leaving.callback(client.close)
    markets = client.load_markets()
    assert set(markets) == {"BTC/USDT", "ETH/USDT"}
    assert markets["BTC/USDT"]["precision"]["price"] == 0.01
    assert len(client.fetch_ohlcv("BTC/USDT", "1h", limit=24)) == 24
    price = emulator.price()

    bought = client.create_order("BTC/USDT", "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01)

    resting = client.create_order("BTC/USDT", "limit", "buy", 0.01, round(price * 0.9, 2))
    assert client.fetch_order(resting["id"], "BTC/USDT")["status"] == "open"
    assert [each["id"] for each in client.fetch_open_orders("BTC/USDT")] == [resting["id"]]
    assert client.cancel_order(resting["id"], "BTC/USDT")["status"] == "canceled"

    limit = client.create_order("BTC/USDT", "limit", "buy", 0.001, round(price * 0.97, 2))
    fall(emulator, 0.95)
    assert client.fetch_order(limit["id"], "BTC/USDT")["status"] == "closed"

    price = emulator.price()
    stop = {"stopPrice": round(price * 0.95, 2)}
    stopped = client.create_order("BTC/USDT", "stop_loss", "sell", 0.005, None, stop)
    fall(emulator, 0.94)
    assert client.fetch_order(stopped["id"], "BTC/USDT")["status"] == "closed"

    price = emulator.price()
    placed = client.private_post_orderlist_oco({
        "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.005",
        "aboveType": "LIMIT_MAKER", "abovePrice": f"{price * 1.05:.2f}",
        "belowType": "STOP_LOSS", "belowStopPrice": f"{price * 0.95:.2f}",
    })  # fmt: skip
    assert placed["listOrderStatus"] == "EXECUTING"
    fall(emulator, 0.94)
    ended = client.private_get_orderlist({"orderListId": placed["orderListId"]})
    assert ended["listOrderStatus"] == "ALL_DONE"

    traded = {(trade["order"], trade["side"]) for trade in client.fetch_my_trades("BTC/USDT")}
    assert sorted(side for _, side in traded) == ["buy", "buy", "sell", "sell"]
    assert client.fetch_balance()["BTC"]["free"] == pytest.approx(2.000989)
    assert client.fetch_trading_fee("BTC/USDT")["taker"] == 0.001
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order("BTC/USDT", "limit", "buy", 0.00001, 1000.0)


def test_ccxt_pro_streams_candles_trades_and_own_orders(emulator: Served) -> None:
    import ccxt.pro  # type: ignore[import-untyped] # the package ships no types

    async def run() -> None:
        client = ccxt.pro.binance(ccxt_settings(emulator, "ccxt-pro"))
        try:
            await client.load_markets()
            candles, trades, book = await asyncio.gather(
                client.watch_ohlcv("BTC/USDT", "1m"),
                client.watch_trades("BTC/USDT"),
                client.watch_order_book("BTC/USDT"),
            )
            assert len(candles[-1]) == 6
            assert trades[-1]["symbol"] == "BTC/USDT"
            assert book["bids"][0][0] < book["asks"][0][0]
            orders = asyncio.create_task(client.watch_orders("BTC/USDT"))
            await _until(lambda: emulator.sim("GET", "connections")[-1]["subscriptions"])
            await client.create_order("BTC/USDT", "market", "sell", 0.005)
            assert (await asyncio.wait_for(orders, 60))[-1]["symbol"] == "BTC/USDT"
            balance = await client.fetch_balance()
            assert balance["BTC"]["free"] == pytest.approx(1.995)
        finally:
            await client.close()

    asyncio.run(run())


def test_the_official_sdk_trades_over_rest(emulator: Served, leaving: ExitStack) -> None:
    from binance_common.configuration import ConfigurationRestAPI
    from binance_sdk_spot.rest_api import models
    from binance_sdk_spot.spot import Spot

    key = emulator.account("sdk")
    settings: dict[str, Any] = {"timeout": 60_000, "retries": 0, **key}
    place = ConfigurationRestAPI(base_path=f"http://{emulator.host}", **settings)
    client: Any = Spot(config_rest_api=place).rest_api
    leaving.callback(client._session.close)
    assert [each.symbol for each in client.exchange_info().data().symbols] == ["BTCUSDT", "ETHUSDT"]
    hour = models.KlinesIntervalEnum.INTERVAL_1h
    assert len(client.klines("BTCUSDT", hour, limit=5).data()) == 5
    buy, sell = models.NewOrderSideEnum.BUY, models.NewOrderSideEnum.SELL
    kinds, gtc = models.NewOrderTypeEnum, models.NewOrderTimeInForceEnum.GTC
    price = emulator.price()

    bought = client.new_order("BTCUSDT", buy, kinds.MARKET, quantity=0.01).data()
    assert bought.status == "FILLED"
    assert sum(float(each.qty) for each in bought.fills) == pytest.approx(0.01)
    resting = client.new_order(
        "BTCUSDT", buy, kinds.LIMIT, time_in_force=gtc, quantity=0.001, price=round(price * 0.97, 2)
    ).data()
    assert client.get_order("BTCUSDT", order_id=resting.order_id).data().status == "NEW"
    fall(emulator, 0.95)
    assert client.get_order("BTCUSDT", order_id=resting.order_id).data().status == "FILLED"

    price = emulator.price()
    stop = client.new_order(
        "BTCUSDT", sell, kinds.STOP_LOSS, quantity=0.001, stop_price=round(price * 0.9, 2)
    ).data()
    cancelled = client.delete_order("BTCUSDT", order_id=stop.order_id).data()
    assert cancelled.status == "CANCELED"
    placed = client.order_list_oco(
        "BTCUSDT", models.OrderListOcoSideEnum.SELL, 0.01,
        models.OrderListOcoAboveTypeEnum.LIMIT_MAKER, models.OrderListOcoBelowTypeEnum.STOP_LOSS,
        above_price=round(price * 1.05, 2), below_stop_price=round(price * 0.95, 2),
    ).data()  # fmt: skip
    fall(emulator, 0.94)
    done = client.get_order_list(order_list_id=placed.order_list_id).data()
    assert done.list_order_status == "ALL_DONE"
    balances = client.get_account(omit_zero_balances=True).data().balances
    free = {each.asset: each.free for each in balances}
    assert free["BTC"] == "2.00098900"


def test_the_official_sdk_logs_on_with_ed25519_and_hears_its_orders(emulator: Served) -> None:
    from binance_common.configuration import (
        ConfigurationWebSocketAPI,
        ConfigurationWebSocketStreams,
    )
    from binance_sdk_spot.spot import Spot
    from binance_sdk_spot.websocket_api import models
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    emulator.account("sdk-ws")
    emulator.sim("POST", "accounts/sdk-ws/keys", api_key="sdk-ed25519", public_key=public.decode())
    ws = f"ws://{emulator.host}"
    client: Any = Spot(
        config_ws_api=ConfigurationWebSocketAPI(
            api_key="sdk-ed25519", private_key=pem, stream_url=f"{ws}/ws-api/v3"
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=ws),
    )

    async def run() -> None:
        api = await client.websocket_api.create_connection()
        try:
            logged = (await api.session_logon()).data().result
            assert logged.api_key == "sdk-ed25519"
            heard: list[Any] = []
            subscribed = await api.user_data_stream_subscribe()
            subscribed.stream.on("message", heard.append)
            sell, market = models.OrderPlaceSideEnum.SELL, models.OrderPlaceTypeEnum.MARKET
            placed = await api.order_place("BTCUSDT", sell, market, quantity=0.01)
            assert placed.data().result.status == "FILLED"
            assert (await api.account_status()).data().result.account_type == "SPOT"
            await _until(lambda: len(heard) == 2 + len(placed.data().result.fills))
        finally:
            await api.close_connection()
        streams = await client.websocket_streams.create_connection()
        try:
            candles: list[Any] = []
            (await streams.kline("btcusdt", "1m")).on("message", candles.append)
            await _until(lambda: candles)
            assert candles[0].s == "BTCUSDT"
        finally:
            await streams.close_connection()

    asyncio.run(run())


def test_python_binance_trades_and_hears_its_orders(emulator: Served, leaving: ExitStack) -> None:
    from binance import (  # type: ignore[import-untyped] # the package ships no types
        AsyncClient,
        BinanceSocketManager,
        Client,
    )

    rest, ws = f"http://{emulator.host}", f"ws://{emulator.host}"
    key = emulator.account("python-binance")
    places = {
        "API_URL": f"{rest}/api",
        "MARGIN_API_URL": f"{rest}/sapi",
        "WS_API_URL": f"{ws}/ws-api/v3",
    }
    pair = (key["api_key"], key["api_secret"])
    client = type("Here", (Client,), places)(*pair)
    leaving.callback(client.close_connection)
    assert len(client.get_exchange_info()["symbols"]) == 2
    assert len(client.get_klines(symbol="BTCUSDT", interval="1h", limit=3)) == 3
    price = emulator.price()
    one = {"symbol": "BTCUSDT", "quantity": "0.001"}
    assert client.order_market_buy(**one)["status"] == "FILLED"
    resting = client.order_limit_buy(**one, price=f"{price * 0.9:.2f}")
    named = {"symbol": "BTCUSDT", "orderId": resting["orderId"]}
    assert client.get_order(**named)["status"] == "NEW"
    assert client.cancel_order(**named)["status"] == "CANCELED"
    limit = client.order_limit_buy(**one, price=f"{price * 0.97:.2f}")
    fall(emulator, 0.95)
    assert client.get_order(symbol="BTCUSDT", orderId=limit["orderId"])["status"] == "FILLED"
    price = emulator.price()
    stop = {**one, "side": "SELL", "type": "STOP_LOSS", "stopPrice": f"{price * 0.95:.2f}"}
    stopped = client.create_order(**stop)
    placed = client.create_oco_order(
        **one, side="SELL", aboveType="LIMIT_MAKER", abovePrice=f"{price * 1.05:.2f}",
        belowType="STOP_LOSS", belowStopPrice=f"{price * 0.95:.2f}",
    )  # fmt: skip
    fall(emulator, 0.94)
    assert client.get_order(symbol="BTCUSDT", orderId=stopped["orderId"])["status"] == "FILLED"
    done = client.v3_get_order_list(orderListId=placed["orderListId"])
    assert done["listOrderStatus"] == "ALL_DONE"
    assert client.get_asset_balance("BTC")["free"] == "1.99999800"
    assert client.get_account_api_permissions()["enableWithdrawals"] is False

    async def stream() -> None:
        kind: Any = type("Here", (AsyncClient,), places)
        listening = await kind.create(*pair)
        try:
            sockets = type("Sockets", (BinanceSocketManager,), {"STREAM_URL": f"{ws}/"})(listening)
            async with sockets.user_socket() as user:
                sold = await listening.order_market_sell(symbol="ETHUSDT", quantity="1")
                reports = 1 + len(sold["fills"])
                heard = [(await asyncio.wait_for(user.recv(), 60))["e"] for _ in range(reports + 1)]
            assert heard == ["executionReport"] * reports + ["outboundAccountPosition"]
            async with sockets.kline_socket("BTCUSDT", "1m") as candles:
                assert (await asyncio.wait_for(candles.recv(), 60))["e"] == "kline"
        finally:
            await listening.close_connection()

    asyncio.run(stream())


def test_unicorn_streams_and_trades(emulator: Served) -> None:
    from unicorn_binance_websocket_api import (  # type: ignore[import-untyped] # ships no types
        BinanceWebSocketApiManager,
    )

    rest, ws = f"http://{emulator.host}/", f"ws://{emulator.host}/"
    key = emulator.account("unicorn")
    manager = BinanceWebSocketApiManager(
        exchange="binance.com", websocket_base_uri=ws, restful_base_uri=rest,
        websocket_api_base_uri=f"{ws}ws-api/v3", output_default="dict",
    )  # fmt: skip
    try:
        manager.create_stream(["kline_1m"], ["btcusdt"], stream_buffer_name="candles")
        manager.create_stream("arr", "!userData", stream_buffer_name="user", **key)
        api = manager.create_stream(api=True, stream_buffer_name="api", **key)
        asyncio.run(_until(lambda: _is_up(emulator, manager, api)))
        manager.api.spot.create_order(
            stream_id=api, symbol="BTCUSDT", side="BUY", order_type="MARKET", quantity=0.01,
        )  # fmt: skip
        assert _answer(manager, "status")["status"] == "FILLED"
        manager.api.spot.get_account_status(stream_id=api)
        free = {each["asset"]: each["free"] for each in _answer(manager, "balances")["balances"]}
        assert free["BTC"] == "2.00999000"
        for buffer, wanted in (("user", "executionReport"), ("candles", "kline")):
            seen: list[str] = []
            asyncio.run(_until(lambda b=buffer, s=seen, w=wanted: _heard(manager, b, s, w)))
    finally:
        manager.stop_manager()


def test_unicorn_rest_trades_with_the_old_order_list_call(emulator: Served) -> None:
    from unicorn_binance_rest_api import (  # type: ignore[import-untyped] # ships no types
        BinanceRestApiManager,
    )

    key = emulator.account("unicorn-rest")
    address = {"API_URL": f"http://{emulator.host}/api"}
    kind: Any = type("Here", (BinanceRestApiManager,), address)
    client = kind(**key, tld="com", warn_on_update=False)
    try:
        assert len(client.get_exchange_info()["symbols"]) == 2
        assert len(client.get_klines(symbol="BTCUSDT", interval="1h", limit=3)) == 3
        price = emulator.price()
        one = {"symbol": "BTCUSDT", "quantity": "0.001"}
        assert client.order_market_buy(**one)["status"] == "FILLED"
        resting = client.order_limit_buy(**one, price=f"{price * 0.9:.2f}")
        named = {"symbol": "BTCUSDT", "orderId": resting["orderId"]}
        assert client.get_order(**named)["status"] == "NEW"
        assert client.cancel_order(**named)["status"] == "CANCELED"
        limit = client.order_limit_buy(**one, price=f"{price * 0.97:.2f}")
        stop = {**one, "side": "SELL", "stopPrice": f"{price * 0.95:.2f}"}
        stopped = client.create_order(**stop, type="STOP_LOSS")
        placed = client.create_oco_order(**stop, price=f"{price * 1.05:.2f}")
        assert placed["listOrderStatus"] == "EXECUTING"
        fall(emulator, 0.94)
        for order in (limit, stopped):
            found = client.get_order(symbol="BTCUSDT", orderId=order["orderId"])
            assert found["status"] == "FILLED"
        assert client.get_open_orders(symbol="BTCUSDT") == []
        assert client.get_asset_balance("BTC")["free"] == "1.99999800"
    finally:
        client.stop_manager()


def _is_up(emulator: Served, manager: Any, api: str) -> bool:
    """Returns whether the sockets of the API and of user data are open on both sides."""
    sockets = [each for each in emulator.sim("GET", "connections") if each["kind"] == "ws_api"]
    subscribed = [each for each in sockets if "unicorn" in each["subscriptions"].values()]
    running = manager.get_stream_info(api)["status"] == "running"
    return bool(subscribed) and len(sockets) > len(subscribed) and running


def _answer(manager: Any, part: str) -> dict[str, Any]:
    """Returns the next result of the API that has that part. (Its `return_response` waits without
    an end for an answer that came before it began to wait.)"""
    answers: list[dict[str, Any]] = []

    def arrived() -> bool:
        message: Any = manager.pop_stream_data_from_stream_buffer("api")
        if isinstance(message, dict) and part in message.get("result", {}):
            answers.append(message["result"])
        return bool(answers)

    asyncio.run(_until(arrived))
    return answers[0]


def _heard(manager: Any, buffer: str, seen: list[str], wanted: str) -> bool:
    """Returns whether an event of that name has come out of a buffer of the client."""
    message: Any = manager.pop_stream_data_from_stream_buffer(buffer)
    if isinstance(message, dict):
        event: Any = message.get("event", message.get("data", message))
        seen.append(event.get("e", ""))
    return wanted in seen


async def _until(done: Any, patience_s: float = 60.0) -> None:
    """Waits until `done()` is true."""
    async with asyncio.timeout(patience_s):
        while not done():
            await asyncio.sleep(0.02)
