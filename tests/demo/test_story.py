"""compose: a module's own sentences go before those of its blocks."""

from types import SimpleNamespace

from procdemo.demo.story import compose

BLOCK = SimpleNamespace(STORY={"died": "block"}, DETAIL={"killed": "block", "exited": "block"})


def test_a_sentence_that_is_shown_by_default_replaces_the_blocks_detail():
    story = compose(SimpleNamespace(BLOCKS=(BLOCK,), STORY={"killed": "own"}))
    assert story.sentences == {"died": "block", "killed": "own"}
    assert story.details == {"exited": "block"}


def test_reasons_are_the_sentences_of_begins_and_those_that_no_line_tells():
    block = SimpleNamespace(REASONS={"get": "block", "put": "block"}, DETAIL={"work.begin": "block"})
    own = SimpleNamespace(
        BLOCKS=(block,), REASONS={"get": "own"}, STORY={"eats.begin": "own", "put.end": "x"}
    )
    assert compose(own).reasons == {"get": "own", "put": "block", "work": "block", "eats": "own"}
