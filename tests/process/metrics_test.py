#!/usr/bin/env python3
"""What a node tells its monitoring, against docs/metrics.md. SPEC O3"""

import pathlib
import re
import sys
import unittest
import urllib.error
import urllib.request

from harness import Cluster, free_ports, wait_for

ALL_ROLES = [("node-1", "introducer,master,chunkserver,fileserver")]
PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/metrics.md"
SUFFIX = {"histogram": r"(?:_bucket|_sum|_count)"}


def queues_of_one(node):
    """It keeps queues, all by itself."""
    port, = free_ports(1)
    return ("[queue]\nserver_id = 1\n"
            f'servers = ["1={node.name}@127.0.0.1:{port}"]\n')


def fetch(node, path):
    """(status, text); status 0 while nobody listens."""
    try:
        with urllib.request.urlopen(
                f"http://{node.at('http')}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
    except urllib.error.URLError:
        return 0, ""


def wait_until_ready(node, status=200):
    wait_for(lambda: fetch(node, "/readyz")[0] == status, 5,
             lambda: f"/readyz {status}: {fetch(node, '/readyz?verbose')}")


def documented():
    """name -> (type, labels) of the page's table."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([\w, ]*)\|", PAGE.read_text(),
                      re.MULTILINE)
    return {name: (kind, set(re.findall(r"\w+", labels)))
            for name, kind, labels in rows}


def served(text):
    """name -> (type, labels seen) of an answer."""
    found = {}
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        samples = re.findall(
            rf"^{name}{SUFFIX.get(kind, '')}(?:\{{(.*)\}})? \S+$", text,
            re.MULTILINE)
        found[name] = (kind, {label for sample in samples
                              for label in re.findall(r'(\w+)="', sample)})
    return found


class Monitoring(unittest.TestCase):
    def test_the_document_names_every_metric_and_no_other(self):  # SPEC O3
        with Cluster(ALL_ROLES, extra=queues_of_one) as cluster:
            node = cluster.start()["node-1"]
            wait_until_ready(node)
            node.verb("members")  # So that there is a request to count.
            status, text = fetch(node, "/metrics")
            self.assertEqual(status, 200)
            for line in ("dfs_group_members %d" % len(ALL_ROLES),
                         "dfs_group_suspects 0",
                         "dfs_group_rejoins_total 0",
                         "dfs_group_lists_differ 0",
                         'dfs_group_changes_total{change="fail"} 0'):
                self.assertIn(f"\n{line}\n", text)
            told, promised = served(text), documented()
            self.assertEqual(set(told), set(promised))
            for name, (kind, labels) in told.items():
                with self.subTest(name):
                    self.assertEqual(kind, promised[name][0])
                    self.assertLessEqual(labels, promised[name][1])

    def test_a_node_outside_its_group_lives_and_is_not_ready(self):  # SPEC O3
        with Cluster(ALL_ROLES, extra=queues_of_one) as cluster:
            node = cluster.start()["node-1"]
            wait_until_ready(node)
            self.assertEqual(fetch(node, "/livez")[0], 200)
            node.verb("leave", "node-1")
            wait_until_ready(node, 503)
            self.assertIn('"name":"group","passed":false',
                          fetch(node, "/readyz?verbose")[1])
            self.assertEqual(fetch(node, "/livez")[0], 200)
            node.verb("join", "--contact", node.at("stream"))
            wait_until_ready(node)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
