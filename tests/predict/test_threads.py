import gc
import threading

import pytest

from lexseg.predict.engines import Threads, thread_count


def test_inputs_are_worked_on_at_the_same_time_and_answered_in_their_order():
    meet = threading.Barrier(3, timeout=30)  # which nobody passes alone

    def work(number):
        meet.wait()
        return 2 * number

    assert Threads(3).map(work, [5, 1, 3]) == [10, 2, 6]


def test_what_one_of_them_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        Threads(2).map(lambda n: 1 / n, [1, 0])


def test_two_calls_are_made_at_the_same_time():
    meet = threading.Barrier(2, timeout=30)
    one, other = Threads(2).both(lambda: (meet.wait(), "image")[1], lambda: (meet.wait(), "words")[1])
    assert (one, other) == ("image", "words")


@pytest.mark.parametrize("count", [1, 2])
def test_what_the_first_of_two_raises_comes_first(count):
    with pytest.raises(ZeroDivisionError):
        Threads(count).both(lambda: 1 / 0, lambda: {}["words"])
    with pytest.raises(KeyError):
        Threads(count).both(lambda: 1, lambda: {}["words"])


@pytest.mark.parametrize("together", [lambda t, one, other: t.both(one, other), lambda t, *w: t.map(lambda f: f(), w)])
def test_nothing_goes_on_when_a_call_has_failed(together):
    begun, ended = threading.Event(), []

    def fails():
        begun.wait(30)
        raise ZeroDivisionError

    def goes_on():
        begun.set()
        threading.Event().wait(0.1)
        ended.append(True)

    with pytest.raises(ZeroDivisionError):
        together(Threads(2), fails, goes_on)
    assert ended


def test_a_thread_that_shares_its_work_out_does_not_wait_for_itself():
    threads = Threads(2)
    assert threads.both(lambda: 1, lambda: threads.map(lambda n: 2 * n, [1, 2, 3])) == (1, [2, 4, 6])


def test_the_threads_end_with_their_owner():
    threads = Threads(2)
    _, other = threads.both(lambda: None, threading.current_thread)
    assert other.is_alive()
    del threads
    gc.collect()
    other.join(30)
    assert not other.is_alive()


@pytest.mark.parametrize(("count", "most"), [(0, None), (1, None), (5, None), (9, 2), (2, 32)])
def test_every_row_is_in_one_share(count, most):
    shares = Threads(3).shares(count, most)
    assert [row for share in shares for row in list(range(count))[share]] == list(range(count))
    assert len(shares) >= min(3, count, 1)


def test_the_environment_says_how_many(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert thread_count() >= 1
