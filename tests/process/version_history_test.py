#!/usr/bin/env python3
"""The judge of histories of versioned files is judged: each planted fault is
found, and none where there is none. SPEC V3, V4"""

import math
import unittest

from version_history import Operation, faults, settled


def put(text, version, begin, end, inode=1):
    return Operation("put", begin, end, "done", (inode, version), text)


def delete(version, begin, end):
    return Operation("delete", begin, end, "done", (1, version))


def get(text, begin, end):
    return Operation("get", begin, end, text=text)


class Judge(unittest.TestCase):
    def right(self, *history):
        self.assertEqual(faults(history), [])

    def wrong(self, what, *history):
        self.assertIn(what, "\n".join(faults(history)))

    def test_what_may_be(self):
        self.right(put("a", 1, 0, 1), get("a", 2, 3))
        self.right(put("a", 1, 0, 9), put("b", 2, 0, 1), get("b", 2, 3),
                   get("b", 4, 5))
        self.right(put("a", 1, 0, 9), get("a", 1, 2), get(None, 0, 9))
        self.right(put("a", 1, 0, 1), delete(2, 2, 3), get(None, 4, 5),
                   put("b", 1, 6, 7, inode=2), get("b", 8, 9))

    def test_an_older_value_after_a_newer_one(self):
        self.wrong("began after", put("a", 1, 0, 1), put("b", 2, 2, 3),
                   get("a", 4, 5))
        self.wrong("began after", put("a", 1, 0, 1), put("b", 2, 2, 9),
                   get("b", 3, 4), get("a", 5, 6))
        self.wrong("began after", put("a", 2, 0, 1), put("b", 1, 2, 3))
        self.wrong("began after", put("a", 1, 0, 1, inode=2),
                   put("b", 2, 2, 3))

    def test_what_was_never_put(self):
        self.wrong("never put", put("a", 1, 0, 1), get("b", 2, 3))
        self.wrong("before it was put", get("a", 0, 1), put("a", 1, 2, 3))

    def test_one_place_for_two(self):
        self.wrong("one place", put("a", 1, 0, 2), put("b", 1, 1, 3))

    def test_what_was_refused_is_not_read(self):
        self.wrong("refused", Operation("put", 0, 1, "refused", text="a"),
                   get("a", 2, 3))

    def test_what_is_not_known(self):
        unknown = Operation("put", 2, 3, "unknown", text="b")
        self.right(put("a", 1, 0, 1), unknown, get("a", 4, 5), get("b", 6, 7))
        self.wrong("refused", put("a", 1, 0, 1), settled(unknown, None),
                   get("b", 6, 7))
        done = settled(unknown, (1, 2))
        self.assertEqual(done.end, math.inf)
        self.right(put("a", 1, 0, 1), done, get("a", 4, 5), get("b", 6, 7))
        self.wrong("began after", put("a", 1, 0, 1), done, get("b", 4, 5),
                   get("a", 6, 7))

    def test_a_deletion_is_a_version(self):
        self.wrong("began after", put("a", 1, 0, 1), delete(2, 2, 3),
                   get("a", 4, 5))
        self.wrong("nothing was read", put("a", 1, 0, 1), get(None, 2, 3))
        self.wrong("nothing was read", put("a", 1, 0, 1), delete(2, 2, 3),
                   put("b", 3, 4, 5), get(None, 6, 7))
        self.wrong("began after", put("a", 1, 0, 1), delete(2, 2, 9),
                   get(None, 3, 4), get("a", 5, 6))
        self.right(put("a", 1, 0, 1), Operation("delete", 2, 3, "unknown"),
                   get(None, 4, 5))

    def test_a_deletion_that_is_not_known_was_done_once_at_most(self):
        unknown = Operation("delete", 2, 3, "unknown")
        again = (put("b", 2, 6, 7), get("b", 8, 9))
        self.right(put("a", 1, 0, 1), unknown, get(None, 4, 5), *again)
        self.wrong("the 2. time", put("a", 1, 0, 1), unknown,
                   get(None, 4, 5), *again, get(None, 10, 11))
        # Lost: it was done before the deletion began, or it was not.
        self.wrong("the 2. time", put("a", 1, 0, 1), unknown,
                   get(None, 4, 5), put("b", 2, 6, 7), get("b", 8, 9),
                   get(None, 10, 11), get(None, 12, 13))
        self.right(put("a", 1, 0, 1), unknown, get(None, 4, 5), *again,
                   Operation("delete", 9, 10, "unknown"), get(None, 11, 12))
        # It may be done late: before it nothing has changed.
        self.right(put("a", 1, 0, 1), unknown, get("a", 4, 5),
                   get(None, 6, 7), get(None, 8, 9), *[
                       put("b", 3, 10, 11), get("b", 12, 13)])
        self.wrong("and between", put("a", 1, 0, 1), unknown,
                   get("a", 4, 5), get(None, 6, 7), get("a", 8, 9))

    def test_puts_that_are_not_known_have_an_order_once_they_are_read(self):
        one = Operation("put", 2, 3, "unknown", text="x")
        two = Operation("put", 2, 3, "unknown", text="y")
        self.right(put("a", 1, 0, 1), one, two, get("x", 4, 5),
                   get("y", 6, 7))
        self.right(one, two, get("x", 4, 8), get("y", 5, 6), get("x", 7, 9))
        self.wrong("and between", put("a", 1, 0, 1), one, two,
                   get("x", 4, 5), get("y", 6, 7), get("x", 8, 9))
        self.wrong("and between", put("a", 1, 0, 1), one,
                   get("a", 2, 3), get("x", 4, 5), get("a", 6, 7))
        self.wrong("and between", one, get("x", 4, 5), delete(2, 6, 7),
                   get("x", 8, 9))


if __name__ == "__main__":
    unittest.main()
