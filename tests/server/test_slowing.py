"""Wrong tokens are slowed by address and name; nobody is locked out, and right ones never wait."""

import itertools
import threading
import time

import pytest

from lexseg.server.address import address_of, place_of
from lexseg.server.slowing import ENTRIES, FORGOTTEN, HELD, LONGEST, MOST, Slowing

pytest.importorskip("uvicorn")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def slowing(clock):
    return Slowing(clock)


def waits(slowing, clock, n, *keys):
    """The waits of somebody who sends one after the other."""
    told = []
    for _ in range(n):
        held, seconds = slowing.wrong(keys)
        assert held
        told.append(seconds)
        clock.now += seconds
    return told


def test_each_costs_more_than_the_one_before_up_to_a_bound(slowing, clock):
    told = waits(slowing, clock, 200, "address 10.0.0.1")
    assert told[0] <= 0.1 and told[:6] == sorted(set(told[:6]))
    assert told[-1] == max(told) == MOST


def test_many_at_a_time_gain_nothing(slowing, clock):
    waits(slowing, clock, 10, "address 10.0.0.1")
    answers = [slowing.wrong(["address 10.0.0.1"]) for _ in range(500)]
    held = [seconds for ok, seconds in answers if ok]
    assert len(held) <= LONGEST / MOST and held == sorted(set(held))
    assert all(MOST < seconds <= LONGEST for ok, seconds in answers if not ok)


def test_one_address_does_not_slow_another(slowing, clock):
    waits(slowing, clock, 50, "address 10.0.0.1")
    assert slowing.wrong(["address 10.0.0.2"]) == (True, pytest.approx(0.1))


def test_a_name_is_guarded_from_many_addresses(slowing, clock):
    told = [waits(slowing, clock, 1, f"address 10.0.0.{i}", "name anna")[0] for i in range(20)]
    assert told[-1] == MOST


def test_it_is_no_lasting_lock(slowing, clock):
    waits(slowing, clock, 50, "address 10.0.0.1")
    clock.now += FORGOTTEN + 1
    assert slowing.wrong(["address 10.0.0.1"])[1] <= 0.1


def test_the_table_and_what_is_held_back_are_bounded(slowing):
    for i in range(ENTRIES + 500):
        slowing.wrong([f"address {i}"])
    assert len(slowing) == ENTRIES
    slowing.held = HELD
    assert not slowing.wrong(["address new"])[0]


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("10.0.0.9", [], "10.0.0.9"),
        ("10.0.0.9", ["1.2.3.4"], "10.0.0.9"),  # who is no proxy of ours says what it likes
        ("192.168.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("192.168.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),  # the first is what the client wrote itself
        ("192.168.0.1", ["6.6.6.6", "1.2.3.4, 192.168.0.7"], "1.2.3.4"),
        ("192.168.0.1", ["1.2.3.4:5678"], "1.2.3.4"),
        ("192.168.0.1", ["[2001:db8::1]:80"], "2001:db8::1"),
        ("::ffff:192.168.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("192.168.0.1", ["unknown"], "192.168.0.1"),
        ("192.168.0.1", [""], "192.168.0.1"),
    ],
)
def test_only_a_trusted_proxy_says_where_requests_come_from(peer, said, address):
    from lexseg.cli.values import network

    headers = [(b"x-forwarded-for", line.encode()) for line in said]
    assert address_of({"client": (peer, 1), "headers": headers}, [network("192.168.0.0/24")]) == address


def test_all_addresses_of_one_network_are_one_place():
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff") != place_of("2001:db8:1::1")
    assert place_of("10.0.0.1") != place_of("10.0.0.2")


def test_a_flood_of_guesses_is_slow_and_a_right_token_beside_it_is_not(bundled):
    from serving import site

    with site(bundled, token="a-token-of-some-length") as served:
        stop, answers = threading.Event(), []

        def guess():
            for number in itertools.count():
                if stop.is_set():
                    return
                answers.append(served.get("/capabilities", authorization=f"Bearer guess-{number}").status)

        began = time.monotonic()
        thread = threading.Thread(target=guess)
        thread.start()
        right = []
        while time.monotonic() - began < 4:
            one = time.monotonic()
            assert served.get("/healthz").status == served.get("/capabilities").status == 200
            right.append(time.monotonic() - one)
        stop.set()
        thread.join(60)
        assert set(answers) == {401} and len(answers) <= 8  # 0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 s
        assert sorted(right)[len(right) // 2] < 1
        metrics = served.get("/metrics").body.decode()
        assert f"lexseg_tokens_wrong_total {len(answers)}.0" in metrics
        assert 'lexseg_refusals_total{code="token"}' in metrics
