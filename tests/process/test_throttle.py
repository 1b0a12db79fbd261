"""What is due at most once in so many seconds."""

from procdemo.process.throttle import Throttle


def test_it_is_due_at_once_and_then_once_in_so_many_seconds():
    throttle = Throttle(2.0)
    assert [now for now in range(10, 20) if throttle.take_turn(float(now))] == [10, 12, 14, 16, 18]


def test_without_a_time_it_takes_the_clock():
    throttle = Throttle(3600.0)
    assert throttle.take_turn()
    assert not throttle.take_turn()
