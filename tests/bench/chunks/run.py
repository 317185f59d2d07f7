"""The rounds: one system up at a time, in turn, so that what changes on the
machine meanwhile hits all of them."""

import contextlib
import dataclasses
import functools
import typing

from bounds import say
from chunks.ours import Ours
from chunks.references import References
from chunks.report import Results
from chunks.rows import DURABLE, MEMORY, TLS
from chunks.workload import FAULTS, PHASES, with_needs

# Faults take long and their spread is small; many files take minutes.
FAULT_ROUNDS, MANY_ROUNDS = 3, 1


@dataclasses.dataclass
class Life:
    """One start of a system, and what is measured before it ends."""
    name: str
    make: typing.Callable
    phases: list


class Run:
    def __init__(self, rows, work, programs, peers, own):
        """@param peers Classes; @param own Whether ours is measured."""
        self.rows, self.work, self.peers, self.own = rows, work, peers, own
        self.programs = programs
        self.results = Results([x.name for x in peers])

    # What the rows need of whom.

    def _phases_of_ours(self, mode):
        names = {x.phase for x in self.rows
                 if (x.tls if mode == TLS else x.mode == mode)}
        if "memory" in names:
            return with_needs(names | set(PHASES)) + ["memory"]
        return with_needs(names)

    def _phases_of(self, peer):
        names = {x.peer_phase or x.phase for x in self.rows if x.peer}
        return [x for x in with_needs(names) if x in peer.phases]

    def _references(self):
        return sorted({x.reference_part for x in self.rows if x.reference})

    def _events(self, of_peers):
        """Faults and the repair that the rows name."""
        names = {(x.peer_phase or x.phase) if of_peers else x.phase
                 for x in self.rows if x.peer or not of_peers}
        return [x for x in (*FAULTS, "repair") if x in names]

    # What a round consists of.

    def _ours(self, mode, phases, servers=3):
        return Life(mode, functools.partial(
            Ours, self.programs, self.work, mode, servers), phases)

    def _peer(self, peer, phases, servers=3):
        return Life(peer.name, functools.partial(
            peer, self.programs / "dfs-mount_bench", self.work, servers),
            phases)

    def _lives(self, turn):
        yield self._ours(DURABLE, self._phases_of_ours(DURABLE))
        for peer in self.peers:
            yield self._peer(peer, self._phases_of(peer))
        yield Life("reference", functools.partial(
            References, self.programs / "dfs-reference_bench", self.work),
            self._references())
        yield self._ours(MEMORY, self._phases_of_ours(MEMORY))
        yield self._ours(TLS, self._phases_of_ours(TLS))
        if turn < FAULT_ROUNDS:
            yield from self._broken_lives()
        if turn < MANY_ROUNDS and any(x.phase == "many" for x in self.rows):
            yield self._ours(DURABLE, ["many"])

    def _broken_lives(self):
        """Each event a life of its own: a system is not whole after it."""
        for event in (*FAULTS, "repair"):
            if event in self._events(of_peers=False):
                yield self._ours(DURABLE, [event],
                                 4 if event == "repair" else 3)
            for peer in self.peers:
                if event in peer.events and event in self._events(True):
                    yield self._peer(peer, [event], peer.event_servers)

    # Doing it.

    def rounds(self, count):
        for turn in range(count):
            for life in self._lives(turn):
                mine = life.name in (DURABLE, MEMORY, TLS)
                if life.phases and (self.own or not mine):
                    say(f"round {turn + 1} of {count}, {life.name}: "
                        + " ".join(life.phases))
                    self._live(life)

    def _live(self, life):
        spoilt = set()
        with self._noting(life, "start"), life.make() as system:
            for phase in life.phases:
                known = PHASES.get(phase)
                if known and known.uses in spoilt:
                    continue
                if known and known.makes:
                    spoilt.add(known.makes)
                with self._noting(life, phase):
                    self._measure(life, system, phase)
                    if known:
                        spoilt.discard(known.makes)

    @contextlib.contextmanager
    def _noting(self, life, phase):
        """A phase that fails costs its own figures, not those of others."""
        try:
            yield
        except Exception as error:  # Of any system, in any way.
            text = f"{life.name}, {phase}: {type(error).__name__}: {error}"
            self.results.failures.append(text)
            say("  FAILED " + text)

    def _measure(self, life, system, phase):
        sample = system.run(phase)
        # What breaks a system cannot be done to it twice.
        if sample.noisy and (phase in PHASES or life.name == "reference"):
            sample = min(sample, system.run(phase),
                         key=lambda x: x.other_cores)
        self.results.samples[life.name, phase].append(sample)
        figures = ", ".join(f"{k} {v:.6g}" for k, v in sample.values.items()
                            if v is not None)
        say(f"  {figures}" + (
            f"  (other work: {sample.other_cores:.1f} cores)"
            if sample.noisy else ""))
