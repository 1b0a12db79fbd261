"""Lessons with a question before and an answer after: the problems of ``procdemo quiz``."""
