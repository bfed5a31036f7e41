import threading

import pytest

from lexseg.graphs.sessions import Threads, thread_count


def test_inputs_are_worked_on_at_the_same_time_and_answered_in_their_order():
    meet = threading.Barrier(3, timeout=30)  # which nobody passes alone

    def work(number):
        meet.wait()
        return 2 * number

    assert Threads(3).map(work, [5, 1, 3]) == [10, 2, 6]


def test_what_one_of_them_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        Threads(2).map(lambda n: 1 / n, [1, 0])


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
