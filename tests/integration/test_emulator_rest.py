from __future__ import annotations

import httpx
import pytest

from tests.served import Served, Trader


def refusal(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["code"]


def test_every_answer_carries_the_used_weight(me: Trader) -> None:
    first = me.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 500})
    second = me.http.get("/api/v3/klines", params={"symbol": "btcusdt"})
    assert first.headers["content-type"] == "application/json;charset=UTF-8"
    used = [int(each.headers["x-mbx-used-weight-1m"]) for each in (first, second)]
    assert used == [25, 27]
    assert refusal(second) == (400, -1100)


def test_successful_orders_cost_no_weight_and_count_as_orders(me: Trader) -> None:
    params = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    price = f"{me.running.price() * 0.9:.2f}"
    used = int(me.http.get("/api/v3/ping").headers["x-mbx-used-weight"])
    placed = me.order(**params, price=price)
    assert placed.status_code == 200
    assert placed.headers["x-mbx-order-count-10s"] == "1"
    assert placed.headers["x-mbx-order-count-1d"] == "1"
    refused = me.order(**params, price="0.001")
    assert refusal(refused) == (400, -1013)
    assert "x-mbx-order-count-10s" not in refused.headers
    # Two questions for the time, nothing for the order that stands, 1 for the one refused.
    assert int(refused.headers["x-mbx-used-weight"]) == used + 3


def test_weight_over_the_limit_is_429_and_going_on_is_418(emulator: Served, me: Trader) -> None:
    try:
        last = me.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 5000})
        while last.status_code == 200:
            last = me.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 5000})
        assert refusal(last) == (429, -1003)
        assert set(last.json()) == {"code", "msg"}
        assert 0 < int(last.headers["retry-after"]) <= 60
        while last.status_code == 429:
            last = me.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 5000})
        assert refusal(last) == (418, -1003)
        assert int(last.headers["retry-after"]) == 120
    finally:
        emulator.sim("POST", "step", ms="3m")
    assert me.http.get("/api/v3/ping").status_code == 200


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("klines", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("klines", {"symbol": "NOTUSDT", "interval": "1m"}, -1121),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "x"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "99"}, -1130),
        ("klines", {"symbol": "", "interval": "1m"}, -1102),
        ("ticker/24hr", {"symbol": "BTCUSDT", "symbols": '["ETHUSDT"]'}, -1101),
        ("ticker/24hr", {"symbols": "[BTC]"}, -1100),
        ("ticker/24hr", {"symbol": "BTCUSDT", "type": "HUGE"}, -1139),
        ("ticker/price", {"symbol": "BTCUSDT", "symbolStatus": "ASLEEP"}, -1122),
        ("ticker/price", {"symbol": "BTCUSDT", "symbolStatus": "HALT"}, -1220),
        ("ticker", {}, -1102),
        ("ticker", {"symbol": "BTCUSDT", "windowSize": "61m"}, -1130),
        ("referencePrice", {"symbol": "BTCUSDT"}, -2043),
    ],
)
def test_bad_parameters_have_the_exchanges_codes(
    me: Trader, path: str, params: dict[str, str], code: int
) -> None:
    assert refusal(me.http.get(f"/api/v3/{path}", params=params)) == (400, code)


def test_parameters_that_nobody_asked_for_are_refused(me: Trader) -> None:
    candles = {"symbol": "BTCUSDT", "interval": "1m"}
    unread = me.http.get("/api/v3/klines", params={**candles, "colour": "red"})
    read = "Not all sent parameters were read; read '2' parameter(s) but was sent '3'."
    assert unread.json() == {"code": -1104, "msg": read}
    many = me.call("GET", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", price=1,
                   quantity=1, timeInForce="GTC").json()  # fmt: skip
    assert many == {"code": -1101, "msg": "Too many parameters; expected '6' and received '8'."}
    misspelt = me.order(side="BUY", type="LIMIT", quantity="1", price="1", timeInforce="GTC").json()
    read = "Not all sent parameters were read; read '7' parameter(s) but was sent '8'."
    assert misspelt == {"code": -1104, "msg": read}


def test_signature_time_and_key_are_checked(me: Trader) -> None:
    path, now = "/api/v3/account", me.now_ms()
    late = "Timestamp for this request is outside of the recvWindow."
    early = "Timestamp for this request was 1000ms ahead of the server's time."
    assert me.call("GET", path).status_code == 200
    assert me.call("GET", path, timestamp=now - 5001).json() == {"code": -1021, "msg": late}
    assert me.call("GET", path, timestamp=now + 1000).json() == {"code": -1021, "msg": early}
    assert me.call("GET", path, timestamp=now - 59_000, recvWindow=60_000).status_code == 200
    assert refusal(me.call("GET", path, recvWindow=60_001)) == (400, -1131)
    assert refusal(me.call("GET", path, recvWindow="5.1234")) == (400, -1100)
    key = {"X-MBX-APIKEY": me.api_key}
    unsigned = me.http.get(path, params={"timestamp": now}, headers=key)
    assert refusal(unsigned) == (400, -1102)
    wrong = me.http.get(path, params={"timestamp": now, "signature": "0" * 64}, headers=key)
    assert refusal(wrong) == (400, -1022)
    assert refusal(me.http.get(path)) == (401, -2014)
    unknown = me.http.get(path, headers={"X-MBX-APIKEY": "x" * 64})
    assert refusal(unknown) == (401, -2015)


def test_key_without_a_right_is_refused_and_the_wallet_says_so(me: Trader) -> None:
    name = me.running.sim("GET", "state")["keys"][-1]["account"]
    rights = {"enableSpotAndMarginTrading": False, "enableWithdrawals": True}
    me.running.sim("POST", f"accounts/{name}/keys", api_key=me.api_key, rights=rights)
    refused = me.order(side="BUY", type="MARKET", quantity="0.01")
    assert refusal(refused) == (401, -2015)
    told = me.call("GET", "/sapi/v1/account/apiRestrictions").json()
    assert told["enableWithdrawals"] is True
    assert list(told)[:2] == ["ipRestrict", "createTime"]


def test_body_and_query_may_carry_the_parameters(me: Trader) -> None:
    query = "symbol=BTCUSDT&side=BUY&type=MARKET"
    body = f"quantity=0.01&timestamp={me.now_ms()}"
    signature = me.sign(query + body)
    answer = me.http.post(
        f"/api/v3/order?{query}",
        content=f"{body}&signature={signature}",
        headers={
            "X-MBX-APIKEY": me.api_key,
            "content-type": "application/x-www-form-urlencoded",
        },
    )
    assert answer.json()["status"] == "FILLED"


def test_what_is_gone_or_never_was_says_so(me: Trader) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert me.http.request(method, "/api/v3/userDataStream").status_code == 410
    missing = me.http.get("/api/v1/klines")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "text/html"
    sbe = me.http.get("/api/v3/ping", headers={"accept": "application/sbe"})
    assert sbe.status_code == 406


def test_times_come_in_microseconds_when_asked(me: Trader) -> None:
    micro = {"X-MBX-TIME-UNIT": "microsecond"}
    seconds = me.now_ms() // 1000
    assert me.http.get("/api/v3/time", headers=micro).json()["serverTime"] // 10**6 == seconds
    params = {"symbol": "BTCUSDT", "interval": "1m", "limit": "1"}
    plain = me.http.get("/api/v3/klines", params=params).json()[0]
    fine = me.http.get("/api/v3/klines", params=params, headers=micro).json()[0]
    assert (fine[0], fine[6], fine[8]) == (plain[0] * 1000, plain[6] * 1000, plain[8])
    wrong = me.http.get("/api/v3/time", headers={"X-MBX-TIME-UNIT": "DAY"})
    assert refusal(wrong) == (400, -1194)


def test_order_count_over_the_limit_is_429(emulator: Served, me: Trader) -> None:
    price = f"{emulator.price() * 0.9:.2f}"
    params = {
        "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": price,
    }  # fmt: skip
    emulator.sim(
        "POST", "symbols/BTCUSDT",
        filters=[{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 1000}],
    )  # fmt: skip
    answers = [me.order(**params) for _ in range(101)]
    assert {each.status_code for each in answers[:100]} == {200}
    assert refusal(answers[100]) == (429, -1015)
    assert 0 < int(answers[100].headers["retry-after"]) <= 10
    counts = me.call("GET", "/api/v3/rateLimit/order").json()
    assert [(each["intervalNum"], each["count"]) for each in counts] == [(10, 100), (1, 100)]


def test_cancel_replace_carries_both_answers(emulator: Served, me: Trader) -> None:
    price = emulator.price()
    limit = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    placed = me.order(**limit, price=f"{price * 0.9:.2f}").json()
    path = "/api/v3/order/cancelReplace"
    change = {"symbol": "BTCUSDT", **limit, "price": f"{price * 0.91:.2f}"}
    done = me.call(
        "POST", path, **change, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=placed["orderId"]
    )
    assert done.json()["cancelResult"] == done.json()["newOrderResult"] == "SUCCESS"
    failed = me.call(
        "POST", path, **change, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=placed["orderId"]
    )
    assert refusal(failed) == (400, -2022)
    assert failed.json()["data"]["newOrderResult"] == "NOT_ATTEMPTED"


@pytest.mark.parametrize("query", ["%", "=&=", "a=%ff", "symbol=%00", "x" * 3000, "symbol[]=1"])
def test_malformed_queries_are_refused_not_crashed_on(me: Trader, query: str) -> None:
    for path in ("klines", "order", "ticker/24hr"):
        answer = me.http.get(f"/api/v3/{path}?{query}")
        assert answer.status_code in {200, 400, 401}
        assert "code" in answer.json() or answer.status_code == 200


def test_accounts_are_opened_in_a_trade_group(emulator: Served) -> None:
    made = emulator.sim("POST", "accounts", id="grouped", trade_group=7, balances={"USDT": "1"})
    with httpx.Client(base_url=emulator.addresses.rest) as http:
        one = Trader(emulator, made["api_key"], made["api_secret"], http)
        assert one.call("GET", "/api/v3/account").json()["tradeGroupId"] == 7
    wrong = {"id": "other", "trade_group": "family"}
    assert emulator.admin.post("/sim/accounts", json=wrong).status_code == 400
    assert "other" not in emulator.sim("GET", "state")["accounts"]
