"""compose: a module's own sentences go before those of its blocks."""

from types import SimpleNamespace

from procdemo.demo.story import compose

BLOCK = SimpleNamespace(STORY={"died": "block"}, DETAIL={"killed": "block", "exited": "block"})


def test_a_sentence_that_is_shown_by_default_replaces_the_blocks_detail():
    story = compose(SimpleNamespace(BLOCKS=(BLOCK,), STORY={"killed": "own"}))
    assert story.sentences == {"died": "block", "killed": "own"}
    assert story.details == {"exited": "block"}
