"""The whole numbers and short texts among the attributes of an object, from its memory."""

import multiprocessing as mp
import os
import sys

import pytest

from procdemo.probe import attributes

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/PID/mem"),
    pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="not found there"),
]


class Thing:
    """An object with two numbers among other attributes."""

    def __init__(self, number):
        self.name = "thing"
        self.first = number
        self.nothing = None
        self.second = number + 1


def test_each_object_has_its_own_numbers_and_none_of_its_neighbours():
    things = [Thing(number) for number in range(1000, 1200)]
    found = [attributes.numbers(os.getpid(), id(thing)) for thing in things]
    assert found == [{number, number + 1} for number in range(1000, 1200)]


def test_the_numbers_of_an_object_with_a_dictionary_are_found():
    things = [Thing(number) for number in range(1000, 1020)]
    assert all(thing.__dict__ for thing in things)
    found = [attributes.numbers(os.getpid(), id(thing)) for thing in things]
    assert found == [{number, number + 1} for number in range(1000, 1020)]


def test_attributes_set_in_another_order_are_found():
    things = [Thing(number) for number in range(1000, 1020)]
    for thing in things:
        del thing.first
        thing.third = 7
        thing.first = 9
    found = [attributes.numbers(os.getpid(), id(thing)) for thing in things]
    assert found == [{7, 9, number + 1} for number in range(1000, 1020)]


def test_a_barrier_has_the_number_of_its_parties():
    barriers = [mp.Barrier(parties) for parties in range(2, 40)]
    assert [attributes.numbers(os.getpid(), id(each)) for each in barriers] == [{n} for n in range(2, 40)]


def test_texts_are_found_in_the_order_in_which_they_were_set():
    process = mp.Process(name="producer-0")
    process.place = "Bern"
    process.other = "gr\u00fcn", "x" * 65  # no text
    process.foreign = "gr\u00fcn"
    process.long = "x" * 65
    process.line = "a\nb"
    assert attributes.texts(os.getpid(), id(process)) == [mp.current_process().name, "producer-0", "Bern"]
    assert process.__dict__
    assert attributes.texts(os.getpid(), id(process)) == [mp.current_process().name, "producer-0", "Bern"]
    assert attributes.texts(os.getpid(), id(7)) == []


def test_what_is_no_object_has_none():
    assert attributes.numbers(os.getpid(), 8) == set()
    assert attributes.numbers(os.getpid(), id(7)) == set()
